"""The ranked list: rows in rank order, read by keyset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.store.audits import Audited
from core.store.db import copy_rows
from core.store.tables import Job, Sample, Score
from core.words import REASONS, VERDICTS, Reason, VerdictWord

COLUMNS = (
    "audit_pk", "rank", "sample", "given", "suggested", "score", "is_issue", "verdict",
    "iam", "hm_weight", "aum", "tkum", "loss", "confidence", "reasons", "top", "conflict",
)  # fmt: skip


class Ranked(NamedTuple):
    """A row of the ranked list, and what its sample is called."""

    rank: int
    sample: int
    given: int
    suggested: int
    score: float
    is_issue: bool
    verdict: int
    iam: float
    hm_weight: float
    aum: float
    tkum: float
    loss: float
    confidence: float | None
    reasons: int
    top: bytes | None
    conflict: int | None
    path: str
    split: str | None


# Plain columns, for a page of entities costs several times as much; built once, for building takes as long as reading.
OF_AUDIT = (
    select(*(getattr(Score if name in COLUMNS else Sample, name) for name in Ranked._fields))
    .join_from(Score, Sample, (Sample.dataset_pk == bindparam("dataset")) & (Sample.n == Score.sample))
    .where(Score.audit_pk == bindparam("audit"))
)
_PAGE = OF_AUDIT.where(Score.rank > bindparam("after")).order_by(Score.rank).limit(bindparam("limit"))
_ONE = OF_AUDIT.where(Score.sample == bindparam("wanted"))


@dataclass(frozen=True)
class Filter:
    """Which of the ranked samples are wanted; labels are class numbers, None means any."""

    given: int | None = None
    suggested: int | None = None
    verdict: VerdictWord | None = None
    is_issue: bool | None = None
    conflict: bool | None = None
    reason: Reason | None = None


def load(session: Session, rows: Iterable[Sequence[Any]]) -> None:
    """Write an audit's ranked rows, best suspect first; together with `jobs.finish` in the caller's transaction."""
    copy_rows(session, Score, COLUMNS, rows)


def page(session: Session, audit: Job | Audited, after: int, limit: int, wanted: Filter) -> list[Ranked]:
    """The suspects that follow rank `after`."""
    query = _PAGE
    if wanted.given is not None:
        query = query.where(Score.given == wanted.given)
    if wanted.suggested is not None:
        query = query.where(Score.suggested == wanted.suggested)
    if wanted.verdict is not None:
        query = query.where(Score.verdict == VERDICTS.index(wanted.verdict))
    if wanted.is_issue is not None:
        query = query.where(Score.is_issue == wanted.is_issue)
    if wanted.conflict is not None:
        query = query.where(Score.conflict.is_not(None) if wanted.conflict else Score.conflict.is_(None))
    if wanted.reason is not None:
        query = query.where(Score.reasons.bitwise_and(1 << REASONS.index(wanted.reason)) != 0)
    at = {"audit": audit.pk, "dataset": audit.dataset_pk, "after": after, "limit": limit}
    return [Ranked(*row) for row in session.connection().execute(query, at).all()]


def of_sample(session: Session, audit: Job | Audited, n: int) -> Ranked | None:
    """One sample's verdict."""
    row = session.execute(_ONE, {"audit": audit.pk, "dataset": audit.dataset_pk, "wanted": n}).one_or_none()
    return None if row is None else Ranked(*row)
