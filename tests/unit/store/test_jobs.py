"""Jobs, in sentences: who may take one, who may end one, and what is done about those that nobody works on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import Problem
from core.store import audits, jobs
from core.store.db import Database, now
from core.store.tables import Job
from tests.unit.store import make

CLAIMER = """
import sys
from core.store import jobs
from core.store.db import Database

db = Database(sys.argv[1])
db.ping()
print("ready", flush=True)
sys.stdin.readline()
while True:
    with db.write() as session:
        claim = jobs.claim_next(session, "audit", "worker", 60.0)
    if claim is None:
        break
    print(claim.id, flush=True)
"""


def submit_many(db: Database, count: int) -> list[str]:
    with db.write() as session:
        dataset_pk = make.dataset(session)[0].pk
        return [jobs.submit(session, "audit", dataset_pk, {"seed": seed}).id for seed in range(count)]


@pytest.mark.fault("F15")
def test_two_worker_processes_claim_each_of_200_jobs_exactly_once(db: Database) -> None:
    ids = submit_many(db, 200)
    command = [sys.executable, "-c", CLAIMER, db.url.render_as_string(hide_password=False)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
    claimed = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert Counter(claimed[0] + claimed[1]) == Counter(ids)
    for mine in claimed:
        assert mine == sorted(mine, key=ids.index), "a worker takes the oldest job first"


@pytest.mark.fault("F15")
def test_of_many_threads_that_want_one_job_one_gets_it(db: Database) -> None:
    ids = submit_many(db, 20)
    start = threading.Barrier(6)

    def take(worker: int) -> list[str]:
        mine = []
        start.wait()
        for id in ids:
            with db.write() as session:
                if jobs.claim(session, id, f"worker {worker}", 60.0):
                    mine.append(id)
        return mine

    with ThreadPoolExecutor(6) as pool:
        taken = [id for mine in pool.map(take, range(6)) for id in mine]
    assert sorted(taken) == sorted(ids)


def test_a_claim_carries_what_the_job_was_submitted_with(db: Database) -> None:
    with db.write() as session:
        dataset, ingest = make.dataset(session)
        claim = jobs.claim(session, ingest.id, "worker", 60.0)
    assert claim == jobs.Claim(ingest.pk, ingest.id, "ingest", 1, dataset.pk, {}, None, [], 0.0, "request")


def test_the_next_attempt_finds_the_plan_and_the_checkpoints_of_the_last(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        jobs.remember(session, claim, plan={"epochs": 3}, checkpoints=[{"key": "a", "epoch": 1}])
        jobs.release(session, claim)
        again = jobs.claim(session, claim.id, "another", 60.0)
    assert again is not None
    assert (again.attempt, again.plan, again.checkpoints) == (2, {"epochs": 3}, [{"key": "a", "epoch": 1}])


def test_nobody_claims_a_removed_job(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
        audits.remove(session, job)
    with db.write() as session:
        assert jobs.claim(session, job.id, "worker", 60.0) is None
        assert jobs.claim_next(session, "audit", "worker", 60.0) is None


def test_an_unknown_job_is_nobodys(db: Database) -> None:
    with db.write() as session:
        assert jobs.claim(session, "01890000-0000-7000-8000-000000000000", "worker", 60.0) is None


def test_a_worker_that_lost_its_job_can_write_nothing_more(db: Database) -> None:
    with db.write() as session:
        lost = make.claimed(session, lease_s=-1.0)
    with db.write() as session:
        assert jobs.reap(session, 3, 60.0).requeued == [lost.id]
        assert jobs.claim(session, lost.id, "another", 60.0) is not None
    writes: list[Any] = [
        lambda session: jobs.beat(session, lost, 60.0, {"percent": 99}),
        lambda session: jobs.remember(session, lost, plan={"seed": 1}),
        lambda session: jobs.release(session, lost),
        lambda session: jobs.finish(session, lost, {"by": "zombie"}),
        lambda session: jobs.fail(session, lost, Problem("x", "y")),
        lambda session: jobs.stop(session, lost),
    ]
    for write in writes:
        with pytest.raises(jobs.LeaseLost), db.write() as session:
            write(session)
    job = make.row(db, lost.pk)
    assert (job.state, job.attempt, job.worker, job.result, job.plan, job.progress) == (
        "running", 2, "another", None, None, None,
    )  # fmt: skip


def test_what_a_lost_attempt_wrote_beside_its_finish_is_gone_with_it(db: Database) -> None:
    with db.write() as session:
        lost = make.claimed(session, lease_s=-1.0)
        jobs.reap(session, 3, 60.0)
    figures = {"train_loss": 1.0, "train_accuracy": 0.5, "mean_weight": 1.0, "seconds": 1.0}
    with pytest.raises(jobs.LeaseLost), db.write() as session:
        audits.write_epoch(session, lost.pk, 1, figures)
        jobs.finish(session, lost, {})
    with db.read() as session:
        assert audits.epochs(session, lost.pk) == []


def test_the_reaper_leaves_a_job_alone_whose_lease_holds(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        reaped = jobs.reap(session, 3, 60.0)
    assert (reaped.requeued, reaped.failed, reaped.cancelled) == ([], [], [])
    assert make.row(db, claim.pk).state == "running"


def test_a_beat_makes_a_lease_longer(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session, lease_s=-1.0)
        assert jobs.beat(session, claim, 60.0) is None
        assert jobs.reap(session, 3, 60.0).requeued == []
    assert make.row(db, claim.pk).state == "running"


def test_a_job_that_loses_every_worker_is_given_up_after_the_last_attempt(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
    for attempt in (1, 2, 3):
        with db.write() as session:
            claim = jobs.claim(session, job.id, "worker", -1.0)
            assert claim is not None and claim.attempt == attempt
        with db.write() as session:
            reaped = jobs.reap(session, 3, 60.0)
        assert (reaped.requeued, reaped.failed) == (([], [job.id]) if attempt == 3 else ([job.id], []))
    ended = make.row(db, job.pk)
    assert (ended.state, ended.strikes, ended.attempt) == ("failed", 3, 3)
    assert ended.problem is not None
    assert (ended.problem["code"], ended.problem["retryable"]) == ("worker-crash-loop", True)
    assert "3 attempts" in ended.problem["detail"]


def test_giving_a_job_back_is_no_strike(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
        for _ in range(5):
            claim = jobs.claim(session, job.id, "worker", 60.0)
            assert claim is not None
            jobs.release(session, claim)
    assert (make.row(db, job.pk).strikes, make.row(db, job.pk).attempt) == (0, 5)


def test_a_dead_childs_job_is_taken_back_before_its_lease_is_over(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        assert jobs.abandon(session, claim, 3, "it was killed by signal 9") == "queued"
        assert jobs.abandon(session, claim, 3, "it was killed by signal 9") is None
    assert make.row(db, claim.pk).strikes == 1
    assert make.history(db, claim.pk)[-1].data == {"status": "queued", "reason": "it was killed by signal 9"}


def test_a_cancelled_job_whose_worker_dies_is_cancelled_not_tried_again(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session, lease_s=-1.0)
        jobs.cancel(session, claim.id)
        assert jobs.reap(session, 3, 60.0).cancelled == [claim.id]
    assert make.row(db, claim.pk).state == "cancelled"


def test_a_queued_job_is_cancelled_at_once(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
    with db.write() as session:
        known = session.execute(select(Job).where(Job.id == job.id)).scalar_one()
        assert jobs.cancel(session, job.id) is known
        assert (known.state, known.cancel_requested) == ("cancelled", True)
        assert known.finished_at is not None
    assert make.row(db, job.pk).state == "cancelled"


def test_cancelling_twice_is_cancelling_once(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
        jobs.cancel(session, job.id)
        assert jobs.cancel(session, job.id).state == "cancelled"
    assert [event.data["status"] for event in make.history(db, job.pk)] == ["queued", "cancelled"]


def test_a_running_job_is_told_to_cancel_at_its_next_beat(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        assert jobs.cancel(session, claim.id).state == "running"
        assert jobs.asked_to_stop(session, claim)
        assert jobs.beat(session, claim, 60.0) == "cancel"
        jobs.stop(session, claim)
    assert make.row(db, claim.pk).state == "cancelled"


def test_an_ended_job_cannot_be_cancelled(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        jobs.finish(session, claim, {})
    with pytest.raises(Problem, match="its status is succeeded") as caught, db.write() as session:
        jobs.cancel(session, claim.id)
    assert caught.value.code == "already-finished"


def test_a_finish_after_an_accepted_cancel_leaves_nothing(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        jobs.cancel(session, claim.id)
    with pytest.raises(jobs.Cancelled), db.write() as session:
        jobs.finish(session, claim, {"by": "the worker"})
    job = make.row(db, claim.pk)
    assert (job.state, job.result, job.finished_at) == ("running", None, None)


@pytest.mark.fault("F17")
def test_when_cancel_and_finish_meet_one_of_them_wins(db: Database) -> None:
    with db.write() as session:
        dataset_pk = make.dataset(session)[0].pk
        submitted = [jobs.submit(session, "audit", dataset_pk, {}) for _ in range(25)]
        claims = [jobs.claim(session, job.id, "worker", 60.0) for job in submitted]
    start = threading.Barrier(2)

    def finish(claim: jobs.Claim) -> bool:
        start.wait()
        try:
            with db.write() as session:
                jobs.finish(session, claim, {"by": "the worker"})
        except jobs.Cancelled:
            with db.write() as session:
                jobs.stop(session, claim)
            return False
        return True

    def cancel(claim: jobs.Claim) -> bool:
        start.wait()
        try:
            with db.write() as session:
                jobs.cancel(session, claim.id)
        except Problem:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        for claim in claims:
            assert claim is not None
            finished, cancelled = pool.submit(finish, claim), pool.submit(cancel, claim)
            assert finished.result() != cancelled.result()
            job = make.row(db, claim.pk)
            assert job.state == ("succeeded" if finished.result() else "cancelled")
            assert job.result == ({"by": "the worker"} if finished.result() else None)


def test_a_cancel_that_meets_a_release_cancels(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
    releases: list[threading.Thread] = []

    def release() -> None:
        with db.write() as session:
            jobs.release(session, claim)

    def just_after_the_first_look(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE jobs") and not releases:
            releases.append(threading.Thread(target=release))
            releases[0].start()
            releases[0].join(0.5)

    event.listen(db.engine, "after_cursor_execute", just_after_the_first_look)
    with db.write() as session:
        jobs.cancel(session, claim.id)
    releases[0].join(10)
    assert make.row(db, claim.pk).cancel_requested


def test_a_silent_queued_job_is_rung_again_only_after_the_pause(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
    with db.write() as session:
        assert jobs.reap(session, 3, 60.0).to_ring == []
        session.execute(update(Job).where(Job.kind == "ingest").values(state="succeeded"))
        session.execute(update(Job).where(Job.pk == job.pk).values(rung_at=now() - 61.0))
        assert jobs.reap(session, 3, 60.0).to_ring == [("audit", job.id)]
        assert jobs.reap(session, 3, 60.0).to_ring == []


def test_a_released_job_is_rung_at_once(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        jobs.release(session, claim)
        assert jobs.reap(session, 3, 3600.0).to_ring == [("audit", claim.id)]


def test_only_so_many_bells_are_rung_at_a_time_the_oldest_first(db: Database) -> None:
    ids = submit_many(db, 7)
    with db.write() as session:
        session.execute(update(Job).values(rung_at=0.0))
        session.execute(update(Job).where(Job.kind == "ingest").values(state="succeeded"))
    rung: list[list[str]] = []
    for _ in range(3):
        with db.write() as session:
            rung.append([id for _, id in jobs.reap(session, 3, 60.0, most=3).to_ring])
    assert [sorted(some, key=ids.index) for some in rung] == [ids[:3], ids[3:6], ids[6:]]


def test_two_reapers_at_once_count_one_strike(db: Database) -> None:
    with db.write() as session:
        dataset_pk = make.dataset(session)[0].pk
        lost = [jobs.submit(session, "audit", dataset_pk, {}) for _ in range(20)]
        for job in lost:
            assert jobs.claim(session, job.id, "worker", -1.0)
    start = threading.Barrier(4)

    def reap(_: int) -> list[str]:
        start.wait()
        with db.write() as session:
            return jobs.reap(session, 3, 60.0).requeued

    with ThreadPoolExecutor(4) as pool:
        requeued = [id for ids in pool.map(reap, range(4)) for id in ids]
    assert sorted(requeued) == sorted(job.id for job in lost)
    assert {make.row(db, job.pk).strikes for job in lost} == {1}


def test_times_are_those_of_the_databases_clock(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def clock() -> float:
        with db.read() as session:
            return float(session.execute(select(now())).scalar_one())

    real = time.time()
    monkeypatch.setattr(time, "time", lambda: 12345.0)
    before = clock()
    with db.write() as session:
        claim = make.claimed(session, lease_s=60.0)
        jobs.finish(session, claim, {})
        other = make.claimed(session, lease_s=60.0)
    after = clock()
    monkeypatch.undo()
    job, running = make.row(db, claim.pk), make.row(db, other.pk)
    assert job.started_at and job.finished_at and running.lease_until
    for moment in (job.created_at, job.started_at, job.finished_at, job.rung_at, running.lease_until - 60.0):
        assert before - 0.01 <= moment <= after + 0.01
    assert abs(before - real) < 60.0
    assert all(before - 0.01 <= event.at <= after + 0.01 for event in make.history(db, claim.pk))


def test_a_first_start_is_remembered_over_all_attempts(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)
        session.execute(update(Job).where(Job.pk == claim.pk).values(started_at=1000.0))
        jobs.release(session, claim)
        assert jobs.claim(session, claim.id, "another", 60.0)
    assert make.row(db, claim.pk).started_at == 1000.0


def test_a_state_that_does_not_exist_cannot_be_stored(db: Database) -> None:
    with db.write() as session:
        job = make.audit(session)
    with pytest.raises(IntegrityError), db.write() as session:
        session.execute(update(Job).where(Job.pk == job.pk).values(state="lost"))


def test_a_transaction_that_reads_first_and_writes_later_waits_for_its_turn(db: Database) -> None:
    with db.write() as session:
        claim = make.claimed(session)

    def beat(_: int) -> None:
        with db.write() as session:
            events = session.execute(select(Job.events).where(Job.pk == claim.pk)).scalar_one()
            jobs.beat(session, claim, 60.0, {"percent": events})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(beat, range(40)))
    assert make.row(db, claim.pk).progress == {"percent": 2}
