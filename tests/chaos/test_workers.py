"""Workers that are cut off, hang, run out of memory or lose their dataset: an audit ends once, and says how."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select, update

from core.settings import Settings
from core.store import datasets, jobs
from core.store.sweep import sweep
from core.store.tables import Dataset, Job, Score
from tests.chaos.conftest import Place
from tests.worker.service import eventually
from worker import tasks
from worker.run import NOT_OURS

chaos = pytest.mark.chaos
Note = Callable[[str, object], None]


def columns(job: Job) -> dict[str, Any]:
    return {column.name: getattr(job, column.name) for column in Job.__table__.columns}


@pytest.mark.fault("F16")
@pytest.mark.parametrize(
    "point",
    [
        pytest.param("audit.planned:1", marks=chaos),
        "training.step:9",
        pytest.param("epoch.curves:2", marks=chaos),
        pytest.param("checkpoint.written:2", marks=chaos),
        pytest.param("audit.file:3", marks=chaos),
    ],
)
def test_a_worker_that_comes_back_after_it_was_replaced_writes_nothing(
    place: Place, dataset_id: str, point: str, record_property: Note
) -> None:
    expected, id = place.undisturbed(dataset_id), place.audit(dataset_id)
    zombie = place.start("run", id, fail=f"{point}:STOP")
    zombie.stopped()
    assert place.taken_back(id) == "queued"
    assert place.do("run", id) == 0
    before, told = columns(place.job(id)), len(place.history(id))
    zombie.go_on()
    assert zombie.wait() == NOT_OURS
    after = columns(place.job(id))
    accepted = sum(before[name] != after[name] for name in before) + len(place.history(id)) - told
    record_property("zombie_writes", accepted)
    assert (accepted, after["attempt"]) == (0, 2)
    place.check(id)
    assert place.outcome(id) == expected
    place.nothing_left(id)


@contextmanager
def working(place: Place, settings: Settings, id: str) -> Iterator[threading.Thread]:
    """A worker's own way with an audit: a child program, and an eye on it."""
    worker = threading.Thread(target=tasks.answer, args=(settings, ["audit"], id))
    worker.start()
    yield worker
    worker.join(120)
    assert not worker.is_alive()


def child_of(id: str) -> psutil.Process | None:
    for process in psutil.Process().children():
        try:
            if id in process.cmdline():
                return process
        except psutil.NoSuchProcess:
            continue
    return None


@chaos
@pytest.mark.fault("F28")
def test_a_child_that_hangs_is_killed_and_its_job_goes_on(
    place: Place, dataset_id: str, monkeypatch: pytest.MonkeyPatch, record_property: Note
) -> None:
    expected, id = place.undisturbed(dataset_id), place.audit(dataset_id)
    monkeypatch.setenv("LABELAUDIT_FAILPOINTS", "training.step:9:STOP")
    monkeypatch.setenv("LABELAUDIT_LEASE_S", "2")
    hasty = place.settings.model_copy(update={"watch_s": 0.05, "stop_grace_s": 0.5})

    def hangs() -> bool:
        child = child_of(id)
        return child is not None and child.status() == psutil.STATUS_STOPPED

    def taken() -> bool:
        with place.db.write() as session:
            return id in jobs.reap(session, 9, 60.0).requeued

    with working(place, hasty, id):
        eventually(hangs, "the child hangs")
        began = time.monotonic()
        monkeypatch.delenv("LABELAUDIT_FAILPOINTS")
        eventually(taken, "its lease is over")
        record_property("hang_found_s", time.monotonic() - began)
    assert (place.job(id).attempt, place.job(id).strikes) == (2, 1)
    place.check(id)
    assert place.outcome(id) == expected


