"""The ranked list: rows in rank order, read by keyset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.spec import VERDICTS
from core.store.db import copy_rows
from core.store.tables import Job, Sample, Score

COLUMNS = (
    "audit_pk", "rank", "sample", "given", "suggested", "score", "is_issue", "verdict",
    "iam", "hm_weight", "aum", "tkum", "loss",
)  # fmt: skip


@dataclass(frozen=True)
class Filter:
    """Which of the ranked samples are wanted; labels are class numbers, None means any."""

    given: int | None = None
    suggested: int | None = None
    verdict: str | None = None
    is_issue: bool | None = None


def load(session: Session, rows: Iterable[Sequence[Any]]) -> None:
    """Write an audit's ranked rows, best suspect first; together with `jobs.finish` in the caller's transaction."""
    copy_rows(session, Score.__table__, COLUMNS, rows)  # type: ignore[arg-type]


def page(session: Session, audit: Job, after: int, limit: int, wanted: Filter) -> list[tuple[Score, Sample]]:
    """The suspects that follow rank `after`, each with its sample."""
    query = (
        select(Score, Sample)
        .join(Sample, (Sample.dataset_pk == audit.dataset_pk) & (Sample.n == Score.sample))
        .where(Score.audit_pk == audit.pk, Score.rank > after)
        .order_by(Score.rank)
        .limit(limit)
    )
    if wanted.given is not None:
        query = query.where(Score.given == wanted.given)
    if wanted.suggested is not None:
        query = query.where(Score.suggested == wanted.suggested)
    if wanted.verdict is not None:
        query = query.where(Score.verdict == VERDICTS.index(wanted.verdict))
    if wanted.is_issue is not None:
        query = query.where(Score.is_issue == wanted.is_issue)
    return [(score, sample) for score, sample in session.execute(query)]


def of_sample(session: Session, audit: Job, n: int) -> tuple[Score, Sample] | None:
    """One sample's verdict."""
    row = session.execute(
        select(Score, Sample)
        .join(Sample, (Sample.dataset_pk == audit.dataset_pk) & (Sample.n == Score.sample))
        .where(Score.audit_pk == audit.pk, Score.sample == n)
    ).one_or_none()
    return row and (row[0], row[1])
