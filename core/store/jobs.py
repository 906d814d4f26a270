"""The life of a job: one row, a few fenced updates, the database's clock. Nothing else decides what happens.

    submit ─▶ queued ─claim─▶ running ─finish─▶ succeeded
                ▲               │ ├──fail────▶ failed
                └──release──────┤ └──stop────▶ cancelled
                └──abandon, reap┘

Every write of a worker says under which attempt it was claimed. When a lease was lost in the meantime and somebody
else claimed the job, that attempt is no longer the row's, the update matches nothing, and `LeaseLost` is raised: a
zombie can neither publish nor disturb. A strike is an attempt that ended without a word (a crash, a kill, a hang);
giving a job back on purpose is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, insert, select, update
from sqlalchemy.orm import Session

from core.errors import Problem
from core.ids import new_id
from core.store import events
from core.store.db import now
from core.store.tables import ENDED, Job


class LeaseLost(Exception):
    """The job is somebody else's now, or ended. Whatever was being written must not count."""


class Cancelled(Exception):
    """Somebody asked for this job to end; its worker answers with `stop`."""


@dataclass(frozen=True)
class Claim:
    """The right to work on a job, as long as `attempt` is the row's."""

    pk: int
    id: str
    kind: str
    attempt: int
    dataset_pk: int
    spec: dict[str, Any]
    plan: dict[str, Any] | None
    checkpoints: list[dict[str, Any]]
    request_id: str | None


@dataclass(frozen=True)
class Reaped:
    """What a look at all jobs found: jobs taken back, and bells to ring."""

    requeued: list[str]
    failed: list[str]
    cancelled: list[str]
    to_ring: list[tuple[str, str]]  # (kind, id)


def submit(session: Session, kind: str, dataset_pk: int, spec: dict[str, Any], request_id: str | None = None) -> Job:
    """A new job, queued."""
    job = session.execute(
        insert(Job)
        .values(
            id=new_id(),
            kind=kind,
            dataset_pk=dataset_pk,
            spec=spec,
            request_id=request_id,
            created_at=now(),
            rung_at=now(),
        )
        .returning(Job)
    ).scalar_one()
    events.emit(session, job.pk, "state", {"status": "queued"})
    return job


def claim(session: Session, id: str, worker: str, lease_s: float) -> Claim | None:
    """Take a queued job under a new attempt; None when it is not there to be taken."""
    row = session.execute(
        update(Job)
        .where(Job.id == id, Job.state == "queued", Job.deleted_at.is_(None))
        .values(
            state="running",
            attempt=Job.attempt + 1,
            worker=worker,
            lease_until=now() + lease_s,
            started_at=func.coalesce(Job.started_at, now()),
        )
        .returning(Job)
    ).scalar_one_or_none()
    if row is None:
        return None
    events.emit(session, row.pk, "state", {"status": "running", "attempt": row.attempt})
    return _as_claim(row)


def claim_next(session: Session, kind: str, worker: str, lease_s: float) -> Claim | None:
    """Take the oldest queued job of a kind."""
    while True:
        id = session.execute(
            select(Job.id)
            .where(Job.kind == kind, Job.state == "queued", Job.deleted_at.is_(None))
            .order_by(Job.pk)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).scalar_one_or_none()
        if id is None:
            return None
        if claimed := claim(session, id, worker, lease_s):
            return claimed


def adopt(session: Session, id: str, attempt: int) -> Claim | None:
    """The claim that our parent made for us; None when it no longer holds."""
    query = select(Job).where(Job.id == id, Job.attempt == attempt, Job.state == "running")
    row = session.execute(query).scalar_one_or_none()
    return None if row is None else _as_claim(row)


def cancel_requested(session: Session, claim: Claim) -> bool:
    """Whether somebody asked for this job to end."""
    return bool(session.execute(select(Job.cancel_requested).where(Job.pk == claim.pk)).scalar_one_or_none())


def state(session: Session, pk: int) -> str | None:
    """A job's state; None when it is gone."""
    return session.execute(select(Job.state).where(Job.pk == pk, Job.deleted_at.is_(None))).scalar_one_or_none()


def census(session: Session) -> list[tuple[str, str, int]]:
    """How many jobs there are of each kind in each state."""
    query = select(Job.kind, Job.state, func.count()).where(Job.deleted_at.is_(None)).group_by(Job.kind, Job.state)
    return [(kind, state, count) for kind, state, count in session.execute(query)]


def beat(session: Session, claim: Claim, lease_s: float, progress: dict[str, Any] | None = None) -> bool:
    """Show a sign of life. True means that somebody asked us to cancel."""
    values: dict[str, Any] = {"lease_until": now() + lease_s}
    if progress is not None:
        values["progress"] = progress
    return _held(session, claim, values).cancel_requested


def remember(session: Session, claim: Claim, **values: Any) -> None:
    """Keep something with the running job: its plan, its checkpoints."""
    _held(session, claim, values)


def release(session: Session, claim: Claim) -> None:
    """Give the job back so that another worker goes on at once; no strike."""
    _held(session, claim, {"state": "queued", "worker": None, "lease_until": None, "rung_at": 0.0})
    events.emit(session, claim.pk, "state", {"status": "queued", "reason": "released"})


