"""Datasets of the same bytes keep one set of blobs: the later one points to the folder of the earlier one.

They are twins when they were read by the same rules too. Each has rows of its own, so that either may be removed; the
folder goes with the last of them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, exists, func, insert, literal, select, update
from sqlalchemy.orm import Session, aliased

from core.store.tables import Base, Dataset, Finding, LeftOut, Sample

READ = ("format", "layout", "content_hash", "classes", "counts", "facts", "class_counts", "found", "warnings", "rules")


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


def is_alone(session: Session, pk: int) -> bool:
    """Whether no other dataset points to the folder of this one."""
    mine, other = aliased(Dataset), aliased(Dataset)
    folder, others = func.coalesce(mine.folder, mine.id), func.coalesce(other.folder, other.id)
    query = select(exists().where(mine.pk == pk, other.pk != pk, others == folder))
    return not session.execute(query).scalar_one()
