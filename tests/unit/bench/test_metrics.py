"""The figures of the detection bench, against values computed by hand."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import metrics
from bench.ranking import precision_at

FALLING = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
WRONG = np.array([True, False, True, False, False])

rankings = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40)


def test_average_precision_and_auroc_are_those_of_the_textbook() -> None:
    assert metrics.average_precision(FALLING, WRONG) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert metrics.auroc(FALLING, WRONG) == pytest.approx(5 / 6)


def test_precision_at_n_counts_the_top() -> None:
    assert precision_at(FALLING, WRONG, 1) == 1.0
    assert precision_at(FALLING, WRONG, 2) == 0.5
    assert precision_at(FALLING, WRONG, 3) == pytest.approx(2 / 3)
    assert precision_at(FALLING, WRONG, 100) == pytest.approx(2 / 5)


def test_ties_at_the_border_count_by_their_share() -> None:
    score = np.array([3.0, 2.0, 2.0, 2.0, 1.0])
    wrong = np.array([True, True, False, False, False])
    assert precision_at(score, wrong, 2) == pytest.approx((1 + 1 / 3) / 2)


@given(rankings, st.integers(1, 50), st.randoms())
def test_precision_at_n_does_not_depend_on_the_order_of_the_file(
    ranking: list[tuple[int, bool]], n: int, chance: random.Random
) -> None:
    shuffled = list(ranking)
    chance.shuffle(shuffled)
    one, other = (
        precision_at(np.array([s for s, _ in rows], float), np.array([w for _, w in rows]), n)
        for rows in (ranking, shuffled)
    )
    assert one == pytest.approx(other) if one is not None else other is None


def test_f1_of_a_cut() -> None:
    assert metrics.f1(np.array([True, True, False, False, False]), WRONG) == pytest.approx(2 * 1 / (2 + 2))
    assert metrics.f1(np.zeros(5, bool), WRONG) == 0.0


def test_the_best_f1_is_that_of_the_best_cut() -> None:
    # Cuts after 1 … 5: F1 = 2/3, 1/2, 4/5, 2/3, 4/7.
    assert metrics.best_f1(FALLING, WRONG) == pytest.approx(4 / 5)


@given(rankings)
def test_no_cut_beats_the_best_f1(ranking: list[tuple[int, bool]]) -> None:
    score, wrong = np.array([s for s, _ in ranking], float), np.array([w for _, w in ranking])
    best = metrics.best_f1(score, wrong)
    cuts = [metrics.f1(score >= cut, wrong) for cut in np.unique(score)]
    if best is None:
        assert not wrong.any()
    else:
        assert best == pytest.approx(max(cut for cut in cuts if cut is not None))


def test_calibration_error_by_hand() -> None:
    p = np.array([0.1, 0.2, 0.8, 0.9])
    wrong = np.array([False, True, True, True])
    # Two bins: mean p .15 against 1/2 wrong, .85 against 1.
    assert metrics.calibration_error(p, wrong, bins=2) == pytest.approx((0.35 + 0.15) / 2)


def test_fifteen_bins_hold_equally_many() -> None:
    p = np.linspace(0, 1, 150)
    wrong = np.arange(150) >= 75
    by_hand = [abs(p[start : start + 10].mean() - wrong[start : start + 10].mean()) for start in range(0, 150, 10)]
    assert metrics.calibration_error(p, wrong) == pytest.approx(np.mean(by_hand))


def test_equal_probabilities_share_a_bin_wherever_they_stand() -> None:
    p = np.full(100, 0.3)
    assert metrics.calibration_error(p, np.arange(100) < 30) == pytest.approx(0.0)


def test_a_sure_and_right_probability_has_no_calibration_error() -> None:
    assert metrics.calibration_error(WRONG.astype(float), WRONG) == 0.0


def test_hard_clean_samples_are_the_last_learned_of_the_clean() -> None:
    score = np.array([0.5, 0.6, 0.1, *[0.0] * 18])
    wrong = np.array([True, *[False] * 20])
    lateness = np.array([99.0, 50.0, 49.0, *range(18)])
    # Twenty clean ones: the two latest score .6 and .1, the wrong one .5.
    assert metrics.hard_auroc(score, wrong, lateness) == pytest.approx(0.5)


def test_suggestions_are_judged_on_true_errors_only() -> None:
    truth = np.array([0, 1, 2, 3, 4])
    wrong = np.array([True, True, True, True, False])
    suggested = np.array([0, 1, 3, -1, 0])
    assert metrics.suggestion(suggested, truth, wrong) == (pytest.approx(2 / 3), pytest.approx(3 / 4))


def test_who_never_suggests_has_no_accuracy_and_covers_nothing() -> None:
    assert metrics.suggestion(np.full(5, -1), np.arange(5), WRONG) == (None, 0.0)


def test_without_wrong_labels_nothing_is_divided_by_zero() -> None:
    clean = np.zeros(5, bool)
    assert metrics.auroc(FALLING, clean) is None
    assert metrics.average_precision(FALLING, clean) is None
    assert precision_at(FALLING, clean, 0) is None
    assert metrics.f1(clean, clean) is None
    assert metrics.best_f1(FALLING, clean) is None
    assert metrics.hard_auroc(FALLING, clean, FALLING) is None
    assert metrics.suggestion(np.arange(5), np.arange(5), clean) == (None, None)
    assert metrics.calibration_error(FALLING, clean, bins=5) == pytest.approx(0.7)
    assert metrics.calibration_error(np.empty(0), np.empty(0, bool)) is None


def test_the_paired_interval_is_students() -> None:
    # Differences 1, 2, 3: mean 2, s = 1, t_{2, .975} = 4.302653.
    found = metrics.paired([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert found is not None and found.low is not None and found.high is not None
    half = 4.302653 / math.sqrt(3)
    assert (found.mean, found.low, found.high) == (2.0, pytest.approx(2 - half), pytest.approx(2 + half))


def test_one_pair_shows_no_spread_and_none_shows_nothing() -> None:
    assert metrics.paired([0.5], [0.25]) == metrics.Interval(0.25, None, None)
    assert metrics.paired([None], [0.25]) is None


def test_mean_and_spread_leave_out_what_is_not_there() -> None:
    assert metrics.mean_and_spread([1.0, None, 3.0]) == (2.0, pytest.approx(math.sqrt(2)))
    assert metrics.mean_and_spread([None]) == (None, None)