@chaos
@pytest.mark.fault("F18")
@pytest.mark.parametrize("after_s", [0.0, 1.0, 5.0, 9.0])
def test_a_cancelled_audit_frees_its_device(
    place: Place, dataset_id: str, after_s: float, monkeypatch: pytest.MonkeyPatch, record_property: Note
) -> None:
    id = place.audit(dataset_id, epochs=2000)
    for name in ("BEAT_S", "CHECKPOINT_S"):  # as they are by default, so that it is the worker that passes the word on
        monkeypatch.delenv(f"LABELAUDIT_{name}")
    usual = Settings(home=place.settings.home, database_url=place.settings.database_url)
    with working(place, usual, id):
        child = eventually(lambda: child_of(id), "the child runs")
        time.sleep(after_s)
        began = time.monotonic()
        with place.db.write() as session:
            jobs.cancel(session, id)
        eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child is gone")
        took = time.monotonic() - began
    record_property("cancel_s", took)
    assert place.job(id).state == "cancelled" and took < 15


@pytest.mark.fault("F19")
def test_a_loss_that_is_no_number_fails_the_audit_at_once_and_nothing_of_it_is_kept(
    place: Place, dataset_id: str
) -> None:
    usual, wild = place.audit(dataset_id), place.audit(dataset_id)
    assert place.do("run", usual) == 0
    with place.db.write() as session:
        plan = {**(place.job(usual).plan or {}), "learning_rate": 1e30}
        session.execute(update(Job).where(Job.id == wild).values(plan=plan))
    assert place.do("run", wild) == 0
    job = place.job(wild)
    assert job.problem is not None
    assert (job.state, job.attempt, job.problem["code"]) == ("failed", 1, "loss-not-finite")
    assert job.problem["epoch"] == 0 and "another seed" in job.problem["detail"]
    with place.db.read() as session:
        assert session.execute(select(func.count()).where(Score.audit_pk == job.pk)).scalar() == 0
    while sweep(place.db, place.blobs, 1e9):
        pass
    assert list(place.blobs.names(f"audits/{wild}")) == []


@chaos
@pytest.mark.fault("F20")
@pytest.mark.parametrize("point", ["audit.planned:1", "training.step:5", "checkpoint.written:1", "audit.file:2"])
def test_a_dataset_that_is_removed_under_its_audit_takes_it_along(place: Place, dataset_id: str, point: str) -> None:
    id = place.audit(dataset_id)
    at_work = place.start("run", id, fail=f"{point}:STOP")
    at_work.stopped()
    with place.db.write() as session:
        found = datasets.find(session, dataset_id)
        assert found is not None and [job.id for job in datasets.unfinished(session, found[0].pk)] == [id]
        datasets.remove(session, found[0])
    place.submitted.remove(id)
    sweep(place.db, place.blobs, 1e9)  # which leaves alone what somebody may still write to
    at_work.go_on()
    assert at_work.wait() == NOT_OURS
    assert "blob-missing" not in place.said() and "Traceback" not in place.said()
    with place.db.write() as session:
        session.execute(update(Job).values(lease_until=0.0))
    for _ in range(9):
        with place.db.write() as session:
            jobs.reap(session, 9, 60.0)
        sweep(place.db, place.blobs, 1e9)
    assert list(place.blobs.names("")) == []
    with place.db.read() as session:
        assert session.execute(select(func.count()).select_from(Dataset)).scalar() == 0


@chaos
@pytest.mark.fault("F4")
def test_an_audit_that_the_host_has_no_memory_for_goes_on_when_it_has(place: Place, dataset_id: str) -> None:
    expected, id, neighbour = place.undisturbed(dataset_id), place.audit(dataset_id), place.audit(dataset_id)
    cramped = place.start("run", id, fail="training.step:9:STOP")
    cramped.stopped()
    beside = place.start("run", neighbour)
    room = psutil.Process(cramped.pid).memory_info().vms
    resource.prlimit(cramped.pid, resource.RLIMIT_AS, (room, room))
    cramped.go_on()
    status = cramped.wait()
    assert status != 0 or "out-of-memory" in place.kinds(id), "some memory was refused"
    assert beside.wait() == 0
    assert (place.job(neighbour).attempt, place.outcome(neighbour)) == (1, expected)
    assert place.taken_back(id) == "queued"
    assert place.do("run", id) == 0
    assert (place.job(id).attempt, place.job(id).strikes) == (2, 1)
    place.check(id)
    assert place.outcome(id) == expected


