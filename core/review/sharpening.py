"""Scores as decisions sharpen them, without training anew: what was found of some labels moves those like them.

The log odds of a score are corrected by a shift and a stretch, as in `feedback`, and by what was found of its verdict,
of its given class, and of the given class together with the suggested one. Each of these effects starts at none, and
how far from that they tend to be is itself learned: of a few widths, that under which the decisions are likeliest. So a
few decisions move little, and a mix-up that was over-suspected again and again sinks.

Classes, and the pairs within them, are many, but every sample has one of each. So the pairs can be taken out of the
equations of Newton's method one by one, then the classes, and seven unknowns remain, however many classes there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from core.review import orders
from core.review.feedback import SHIFT_SD, STRETCH_SD, log_odds, probability
from core.review.ranking import RIGHT, WRONG, Ranking
from core.words import VERDICTS

Floats = NDArray[np.float64]
Ranks = NDArray[np.intp]

RELUCTANCE = 3.0  # in log likelihood a unit of width: without evidence, effects are small
WIDTHS = (0.1, 0.4, 1.2)  # of the effects, before anything is known
MOST = 64.0  # log odds are held this far from 0
STEPS = 50
TABLE = 1 << 22
CLOSE = 1e-10
SMALL = 2 + len(VERDICTS)  # shift, stretch less one, and the effects of verdicts


@dataclass(frozen=True)
class Sharpened:
    """All scores as corrected, in the order of ranks, and the ranks in the order of these."""

    odds: NDArray[np.float32]  # their logarithms
    ranks: NDArray[np.uint32]

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self.odds.nbytes + self.ranks.nbytes

    def at(self, ranks: list[int]) -> list[float]:
        """The probabilities of these ranks."""
        return [float(p) for p in probability(self.odds[np.array(ranks) - 1].astype(np.float64))]


def sharpened(ranking: Ranking, decisions: NDArray[np.int8]) -> Sharpened:
    """The same decisions give the same order, everywhere. Whoever is unsure says nothing."""
    wrong = np.isin(decisions, WRONG)
    known = np.flatnonzero(wrong | np.isin(decisions, RIGHT))
    odds = log_odds(ranking.score)
    if not len(known):
        return Sharpened(odds.astype(np.float32), np.arange(1, len(ranking) + 1, dtype=np.uint32))
    codes, base = _codes(ranking)
    groups = _groups(ranking, codes, base, odds, wrong[known].astype(float), known)
    effects = _learned(groups)
    moved = np.clip(_corrected(ranking, codes, base, odds, groups, effects), -MOST, MOST)
    return Sharpened(moved.astype(np.float32), orders.falling(moved, MOST))


@dataclass(frozen=True)
class _Groups:
    """What was judged, by groups."""

    odds: Floats  # [judged]
    wrong: Floats  # [judged]
    inputs: Floats  # [SMALL, judged], of shift, stretch and verdicts
    pair: NDArray[np.intp]  # [judged], place in `pairs`
    pairs: NDArray[np.int64]  # their codes, in order
    within: NDArray[np.intp]  # [pairs], place in `classes`
    classes: NDArray[np.int64]

    def sums(self, values: Floats) -> Floats:
        """Of each pair."""
        return np.asarray(np.bincount(self.pair, values, len(self.pairs)), np.float64)

    def of_classes(self, values: Floats) -> Floats:
        """Sums over the pairs of each class."""
        return np.asarray(np.bincount(self.within, values, len(self.classes)), np.float64)


@dataclass(frozen=True)
class _Effects:
    """On log odds."""

    small: Floats  # [SMALL]
    given: Floats  # [classes]
    pair: Floats  # [pairs]

    def __sub__(self, step: _Effects) -> _Effects:
        return _Effects(self.small - step.small, self.given - step.given, self.pair - step.pair)

    def half(self) -> _Effects:
        """Half as much."""
        return _Effects(self.small / 2, self.given / 2, self.pair / 2)

    def largest(self) -> float:
        """The size of the largest."""
        return float(max(np.abs(part).max() for part in (self.small, self.given, self.pair)))


@dataclass(frozen=True)
class _Trust:
    """How precisely effects are none, before anything is known: one over the variance."""

    small: Floats  # [SMALL]
    given: float
    pair: float

    @classmethod
    def of(cls, given: float, pair: float) -> _Trust:
        """Verdicts have the width of given classes."""
        return cls(np.array([SHIFT_SD**-2, STRETCH_SD**-2] + [given**-2] * len(VERDICTS)), given**-2, pair**-2)


def _codes(ranking: Ranking) -> tuple[NDArray[np.int64], int]:
    """Given and suggested class of each rank as one number; what it is to be divided by for the given one."""
    base = int(max(ranking.suggested.max(initial=0), 0)) + 2
    return ranking.given.astype(np.int64) * base + (ranking.suggested + 1), base


def _groups(
    ranking: Ranking, codes: NDArray[np.int64], base: int, odds: Floats, wrong: Floats, known: Ranks
) -> _Groups:
    pairs, pair = np.unique(codes[known], return_inverse=True)
    classes, within = np.unique(pairs // base, return_inverse=True)
    verdicts = ranking.verdict[known] == np.arange(len(VERDICTS))[:, None]
    inputs = np.concatenate([np.ones((1, len(known))), odds[known][None], verdicts])
    return _Groups(odds[known], wrong, inputs, pair, pairs, within, classes)


def _learned(groups: _Groups) -> _Effects:
    """The effects under each pair of widths, by how likely the decisions are under it."""
    at = _Effects(np.zeros(SMALL), np.zeros(len(groups.classes)), np.zeros(len(groups.pairs)))
    found, weights = [], []
    for given, pair in product(WIDTHS, WIDTHS):
        at, evidence = _fitted(groups, _Trust.of(given, pair), at)
        found.append(at)
        weights.append(evidence - RELUCTANCE * (given + pair))
    share = np.exp(np.array(weights) - max(weights))
    share /= share.sum()
    return _Effects(*(share @ np.stack([getattr(one, name) for one in found]) for name in ("small", "given", "pair")))


def _logits(groups: _Groups, at: _Effects) -> Floats:
    return groups.odds + at.small @ groups.inputs + (at.pair + at.given[groups.within])[groups.pair]


def _cost(groups: _Groups, at: _Effects, trust: _Trust) -> float:
    """Less likely effects cost more, and so do those under which the decisions are less likely."""
    logits = _logits(groups, at)
    held = at.small @ (trust.small * at.small) + trust.given * at.given @ at.given + trust.pair * at.pair @ at.pair
    return float(np.logaddexp(0.0, logits).sum() - groups.wrong @ logits + held / 2)


def _fitted(groups: _Groups, trust: _Trust, start: _Effects) -> tuple[_Effects, float]:
    """The likeliest effects of this width, and how likely the decisions are under it: the logarithm, as Laplace
    approximates it."""
    at, cost = start, _cost(groups, start, trust)
    for _ in range(STEPS):
        step, _ = _newton(groups, at, trust)
        while (there := _cost(groups, at - step, trust)) > cost + 1e-9 and step.largest() > CLOSE:
            step = step.half()
        at, cost = at - step, there
        if step.largest() < CLOSE:
            break
    _, volume = _newton(groups, at, trust)
    free = np.log(trust.small).sum()
    free += len(groups.classes) * np.log(trust.given) + len(groups.pairs) * np.log(trust.pair)
    return at, -cost + (free - volume) / 2


def _newton(groups: _Groups, at: _Effects, trust: _Trust) -> tuple[_Effects, float]:
    """A step, and the logarithm of the determinant of the equations. Pairs are taken out first, then classes."""
    p = probability(_logits(groups, at))
    bend, off = p * (1 - p), p - groups.wrong

    pair_pair = groups.sums(bend)  # also what binds a pair to its class
    pair_small = np.stack([groups.sums(bend * one) for one in groups.inputs], axis=1)
    off_pair = groups.sums(off)
    small = (groups.inputs * bend) @ groups.inputs.T + np.diag(trust.small)
    off_small = groups.inputs @ off + trust.small * at.small
    given = groups.of_classes(pair_pair) + trust.given
    off_given = groups.of_classes(off_pair) + trust.given * at.given
    given_small = np.stack([groups.of_classes(column) for column in pair_small.T], axis=1)
    off_pair = off_pair + trust.pair * at.pair

    own = pair_pair + trust.pair
    share = pair_pair / own
    off_given = off_given - groups.of_classes(share * off_pair)
    off_small = off_small - pair_small.T @ (off_pair / own)
    given = given - groups.of_classes(share * pair_pair)
    given_small = given_small - np.stack([groups.of_classes(share * column) for column in pair_small.T], axis=1)
    small = small - (pair_small / own[:, None]).T @ pair_small

    off_small = off_small - given_small.T @ (off_given / given)
    small = small - (given_small / given[:, None]).T @ given_small

    step_small = np.asarray(np.linalg.solve(small, off_small), np.float64)
    step_given = (off_given - given_small @ step_small) / given
    step_pair = (off_pair - pair_small @ step_small - pair_pair * step_given[groups.within]) / own
    volume = np.log(own).sum() + np.log(given).sum() + np.linalg.slogdet(small)[1]
    return _Effects(step_small, step_given, step_pair), float(volume)


def _corrected(
    ranking: Ranking, codes: NDArray[np.int64], base: int, odds: Floats, groups: _Groups, effects: _Effects
) -> Floats:
    """The log odds of all ranks. Groups of which nothing was judged have no effect of their own."""
    verdicts = effects.small[2:]
    given = np.zeros(int(codes.max()) // base + 1)
    given[groups.classes] = effects.given
    pair = _looked_up(groups.pairs, effects.pair, codes)
    small = effects.small[0] + (1 + effects.small[1]) * odds
    return np.asarray(small + verdicts[ranking.verdict] + given[ranking.given] + pair)


def _looked_up(pairs: NDArray[np.int64], values: Floats, codes: NDArray[np.int64]) -> Floats:
    """The value of each code, 0 where it has none. A table is four times as fast as a search, and large with many
    classes."""
    if (most := int(codes.max())) < TABLE:
        table = np.zeros(most + 1)
        table[pairs] = values
        return table[codes]
    place = np.minimum(np.searchsorted(pairs, codes), len(pairs) - 1)
    return np.where(pairs[place] == codes, values[place], 0.0)
