"""Two ranked lists of the same samples, compared by the database: neither is ever read whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session, aliased

from core.store.tables import Sample, Score

KS = (10, 100, 1000, 10_000)
MOVED = 50


@dataclass(frozen=True, slots=True)
class Compared:
    """Counts; `flagged` by the one, by the other, by both."""

    sizes: tuple[int, int]
    samples: int
    rank_correlation: float | None
    overlaps: list[tuple[int, int]]
    flagged: tuple[int, int, int]


class Moved(NamedTuple):
    sample: int
    path: str
    given: int
    ranks: tuple[int, int]
    scores: tuple[float, float]


def compare(session: Session, one: int, other: int) -> Compared:
    """Two audits, by their numbers."""
    a, b = aliased(Score), aliased(Score)
    both = a.sample == b.sample, a.audit_pk == one, b.audit_pk == other
    sizes = tuple(session.execute(select(func.count()).where(Score.audit_pk == pk)).scalar_one() for pk in (one, other))
    flagged = [
        session.execute(select(func.count()).where(Score.audit_pk == pk, Score.is_issue)).scalar_one()
        for pk in (one, other)
    ]
    sums = select(
        func.count(),
        func.sum(1.0 * a.rank),
        func.sum(1.0 * b.rank),
        func.sum(1.0 * a.rank * a.rank),
        func.sum(1.0 * b.rank * b.rank),
        func.sum(1.0 * a.rank * b.rank),
        func.sum(case((and_(a.is_issue, b.is_issue), 1), else_=0)),
    ).where(*both)
    n, *moments, common = session.execute(sums).one()
    overlaps = []
    for k in KS:
        if k < min(sizes):
            first = select(func.count()).where(*both, a.rank <= k, b.rank <= k)
            overlaps.append((k, int(session.execute(first).scalar_one())))
    correlation = _correlation(n, *map(float, moments)) if n > 1 else None
    return Compared((sizes[0], sizes[1]), n, correlation, overlaps, (flagged[0], flagged[1], int(common or 0)))


def _correlation(n: int, x: float, y: float, xx: float, yy: float, xy: float) -> float | None:
    """Pearson's, from sums; of two whole rankings it is Spearman's."""
    spread = ((n * xx - x * x) * (n * yy - y * y)) ** 0.5
    return round((n * xy - x * y) / spread, 9) if spread else None


def moved(session: Session, one: int, other: int, dataset: int) -> list[Moved]:
    """The samples whose scores differ most."""
    a, b = aliased(Score), aliased(Score)
    query = (
        select(a.sample, Sample.path, a.given, a.rank, b.rank, a.score, b.score)
        .join(b, b.sample == a.sample)
        .join(Sample, (Sample.dataset_pk == dataset) & (Sample.n == a.sample))
        .where(a.audit_pk == one, b.audit_pk == other, a.score != b.score)
        .order_by(func.abs(a.score - b.score).desc(), a.sample)
        .limit(MOVED)
    )
    return [Moved(n, path, given, (r, s), (p, q)) for n, path, given, r, s, p, q in session.execute(query)]
