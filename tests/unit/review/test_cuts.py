"""Cuts say what they would give: expected counts that hold, along the whole list."""

from __future__ import annotations

import numpy as np
import pytest

from core.review.cuts import cuts
from core.review.ranking import NOTHING, RIGHT
from core.words import VERDICTS
from tests.unit.review.rankings import judged, ranking


def nothing(samples: int) -> np.ndarray:
    return np.full(samples, NOTHING, np.int8)


def test_without_decisions_a_cut_gives_what_the_scores_promise() -> None:
    made, _ = ranking(5000)
    found = cuts(made, nothing(5000))
    assert 150 < len(found) < 220
    flagged = [cut.flagged for cut in found]
    assert flagged[0] == 1 and flagged[-1] == 5000 and flagged == sorted(set(flagged))
    assert sum(k < 50 for k in flagged) > 30
    for cut in found:
        top = made.score[: cut.flagged]
        assert cut.score == top[-1]
        assert cut.precision.estimate == pytest.approx(top.mean(), abs=2e-3)
        assert cut.recall is not None
        assert cut.recall.estimate == pytest.approx(top.sum() / made.score.sum(), abs=2e-3)
        assert cut.hard == (made.verdict[: cut.flagged] == VERDICTS.index("hard")).sum()
        for one in (cut.precision, cut.recall):
            assert 0 <= one.low <= one.estimate <= one.high <= 1 + 1e-9
    assert found[-1].recall is not None and found[-1].recall.low == pytest.approx(1.0)


@pytest.mark.parametrize("bias", [0.0, 1.5])
def test_the_intervals_hold_the_truth_nineteen_times_in_twenty(bias: float) -> None:
    held = np.zeros(2)
    tries = 0
    for seed in range(30):
        made, wrong = ranking(3000, seed=seed, bias=bias)
        dice = np.random.default_rng(seed)
        seen = (np.arange(3000) < 200) | (dice.random(3000) < 0.03)
        for cut in cuts(made, judged(wrong, seen))[60::40]:
            caught = int(wrong[: cut.flagged].sum())
            assert cut.recall is not None
            held += (
                cut.precision.low - 1e-9 <= caught / cut.flagged <= cut.precision.high + 1e-9,
                cut.recall.low - 1e-9 <= caught / wrong.sum() <= cut.recall.high + 1e-9,
            )
            tries += 1
    assert (held / tries > 0.9).all(), held / tries


def test_what_was_judged_is_known() -> None:
    made, wrong = ranking(1000)
    found = cuts(made, judged(wrong, np.ones(1000, bool)))
    for cut in found:
        caught = wrong[: cut.flagged].sum()
        assert cut.recall is not None
        for one, truth in ((cut.precision, caught / cut.flagged), (cut.recall, caught / wrong.sum())):
            assert (one.estimate, one.low, one.high) == pytest.approx((truth, truth, truth))
    all_right = cuts(made, np.full(1000, RIGHT[0], np.int8))
    assert {(cut.precision.high, cut.recall) for cut in all_right} == {(0.0, None)}


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_a_short_list_has_a_cut_at_every_rank(samples: int) -> None:
    made, _ = ranking(samples)
    assert [cut.flagged for cut in cuts(made, nothing(samples))] == list(range(1, samples + 1))
