"""Exports: what the world calls a job of that kind."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.store.db import now
from core.store.tables import Dataset, Job


def find(session: Session, id: str) -> tuple[Job, Dataset] | None:
    """An export and its dataset."""
    row = session.execute(_with_dataset().where(Job.id == id)).one_or_none()
    return row and (row[0], row[1])


def page(session: Session, audit_id: str | None, before: str | None, limit: int) -> list[tuple[Job, Dataset]]:
    """The newest exports, of one audit or of all, or those older than the id `before`."""
    query = _with_dataset().order_by(Job.id.desc()).limit(limit)
    if audit_id is not None:
        of_it = select(Job.dataset_pk).where(Job.id == audit_id).scalar_subquery()
        query = query.where(Job.dataset_pk == of_it, Job.spec["audit_id"].as_string() == audit_id)
    if before is not None:
        query = query.where(Job.id < before)
    return [(job, dataset) for job, dataset in session.execute(query)]


def remove(session: Session, export: Job) -> None:
    """Take an export out of the world's sight; `sweep` removes its file."""
    session.execute(update(Job).where(Job.pk == export.pk).values(deleted_at=now(), cancel_requested=True))


def _with_dataset() -> Any:
    return (
        select(Job, Dataset)
        .join(Dataset, Dataset.pk == Job.dataset_pk)
        .where(Job.kind == "export", Job.deleted_at.is_(None), Dataset.deleted_at.is_(None))
    )
