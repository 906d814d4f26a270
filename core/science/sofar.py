"""How many labels are wrong, as far as a run that is not over yet tells: by those that were planted wrong.

What planted labels lead by is what wrong labels lead by; of right ones nothing is known but that they lead by more. At
any height t, wrong labels alone explain A(t) / W(t): the share of all labels that lead by no more, over that of the
planted ones. Where right and wrong lie apart, that is the same from low to high, their share. Where they do not yet, it
rises with the height, and at the lowest one it may still be too much by as much. Where wrong labels are always the same
mistake and are learned as right ones are, it rises too, for the lower half of the planted labels does not look like
them. So the interval reaches from below the least ratio to the most, and the half that leads least makes the estimate.

A planted label is right by chance where the given one was wrong and its true class was drawn: of K classes that befalls
a part κ of those, from 1 / (K − 1), when the network knew nothing, to half of that and a half, when it knew all. Then
W holds κr right ones, and r = q / (1 + κq) for a ratio q. They lead most of the planted ones, so no height is asked at
which they may be. They are planted after one epoch, which knows little: κ was 0.17 with 5,000 photos of ten classes.
"""

from __future__ import annotations

import numpy as np

from core.science.findings import Floats, Integers, Interval

FEWEST = 20  # planted labels below which they say nothing
HEIGHTS = np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])  # quantiles of the planted labels
HALF = 2
LEVEL, STANDARD = 0.95, 1.96
FLOOR = 0.003  # some right labels lead as little as wrong ones in every run
WIDEST = 0.5  # an interval wider than that says nothing


def noise_so_far(led: Floats, decoys: Integers, classes: int) -> Interval | None:
    """The share of wrong labels, from what every label led by so far and which of them were planted wrong."""
    planted, others = np.sort(led[decoys]), len(led) - len(decoys)
    if len(planted) < FEWEST or not others:
        return None
    least, most = 1 / (classes - 1), (1 + 1 / (classes - 1)) / 2
    ratio, _ = _ratios(led, planted, HEIGHTS)
    hit = most * _without_chance(ratio, most)[HALF]
    ratio, spread = _ratios(led, planted, HEIGHTS * (1 - hit))
    alike = ratio[HALF] / max(ratio.max(), 1 / others)
    low = max(0.0, _without_chance(np.maximum(ratio - spread, 0.0), most).min() * alike - FLOOR)
    high = _without_chance(ratio + spread, least).max()
    if high >= 1 or high - low > WIDEST:
        return None
    return Interval(float(_without_chance(ratio, least)[HALF]), float(low), float(high), LEVEL)


def _ratios(led: Floats, planted: Floats, heights: Floats) -> tuple[Floats, Floats]:  # [heights], [heights]
    """How many times the planted labels' share the others' is, at quantiles of theirs, and what luck leaves open."""
    others, count = len(led) - len(planted), np.ceil(heights * len(planted)).astype(np.int64)
    below = np.array([np.count_nonzero(led <= height) for height in planted[count - 1]]) - count
    per_label = len(planted) / count / others
    # One label more than there are, for none below is no proof that there could be none.
    luck = np.sqrt(1 / (below + 1) + (1 - count / len(planted)) / count)
    return below * per_label, STANDARD * (below + 1) * per_label * luck


def _without_chance(ratio: Floats, hit: float) -> Floats:
    """The share of wrong labels when planting hits the true class of so many of them."""
    return np.asarray(ratio / (1 + hit * ratio))
