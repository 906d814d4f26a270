"""The life of a job: one row, a few fenced updates, the database's clock. Nothing else decides what happens.

    submit ─▶ queued ─claim─▶ running ─finish─▶ succeeded
              ▲ │ ▲             │ ├──fail────▶ failed
         resume │ └──release────┤ └──stop────▶ cancelled
              │ ▼ └─abandon, reap
             paused ◀─────────────── any of the three, when a pause was asked for

Every write of a worker says under which attempt it was claimed. When a lease was lost in the meantime and somebody
else claimed the job, that attempt is no longer the row's, the update matches nothing, and `LeaseLost` is raised: a
zombie can neither publish nor disturb. A strike is an attempt that ended without a word (a crash, a kill, a hang);
giving a job back on purpose is none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, case, false, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from core.errors import Problem
from core.ids import new_id
from core.store import events
from core.store.db import now
from core.store.tables import ENDED, Job

NOBODYS: dict[str, Any] = {"worker": None, "lease_until": None}
BACK = case((Job.pause_requested, "paused"), else_="queued")


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
    spent_s: float
    request_id: str | None


@dataclass(frozen=True)
class Reaped:
    """What a look at all jobs found: jobs taken back, and bells to ring."""

    requeued: list[str]
    failed: list[str]
    cancelled: list[str]
    to_ring: list[tuple[str, str]]  # (kind, id)


def submit(
    session: Session,
    kind: str,
    dataset_pk: int,
    spec: dict[str, Any],
    request_id: str | None = None,
    *,
    priority: int = 0,
    device: str | None = None,
    rerun_of: Job | None = None,
) -> Job:
    """A new job, queued; one that does another one again has its plan."""
    job = session.execute(
        insert(Job)
        .values(
            id=new_id(),
            kind=kind,
            dataset_pk=dataset_pk,
            spec=spec,
            request_id=request_id,
            priority=priority,
            device=device,
            rerun_of=rerun_of and rerun_of.id,
            plan=rerun_of and rerun_of.plan,
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


def line(kind: str) -> Select[Job]:
    """The queued jobs of a kind in the order in which they are taken.

    The urgent ones first; then those of the owner who has the fewest at work, so that nobody's hundred jobs keep
    another's one waiting; then the oldest.
    """
    other = aliased(Job)
    at_work = select(func.count()).where(other.owner == Job.owner, other.kind == kind, other.state == "running")
    queued = select(Job).where(Job.kind == kind, Job.state == "queued", Job.deleted_at.is_(None))
    return queued.order_by(Job.priority.desc(), at_work.correlate(Job).scalar_subquery(), Job.pk)


def in_line(session: Session, kind: str, most: int = 10_000) -> list[int]:
    """The queued jobs of a kind as they will be taken."""
    return list(session.execute(line(kind).with_only_columns(Job.pk).limit(most)).scalars())


def claim_next(session: Session, kind: str, worker: str, lease_s: float, devices: Collection[str] = ()) -> Claim | None:
    """Take the next job of a kind that these kinds of devices can do."""
    can = or_(Job.device.is_(None), Job.device.in_(devices))
    while True:
        id = session.execute(
            line(kind).with_only_columns(Job.id).where(can).limit(1).with_for_update(skip_locked=True, of=Job)
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


def asked_to_stop(session: Session, claim: Claim) -> bool:
    """Whether somebody asked for this job to end or to pause."""
    query = select(or_(Job.cancel_requested, Job.pause_requested)).where(Job.pk == claim.pk)
    return bool(session.execute(query).scalar_one_or_none())


def state(session: Session, pk: int) -> str | None:
    """A job's state; None when it is gone."""
    return session.execute(select(Job.state).where(Job.pk == pk, Job.deleted_at.is_(None))).scalar_one_or_none()


def census(session: Session) -> list[tuple[str, str, int]]:
    """How many jobs there are of each kind in each state."""
    query = select(Job.kind, Job.state, func.count()).where(Job.deleted_at.is_(None)).group_by(Job.kind, Job.state)
    return [(kind, state, count) for kind, state, count in session.execute(query)]


