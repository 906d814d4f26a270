"""A running job shows life, hears when it must end, and rides out a database that is away for a moment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from core.errors import Problem
from core.settings import Settings
from core.store import jobs
from core.store.db import Database
from core.store.jobs import Cancelled, Claim, LeaseLost
from core.store.tables import Job
from tests.unit.store import make
from worker.progress import Stopped, Voice


@pytest.fixture
def quick(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, beat_s=0.01, lease_s=5, stop_grace_s=60)


@pytest.fixture
def claim(db: Database) -> Claim:
    with db.write() as session:
        return make.claimed(session)


@pytest.fixture
def voice(quick: Settings, db: Database, claim: Claim) -> Iterator[Voice]:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM)
    yield Voice(quick, db, claim)
    signal.alarm(0)
    signal.signal(signal.SIGTERM, before[0])
    signal.signal(signal.SIGALRM, before[1])


def test_a_tick_tells_the_progress(db: Database, claim: Claim, voice: Voice) -> None:
    voice._last_beat -= 1
    voice.tick(percent=12.5)
    progress = make.row(db, claim.pk).progress
    assert progress is not None and progress["percent"] == 12.5


def test_slow_steps_lengthen_the_lease(db: Database, claim: Claim, voice: Voice) -> None:
    before = make.row(db, claim.pk).lease_until
    for _ in range(10):
        voice._last_step -= 3.0  # as if the step had taken three seconds
        voice.tick()
    voice.beat()
    after = make.row(db, claim.pk).lease_until
    assert before is not None and after is not None
    assert after - before > 50


def test_a_cancel_is_heard_at_the_next_sign_of_life(db: Database, claim: Claim, voice: Voice) -> None:
    with db.write() as session:
        jobs.cancel(session, claim.id)
    with pytest.raises(Cancelled):
        voice.beat()


def test_a_pause_is_heard_too_and_the_work_stops_at_the_next_step(db: Database, claim: Claim, voice: Voice) -> None:
    with db.write() as session:
        jobs.pause(session, claim.id)
    voice.beat()
    with pytest.raises(Stopped):
        voice.tick()


def test_time_at_work_is_counted_over_all_attempts(db: Database, claim: Claim, quick: Settings, voice: Voice) -> None:
    later = Voice(quick, db, replace(claim, spent_s=1000.0))
    later._began -= 500.0
    later.beat()
    assert make.row(db, claim.pk).spent_s == pytest.approx(1500, abs=10)


@pytest.mark.parametrize(("limit", "price"), [({"max_s": 60.0}, 0.0), ({"max_cost": 0.5}, 30.0)])
def test_a_job_that_reaches_its_limit_ends(
    db: Database, claim: Claim, quick: Settings, voice: Voice, limit: dict[str, float], price: float
) -> None:
    priced = quick.model_copy(update={"device_hour_cost": price})
    limited = Voice(priced, db, replace(claim, spec=limit, spent_s=50.0))
    limited.tick()
    limited._began -= 11.0
    with pytest.raises(Problem, match="was at work for 60 s, its limit") as caught:
        limited.tick()
    assert caught.value.code == "time-limit"


def test_a_job_that_somebody_else_has_is_let_go(db: Database, claim: Claim, voice: Voice) -> None:
    with db.write() as session:
        session.execute(update(Job).where(Job.pk == claim.pk).values(attempt=Job.attempt + 1))
    with pytest.raises(LeaseLost):
        voice.beat()


def test_sigterm_stops_the_work_at_the_next_step(voice: Voice) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Stopped):
        voice.tick()


def test_a_database_that_is_away_for_a_moment_is_waited_for(
    db: Database, claim: Claim, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = db.write, iter([True, True, False])

    def write():  # type: ignore[no-untyped-def]
        if next(failures, False):
            raise OperationalError("BEGIN", {}, Exception("gone"))
        return real()

    monkeypatch.setattr(db, "write", write)
    voice.progress = voice.progress.model_copy(update={"percent": 50.0})
    voice.beat()
    progress = make.row(db, claim.pk).progress
    assert progress is not None and progress["percent"] == 50.0


def test_a_database_that_is_away_for_longer_than_the_lease_ends_the_work(
    db: Database, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write():  # type: ignore[no-untyped-def]
        raise OperationalError("BEGIN", {}, Exception("gone"))

    monkeypatch.setattr(db, "write", write)
    voice._last_beat -= 60
    with pytest.raises(LeaseLost):
        voice.beat()
