"""How good a ranking is, in numpy alone: for machines that have torch and little else. A high score means suspected.

Ties count as if chance broke them, as in `bench/metrics.py`, which the tests compare this with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def auroc(score: Floats, wrong: Mask) -> float | None:  # [samples], [samples]
    """P(a wrong sample scores above a right one)."""
    positives, negatives = int(wrong.sum()), int((~wrong).sum())
    if not positives or not negatives:
        return None
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = (size.cumsum() - (size - 1) / 2)[group]  # of ties, the middle one
    return float((rank[wrong].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(score: Floats, wrong: Mask) -> float | None:  # [samples], [samples]
    """Σ_k (R_k − R_{k−1}) P_k over the cuts from the top."""
    if not wrong.any() or wrong.all():
        return None
    _, group, size = np.unique(-score, return_inverse=True, return_counts=True)
    found = np.bincount(group, weights=wrong)
    precision = found.cumsum() / size.cumsum()
    return float((found / wrong.sum()) @ precision)


def precision_at(score: Floats, wrong: Mask, n: int) -> float | None:  # [samples], [samples]
    """Share of wrong labels among the n highest scores; of samples tied at the border, a share."""
    n = min(n, len(score))
    if n == 0 or not wrong.any():
        return None
    border = np.partition(score, len(score) - n)[len(score) - n]
    above, tied = score > border, score == border
    return float((wrong[above].sum() + (n - above.sum()) * wrong[tied].mean()) / n)
