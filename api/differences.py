"""Two rankings of the same samples, side by side."""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy.orm import Session

from core.store import comparisons
from core.store.tables import Dataset, Job


class Overlap(BaseModel):
    """How many of the first `k` of one ranking are among the first `k` of the other."""

    k: int
    common: int
    share: float


class Moved(BaseModel):
    """A sample, and where it stands in both."""

    sample: int
    path: str
    given_label: str
    ranks: tuple[int, int]
    scores: tuple[float, float]


class Difference(BaseModel):
    """`rank_correlation` is Spearman's when both audits are of the same samples, else that of the ranks of those that
    both have; null when there are fewer than two.

    `flagged` are the labels that each flags and that both do. `moved` are the samples whose scores differ most.
    """

    audits: tuple[str, str]
    samples: int
    only: tuple[int, int]
    rank_correlation: float | None
    overlaps: list[Overlap]
    flagged: tuple[int, int, int]
    moved: list[Moved]


def difference(session: Session, one: Job, other: Job, dataset: Dataset) -> Difference:
    """How two finished audits differ."""
    found = comparisons.compare(session, one.pk, other.pk)
    classes = dataset.classes or []
    return Difference(
        audits=(one.id, other.id),
        samples=found.samples,
        only=(found.sizes[0] - found.samples, found.sizes[1] - found.samples),
        rank_correlation=found.rank_correlation,
        overlaps=[Overlap(k=k, common=common, share=round(common / k, 6)) for k, common in found.overlaps],
        flagged=found.flagged,
        moved=[
            Moved(sample=row.sample, path=row.path, given_label=classes[row.given], ranks=row.ranks, scores=row.scores)
            for row in comparisons.moved(session, one.pk, other.pk, dataset.pk)
        ],
    )
