"""What decisions teach about scores: how right the ranking is so far, how many errors are left, and when to stop.

A score is a probability. Decisions correct it by a shift and a stretch of its log odds, which start at none and are
moved by what was found; how far they may be off is carried along into every count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.review.ranking import NOTHING, RIGHT, WRONG, Ranking

Advice = Literal["go-on", "stop", "too-few"]
Action = Literal["accept", "keep", "exclude"]  # what may be decided of many at once

SHIFT_SD, STRETCH_SD = 1.0, 0.25  # of the corrections, before anything is known
LIMIT = 1e-6  # scores are held this far from 0 and 1: nobody is surer
DRAWS, FEW_DRAWS = 400, 100
BINS = 1024
LOW, HIGH = 0.025, 0.975
ENOUGH = 50  # decisions, before anything is advised
NEXT = 200
NOT_WORTH = 0.05  # of the next ones: with fewer errors than that, looking on is not worth it
STEPS = 50


@dataclass(frozen=True)
class Range:
    """An estimate and its interval of 95 %."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Feedback:
    """Where a review stands. `precision` is of the flagged labels that were judged: how many were wrong."""

    right: int
    wrong: int
    flagged_right: int
    flagged_wrong: int
    precision: Range | None
    left: int
    errors_left: Range
    next: int
    errors_next: Range
    advice: Advice
    shift: float
    stretch: float


def feedback(ranking: Ranking, decisions: NDArray[np.int8]) -> Feedback:
    """All of it; the same decisions give the same numbers."""
    right, wrong = np.isin(decisions, RIGHT), np.isin(decisions, WRONG)
    odds, fit = log_odds(ranking.score), corrections(ranking, decisions)
    dice = np.random.default_rng(0)
    draws = dice.multivariate_normal(fit.mean, fit.covariance, DRAWS)
    open = odds[decisions == NOTHING]
    following = open[:NEXT]
    errors_next = _errors(following, fit.mean, draws, dice)
    flagged_right, flagged_wrong = int((right & ranking.is_issue).sum()), int((wrong & ranking.is_issue).sum())
    return Feedback(
        right=int(right.sum()),
        wrong=int(wrong.sum()),
        flagged_right=flagged_right,
        flagged_wrong=flagged_wrong,
        precision=share(flagged_wrong, flagged_right, dice),
        left=len(open),
        errors_left=_errors(open, fit.mean, draws, dice),
        next=len(following),
        errors_next=errors_next,
        advice=_advice(int((right | wrong).sum()), len(following), errors_next),
        shift=float(fit.mean[0]),
        stretch=float(1.0 + fit.mean[1]),
    )


def expected_wrong(ranking: Ranking, decisions: NDArray[np.int8], chosen: NDArray[np.intp], action: Action) -> Range:
    """How many of these samples a decision would do wrong by, without anybody having looked: to keep a label that is
    wrong, to drop a sample whose label is right, to put a label in its place that is not the right one."""
    if not len(chosen):
        return Range(0.0, 0.0, 0.0)
    fit, dice = corrections(ranking, decisions), np.random.default_rng(0)
    odds, confidence = log_odds(ranking.score[chosen]), ranking.confidence[chosen]

    def missed(at: NDArray[np.float64]) -> NDArray[np.float64]:
        wrong = probability(odds + at[0] + at[1] * odds)
        if action == "keep":
            return wrong
        return 1 - wrong * (confidence if action == "accept" else 1.0)

    drawn = []
    for at in dice.multivariate_normal(fit.mean, fit.covariance, FEW_DRAWS):
        p = missed(at)
        drawn.append(p.sum() + np.sqrt((p * (1 - p)).sum()) * dice.standard_normal())
    low, high = np.quantile(np.clip(drawn, 0, len(chosen)), (LOW, HIGH))
    estimate = float(missed(fit.mean).sum())
    return Range(estimate, float(min(low, estimate)), float(max(high, estimate)))


