"""Audits: what the world calls a job of that kind, with its epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from core.spec import Pace
from core.store import jobs
from core.store.db import now
from core.store.tables import Dataset, Epoch, Job, Sample


@dataclass(frozen=True)
class Audited:
    """An audit as its ranked list needs it: without its result, which can be large."""

    pk: int
    id: str
    state: str
    dataset_pk: int
    dataset_id: str
    classes: list[str]
    provisional: dict[str, Any] | None
    reviews: int  # of its dataset


def find_audited(session: Session, id: str) -> Audited | None:
    """The little of an audit and its dataset that every page of its list is read with."""
    row = session.execute(_AUDITED, {"id": id}).one_or_none()
    return None if row is None else Audited(*row)


def find(session: Session, id: str) -> tuple[Job, Dataset] | None:
    """An audit and its dataset."""
    row = session.execute(_FOUND, {"id": id}).one_or_none()
    return row and (row[0], row[1])


def page(session: Session, dataset_id: str | None, before: str | None, limit: int) -> list[tuple[Job, Dataset]]:
    """The newest audits, of one dataset or of all, or those older than the id `before`."""
    query = _with_dataset().order_by(Job.id.desc()).limit(limit)
    if dataset_id is not None:
        query = query.where(Dataset.id == dataset_id)
    if before is not None:
        query = query.where(Job.id < before)
    return [(job, dataset) for job, dataset in session.execute(query)]


def at_work(session: Session) -> list[tuple[Job, Dataset]]:
    """The audits that are running."""
    return [(job, dataset) for job, dataset in session.execute(_with_dataset().where(Job.state == "running"))]


def first_in_line(session: Session, count: int) -> list[tuple[Job, Dataset]]:
    """The audits that are taken next."""
    pks = jobs.in_line(session, "audit", count)
    found = {job.pk: (job, dataset) for job, dataset in session.execute(_with_dataset().where(Job.pk.in_(pks)))}
    return [found[pk] for pk in pks if pk in found]


def _with_dataset(*columns: Any) -> Any:
    return (
        select(*(columns or (Job, Dataset)))
        .select_from(Job)
        .join(Dataset, Dataset.pk == Job.dataset_pk)
        .where(Job.kind == "audit", Job.deleted_at.is_(None), Dataset.deleted_at.is_(None))
    )


# Built once, for building takes as long as reading.
_FOUND = _with_dataset().where(Job.id == bindparam("id"))
_AUDITED = _with_dataset(
    Job.pk, Job.id, Job.state, Job.dataset_pk, Dataset.id, Dataset.classes, Job.provisional, Dataset.reviews
).where(Job.id == bindparam("id"))


def remove(session: Session, audit: Job) -> None:
    """Take an audit out of the world's sight; `sweep` removes the bytes."""
    session.execute(update(Job).where(Job.pk == audit.pk).values(deleted_at=now(), cancel_requested=True))


def standing(session: Session, audit: Audited, after: int, limit: int) -> list[tuple[int, float, Sample]]:
    """The provisional ranking that follows rank `after`: rank, mean margin so far, sample."""
    ranked = (audit.provisional or {}).get("standing", [])[after : after + limit]
    query = select(Sample).where(Sample.dataset_pk == audit.dataset_pk, Sample.n.in_([n for n, _ in ranked]))
    found = {sample.n: sample for sample in session.execute(query).scalars()}
    return [(after + k, margin, found[n]) for k, (n, margin) in enumerate(ranked, start=1) if n in found]


def write_epoch(session: Session, audit_pk: int, epoch: int, values: dict[str, Any]) -> None:
    """One epoch's figures; an epoch that is run again after a crash replaces its own row."""
    session.execute(delete(Epoch).where(Epoch.audit_pk == audit_pk, Epoch.epoch == epoch))
    session.execute(insert(Epoch).values(audit_pk=audit_pk, epoch=epoch, **values))


def epochs(session: Session, audit_pk: int) -> list[Epoch]:
    """The figures of every epoch so far."""
    return list(session.execute(select(Epoch).where(Epoch.audit_pk == audit_pk).order_by(Epoch.epoch)).scalars())


def paces(session: Session) -> list[tuple[str, Pace]]:
    """How fast the newest finished audits and probes went, with the kind of each, the newest first."""
    query = (
        select(Job.kind, Job.result)
        .where(Job.kind.in_(("audit", "probe")), Job.state == "succeeded", Job.deleted_at.is_(None))
        .order_by(Job.pk.desc())
        .limit(50)
    )
    found = [(kind, (result or {}).get("pace")) for kind, result in session.execute(query)]
    return [(kind, Pace(**pace)) for kind, pace in found if pace]