def beat(
    session: Session, claim: Claim, lease_s: float, progress: dict[str, Any] | None = None, spent_s: float | None = None
) -> Literal["cancel", "pause"] | None:
    """Show a sign of life; what somebody asked of us."""
    told = {"progress": progress, "spent_s": spent_s}
    values = {"lease_until": now() + lease_s} | {name: value for name, value in told.items() if value is not None}
    row = _held(session, claim, values)
    if row.cancel_requested:
        return "cancel"
    return "pause" if row.pause_requested else None


def remember(session: Session, claim: Claim, **values: Any) -> None:
    """Keep something with the running job: its plan, its checkpoints."""
    _held(session, claim, values)


def release(session: Session, claim: Claim) -> str:
    """Give the job back, no strike: it pauses if somebody asked for that, else another worker goes on at once."""
    row = _held(session, claim, {"state": BACK, "pause_requested": False, **NOBODYS, "rung_at": 0.0})
    told = {} if row.state == "paused" else {"reason": "released"}
    events.emit(session, claim.pk, "state", {"status": row.state, **told})
    return row.state


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
    queued = Job.state.in_(("queued", "paused"))
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
    return _unended(session, id, but="cancelled")


def _unended(session: Session, id: str, but: str = "") -> Job:
    """A job that has not ended, or only in that state."""
    row = session.execute(select(Job).where(Job.id == id)).scalar_one_or_none()
    if row is None:
        raise Problem("not-found", "This job was removed.")
    if row.state in ENDED and row.state != but:
        raise Problem("already-finished", f"This {row.kind} has already ended: its status is {row.state}.")
    return row


def pause(session: Session, id: str) -> Job:
    """Ask for a job to wait. A queued one does so here and now, a running one when its worker sees the request."""
    queued = Job.state == "queued"
    row = session.execute(
        update(Job)
        .where(Job.id == id, Job.state.in_(("queued", "running")), Job.cancel_requested.is_(False))
        .values(state=case((queued, "paused"), else_=Job.state), pause_requested=Job.state == "running")
        .returning(Job)
    ).scalar_one_or_none()
    if row is None:
        row = _unended(session, id)
        if row.cancel_requested:
            raise Problem("already-finished", f"This {row.kind} is being cancelled.")
    elif row.state == "paused":
        events.emit(session, row.pk, "state", {"status": "paused"})
    return row


def resume(session: Session, id: str) -> Job:
    """Let a paused job go on, or one that was asked to pause."""
    paused = Job.state == "paused"
    row = session.execute(
        update(Job)
        .where(Job.id == id, or_(paused, Job.pause_requested), Job.state.not_in(ENDED))
        .values(state=case((paused, "queued"), else_=Job.state), pause_requested=False, rung_at=now())
        .returning(Job)
    ).scalar_one_or_none()
    if row is None:
        return _unended(session, id)
    if row.state == "queued":
        events.emit(session, row.pk, "state", {"status": "queued", "reason": "resumed"})
    return row


def abandon(session: Session, claim: Claim, max_attempts: int, reason: str) -> str | None:
    """The child that held this claim died without a word: take the job back now instead of waiting for its lease."""
    taken = _take_back(session, [Job.pk == claim.pk, Job.attempt == claim.attempt], max_attempts, reason)
    return next((state for state, ids in taken.items() if ids), None)


def moment(session: Session) -> float:
    """What the database's clock says."""
    return float(session.execute(select(now())).scalar_one())


def reap(session: Session, max_attempts: int, ring_after_s: float, most: int = 50, *, leases: bool = True) -> Reaped:
    """Take back what nobody works on any more, if `leases` count, and find queued jobs whose bell may be lost."""
    over = Job.lease_until < now() if leases else false()
    taken = _take_back(session, [over], max_attempts, "its worker showed no sign of life")
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
    gone: dict[str, Any] = {**NOBODYS, "strikes": Job.strikes + 1}
    ways: list[tuple[str, list[ColumnElement[bool]], dict[str, Any]]] = [
        ("cancelled", [Job.cancel_requested.is_(True)], {"finished_at": now()}),
        ("failed", [Job.strikes + 1 >= max_attempts], {"finished_at": now(), "problem": crash_loop.as_record()}),
        ("paused", [Job.pause_requested.is_(True)], {"pause_requested": False}),
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
    _held(session, claim, {"state": state, "finished_at": now(), "provisional": None, **NOBODYS, **values})
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
        spent_s=row.spent_s,
        request_id=row.request_id,
    )