@dataclass(frozen=True)
class Fit:
    """What decisions correct, and how sure that is."""

    mean: NDArray[np.float64]  # shift; stretch less one
    covariance: NDArray[np.float64]


def corrections(ranking: Ranking, decisions: NDArray[np.int8]) -> Fit:
    """Of log odds, by the decisions so far. Whoever is unsure says nothing."""
    wrong = np.isin(decisions, WRONG)
    known = wrong | np.isin(decisions, RIGHT)
    return _fitted(log_odds(ranking.score[known]), wrong[known].astype(float))


def log_odds(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of probabilities."""
    held = np.clip(score, LIMIT, 1 - LIMIT)
    return np.asarray(np.log(held / (1 - held)))


def _fitted(odds: NDArray[np.float64], wrong: NDArray[np.float64]) -> Fit:
    """The likeliest corrections and how sure they are, by Newton's method; steps are halved where they overshoot."""
    inputs = np.stack([np.ones_like(odds), odds], axis=1)
    trust = np.diag([SHIFT_SD**-2, STRETCH_SD**-2])

    def cost(at: NDArray[np.float64]) -> float:
        logits = odds + inputs @ at
        return float(np.logaddexp(0.0, logits).sum() - wrong @ logits + 0.5 * at @ trust @ at)

    at = np.zeros(2)
    for _ in range(STEPS):
        p = probability(odds + inputs @ at)
        slope = inputs.T @ (p - wrong) + trust @ at
        bend = inputs.T @ (inputs * (p * (1 - p))[:, None]) + trust
        step = np.linalg.solve(bend, slope)
        while cost(at - step) > cost(at) + 1e-9 and np.abs(step).max() > 1e-9:
            step = step / 2
        at = at - step
        if np.abs(step).max() < 1e-9:
            break
    p = probability(odds + inputs @ at)
    bend = inputs.T @ (inputs * (p * (1 - p))[:, None]) + trust
    return Fit(at, np.asarray(np.linalg.inv(bend), np.float64))


def _errors(
    odds: NDArray[np.float64], mean: NDArray[np.float64], draws: NDArray[np.float64], dice: np.random.Generator
) -> Range:
    """How many of these are wrong: each may be or not, and the corrections may be off. Like odds are taken together,
    so that a million take no longer than a thousand."""
    if not len(odds):
        return Range(0.0, 0.0, 0.0)
    counts, edges = np.histogram(odds, BINS if len(odds) > BINS else max(1, len(odds)))
    sums, _ = np.histogram(odds, edges, weights=odds)
    held = counts > 0
    counts, centres = counts[held], sums[held] / counts[held]
    p = probability(centres + draws[:, :1] + draws[:, 1:] * centres)
    expected, spread = p @ counts, np.sqrt((p * (1 - p)) @ counts)
    drawn = np.clip(expected + spread * dice.standard_normal(len(draws)), 0, len(odds))
    low, high = np.quantile(drawn, (LOW, HIGH))
    estimate = float(probability(centres + mean[0] + mean[1] * centres) @ counts)
    return Range(estimate, float(min(low, estimate)), float(max(high, estimate)))


def share(wrong: int, right: int, dice: np.random.Generator) -> Range | None:
    """A share with Jeffreys' interval."""
    if wrong + right == 0:
        return None
    low, high = np.quantile(dice.beta(wrong + 0.5, right + 0.5, 20_000), (LOW, HIGH))
    estimate = wrong / (wrong + right)
    return Range(estimate, float(min(low, estimate)), float(max(high, estimate)))


def _advice(known: int, following: int, errors: Range) -> Advice:
    if following == 0:
        return "stop"
    if known < ENOUGH:
        return "too-few"
    return "stop" if errors.high <= NOT_WORTH * following else "go-on"


def probability(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of log odds."""
    return np.asarray(1 / (1 + np.exp(-logits)))
