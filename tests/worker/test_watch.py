"""A worker watches its child: a death without a word is noticed, a lost job is taken out of a child's hands."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import psutil
import pytest

from core.settings import Settings
from core.store import jobs
from core.store.db import Database
from tests.unit.store import make
from tests.worker.service import eventually
from worker import tasks


@pytest.fixture
def quick(tmp_path: Path, database_url: str) -> Settings:
    return Settings(home=tmp_path, database_url=database_url, watch_s=0.05, stop_grace_s=0.5, max_attempts=2)


def _child(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let the worker start this instead of `worker.run`."""
    real = tasks.subprocess.Popen
    monkeypatch.setattr(
        tasks.subprocess, "Popen", lambda _command, **options: real([sys.executable, "-c", code], **options)
    )


@pytest.fixture
def done(db: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were done, in order; each is done at once, without a child."""
    done: list[str] = []

    def until_over(watch: tasks.Watch) -> None:
        done.append(watch._claim.id)
        with db.write() as session:
            jobs.finish(session, watch._claim, {})

    monkeypatch.setattr(tasks.Watch, "until_over", until_over)
    return done


def test_a_child_that_dies_without_a_word_costs_a_strike_and_the_job_waits_again(
    db: Database, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _child(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with db.write() as session:
        claim = make.claimed(session)
    (quick.together / claim.id).mkdir(parents=True)
    tasks.Watch(quick, db, claim).until_over()
    assert not (quick.together / claim.id).exists()
    row = make.row(db, claim.pk)
    assert (row.state, row.strikes) == ("queued", 1)
    assert "SIGKILL" in make.history(db, claim.pk)[-1].data["reason"]


@pytest.mark.fault("F27")
def test_a_job_that_kills_every_child_fails_after_its_attempts(
    db: Database, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _child(monkeypatch, "raise SystemExit(7)")
    with db.write() as session:
        job = make.audit(session)
    tasks.answer(quick, ["probe", "audit"], job.id)
    row = make.row(db, job.pk)
    assert (row.state, row.attempt) == ("failed", 2)
    assert row.problem is not None and row.problem["code"] == "worker-crash-loop"
    assert "status 7" in row.problem["detail"]


def test_a_child_whose_job_is_no_longer_its_own_is_killed(
    db: Database, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _child(monkeypatch, "import time; time.sleep(600)")
    with db.write() as session:
        claim = make.claimed(session)
    watching = threading.Thread(target=tasks.Watch(quick, db, claim).until_over)
    watching.start()
    eventually(lambda: psutil.Process().children(), "the child runs")
    with db.write() as session:
        make.expire(session, claim.pk)
        assert jobs.reap(session, 9, 60.0).requeued == [claim.id]
    watching.join(60)
    assert not watching.is_alive()
    assert make.row(db, claim.pk).strikes == 1


def test_a_child_that_does_not_stop_when_asked_is_killed_and_the_job_is_cancelled(
    db: Database, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _child(monkeypatch, "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)")
    with db.write() as session:
        claim = make.claimed(session)
    watching = threading.Thread(target=tasks.Watch(quick, db, claim).until_over)
    watching.start()
    eventually(lambda: psutil.Process().children(), "the child runs")
    with db.write() as session:
        jobs.cancel(session, claim.id)
    watching.join(60)
    assert make.row(db, claim.pk).state == "cancelled"


def test_one_bell_does_all_the_work_that_waits(db: Database, quick: Settings, done: list[str]) -> None:
    with db.write() as session:
        waiting = [make.audit(session) for _ in range(3)]
    tasks.answer(quick, ["probe", "audit"], waiting[1].id)
    assert done == [job.id for job in waiting]


def test_a_worker_of_several_queues_leaves_the_rest_when_the_turn_of_others_has_come(
    db: Database, quick: Settings, done: list[str]
) -> None:
    with db.write() as session:
        waiting = [make.audit(session) for _ in range(3)]
    for k in range(3):
        tasks.answer(quick, ["probe", "audit"], waiting[0].id, turn_s=0.0)
        assert done == [job.id for job in waiting[: k + 1]]


def test_whoever_waits_for_a_probe_does_not_wait_for_older_audits(
    db: Database, quick: Settings, done: list[str]
) -> None:
    with db.write() as session:
        audits = [make.audit(session) for _ in range(2)]
        probe = jobs.submit(session, "probe", audits[0].dataset_pk, {})
    tasks.answer(quick, ["probe", "audit"], audits[0].id)
    assert done == [probe.id, audits[0].id, audits[1].id]


def test_a_bell_for_a_job_that_is_done_starts_nothing(
    db: Database, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.subprocess, "Popen", lambda *_a, **_k: pytest.fail("a child was started"))
    with db.write() as session:
        claim = make.claimed(session)
        jobs.finish(session, claim, {})
    tasks.answer(quick, ["probe", "audit"], claim.id)
    assert make.row(db, claim.pk).attempt == 1