HARM: dict[str, Callable[[Path], object]] = {
    "cut off": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "flipped": lambda file: file.write_bytes(flipped(file.read_bytes())),
    "empty": lambda file: file.write_bytes(b""),
    "gone": lambda file: file.unlink(),
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"\0"),
}


def flipped(content: bytes) -> bytes:
    at = random.Random(len(content)).randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@chaos
@pytest.mark.parametrize(
    "newest", [pytest.param(1, marks=pytest.mark.fault("F22")), pytest.param(2, marks=pytest.mark.fault("F23"))]
)
@pytest.mark.parametrize("harm", HARM)
def test_a_harmed_checkpoint_costs_time_and_nothing_else(
    place: Place, dataset_id: str, harm: str, newest: int, record_property: Note
) -> None:
    record_property("resume", harm)
    expected, id = place.undisturbed(dataset_id), place.audit(dataset_id)
    assert place.do("run", id, fail="epoch.written:4") == -9
    saved = place.job(id).checkpoints or []
    assert len(saved) == 2
    for one in saved[:newest]:
        HARM[harm](Path(place.settings.blobs) / one["key"])
    assert place.taken_back(id) == "queued"
    assert place.do("run", id) == 0
    kinds = place.kinds(id)
    assert kinds.count("checkpoint-unusable") == newest
    assert ("resumed" in kinds) == (newest < len(saved))
    place.check(id)
    assert place.outcome(id) == expected


@chaos
@pytest.mark.fault("F14")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite's clock is its processes' own
@pytest.mark.parametrize("hours", [1, -1])
def test_a_worker_whose_clock_is_wrong_neither_loses_its_job_nor_keeps_it_too_long(
    place: Place, dataset_id: str, hours: int, tmp_path: Path
) -> None:
    expected, id = place.undisturbed(dataset_id), place.audit(dataset_id)
    other = clocked(place, tmp_path, hours, id)
    leases = []

    def held() -> bool:
        with place.db.read() as session:
            left = session.execute(select(Job.lease_until - func.extract("epoch", func.clock_timestamp()))).scalars()
        leases.extend(float(one) for one in left if one is not None)
        with place.db.write() as session:
            jobs.reap(session, 9, 60.0)
        return place.job(id).state == "succeeded"

    eventually(held, "the audit is done")
    assert other.wait(60) == 0
    assert f"shifted by {3600 * hours}" in (tmp_path / "clock.log").read_text()
    longest = max(place.settings.lease_s, place.settings.start_s)
    assert leases and all(0 < left <= longest for left in leases)
    assert place.job(id).attempt == 1
    place.check(id)
    assert place.outcome(id) == expected


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void) { const char *said = getenv("CLOCK_SHIFT"); return said ? atol(said) : 0; }

int clock_gettime(clockid_t id, struct timespec *at) {
    int answer = syscall(SYS_clock_gettime, id, at);
    if (answer == 0 && id == CLOCK_REALTIME) at->tv_sec += shift();
    return answer;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec; at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""


def clocked(place: Place, folder: Path, hours: int, id: str) -> Any:
    """A run whose clock is so many hours off; it says in clock.log what it saw."""
    if shutil.which("cc") is None:
        pytest.skip("without a C compiler no process can be given another clock")
    (folder / "clock.c").write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "clock.so", "clock.c"], cwd=folder, check=True)
    program = (
        "import sys, time, subprocess\n"
        "true = float(subprocess.run(['date', '+%s'], env={}, capture_output=True, text=True).stdout)\n"
        f"open({str(folder / 'clock.log')!r}, 'w').write(f'shifted by {{round(time.time() - true, -1):.0f}}')\n"
        "from worker.run import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    around = {**os.environ, **place.env, "LD_PRELOAD": str(folder / "clock.so"), "CLOCK_SHIFT": str(3600 * hours)}
    return subprocess.Popen([sys.executable, "-c", program, id], env=around)
