"""Jobs that wait: paused by somebody, or in the line for a worker."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from core.errors import Problem
from core.store import jobs
from core.store.db import Database
from core.store.tables import Job
from tests.unit.store import make


def test_a_queued_job_pauses_at_once_and_goes_on_when_it_is_told_to(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
        assert jobs.pause(session, job.id).state == "paused"
        assert jobs.pause(session, job.id).state == "paused"
        assert jobs.claim_next(session, "audit", "worker", 60.0) is None
    with db.write() as session:
        assert jobs.resume(session, job.id).state == "queued"
        assert jobs.resume(session, job.id).state == "queued"
        assert jobs.claim_next(session, "audit", "worker", 60.0) is not None
    told = [event.data["status"] for event in make.history(db, job.pk)]
    assert told == ["queued", "paused", "queued", "running"]


def test_a_running_job_pauses_when_its_worker_gives_it_back(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        assert jobs.pause(session, claim.id).state == "running"
        assert jobs.asked_to_stop(session, claim)
        assert jobs.beat(session, claim, 60.0, spent_s=7.5) == "pause"
        assert jobs.release(session, claim) == "paused"
        jobs.resume(session, claim.id)
        again = jobs.claim(session, claim.id, "another", 60.0)
    assert again is not None
    assert (again.attempt, again.spent_s) == (2, 7.5)
    assert make.row(db, claim.pk).strikes == 0


def test_who_resumes_in_time_stops_nothing(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        jobs.pause(session, claim.id)
        jobs.resume(session, claim.id)
        assert jobs.beat(session, claim, 60.0) is None


def test_a_job_whose_worker_dies_pauses_if_it_was_asked_to(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session, lease_s=-1.0)
        jobs.pause(session, claim.id)
        reaped = jobs.reap(session, 3, 60.0)
    assert reaped == jobs.Reaped([], [], [], [])
    job = make.row(db, claim.pk)
    assert (job.state, job.pause_requested, job.strikes) == ("paused", False, 1)


def test_a_paused_job_is_cancelled_at_once_and_an_ended_one_can_do_neither(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
        jobs.pause(session, job.id)
        assert jobs.cancel(session, job.id).state == "cancelled"
    for act in (jobs.pause, jobs.resume):
        with pytest.raises(Problem) as caught, db.write() as session:
            act(session, job.id)
        assert caught.value.code == "already-finished"


def test_a_job_that_is_being_cancelled_does_not_pause(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        jobs.cancel(session, claim.id)
    with pytest.raises(Problem, match="is being cancelled"), db.write() as session:
        jobs.pause(session, claim.id)


def taken(db: Database, count: int, devices: tuple[str, ...] = ()) -> list[int]:
    """The jobs that a worker takes, one after another, and keeps."""
    with db.write() as session:
        claims = [jobs.claim_next(session, "audit", "worker", 60.0, devices) for _ in range(count)]
    return [claim.pk for claim in claims if claim is not None]


def test_the_urgent_come_first_and_then_the_old(db: Database) -> None:
    with db.write() as session:
        dataset, _ = make.dataset(session)
        made = [jobs.submit(session, "audit", dataset.pk, {}, priority=n).pk for n in (0, 5, -1, 5, 0)]
        assert jobs.in_line(session, "audit") == [made[n] for n in (1, 3, 0, 4, 2)]
    assert taken(db, 9) == [made[n] for n in (1, 3, 0, 4, 2)]


def test_many_jobs_of_one_owner_do_not_keep_anothers_waiting(db: Database) -> None:
    with db.write() as session:
        dataset, _ = make.dataset(session)
        made = [jobs.submit(session, "audit", dataset.pk, {}).pk for _ in range(6)]
        session.execute(update(Job).where(Job.pk.in_(made[4:])).values(owner="another"))
    assert taken(db, 5) == [made[n] for n in (0, 4, 1, 5, 2)]


def test_a_job_waits_for_a_device_of_the_kind_that_it_asks_for(db: Database) -> None:
    with db.write() as session:
        dataset, _ = make.dataset(session)
        picky = jobs.submit(session, "audit", dataset.pk, {}, device="cuda")
        other = jobs.submit(session, "audit", dataset.pk, {})
    assert taken(db, 2, ("cpu",)) == [other.pk]
    assert taken(db, 2, ("cuda", "cpu")) == [picky.pk]
