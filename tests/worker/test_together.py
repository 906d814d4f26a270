"""One audit by two processes under torchrun: what dies is taken back and ends with the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from core import settings as core_settings
from core.spec import Record
from core.store import audits, datasets, jobs
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Job
from tests.unit.store import make
from tests.worker.digits import plant_few, uploaded
from worker import run

FILES = ("scores.parquet", "scores.csv", "model.safetensors")


@pytest.fixture
def blobs(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "DATABASE_URL": database_url,
        "THREADS": "2",
        "DEVICE": "cpu",
        "PROCESSES": "2",
        "BEAT_S": "0.05",
        "CHECKPOINT_S": "0.2",
        "LOG_LEVEL": "error",
        "STOP_GRACE_S": "60",
    }.items():
        monkeypatch.setenv(f"LABELAUDIT_{name}", value)
    return Blobs(core_settings.load())


@pytest.fixture
def dataset_id(db: Database, blobs: Blobs, tmp_path: Path) -> str:
    dataset_id, job = uploaded(db, blobs, plant_few(tmp_path / "few.zip", samples=120).archive.read_bytes())
    before, mask = signal.getsignal(signal.SIGTERM), os.umask(0o077)
    assert run.main([job]) == 0
    os.umask(mask)
    signal.signal(signal.SIGTERM, before)
    return dataset_id


def submit(db: Database, dataset_id: str, epochs: int = 12) -> str:
    with db.write() as session:
        found = datasets.find(session, dataset_id)
        assert found is not None
        return jobs.submit(session, "audit", found[0].pk, {"epochs": epochs, "seed": 1}).id


def job_of(db: Database, id: str) -> Job:
    with db.read() as session:
        return session.execute(select(Job).where(Job.id == id)).scalar_one()


def begin(id: str, **environment: str) -> subprocess.Popen[bytes]:
    """The child as a worker starts it."""
    command = [sys.executable, "-m", "worker.run", id]
    return subprocess.Popen(command, env=os.environ | environment, start_new_session=True)


def rank(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("RANK") if "worker.run" in process.cmdline() else None
    except psutil.Error:
        return None


def in_the_middle(db: Database, id: str, child: subprocess.Popen[bytes]) -> dict[str, psutil.Process]:
    """The processes of an audit by their ranks, once it has learned for a while and left a checkpoint."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and child.poll() is None:
        job = job_of(db, id)
        if job.checkpoints and (job.progress or {}).get("epoch", 0) >= 3:
            found = {rank(process): process for process in psutil.Process(child.pid).children(recursive=True)}
            return {number: process for number, process in found.items() if number is not None}
        time.sleep(0.05)
    raise AssertionError("the audit did not come to its middle")


def files(job: Job) -> dict[str, str]:
    assert job.result is not None, job.problem
    return {name: job.result["files"][name]["sha256"] for name in FILES}


def kinds(db: Database, id: str) -> list[str]:
    return [event.type for event in make.history(db, job_of(db, id).pk)]


def test_two_processes_leave_scores_a_model_and_their_story(
    db: Database, blobs: Blobs, dataset_id: str, tmp_path: Path
) -> None:
    id, temporary = submit(db, dataset_id, epochs=3), tmp_path / "temporary"
    temporary.mkdir()
    assert begin(id, TMPDIR=str(temporary)).wait(180) == 0
    assert not list(temporary.glob("torchelastic*")), "each run would leave another"
    job = job_of(db, id)
    assert job.state == "succeeded" and job.result is not None and job.plan is not None
    for stored in job.result["files"].values():
        blobs.get(stored["key"], stored["sha256"])
    assert job.plan["processes"] == 2 and job.result["pace"]["processes"] == 2
    made = Record(**job.result["record"])
    assert (made.processes, made.threads, job.result["numerics_changed"]) == (2, 1, False)
    assert job.result["summary"]["samples"] == 120
    with db.read() as session:
        assert [epoch.epoch for epoch in audits.epochs(session, job.pk)] == [1, 2, 3]


@pytest.mark.chaos
@pytest.mark.fault("F1")
@pytest.mark.parametrize("number", ["0", "1"])
def test_when_one_process_is_killed_all_end_and_the_next_attempt_ends_with_the_same_bits(
    db: Database, dataset_id: str, number: str
) -> None:
    undisturbed, killed = submit(db, dataset_id), submit(db, dataset_id)
    assert begin(undisturbed).wait(180) == 0
    child = begin(killed)
    ranks = in_the_middle(db, killed, child)
    assert set(ranks) == {"0", "1"}
    ranks[number].kill()
    assert child.wait(120) != 0
    assert not any(process.is_running() and process.status() != "zombie" for process in ranks.values())
    _taken_back(db, killed)
    assert begin(killed).wait(180) == 0
    assert "resumed" in kinds(db, killed)
    assert files(job_of(db, killed)) == files(job_of(db, undisturbed))


def _taken_back(db: Database, id: str) -> None:
    with db.write() as session:
        make.expire(session, job_of(db, id).pk)
        assert jobs.reap(session, 9, 60.0).requeued == [id]


@pytest.mark.chaos
@pytest.mark.fault("F21")
def test_a_stop_saves_and_gives_back_without_a_strike(db: Database, dataset_id: str) -> None:
    undisturbed, stopped = submit(db, dataset_id), submit(db, dataset_id)
    assert begin(undisturbed).wait(180) == 0
    child = begin(stopped)
    in_the_middle(db, stopped, child)
    child.send_signal(signal.SIGTERM)
    child.wait(120)
    job = job_of(db, stopped)
    assert (job.state, job.strikes) == ("queued", 0)
    assert begin(stopped).wait(180) == 0
    assert files(job_of(db, stopped)) == files(job_of(db, undisturbed))


@pytest.mark.chaos
def test_a_cancel_and_a_death_of_torchrun_leave_no_process(db: Database, dataset_id: str) -> None:
    def cancel(id: str, _child: subprocess.Popen[bytes]) -> None:
        with db.write() as session:
            jobs.cancel(session, id)

    def kill(_id: str, child: subprocess.Popen[bytes]) -> None:
        child.kill()

    acts: dict[str, Callable[[str, subprocess.Popen[bytes]], None]] = {"cancelled": cancel, "running": kill}
    for state, act in acts.items():
        id = submit(db, dataset_id)
        child = begin(id)
        ranks = in_the_middle(db, id, child)
        act(id, child)
        child.wait(120)
        psutil.wait_procs(list(ranks.values()), timeout=30)
        assert not any(process.is_running() and process.status() != "zombie" for process in ranks.values())
        assert job_of(db, id).state == state


@pytest.mark.chaos
def test_one_process_goes_on_where_two_were_and_says_so(
    db: Database, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = submit(db, dataset_id)
    child = begin(id)
    in_the_middle(db, id, child)
    child.send_signal(signal.SIGTERM)
    child.wait(120)
    assert begin(id, LABELAUDIT_PROCESSES="1").wait(180) == 0
    job = job_of(db, id)
    assert job.state == "succeeded" and job.result is not None and job.plan is not None
    assert (job.plan["processes"], job.plan["regrouped"], job.result["numerics_changed"]) == (1, True, True)
    told: list[Any] = [event.data for event in make.history(db, job.pk) if event.type == "fewer-processes"]
    assert told == [{"processes": 1, "before": 2, "numerics_changed": True}]
    assert {"resumed", "fewer-processes"} <= set(kinds(db, id))
