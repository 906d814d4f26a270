"""Beliefs about given labels, turned back into beliefs about true classes as far as the network itself shows how.

A network that has learned noisy labels well believes in a floor: of the images that it takes for trucks, even the
surest get four tenths automobile. What the surest fifth of a class has in common, down to its least, is such a floor
and not doubt about an image, for doubt differs from image to image. Dividing the floors out leaves beliefs in which a
label that only noise explains has almost no place, so that the labels can say how much noise there is (`channel`).
"""

from __future__ import annotations

import numpy as np

from core.science.opinions import Floats, Opinions

SUREST = 0.2  # of an average class's samples
FEWEST = 20
LEAST = 0.02  # quantile that stands for the least
KEPT = 0.05  # of a belief at least, whatever the floors say


def floors(opinions: Opinions) -> Floats:  # [K, K], or [1, 1] when not every class is listed
    """What is believed of the surest samples of each class at the very least, as rows that sum to one."""
    q = np.exp(opinions.log_p)
    samples = len(q)
    if not opinions.dense:
        surest = np.argsort(-q.max(1), kind="stable")[: max(FEWEST, int(SUREST * samples))]
        return np.quantile(np.exp(opinions.log_rest()[surest]), LEAST, keepdims=True).reshape(1, 1)
    count = min(samples, max(FEWEST, int(SUREST * samples / opinions.total)))
    rows = np.empty((opinions.total, opinions.total))
    for k in range(opinions.total):
        surest = np.argsort(-q[:, k], kind="stable")[:count]
        rows[k] = np.quantile(q[surest], LEAST, axis=0)
        rows[k, k] = 0
        rows[k, k] = 1 - rows[k].sum()
    return rows


def unmixed(opinions: Opinions, rows: Floats) -> Opinions:
    """The beliefs without their floors."""
    q = np.exp(opinions.log_p)
    clear = q @ np.linalg.inv(rows) if opinions.dense else q - rows[0, 0]
    p = np.maximum(clear, KEPT * q)
    if not opinions.dense:
        left = (opinions.total - q.shape[1]) * np.maximum(np.exp(opinions.log_rest()) - rows[0, 0], 0)
        return Opinions(opinions.classes, np.log(p / (p.sum(1) + left)[:, None]), opinions.total)
    return Opinions(opinions.classes, np.log(p / p.sum(1, keepdims=True)), opinions.total)
