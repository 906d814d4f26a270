"""Webhooks: who is told of what happens to jobs, and how far that is.

A delivery is written in the transaction of its event, so that neither is there without the other. Whoever sends takes
it for a while; when he dies it is taken again, so it comes at least once, always under the same id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from core.errors import Problem
from core.ids import new_id
from core.store.db import now
from core.store.tables import Dataset, Delivery, Event, Hook, Job

TAKEN_S = 60.0
PAUSES_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 3 * 3600.0, 6 * 3600.0, 12 * 3600.0)
"""Between one try and the next; after the last one, in about a day, it is given up."""
KINDS = {"audit": "audit", "ingest": "dataset", "export": "export"}  # kind of job -> what the world calls it


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery that was taken: what is sent where, and signed with what."""

    pk: int
    id: str
    attempt: int
    url: str
    secret: str
    at: float
    content: dict[str, Any]


def create(session: Session, url: str, secret: str, types: list[str] | None) -> Hook:
    """Tell this address of events of these types from now on; without any, of changes of state."""
    values = {"id": new_id(), "url": url, "secret": secret, "types": types or ["state"], "created_at": now()}
    return session.execute(insert(Hook).values(**values).returning(Hook)).scalar_one()


def find(session: Session, id: str) -> Hook | None:
    return session.execute(select(Hook).where(Hook.id == id, Hook.deleted_at.is_(None))).scalar_one_or_none()


def page(session: Session, before: str | None, limit: int) -> list[Hook]:
    """The newest hooks, or those older than the id `before`."""
    query = select(Hook).where(Hook.deleted_at.is_(None)).order_by(Hook.id.desc()).limit(limit)
    return list(session.execute(query if before is None else query.where(Hook.id < before)).scalars())


def remove(session: Session, hook: Hook) -> None:
    """Nothing more is sent there."""
    session.execute(update(Hook).where(Hook.pk == hook.pk).values(deleted_at=now()))


def enqueue(session: Session, job_pk: int, kind: str, seq: int, type: str) -> None:
    """Deliveries of an event, in its transaction."""
    if kind not in KINDS:
        return
    hooks = session.execute(select(Hook.pk, Hook.types).where(Hook.deleted_at.is_(None))).all()
    for pk, types in hooks:
        if type in types:
            values = {"id": new_id(), "hook_pk": pk, "job_pk": job_pk, "seq": seq}
            session.execute(insert(Delivery).values(**values, next_at=0.0, created_at=now()))


def _due() -> Select[int]:
    return (
        select(Delivery.pk)
        .join(Hook, Hook.pk == Delivery.hook_pk)
        .where(Delivery.state == "waiting", Delivery.next_at <= now(), Hook.deleted_at.is_(None))
        .order_by(Delivery.next_at, Delivery.pk)
        .limit(1)
    )


def are_due(session: Session) -> bool:
    """Whether something is to be sent; a look costs less than to take what is not there."""
    return session.execute(_due()).scalar_one_or_none() is not None


def take(session: Session) -> Parcel | None:
    """A delivery that is due; it is ours for a while."""
    pk = session.execute(_due().with_for_update(skip_locked=True, of=Delivery)).scalar_one_or_none()
    if pk is None:
        return None
    values = {"attempts": Delivery.attempts + 1, "next_at": now() + TAKEN_S}
    taken = session.execute(update(Delivery).where(Delivery.pk == pk).values(**values).returning(Delivery)).scalar_one()
    query = (
        select(Hook.url, Hook.secret, Event, Job, Dataset.id)
        .select_from(Delivery)
        .join(Hook, Hook.pk == Delivery.hook_pk)
        .join(Event, and_(Event.job_pk == Delivery.job_pk, Event.seq == Delivery.seq))
        .join(Job, Job.pk == Delivery.job_pk)
        .join(Dataset, Dataset.pk == Job.dataset_pk)
        .where(Delivery.pk == pk)
    )
    url, secret, event, job, dataset_id = session.execute(query).one()
    kind = KINDS[job.kind]
    about = {"dataset_id": dataset_id} | ({} if kind == "dataset" else {f"{kind}_id": job.id})
    content = {"type": f"{kind}.{event.type}", "event": event.seq, **about, "data": event.data}
    return Parcel(taken.pk, taken.id, taken.attempts, url, secret, event.at, content)


def arrived(session: Session, parcel: Parcel, status: int) -> None:
    """It was answered well."""
    _told(session, parcel, state="delivered", status=status, error=None, delivered_at=now())


def refused(session: Session, parcel: Parcel, status: int | None, error: str | None) -> None:
    """It was not; try again later, or never."""
    last = parcel.attempt > len(PAUSES_S)
    again: dict[str, Any] = {"state": "given-up"} if last else {"next_at": now() + PAUSES_S[parcel.attempt - 1]}
    _told(session, parcel, status=status, error=error, **again)


def _told(session: Session, parcel: Parcel, **values: Any) -> None:
    mine = Delivery.pk == parcel.pk, Delivery.attempts == parcel.attempt  # unless it was taken again since
    session.execute(update(Delivery).where(*mine).values(tried_at=now(), **values))


def again(session: Session, hook: Hook, id: str) -> Delivery:
    """Send a delivery once more, now."""
    values = {"state": "waiting", "attempts": 0, "next_at": literal(0.0)}
    query = update(Delivery).where(Delivery.id == id, Delivery.hook_pk == hook.pk).values(**values)
    row = session.execute(query.returning(Delivery)).scalar_one_or_none()
    if row is None:
        raise Problem("not-found", "This webhook has no such delivery.")
    return row


def log(session: Session, hook: Hook, before: str | None, limit: int) -> list[tuple[Delivery, Event, Job]]:
    """The newest deliveries, or those older than the id `before`."""
    query = (
        select(Delivery, Event, Job)
        .join(Event, and_(Event.job_pk == Delivery.job_pk, Event.seq == Delivery.seq))
        .join(Job, Job.pk == Delivery.job_pk)
        .where(Delivery.hook_pk == hook.pk, or_(literal(before is None), Delivery.id < (before or "")))
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    return [(delivery, event, job) for delivery, event, job in session.execute(query)]
