"""What flagging more labels, or fewer, would give: expected precision and recall along the ranked list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.review.feedback import DRAWS, HIGH, LOW, Range, corrections, log_odds, probability
from core.review.ranking import RIGHT, WRONG, Ranking
from core.words import VERDICTS

CLOSE, EVEN = 140, 60  # points that lie close at the top, and such as are as far from each other everywhere
STRETCHES = 2000  # in which scores are taken as one: finer than the points

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """The first `flagged` ranks, `score` being that of the last. Of those, `hard` are right but difficult, says the
    verdict: who drops what is flagged drops them too. `recall` is None where no label is expected to be wrong."""

    flagged: int
    score: float
    precision: Range
    recall: Range | None
    hard: int


def cuts(ranking: Ranking, decisions: NDArray[np.int8]) -> list[Cut]:
    """About two hundred, the shortest first. What was judged is known, the rest follows from corrected scores."""
    if not len(ranking):
        return []
    points = _points(len(ranking))
    ends = np.unique(np.concatenate([points, np.linspace(1, len(ranking), STRETCHES).astype(np.int64)]))
    wrong = np.isin(decisions, WRONG)
    open = ~(wrong | np.isin(decisions, RIGHT))
    fit, dice = corrections(ranking, decisions), np.random.default_rng(0)
    draws = dice.multivariate_normal(fit.mean, fit.covariance, DRAWS)

    counts = _sums(open, ends)
    centres = _sums(np.where(open, log_odds(ranking.score), 0.0), ends) / np.maximum(counts, 1)
    known = _sums(wrong, ends)
    p = probability(centres + draws[:, :1] + draws[:, 1:] * centres)
    spread = np.sqrt(p * (1 - p) * counts) * dice.standard_normal(p.shape)
    at = np.searchsorted(ends, points)
    least = np.cumsum(known)
    drawn = np.clip(least + np.cumsum(p * counts + spread, axis=1), least, least + np.cumsum(counts))
    expected = np.cumsum(known + probability(centres + fit.mean[0] + fit.mean[1] * centres) * counts)

    precision = _ranges(expected[at] / points, drawn[:, at] / points)
    recall: list[Range] | list[None] = [None] * len(points)
    if expected[-1] > 0:
        shares = drawn[:, at] / np.maximum(drawn[:, -1:], 1e-9)
        recall = _ranges(expected[at] / expected[-1], np.minimum(shares, 1.0))
    hard = np.cumsum(ranking.verdict == VERDICTS.index("hard"))[points - 1]
    return [
        Cut(int(k), float(ranking.score[k - 1]), precision[n], recall[n], int(hard[n])) for n, k in enumerate(points)
    ]


def _points(samples: int) -> NDArray[np.int64]:
    close = np.geomspace(1, samples, CLOSE)
    even = np.linspace(1, samples, EVEN)
    return np.unique(np.rint(np.concatenate([close, even])).astype(np.int64))


def _sums(values: NDArray[np.bool_] | Floats, ends: NDArray[np.int64]) -> Floats:
    """Of each stretch up to an end."""
    return np.asarray(np.add.reduceat(values.astype(np.float64), np.concatenate([[0], ends[:-1]])))


def _ranges(estimates: Floats, drawn: Floats) -> list[Range]:
    low, high = np.quantile(drawn, (LOW, HIGH), axis=0)
    low, high = np.minimum(low, estimates), np.maximum(high, estimates)
    return [Range(*map(float, one)) for one in zip(estimates, low, high, strict=True)]
