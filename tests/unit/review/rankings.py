"""Rankings to look at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.review.feedback import log_odds, probability
from core.review.ranking import NOTHING, Judged, Ranking
from core.words import DECISIONS, SOURCES, Decision, Source


def ranking(
    samples: int = 1000, classes: int = 4, seed: int = 0, bias: float = 0.0
) -> tuple[Ranking, NDArray[np.bool_]]:
    """One with scores that are off by `bias` in log odds, and which labels are wrong in truth."""
    dice = np.random.default_rng(seed)
    odds = np.sort(dice.normal(-3.0, 3.0, samples))[::-1]
    score = 1 / (1 + np.exp(-odds))
    wrong = dice.random(samples) < 1 / (1 + np.exp(-(odds - bias)))
    given = dice.integers(0, classes, samples)
    suggested = np.where(score > 0.3, (given + dice.integers(1, classes, samples)) % classes, NOTHING)
    made = Ranking(
        sample=dice.permutation(samples).astype(np.int32),
        given=given.astype(np.int32),
        suggested=suggested.astype(np.int32),
        verdict=np.where(score > 0.5, 2, dice.integers(0, 2, samples)).astype(np.int8),
        is_issue=score > 0.5,
        reasons=dice.integers(0, 128, samples).astype(np.int32),
        conflict=dice.random(samples) < 0.1,
        split=dice.integers(NOTHING, 3, samples).astype(np.int8),
        score=score,
        confidence=np.where(suggested == NOTHING, np.nan, 0.9),
    )
    return made, wrong


def world(
    seed: int, over_suspected: float = 0.0, pair_sd: float = 0.0, samples: int = 6000
) -> tuple[Ranking, NDArray[np.bool_]]:
    """Scores that are right on average. Labels 0 that are taken for 2 are suspected too much, and beside that each
    pair of classes has an effect of its own."""
    made, _ = ranking(samples, 6, seed)
    dice = np.random.default_rng(seed + 1000)
    near = (made.given + 1 + dice.geometric(0.5, samples) % 5) % 6
    made = replace(made, suggested=np.where(made.score > 0.1, near, NOTHING).astype(np.int32))
    odds = log_odds(made.score) + dice.normal(0, pair_sd, (6, 7))[made.given, made.suggested]
    odds -= over_suspected * the_pair(made)
    return made, dice.random(samples) < probability(odds)


def the_pair(made: Ranking) -> NDArray[np.bool_]:
    """Where it is."""
    return (made.given == 0) & (made.suggested == 2)


def judged(wrong: NDArray[np.bool_], where: NDArray[np.bool_]) -> NDArray[np.int8]:
    """What a reviewer who is always right says of the labels there."""
    said = np.full(len(wrong), NOTHING, np.int8)
    keep, relabel = number("keep"), number("relabel")
    said[where] = np.where(wrong[where], relabel, keep)
    return said


def so_far(decision: NDArray[np.int8], source: Source = "list") -> Judged:
    """Decisions that came in one way; nobody differs, and no suggestion was taken."""
    no = np.zeros(len(decision), bool)
    return Judged(decision, np.where(decision == NOTHING, NOTHING, SOURCES.index(source)).astype(np.int8), no, no)


def number(decision: Decision) -> int:
    return DECISIONS.index(decision)
