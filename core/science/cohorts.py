"""How samples of one kind are learned: what most of them show in an epoch, to hold one sample's curve against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float16]  # [samples, 3], as core.science.ledger.CURVES

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
FEWEST = 5  # samples of which something can be said
MOST = 50_000  # samples that are looked at: quantiles of so many are as good as those of all


def chosen(members: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of a cohort that are looked at, evenly spaced."""
    if len(members) <= MOST:
        return members
    return members[np.linspace(0, len(members) - 1, MOST).round().astype(np.int64)]


def bands(points: Points) -> NDArray[np.float64] | None:  # [samples, 3] -> [3, levels]
    """The quantiles of each measure; None of too few samples, or where nothing was measured."""
    if len(points) < FEWEST or bool(np.isnan(points).any()):
        return None
    return np.asarray(np.quantile(points.astype(np.float64), LEVELS, axis=0).T)
