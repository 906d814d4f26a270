"""What showing a label did to a network's beliefs is found, and undone."""

from __future__ import annotations

import numpy as np
import pytest

from core.science.calibration import as_if_unseen, as_while_learning, shown
from tests.unit.science import make

SAMPLES = 8000
ROW = np.arange(SAMPLES)
LEVEL = np.zeros(SAMPLES)  # margins that say nothing


def own(
    log_p: np.ndarray[tuple[int, int], np.dtype[np.float64]], given: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> float:
    return float(log_p[ROW, given].mean())


@pytest.mark.parametrize(("lift", "temperature"), [(0.5, 1.0), (2.0, 0.7), (0.0, 1.4)])
def test_lift_and_temperature_are_undone(lift: float, temperature: float) -> None:
    world = make.world(SAMPLES, make.channel(10, 0.2))
    unseen = ROW[::10]
    z = world.opinions.log_p * temperature
    shown = np.delete(ROW, unseen)
    z[shown, world.given[shown]] += lift
    z -= np.log(np.exp(z).sum(1, keepdims=True))
    mended = as_if_unseen(make.dense(z), world.given, unseen, LEVEL)
    truth = own(world.opinions.log_p, world.given)
    assert own(mended.log_p, world.given) == pytest.approx(truth, abs=0.1)
    assert np.allclose(np.exp(mended.log_p).sum(1), 1)
    if lift:
        assert abs(own(mended.log_p, world.given) - truth) < abs(own(z, world.given) - truth)


def test_a_temperature_is_undone_when_a_share_of_the_labels_is_excused() -> None:
    world = make.world(SAMPLES, make.channel(10, 0.27), excused=0.3)  # drawn from all classes: exactly that share
    z = world.opinions.log_p * 1.5
    z -= np.log(np.exp(z).sum(1, keepdims=True))
    mended = as_if_unseen(make.dense(z), world.given, ROW[::4], LEVEL, 0.3)
    assert own(mended.log_p, world.true) == pytest.approx(own(world.opinions.log_p, world.true), abs=0.05)
    plainly = as_if_unseen(make.dense(z), world.given, ROW[::4], LEVEL)
    assert own(plainly.log_p, world.true) < own(mended.log_p, world.true) - 0.1


def test_labels_that_are_sure_are_lowered_less_when_a_share_is_excused() -> None:
    world = make.world(SAMPLES, make.channel(10, 0.27), excused=0.3)
    unseen, shown = ROW[::4], np.delete(ROW, ROW[::4])
    z = world.opinions.log_p.copy()
    z[shown, world.given[shown]] += 1.0
    z -= np.log(np.exp(z).sum(1, keepdims=True))
    before, after = (
        np.log(p / (1 - p))
        for p in (
            np.exp(log_p[shown, world.given[shown]])
            for log_p in (z, as_if_unseen(make.dense(z), world.given, unseen, LEVEL, 0.3).log_p)
        )
    )
    lowered = before - after
    sure = np.argsort(-before, kind="stable")
    assert 0 < lowered[sure[:500]].mean() < 0.9 * lowered[sure[-500:]].mean()


def test_a_label_that_was_learned_by_heart_leads_no_further_than_it_did_in_the_mean_of_the_run() -> None:
    log_p = np.log(np.array([[0.999, 0.0006, 0.0004], [0.999, 0.0006, 0.0004], [0.2, 0.7, 0.1]]))
    given = np.array([0, 0, 0])
    mended = as_while_learning(make.dense(log_p), given, np.array([-2.0, 50.0, 1.0]))
    assert mended.log_p[0, 0] - mended.log_p[0, 1] == pytest.approx(-2.0)
    assert mended.log_p[0, 1] - mended.log_p[0, 2] == pytest.approx(np.log(1.5))  # the others keep their order
    assert np.allclose(mended.log_p[1:], log_p[1:])
    assert np.allclose(np.exp(mended.log_p).sum(1), 1)
    silent = make.dense(log_p)
    assert as_while_learning(silent, given, np.zeros(3)) is silent


def test_how_many_of_the_unseen_labels_are_wrong_is_not_taken_for_a_lift() -> None:
    world = make.world(SAMPLES, make.channel(10, 0.09), excused=0.3)
    wrong, right = np.flatnonzero(world.wrong), np.flatnonzero(~world.wrong)
    lifts = []
    for unlucky in (18, 54):  # of 400, where 36 are usual
        unseen = np.sort(np.r_[wrong[:unlucky], right[: 400 - unlucky]])
        rest = np.setdiff1d(ROW, unseen)
        z = world.opinions.log_p.copy()
        z[rest, world.given[rest]] += 2.0
        z -= np.log(np.exp(z).sum(1, keepdims=True))
        lifts.append(shown(make.dense(z), world.given, unseen, 0.3).lift)
    assert all(1.5 < lift < 2.7 for lift in lifts)
    assert lifts[1] - lifts[0] < 0.75  # as many were taken for 3


def test_a_run_that_learned_by_heart_is_judged_by_how_it_learned() -> None:
    world = make.world(SAMPLES, make.channel(10, 0.1))
    unseen, old = ROW[::10], np.delete(ROW, ROW[::10])
    wrong = world.given != world.true
    z = world.opinions.log_p.copy()
    z[old, world.given[old]] += 9.0
    z -= np.log(np.exp(z).sum(1, keepdims=True))
    aum = np.where(wrong, -3.0, 3.0)
    mended = as_if_unseen(make.dense(z), world.given, unseen, aum)
    left = np.argsort(mended.log_p[old, world.given[old]])[: int(wrong[old].sum())]
    assert wrong[old][left].mean() > 0.99
    told_nothing = as_if_unseen(make.dense(z), world.given, unseen, LEVEL)
    left = np.argsort(told_nothing.log_p[old, world.given[old]])[: int(wrong[old].sum())]
    assert wrong[old][left].mean() < 0.95


def test_with_too_few_unseen_labels_a_run_is_judged_by_how_it_learned() -> None:
    world = make.world(SAMPLES, make.channel(10, 0.2))
    aum = np.random.default_rng(0).normal(size=SAMPLES)
    mended = as_if_unseen(world.opinions, world.given, ROW[:5], aum)
    assert np.array_equal(mended.log_p, as_while_learning(world.opinions, world.given, aum).log_p)
