"""The ranked list: rows in rank order, read by keyset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.review.ranking import Wanted
from core.store.audits import Audited
from core.store.db import copy_rows
from core.store.rankings import has_in_path
from core.store.tables import Job, Judgement, Sample, Score
from core.words import DECISIONS, REASONS, VERDICTS

COLUMNS = (
    "audit_pk", "rank", "sample", "given", "suggested", "score", "is_issue", "verdict",
    "iam", "hm_weight", "aum", "tkum", "loss", "confidence", "reasons", "top", "conflict",
)  # fmt: skip
AT_ONCE = 500  # a statement has room for so many samples


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
_JUDGED = (
    select(Judgement.sample)
    .where(Judgement.dataset_pk == bindparam("dataset"), Judgement.sample == Score.sample)
    .correlate(Score)
)
_DISPUTED = _JUDGED.where(Judgement.disputed)
_AT = OF_AUDIT.where(Score.rank.in_(bindparam("ranks", expanding=True)))
_ONE = OF_AUDIT.where(Score.sample == bindparam("wanted"))


def load(session: Session, rows: Iterable[Sequence[Any]]) -> None:
    """Write an audit's ranked rows, best suspect first; together with `jobs.finish` in the caller's transaction."""
    copy_rows(session, Score, COLUMNS, rows)


def page(session: Session, audit: Job | Audited, after: int, limit: int, wanted: Wanted) -> list[Ranked]:
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
    if wanted.decision is not None:
        query = query.where(_JUDGED.where(Judgement.decision == DECISIONS.index(wanted.decision)).exists())
    if wanted.decided is not None:
        query = query.where(_JUDGED.exists() if wanted.decided else ~_JUDGED.exists())
    if wanted.disputed is not None:
        query = query.where(_DISPUTED.exists() if wanted.disputed else ~_DISPUTED.exists())
    if wanted.split is not None:
        query = query.where(Sample.split == wanted.split)
    if wanted.score_from is not None:
        query = query.where(Score.score >= wanted.score_from)
    if wanted.below is not None:
        query = query.where(Score.score < wanted.below)
    if wanted.contains is not None:
        query = query.where(has_in_path(wanted.contains))
    at = {"audit": audit.pk, "dataset": audit.dataset_pk, "after": after, "limit": limit}
    return [Ranked(*row) for row in session.connection().execute(query, at).all()]


def at_ranks(session: Session, audit: Audited, ranks: Sequence[int]) -> dict[int, Ranked]:
    """The rows of these ranks; those that the list does not have are absent."""
    at = {"audit": audit.pk, "dataset": audit.dataset_pk, "ranks": list(ranks)}
    rows = (Ranked(*row) for row in session.connection().execute(_AT, at))
    return {row.rank: row for row in rows}


def among(session: Session, audit_pk: int, samples: Sequence[int]) -> set[int]:
    """Those of the samples that the audit has."""
    found: set[int] = set()
    for start in range(0, len(samples), AT_ONCE):
        some = samples[start : start + AT_ONCE]
        query = select(Score.sample).where(Score.audit_pk == audit_pk, Score.sample.in_(some))
        found |= set(session.execute(query).scalars())
    return found


def of_sample(session: Session, audit: Job | Audited, n: int) -> Ranked | None:
    """One sample's verdict."""
    row = session.execute(_ONE, {"audit": audit.pk, "dataset": audit.dataset_pk, "wanted": n}).one_or_none()
    return None if row is None else Ranked(*row)


def of_samples(session: Session, audit: Job | Audited, samples: Iterable[int]) -> dict[int, Ranked]:
    """The verdicts on some samples, at most AT_ONCE; those that were not audited are left out."""
    wanted = OF_AUDIT.where(Score.sample.in_(set(samples)))
    rows = session.execute(wanted, {"audit": audit.pk, "dataset": audit.dataset_pk})
    return {row.sample: Ranked(*row) for row in rows}
