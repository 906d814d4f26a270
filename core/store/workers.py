"""The workers that are there, as they say themselves. Nobody's work depends on it, only what people are told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core.store.db import now
from core.store.tables import Worker

FORGOTTEN_S = 86_400.0


def show(session: Session, id: str, queues: list[str], devices: list[dict[str, Any]]) -> None:
    """A sign of life."""
    values = {"queues": queues, "devices": devices, "seen_at": now()}
    known = session.execute(update(Worker).where(Worker.id == id).values(**values).returning(Worker.id))
    if known.one_or_none() is None:
        session.execute(insert(Worker).values(id=id, started_at=now(), **values))
    session.execute(delete(Worker).where(Worker.seen_at < now() - FORGOTTEN_S))


def leave(session: Session, id: str) -> None:
    """It ended as it should."""
    session.execute(delete(Worker).where(Worker.id == id))


def alive(session: Session, within_s: float) -> list[Worker]:
    """Those that showed themselves lately, the oldest first."""
    query = select(Worker).where(Worker.seen_at > now() - within_s).order_by(Worker.started_at, Worker.id)
    return list(session.execute(query).scalars())
