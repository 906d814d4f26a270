"""Conflicts of an audit: groups of samples with the same content and different labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.audits import Audited
from core.store.db import copy_rows
from core.store.scores import OF_AUDIT, Ranked
from core.store.tables import Conflict, Job, Score

COLUMNS = ("audit_pk", "number", "favoured", "size")
SHOWN = 20  # samples of a group at most: one picture may stand for thousands that could not be had


@dataclass(frozen=True)
class Group:
    """A conflict, with its most suspect samples."""

    number: int
    favoured: int  # class number, −1 where undecided
    size: int
    samples: list[Ranked]


def load(session: Session, rows: Iterable[Sequence[Any]]) -> None:
    """Write an audit's groups, in the transaction of its scores."""
    copy_rows(session, Conflict, COLUMNS, rows)


def page(session: Session, audit: Job | Audited, after: int, limit: int) -> list[Group]:
    """The conflicts that follow group `after`."""
    wanted = select(Conflict).where(Conflict.audit_pk == audit.pk, Conflict.number > after)
    groups = list(session.execute(wanted.order_by(Conflict.number).limit(limit)).scalars())
    if not groups:
        return []
    place = func.row_number().over(partition_by=Score.conflict, order_by=Score.rank).label("place")
    members = (
        select(Score.rank, place)
        .where(Score.audit_pk == audit.pk, Score.conflict.between(groups[0].number, groups[-1].number))
        .subquery()
    )
    shown = OF_AUDIT.join(members, (members.c.rank == Score.rank) & (members.c.place <= SHOWN))
    at = {"audit": audit.pk, "dataset": audit.dataset_pk}
    rows = [Ranked(*row) for row in session.execute(shown.order_by(Score.conflict, Score.rank), at)]
    samples = {number: list(found) for number, found in groupby(rows, lambda row: row.conflict)}
    return [Group(group.number, group.favoured, group.size, samples.get(group.number, [])) for group in groups]
