"""How good a ranking, a cut, a probability and a suggestion are. A high score means suspected.

What cannot be said is None: there is no ranking to judge where no label is wrong, and no cut where nothing is cut.
Ties count as if chance broke them, so no figure depends on the order of a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

BINS = 15
HARD_SHARE = 0.1  # of the clean samples
LEVEL = 0.95


class Interval(NamedTuple):
    """A mean difference and where it may lie; one pair of runs shows no spread."""

    mean: float
    low: float | None
    high: float | None


def auroc(score: Floats, wrong: Mask) -> float | None:  # [samples], [samples]
    """P(a wrong sample scores above a right one)."""
    return float(roc_auc_score(wrong, score)) if _both(wrong) else None


def average_precision(score: Floats, wrong: Mask) -> float | None:  # [samples], [samples]
    """Σ_k (R_k − R_{k−1}) P_k over the cuts from the top."""
    return float(average_precision_score(wrong, score)) if _both(wrong) else None


def f1(flagged: Mask, wrong: Mask) -> float | None:  # [samples], [samples]
    """2 TP / (flagged + wrong)."""
    if not wrong.any():
        return None
    return float(2 * (flagged & wrong).sum() / (flagged.sum() + wrong.sum()))


def best_f1(score: Floats, wrong: Mask) -> float | None:  # [samples], [samples]
    """The highest F1 that any cut of this ranking reaches."""
    if not wrong.any():
        return None
    precision, recall, _ = precision_recall_curve(wrong, score)
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-300)).max())


def calibration_error(p: Floats, wrong: Mask, bins: int = BINS) -> float | None:  # [samples], [samples]
    """ECE = Σ_b n_b/n |mean p − share wrong| over bins of equal mass; equal probabilities share a bin."""
    n = len(p)
    if n == 0:
        return None
    bin_of = np.searchsorted(np.sort(p), p, side="left") * min(bins, n) // n
    claimed, true = np.bincount(bin_of, weights=p), np.bincount(bin_of, weights=wrong)
    return float(np.abs(claimed - true).sum() / n)


def hard_auroc(score: Floats, wrong: Mask, lateness: Floats) -> float | None:  # [samples] each
    """AUROC of the wrong samples against the hard clean ones: the tenth of the clean that is learned last."""
    clean = np.flatnonzero(~wrong)
    if not _both(wrong):
        return None
    latest = clean[np.argsort(-lateness[clean], kind="stable")[: max(1, round(HARD_SHARE * len(clean)))]]
    among = np.concatenate([np.flatnonzero(wrong), latest])
    return auroc(score[among], wrong[among])


def suggestion(suggested: Integers, truth: Integers, wrong: Mask) -> tuple[float | None, float | None]:
    """Of the true errors: the share of the suggestions that are right, the share that has one (−1 abstains)."""
    given = suggested[wrong] >= 0
    if not wrong.any():
        return None, None
    given, right = suggested[wrong] >= 0, (suggested == truth)[wrong]
    return (float(right[given].mean()) if given.any() else None), float(given.mean())


def mean_and_spread(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Mean and sample standard deviation of what there is."""
    known = [value for value in values if value is not None]
    if not known:
        return None, None
    return float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else None


def paired(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Interval | None:
    """The t-interval of the mean of ours − theirs, run by run: d̄ ± t_{n−1} s_d / √n."""
    pairs = zip(ours, theirs, strict=True)
    differences = [mine - other for mine, other in pairs if mine is not None and other is not None]
    mean, spread = mean_and_spread(differences)
    if mean is None or spread is None:
        return None if mean is None else Interval(mean, None, None)
    n = len(differences)
    half = float(student.ppf((1 + LEVEL) / 2, n - 1)) * spread / sqrt(n)
    return Interval(mean, mean - half, mean + half)


def _both(wrong: Mask) -> bool:
    return bool(wrong.any() and not wrong.all())
