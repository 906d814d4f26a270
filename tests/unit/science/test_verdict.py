"""What every caller of the verdict may rely on, whatever the evidence."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.science.findings import Verdict
from core.science.verdict import Wish, judge, scores
from core.words import REASONS, VERDICTS
from tests.unit.science import make
from tests.unit.science.make import World, evidence


@pytest.fixture(scope="module")
def noisy() -> World:
    return make.world(4000, make.channel(8, 0.2))


@pytest.fixture(scope="module")
def verdict(noisy: World) -> Verdict:
    return judge(evidence(noisy), noisy.given)


def test_ranks_count_from_one_and_scores_fall_with_them(verdict: Verdict) -> None:
    order = np.argsort(verdict.rank)
    assert sorted(verdict.rank.tolist()) == list(range(1, len(order) + 1))
    for before, after in pairwise(order.tolist()):
        assert (verdict.score[before], -before) > (verdict.score[after], -after)
    assert ((verdict.score > 0) & (verdict.score < 1)).all()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-600, 600), min_size=1, max_size=60))
def test_scores_are_equal_only_for_equal_odds(odds: list[float]) -> None:
    score = scores(np.array(odds))
    assert ((score > 0) & (score < 1)).all()
    for one, its in zip(odds, score.tolist(), strict=True):
        for other, theirs in zip(odds, score.tolist(), strict=True):
            assert (one > other) == (its > theirs)


def test_scores_mean_what_they_say(noisy: World, verdict: Verdict) -> None:
    order = np.argsort(verdict.score)
    for part in np.array_split(order, 10):
        assert verdict.score[part].mean() == pytest.approx(noisy.wrong[part].mean(), abs=0.08)
    assert verdict.noise_rate.low < noisy.wrong.mean() < verdict.noise_rate.high


def test_expectations_are_kept(noisy: World, verdict: Verdict) -> None:
    flagged = verdict.is_issue
    assert verdict.expected_precision == pytest.approx(noisy.wrong[flagged].mean(), abs=0.05)
    assert verdict.expected_recall == pytest.approx(flagged[noisy.wrong].mean(), abs=0.07)
    assert (verdict.score[flagged] >= verdict.cut.score).all()
    assert (verdict.score[~flagged] < verdict.cut.score).all()


def test_a_wished_precision_is_kept(noisy: World) -> None:
    wished = judge(evidence(noisy), noisy.given, Wish(target_precision=0.95))
    assert wished.cut.chosen_by == "target-precision"
    assert wished.expected_precision is not None
    assert wished.expected_precision >= 0.95
    assert noisy.wrong[wished.is_issue].mean() >= 0.9


@pytest.mark.parametrize("budget", [1, 250, 10**9])
def test_a_review_budget_is_used_up(noisy: World, budget: int) -> None:
    wished = judge(evidence(noisy), noisy.given, Wish(review_budget=budget))
    flagged = min(budget, len(noisy.given))
    assert wished.is_issue.sum() == flagged
    assert (wished.rank[wished.is_issue] <= flagged).all()


def test_suggestions_are_other_classes_and_mostly_right(noisy: World, verdict: Verdict) -> None:
    offered = verdict.suggested >= 0
    assert (verdict.suggested[offered] != noisy.given[offered]).all()
    assert np.isnan(verdict.confidence[~offered]).all()
    sure = offered & noisy.wrong
    right = verdict.suggested[sure] == noisy.true[sure]
    assert right.mean() == pytest.approx(verdict.confidence[sure].mean(), abs=0.07)


def test_the_likeliest_classes_fall_and_hold_the_given_one_or_its_rivals(verdict: Verdict) -> None:
    assert verdict.top.shape == verdict.top_p.shape == (len(verdict.score), 5)
    assert (np.diff(verdict.top_p, axis=1) <= 1e-12).all()
    assert (verdict.top_p.sum(1) <= 1 + 1e-9).all()


def test_classes_and_transitions_add_up(noisy: World, verdict: Verdict) -> None:
    assert verdict.classes.samples.sum() == len(noisy.given)
    assert verdict.classes.flagged.sum() == verdict.is_issue.sum()
    assert verdict.transitions.count.sum() == pytest.approx(verdict.score.sum(), rel=0.02)
    assert (verdict.transitions.given != verdict.transitions.true).all()
    assert verdict.transitions.total.sum() == pytest.approx(len(noisy.given))
    assert verdict.transitions.right.sum() == pytest.approx(len(noisy.given) - verdict.score.sum(), rel=0.02)
    assert (verdict.transitions.right <= verdict.transitions.total).all()


def test_words_and_reasons_agree(verdict: Verdict) -> None:
    def has(reason: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return (verdict.reasons >> REASONS.index(reason)) & 1 == 1

    assert np.array_equal(has("two-labels-fit"), verdict.verdict == VERDICTS.index("ambiguous"))
    assert np.array_equal(has("no-label-fits"), verdict.verdict == VERDICTS.index("alien"))
    plain = ~has("two-labels-fit") & ~has("no-label-fits")
    assert np.array_equal((verdict.verdict == VERDICTS.index("wrong"))[plain], verdict.is_issue[plain])


def test_a_handful_is_ranked_but_not_flagged() -> None:
    few = make.world(12, make.channel(3, 0.3))
    verdict = judge(evidence(few), few.given)
    assert not verdict.is_issue.any()
    assert sorted(verdict.rank.tolist()) == list(range(1, 13))


def test_a_network_that_learned_nothing_accuses_nobody(noisy: World) -> None:
    dice = np.random.default_rng(3)
    log_p = np.log(dice.dirichlet(np.ones(8), len(noisy.given)))
    verdict = judge(evidence(World(make.dense(log_p), noisy.true, noisy.given)), noisy.given)
    assert verdict.degenerate == "nothing-learned"
    assert not verdict.is_issue.any()
    assert len(set(verdict.score.tolist())) == 1


def test_a_network_with_one_answer_accuses_nobody(noisy: World) -> None:
    log_p = np.log(np.full((len(noisy.given), 8), 0.01) + np.eye(8)[0] * 0.92)
    verdict = judge(evidence(World(make.dense(log_p), noisy.true, noisy.given)), noisy.given)
    assert verdict.degenerate == "collapsed"
    assert not verdict.is_issue.any()


def test_a_network_that_learned_the_decoys_by_heart_accuses_nobody(noisy: World) -> None:
    decoys = np.arange(0, 4000, 20)
    taught = (noisy.given[decoys] + 1) % 8
    log_p = np.full((4000, 8), np.log(0.01 / 7))
    shown = noisy.given.copy()
    shown[decoys] = taught
    log_p[np.arange(4000), shown] = np.log(0.99)
    found = evidence(World(make.dense(log_p), noisy.true, noisy.given), decoys=decoys, taught=taught)
    assert judge(found, noisy.given).degenerate == "memorised"


def test_decoys_say_how_well_wrong_labels_are_told_apart(noisy: World) -> None:
    decoys = np.arange(0, 4000, 20)
    found = evidence(noisy, decoys=decoys, taught=(noisy.true[decoys] + 3) % 8)
    calibration = judge(found, noisy.given).calibration
    assert calibration.decoys == len(decoys)
    assert calibration.auroc is not None and calibration.auroc > 0.8
    assert calibration.found is not None and calibration.found > 0.6


def test_a_small_set_that_was_learned_by_heart_is_judged_by_how_it_was_learned() -> None:
    given = np.arange(40) % 2
    log_p = np.log(np.where(given[:, None] == np.arange(2), 1 - 1e-6, 1e-6))
    aum = np.where(np.isin(np.arange(40), (7, 20)), -5.0, 5.0 + given)
    found = judge(evidence(World(make.dense(log_p), given, given), aum=aum), given)
    assert set(np.flatnonzero(found.is_issue)) == {7, 20}
    assert found.suggested[7] == 0 and found.suggested[20] == 1
    assert found.noise_rate.low <= 0.05 <= found.noise_rate.high
    assert found.noise_rate.high >= 0.1  # nothing tells what was learned by heart
