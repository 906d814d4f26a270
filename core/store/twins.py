"""Datasets of the same bytes keep one set of blobs: the later one points to the folder of the earlier one.

They are twins when they were read by the same rules too. Each has rows of its own, so that either may be removed; the
folder goes with the last of them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from core.store.tables import Base, Dataset, Finding, LeftOut, Sample

READ = ("format", "layout", "content_hash", "classes", "counts", "facts", "class_counts", "found", "warnings", "rules")


def is_guest(dataset: Dataset) -> bool:
    """Whether all its blobs lie in another one's folder; a version's images do, and its manifest is its own."""
    return dataset.folder is not None and dataset.version == 1


def find(session: Session, dataset: Dataset, rules: str) -> Dataset | None:
    """A ready dataset of the same bytes, read by the same rules and as the layout that is asked for now."""
    same = (Dataset.sha256 == dataset.sha256, Dataset.size == dataset.size, Dataset.rules == rules)
    as_asked = Dataset.asked_layout.is_not_distinct_from(dataset.asked_layout)
    query = select(Dataset).where(*same, as_asked, Dataset.pk != dataset.pk)
    query = query.where(Dataset.deleted_at.is_(None), Dataset.classes.is_not(None), Dataset.rejection.is_(None))
    return session.execute(query.order_by(Dataset.pk).limit(1)).scalar_one_or_none()


def share(session: Session, dataset_pk: int, twin_pk: int) -> bool:
    """Make a dataset the same as its twin; False when that was removed meanwhile, which cannot happen after."""
    query = select(Dataset).where(Dataset.pk == twin_pk, Dataset.deleted_at.is_(None)).with_for_update()
    twin = session.execute(query).scalar_one_or_none()
    if twin is None:
        return False
    values = {name: getattr(twin, name) for name in READ} | {"folder": twin.folder or twin.id}
    session.execute(update(Dataset).where(Dataset.pk == dataset_pk).values(**values))
    for table in (Sample, LeftOut, Finding):
        _copy_rows(session, table, twin_pk, dataset_pk)
    return True


def _copy_rows(session: Session, table: type[Base], from_pk: int, to_pk: int) -> None:
    columns: list[Any] = [column for column in table.__table__.columns if column.name != "dataset_pk"]
    owner: Any = table.__table__.columns["dataset_pk"]
    session.execute(delete(table).where(owner == to_pk))  # an attempt may have listed some already
    rows = select(literal(to_pk), *columns).where(owner == from_pk)
    session.execute(insert(table).from_select([owner.name, *(column.name for column in columns)], rows))


def leave(session: Session, pk: int) -> str | None:
    """Take a removed dataset's rows away; if it is the last of its folder, the folder instead, and the rows stay until
    that is gone. Whoever comes later, with a list from before, finds nothing to do."""
    folder = func.coalesce(Dataset.folder, Dataset.id)
    mine = session.execute(select(folder).where(Dataset.pk == pk)).scalar_one_or_none()
    together = select(Dataset.pk).where(folder == mine).order_by(Dataset.pk).with_for_update()
    pks = list(session.execute(together).scalars())
    if pk not in pks:
        return None
    if len(pks) > 1:
        session.execute(delete(Dataset).where(Dataset.pk == pk))
        return None
    return mine
