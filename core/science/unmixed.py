"""Beliefs about given labels, turned back towards beliefs about true classes.

A network that has learned noisy labels well believes in floors. Where one label in five is wrong at random, every
class keeps a fiftieth of even the clearest image; where four trucks in ten are labelled automobile, every truck is
believed to be one by four tenths. Doubt about an image has no such floor, for it differs from image to image. Dividing
the floors out leaves beliefs in which a label that only noise explains has almost no place.
"""

from __future__ import annotations

import numpy as np

from core.science.opinions import Floats, Opinions

SUREST, FEWEST = 0.2, 20  # of an average class's samples: who show what a class has in common
LEAST = 0.02  # quantile that stands for the least
PAIR_FLOORS = (0.3, 0.15)  # by which a floor stands above the next one of its class: where it is no doubt, and where it
# may be believed if no pair is found without. Classes that are hard to tell apart reach 0.13
KEPT = 0.05  # of a belief at least, whatever the floors say


def floors(opinions: Opinions, stands: float = PAIR_FLOORS[0]) -> tuple[float, Floats | None]:  # a rate, [K, K]
    """What the surest samples believe of other classes at the very least: of all alike, and of one that stands out.

    The first is a rate that wrong labels have at least, the median over the classes.
    """
    q = np.exp(opinions.log_p)
    if not opinions.dense:
        surest = np.argsort(-q.max(1), kind="stable")[: max(FEWEST, int(SUREST * len(q)))]
        return float(np.quantile(np.exp(opinions.log_rest()[surest]), LEAST)) * (opinions.total - 1), None
    count = min(len(q), max(FEWEST, int(SUREST * len(q) / opinions.total)))
    rates, pairs = np.zeros(opinions.total), np.zeros((opinions.total, opinions.total))
    for k in range(opinions.total):
        surest = np.argsort(-q[:, k], kind="stable")[:count]
        least = np.delete(np.quantile(q[surest], LEAST, axis=0), k)
        rates[k] = np.median(least) * len(least)
        if len(least) > 1 and least.max() >= np.sort(least)[-2] + stands:
            other = int(least.argmax())
            pairs[k, other + (other >= k)] = least.max() - np.sort(least)[-2]
    return float(np.median(rates)), pairs


def beside(rate: float, excused: float, classes: int) -> float:
    """The part of a common rate that beliefs hold when training excused some labels already."""
    drawn = rate * classes / (classes - 1)
    return max(0.0, 1 - (1 - drawn) / (1 - excused)) * (classes - 1) / classes


def unmixed(opinions: Opinions, rate: float, pairs: Floats | None) -> Opinions:
    """The beliefs without the floor of a common rate, and without those of pairs."""
    q, floor = np.exp(opinions.log_p), rate / (opinions.total - 1)
    if pairs is None:
        clear = q - floor
    else:
        rows = floor + pairs
        np.fill_diagonal(rows, 0)
        np.fill_diagonal(rows, 1 - rows.sum(1))
        clear = q @ np.linalg.inv(rows)
    p = np.maximum(clear, KEPT * q)
    left = np.zeros(len(p))
    if not opinions.dense:
        left = (opinions.total - q.shape[1]) * np.maximum(np.exp(opinions.log_rest()) - floor, 0)
    return Opinions(opinions.classes, np.log(p / (p.sum(1) + left)[:, None]), opinions.total)
