"""Counts that a review can be planned with: right on average, wide enough, and better with every decision."""

from __future__ import annotations

import numpy as np
import pytest

from core.review.feedback import ENOUGH, NEXT, feedback
from core.review.ranking import NOTHING
from core.words import Decision
from tests.unit.review.rankings import judged, number, ranking, world


def test_nothing_judged_leaves_the_scores_as_they_are() -> None:
    made, _ = ranking()
    found = feedback(made, np.full(len(made), NOTHING, np.int8))
    assert (found.shift, found.stretch, found.precision, found.advice) == (0.0, 1.0, None, "too-few")
    assert found.errors_left.estimate == pytest.approx(made.score.sum(), rel=0.01)
    assert found.left == len(made) and found.next == NEXT


def test_the_same_decisions_give_the_same_numbers() -> None:
    made, wrong = ranking()
    said = judged(wrong, np.arange(len(made)) < 100)
    assert feedback(made, said) == feedback(made, said)


@pytest.mark.parametrize("bias", [0.0, 1.5, -1.5])
def test_the_interval_of_what_is_left_holds_the_truth_nineteen_times_in_twenty(bias: float) -> None:
    """The reviewer follows the ranking for 300 samples and looks at 100 others at random."""
    held, off, truths = 0, [], []
    for seed in range(60):
        made, wrong = ranking(5000, seed=seed, bias=bias)
        dice = np.random.default_rng(seed)
        seen = (np.arange(5000) < 300) | (dice.random(5000) < 0.02)
        found, truth = feedback(made, judged(wrong, seen)), int(wrong[~seen].sum())
        held += found.errors_left.low <= truth <= found.errors_left.high
        off.append(found.errors_left.estimate - truth)
        truths.append(truth)
    assert held >= 52
    assert abs(np.mean(off)) < max(30, 0.05 * np.mean(truths))


def test_the_intervals_hold_where_classes_are_taken_for_each_other_more_or_less_than_the_scores_say() -> None:
    """No shift or stretch can say it, and the intervals are wide enough all the same."""
    left = following = 0
    for seed in range(30):
        made, wrong = world(seed, pair_sd=1.5, samples=5000)
        seen = (np.arange(5000) < 300) | (np.random.default_rng(seed).random(5000) < 0.02)
        found = feedback(made, judged(wrong, seen))
        left += found.errors_left.low <= wrong[~seen].sum() <= found.errors_left.high
        following += found.errors_next.low <= wrong[~seen][:NEXT].sum() <= found.errors_next.high
    assert left >= 27 and following >= 26


def test_scores_that_are_too_high_are_corrected_by_what_is_found() -> None:
    made, wrong = ranking(5000, bias=2.0)
    found = feedback(made, judged(wrong, np.arange(5000) < 400))
    assert found.shift < -0.8
    untold = feedback(made, np.full(5000, NOTHING, np.int8))
    truth = int(wrong[400:600].sum())
    assert abs(found.errors_next.estimate - truth) < abs(made.score[400:600].sum() - truth)
    assert found.errors_left.high - found.errors_left.low < untold.errors_left.high - untold.errors_left.low


def test_precision_is_of_the_flagged_labels_that_were_judged() -> None:
    made, wrong = ranking()
    said = judged(wrong, made.is_issue)
    said[np.flatnonzero(made.is_issue)[:3]] = number("unsure")
    said[np.flatnonzero(~made.is_issue)[:50]] = number("keep")
    found = feedback(made, said)
    counted = said[made.is_issue]
    share = float((counted == number("relabel")).sum() / (counted != number("unsure")).sum())
    assert found.precision is not None
    assert found.precision.estimate == pytest.approx(share)
    assert found.precision.low < share < found.precision.high
    assert found.right - found.flagged_right == 50


def test_it_says_stop_when_looking_on_is_not_worth_it_and_not_before() -> None:
    made, wrong = ranking(5000)
    early = feedback(made, judged(wrong, np.arange(5000) < ENOUGH + 10))
    assert early.advice == "go-on"
    late = feedback(made, judged(wrong, np.arange(5000) < 3000))
    assert late.advice == "stop" and late.errors_next.high <= 0.05 * NEXT
    assert feedback(made, judged(wrong, np.ones(5000, bool))).advice == "stop"


@pytest.mark.parametrize("said", ["keep", "relabel"])
def test_a_reviewer_who_says_always_the_same_breaks_nothing(said: Decision) -> None:
    made, _ = ranking()
    always = np.full(len(made), number(said), np.int8)
    always[500:] = NOTHING
    found = feedback(made, always)
    assert np.isfinite([found.shift, found.stretch, found.errors_left.low, found.errors_left.high]).all()
    assert 0 <= found.errors_left.low <= found.errors_left.estimate <= found.errors_left.high <= found.left
