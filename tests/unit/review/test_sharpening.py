"""Decisions move the scores of labels like those that were judged, by as much as they are evidence for, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.review import sharpening
from core.review.feedback import SHIFT_SD, STRETCH_SD, log_odds, probability
from core.review.ranking import NOTHING, Ranking
from core.review.sharpening import Sharpened, sharpened
from core.words import VERDICTS
from tests.unit.review.rankings import judged, number, the_pair, world

FIRST = 400


def after(first: int, made: Ranking, wrong: NDArray[np.bool_]) -> tuple[Sharpened, NDArray[np.intp]]:
    """What follows from the first ranks; the others in the new order, as places."""
    found = sharpened(made, judged(wrong, np.arange(len(made)) < first))
    order = found.ranks.astype(np.intp) - 1
    return found, order[order >= first]


def average_precision(wrong: NDArray[np.bool_]) -> float:
    return float((wrong * np.cumsum(wrong) / np.arange(1, len(wrong) + 1)).sum() / wrong.sum())


def gained(first: int, made: Ranking, wrong: NDArray[np.bool_]) -> float:
    """By how much the rest of the list is better in the new order."""
    return average_precision(wrong[after(first, made, wrong)[1]]) - average_precision(wrong[first:])


def test_without_decisions_everything_stays_as_it_is() -> None:
    made, _ = world(0)
    for said in (NOTHING, number("unsure")):
        found = sharpened(made, np.full(len(made), said, np.int8))
        assert found.ranks.tolist() == list(range(1, len(made) + 1))
        assert found.at([1, 17]) == pytest.approx(made.score[[0, 16]], rel=1e-5)


def test_a_pair_that_is_suspected_too_much_sinks_once_some_of_it_was_judged() -> None:
    made, wrong = world(1, over_suspected=4.0)
    found, order = after(FIRST, made, wrong)
    of_it = np.flatnonzero(the_pair(made))
    judged_of_it, rest = of_it[of_it < FIRST], of_it[of_it >= FIRST]
    assert 5 < len(judged_of_it) < 60
    place = np.empty(len(made), int)
    place[order] = np.arange(FIRST, len(made))
    likely = rest[made.score[rest] > 0.3]
    assert (place[likely] - likely).mean() > 100
    assert np.mean(found.at((likely + 1).tolist())) < 0.4 * made.score[likely].mean()
    others = np.flatnonzero((made.given == 3) & (made.score > 0.3))
    assert np.mean(found.at((others + 1).tolist())) > 0.9 * made.score[others].mean()


def test_the_rest_of_the_list_gets_better_where_pairs_have_effects() -> None:
    one_pair = [gained(100, *world(seed, over_suspected=4.0)) for seed in range(12)]
    all_pairs = [gained(FIRST, *world(seed, pair_sd=1.5)) for seed in range(12)]
    assert np.mean(one_pair) > 0.01 and np.mean(all_pairs) > 0.03
    assert min(all_pairs) > -0.005


@pytest.mark.parametrize("first", [10, 100, FIRST])
def test_a_world_without_effects_gets_no_worse(first: int) -> None:
    """Of an average precision of .6 and more, chance costs at most half a hundredth."""
    changes = [gained(first, *world(seed)) for seed in range(12)]
    assert np.mean(changes) > -0.005


def test_little_evidence_moves_little() -> None:
    made, _ = world(3)
    one = np.full(len(made), NOTHING, np.int8)
    doubtful = np.flatnonzero(the_pair(made) & (made.score < 0.5))[0]
    one[doubtful] = number("keep")
    moved = log_odds(made.score) - sharpened(made, one).odds
    assert 0 < moved[doubtful] < 0.5
    alike = np.abs(made.score - made.score[doubtful]) < 0.01
    assert moved[alike & ~the_pair(made)].max() < moved[alike & the_pair(made)].min()


def test_what_was_solved_group_by_group_is_the_solution() -> None:
    """Newton's step against the same equations written out."""
    made, wrong = world(4, pair_sd=1.0, samples=600)
    known = np.arange(300)
    codes, base = sharpening._codes(made)
    odds = log_odds(made.score)
    groups = sharpening._groups(made, codes, base, odds, wrong[known].astype(float), known)
    trust = sharpening._Trust.of(0.4, 1.2)
    dice = np.random.default_rng(0)
    at = sharpening._Effects(
        dice.normal(size=sharpening.SMALL), dice.normal(size=len(groups.classes)), dice.normal(size=len(groups.pairs))
    )
    step, volume = sharpening._newton(groups, at, trust)

    given = np.eye(len(groups.classes))[groups.within[groups.pair]]
    inputs = np.concatenate([groups.inputs.T, given, np.eye(len(groups.pairs))[groups.pair]], axis=1)
    sure = np.concatenate(
        [[SHIFT_SD**-2, STRETCH_SD**-2], np.full(len(VERDICTS), 0.4**-2),
         np.full(len(groups.classes), 0.4**-2), np.full(len(groups.pairs), 1.2**-2)]
    )  # fmt: skip
    flat = np.concatenate([at.small, at.given, at.pair])
    p = probability(groups.odds + inputs @ flat)
    bend = inputs.T @ (inputs * (p * (1 - p))[:, None]) + np.diag(sure)
    wanted = np.linalg.solve(bend, inputs.T @ (p - groups.wrong) + sure * flat)
    assert np.concatenate([step.small, step.given, step.pair]) == pytest.approx(wanted, abs=1e-9)
    assert volume == pytest.approx(np.linalg.slogdet(bend)[1])


def test_many_classes_come_to_the_same_by_search_as_by_table(monkeypatch: pytest.MonkeyPatch) -> None:
    made, wrong = world(5, pair_sd=1.0)
    said = judged(wrong, np.arange(len(made)) < FIRST)
    by_table = sharpened(made, said)
    monkeypatch.setattr(sharpening, "TABLE", 0)
    by_search = sharpened(made, said)
    assert (by_table.ranks == by_search.ranks).all() and (by_table.odds == by_search.odds).all()


@pytest.mark.parametrize("said", ["keep", "relabel"])
def test_a_reviewer_who_says_always_the_same_breaks_nothing(said: str) -> None:
    made, _ = world(6)
    always = np.full(len(made), number(said), np.int8)
    always[3000:] = NOTHING
    found = sharpened(made, always)
    assert np.isfinite(found.odds).all()
    assert sorted(found.ranks.tolist()) == list(range(1, len(made) + 1))
