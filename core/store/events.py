"""What happened to a job, in an order that nobody can see differently.

A number is taken by updating the job's row, so the row's lock is held until the event is committed: numbers become
visible in order and without gaps, and a reader that has seen number k never misses one below it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.store import hooks
from core.store.db import now
from core.store.tables import Event, Job


def emit(session: Session, job_pk: int, type: str, data: dict[str, Any]) -> None:
    """Write the job's next event."""
    seq, kind = session.execute(
        update(Job).where(Job.pk == job_pk).values(events=Job.events + 1).returning(Job.events, Job.kind)
    ).one()
    session.execute(insert(Event).values(job_pk=job_pk, seq=seq, type=type, at=now(), data=data))
    hooks.enqueue(session, job_pk, kind, seq, type)


def after(session: Session, job_pk: int, seq: int, limit: int) -> list[Event]:
    """The events that follow number `seq`, in order."""
    query = select(Event).where(Event.job_pk == job_pk, Event.seq > seq).order_by(Event.seq).limit(limit)
    return list(session.execute(query).scalars())


def newest(session: Session, job_pks: list[int]) -> dict[int, tuple[int, str]]:
    """The last number of each job, and the state that it came with; a job that is gone is absent."""
    query = select(Job.pk, Job.events, Job.state).where(Job.pk.in_(job_pks), Job.deleted_at.is_(None))
    return {row.pk: (row.events, row.state) for row in session.execute(query)}
