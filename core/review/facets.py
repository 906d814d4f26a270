"""How many samples each further choice of a filter would leave.

A facet counts under all choices but its own, so that it shows what another choice in its place would give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.review.ranking import NOTHING, Judged, Ranking, Wanted, both
from core.spec import SPLITS
from core.words import DECISIONS, REASONS, VERDICTS

DECISION = ("decision", "decided")  # two ways to ask for one thing
BINS = 20  # of scores

EDGES = np.arange(BINS + 1) / BINS


@dataclass(frozen=True)
class Facets:
    """Counts by class number, by the order of words, and by no and yes."""

    total: int
    given: NDArray[np.int64]
    suggested: NDArray[np.int64]
    unsuggested: int
    pairs: list[tuple[int, int, int]]  # given, suggested, how many: the most frequent first
    verdict: list[int]
    reason: list[int]
    is_issue: list[int]
    conflict: list[int]
    decision: list[int]
    undecided: int
    disputed: list[int]
    split: list[int]
    unsplit: int
    score: list[int]  # by `BINS` equal steps from 0 to 1


def facets(ranking: Ranking, judged: Judged, wanted: Wanted, classes: int, most_pairs: int) -> Facets:
    """All of them at once."""
    masks = wanted.masks(ranking, judged)

    def but(*names: str) -> NDArray[np.bool_]:
        return both(ranking, [mask for name, mask in masks.items() if name not in names])

    suggested = ranking.suggested[but("suggested")]
    decided = judged.decision[but(*DECISION)]
    split = ranking.split[but("split")]
    reasons = ranking.reasons[but("reason")]
    return Facets(
        total=int(but().sum()),
        given=np.bincount(ranking.given[but("given")], minlength=classes),
        suggested=np.bincount(suggested[suggested != NOTHING], minlength=classes),
        unsuggested=int((suggested == NOTHING).sum()),
        pairs=_pairs(ranking, but("given", "suggested"), classes, most_pairs),
        verdict=np.bincount(ranking.verdict[but("verdict")], minlength=len(VERDICTS)).tolist(),
        reason=[int((reasons >> k & 1).sum()) for k in range(len(REASONS))],
        is_issue=np.bincount(ranking.is_issue[but("is_issue")], minlength=2).tolist(),
        conflict=np.bincount(ranking.conflict[but("conflict")], minlength=2).tolist(),
        decision=np.bincount(decided[decided != NOTHING], minlength=len(DECISIONS)).tolist(),
        undecided=int((decided == NOTHING).sum()),
        disputed=np.bincount(judged.disputed[but("disputed")], minlength=2).tolist(),
        split=np.bincount(split[split != NOTHING], minlength=len(SPLITS)).tolist(),
        unsplit=int((split == NOTHING).sum()),
        score=_by_score(ranking, but("score")),
    )


def _by_score(ranking: Ranking, where: NDArray[np.bool_]) -> list[int]:
    """How many lie between two edges: scores fall with rank, so these are stretches of the list."""
    ends = np.searchsorted(-ranking.score, -EDGES, side="right")  # as far as scores reach an edge
    ends[-1] = 0  # 1 is below the last one too
    counts = np.concatenate([[0], np.cumsum(where)])[ends]
    return [int(one) for one in counts[:-1] - counts[1:]]


def _pairs(ranking: Ranking, where: NDArray[np.bool_], classes: int, most: int) -> list[tuple[int, int, int]]:
    """Which class is taken for which, and how often."""
    where = where & (ranking.suggested != NOTHING)
    codes, counts = np.unique(
        ranking.given[where].astype(np.int64) * classes + ranking.suggested[where], return_counts=True
    )
    order = np.lexsort((codes, -counts))[:most]
    return [(int(codes[k] // classes), int(codes[k] % classes), int(counts[k])) for k in order]
