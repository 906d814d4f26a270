"""The share of wrong labels while a run goes on: honest in worlds whose truth is known, silent where nothing is."""

from __future__ import annotations

import time

import numpy as np
import pytest

from core.science.sofar import noise_so_far

EPOCHS, CLASSES = 12, 10


def run(
    rate: float, samples: int = 4000, seed: int = 0, planted: int = 400, learned: float = 0.0, hard: float = 1.0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What labels led by after each epoch in the mean, and which were planted, in a network that comes to know.

    Images are more or less clear; wrong labels lose by what right ones win by, but for what is `learned` of them.
    """
    dice = np.random.default_rng(seed)
    decoys = np.sort(dice.choice(samples, planted, replace=False))
    wrong = dice.random(samples) < rate
    hit = dice.random(samples) < dice.uniform(1 / (CLASSES - 1), 0.5)  # the true class is drawn
    wrong[decoys] = ~(wrong[decoys] & hit[decoys])
    clear = dice.gamma(2.0, 0.5 / hard, samples)
    kept = np.where(wrong, -1.0, 1.0)
    kept[np.setdiff1d(np.flatnonzero(wrong), decoys)] += 2 * learned
    total, told = np.zeros(samples), []
    for epoch in range(1, EPOCHS + 1):
        total += kept * clear * 6 * (1 - np.exp(-epoch / 2)) + dice.normal(size=samples)
        told.append((total / epoch, decoys))
    return told


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.08, 0.2, 0.4])
def test_the_interval_holds_the_truth_in_nine_of_ten_worlds_after_the_first_third(rate: float) -> None:
    held, asked = 0, 0
    for seed in range(20):
        for led, decoys in run(rate, seed=seed)[EPOCHS // 3 :]:
            found = noise_so_far(led, decoys, CLASSES)
            assert found is not None
            assert 0 <= found.low <= found.estimate <= found.high <= 1
            held, asked = held + (found.low <= rate <= found.high), asked + 1
    assert held >= 0.9 * asked


def test_more_wrong_labels_are_more() -> None:
    rates = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
    last = [noise_so_far(*run(rate, samples=20_000, planted=1500)[-1], CLASSES) for rate in rates]
    told = [found.estimate for found in last if found]
    assert len(told) == len(rates) and told == sorted(told)
    assert told == pytest.approx(rates, rel=0.2, abs=0.01)


def test_without_wrong_labels_it_comes_down_to_nothing() -> None:
    found = [noise_so_far(led, decoys, CLASSES) for led, decoys in run(0.0)]
    assert found[-1] is not None and found[-1].low == 0
    assert found[-1].estimate < 0.01 and found[-1].high < 0.08


def test_images_that_are_hard_widen_it_and_more_epochs_narrow_it() -> None:
    def width(hard: float, epoch: int) -> float:
        found = noise_so_far(*run(0.1, samples=20_000, planted=1500, hard=hard)[epoch], CLASSES)
        return 1.0 if found is None else found.high - found.low

    assert width(1.0, 0) > 2 * width(1.0, 11)
    assert width(4.0, 11) > 1.5 * width(1.0, 11)


def test_wrong_labels_that_are_half_learned_are_held_by_a_wider_interval() -> None:
    found = noise_so_far(*run(0.2, learned=0.3)[-1], CLASSES)
    assert found is not None and found.low < 0.1 < 0.2 < found.high


def test_nothing_is_told_by_too_few_planted_labels_or_before_they_differ() -> None:
    led, decoys = run(0.1)[-1]
    assert noise_so_far(led, decoys[:19], CLASSES) is None
    assert noise_so_far(led, decoys[:0], CLASSES) is None
    assert noise_so_far(led[decoys], np.arange(len(decoys)), CLASSES) is None
    assert noise_so_far(np.random.default_rng(0).normal(size=4000), decoys, CLASSES) is None
    assert noise_so_far(np.zeros(4000), decoys, CLASSES) is None


def test_of_two_classes_every_wrong_label_that_is_planted_upon_becomes_right() -> None:
    dice = np.random.default_rng(0)
    wrong = dice.random(20_000) < 0.3
    decoys = np.arange(2000)
    wrong[decoys] = ~wrong[decoys]
    found = noise_so_far(np.where(wrong, -5.0, 5.0) + dice.normal(size=20_000), decoys, 2)
    assert found is not None and found.low < 0.3 < found.high
    assert found.estimate == pytest.approx(0.3, rel=0.1)


def test_a_million_labels_take_no_time() -> None:
    led, decoys = run(0.1, samples=1_000_000, planted=5000)[0]
    took = []
    for _ in range(5):
        began = time.perf_counter()
        noise_so_far(led, decoys, CLASSES)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.05