def finish(session: Session, claim: Claim, result: dict[str, Any]) -> None:
    """Done. A cancel that was accepted before wins: then nothing of this transaction counts."""
    if _held(session, claim, {"result": result}).cancel_requested:
        raise Cancelled
    _end(session, claim, "succeeded")


def fail(session: Session, claim: Claim, problem: Problem) -> None:
    """Ended by a problem that another attempt would meet again."""
    _end(session, claim, "failed", problem=problem.as_record())


def stop(session: Session, claim: Claim) -> None:
    """Cancelled, said by the worker that saw the request."""
    _end(session, claim, "cancelled")


def cancel(session: Session, id: str) -> Job:
    """Ask for a job to end. A queued one ends here and now; a running one when its worker sees the request."""
    # One statement: between two, a job that its worker gives back could be missed by both.
    queued = Job.state == "queued"
    row = session.execute(
        update(Job)
        .where(Job.id == id, Job.state.not_in(ENDED))
        .values(
            state=case((queued, "cancelled"), else_=Job.state),
            finished_at=case((queued, now())),
            cancel_requested=True,
        )
        .returning(Job)
    ).scalar_one_or_none()
    if row is not None:
        if row.state == "cancelled":
            events.emit(session, row.pk, "state", {"status": "cancelled"})
        return row
    row = session.execute(select(Job).where(Job.id == id)).scalar_one_or_none()
    if row is None:
        raise Problem("not-found", "This job was removed.")
    if row.state != "cancelled":
        raise Problem("already-finished", f"This {row.kind} has already ended: its status is {row.state}.")
    return row


def abandon(session: Session, claim: Claim, max_attempts: int, reason: str) -> str | None:
    """The child that held this claim died without a word: take the job back now instead of waiting for its lease."""
    taken = _take_back(session, [Job.pk == claim.pk, Job.attempt == claim.attempt], max_attempts, reason)
    return next((state for state, ids in taken.items() if ids), None)


def reap(session: Session, max_attempts: int, ring_after_s: float, most: int = 50) -> Reaped:
    """Take back what nobody works on any more, and find the queued jobs whose bell may have been lost."""
    taken = _take_back(session, [Job.lease_until < now()], max_attempts, "its worker showed no sign of life")
    oldest = (
        select(Job.pk)
        .where(Job.state == "queued", Job.rung_at < now() - ring_after_s, Job.deleted_at.is_(None))
        .order_by(Job.pk)
        .limit(most)
    )
    to_ring = session.execute(
        update(Job).where(Job.pk.in_(oldest)).values(rung_at=now()).returning(Job.pk, Job.kind, Job.id)
    ).all()
    return Reaped(taken["queued"], taken["failed"], taken["cancelled"], [(kind, id) for _, kind, id in sorted(to_ring)])


def _take_back(
    session: Session, where: list[ColumnElement[bool]], max_attempts: int, reason: str
) -> dict[str, list[str]]:
    crash_loop = Problem(
        "worker-crash-loop",
        f"Given up after {max_attempts} attempts; the last one ended because {reason}. The worker's log says more.",
        retryable=True,
    )
    gone: dict[str, Any] = {"worker": None, "lease_until": None, "strikes": Job.strikes + 1}
    ways: list[tuple[str, list[ColumnElement[bool]], dict[str, Any]]] = [
        ("cancelled", [Job.cancel_requested.is_(True)], {"finished_at": now()}),
        ("failed", [Job.strikes + 1 >= max_attempts], {"finished_at": now(), "problem": crash_loop.as_record()}),
        ("queued", [], {"rung_at": 0.0}),
    ]
    taken: dict[str, list[str]] = {}
    for state, also, values in ways:
        rows = session.execute(
            update(Job)
            .where(Job.state == "running", *where, *also)
            .values(state=state, **gone, **values)
            .returning(Job.pk, Job.id)
        ).all()
        for pk, _ in rows:
            events.emit(session, pk, "state", {"status": state, "reason": reason})
        taken[state] = [id for _, id in rows]
    return taken


def _held(session: Session, claim: Claim, values: dict[str, Any]) -> Job:
    """Update the row if it is still ours."""
    where = [Job.pk == claim.pk, Job.attempt == claim.attempt, Job.state == "running", Job.deleted_at.is_(None)]
    row = session.execute(update(Job).where(*where).values(**values).returning(Job)).scalar_one_or_none()
    if row is None:
        raise LeaseLost(f"attempt {claim.attempt} of {claim.kind} {claim.id}")
    return row


def _end(session: Session, claim: Claim, state: str, **values: Any) -> None:
    _held(session, claim, {"state": state, "finished_at": now(), "lease_until": None, "worker": None, **values})
    data = {"status": state}
    if problem := values.get("problem"):
        data["code"] = problem["code"]
    events.emit(session, claim.pk, "state", data)


def _as_claim(row: Job) -> Claim:
    return Claim(
        pk=row.pk,
        id=row.id,
        kind=row.kind,
        attempt=row.attempt,
        dataset_pk=row.dataset_pk,
        spec=row.spec,
        plan=row.plan,
        checkpoints=row.checkpoints or [],
        request_id=row.request_id,
    )
