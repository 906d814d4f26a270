from __future__ import annotations

import numpy as np
import pytest

from core.science.noise import (
    CIFAR10,
    asymmetric_cifar10,
    from_name,
    instance_dependent,
    next_in_superclass,
    symmetric,
)

LABELS = np.arange(1000, dtype=np.int64) % 10


@pytest.mark.parametrize("rate", [0.0, 0.08, 0.5, 1.0])
def test_exactly_the_asked_share_gets_another_class(rate: float) -> None:
    noise = symmetric(LABELS, 10, rate, seed=1)
    assert noise.rate == noise.flipped.mean() == rate
    assert np.array_equal(noise.labels != LABELS, noise.flipped)
    assert noise.labels.min() >= 0
    assert noise.labels.max() < 10


def test_a_seed_decides_everything_and_the_global_generator_nothing() -> None:
    first = symmetric(LABELS, 10, 0.2, seed=5)
    np.random.default_rng(0).random()
    assert np.array_equal(first.labels, symmetric(LABELS, 10, 0.2, seed=5).labels)
    assert not np.array_equal(first.labels, symmetric(LABELS, 10, 0.2, seed=6).labels)


def test_the_other_classes_are_drawn_alike() -> None:
    noise = symmetric(np.zeros(9000, dtype=np.int64), 10, 1.0, seed=2)
    counts = np.bincount(noise.labels, minlength=10)
    assert counts[0] == 0
    assert (np.abs(counts[1:] - 1000) < 150).all()


def test_symmetric_noise_over_all_classes_keeps_a_tenth_of_its_draws() -> None:
    labels = np.tile(LABELS, 20)
    noise = symmetric(labels, 10, 0.5, seed=3, include_true=True)
    assert noise.rate == pytest.approx(0.45, abs=0.02)
    assert np.allclose(noise.matrix.sum(1), 1)
    assert np.diag(noise.matrix) == pytest.approx(np.full(10, 0.55), abs=0.04)


def test_asymmetric_noise_swaps_cats_and_dogs_and_spares_ships() -> None:
    noise = asymmetric_cifar10(np.tile(LABELS, 20), 0.4, seed=4)
    for one, other in CIFAR10.items():
        assert noise.matrix[one, other] == pytest.approx(0.4, abs=0.04)
    assert noise.rate == pytest.approx(0.2, abs=0.02)
    assert (np.diag(noise.matrix)[[0, 1, 6, 7, 8]] == 1).all()


def test_each_class_is_taken_for_the_next_one_of_its_own_superclass() -> None:
    coarse = np.array([0, 1, 0, 1, 0])
    labels = np.arange(1000, dtype=np.int64) % 5
    noise = next_in_superclass(labels, coarse, 1.0, seed=0)
    assert {int(k): set(noise.labels[labels == k].tolist()) for k in range(5)} == {
        0: {2},
        2: {4},
        4: {0},
        1: {3},
        3: {1},
    }


def test_instance_noise_is_as_frequent_as_asked_and_depends_on_the_image() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2000, 4, 4, 3), dtype=np.uint8)
    labels = np.arange(2000, dtype=np.int64) % 10
    noise = instance_dependent(images, labels, 10, 0.4, seed=1)
    assert noise.rate == pytest.approx(0.4, abs=0.05)
    again = instance_dependent(np.zeros_like(images), labels, 10, 0.4, seed=1)
    assert not np.array_equal(noise.labels, again.labels)


@pytest.mark.parametrize("name", ["none", "sym:0.2", "symx:0.2", "asym:0.4", "pair:0.3", "instance:0.4"])
def test_noise_is_asked_for_by_name_and_repeats_itself(name: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (1000, 2, 2, 3), dtype=np.uint8)
    first, second = (from_name(name, images, LABELS, 10, 9) for _ in range(2))
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.flipped, first.labels != LABELS)
    assert first.rate == first.flipped.mean()
    assert (first.rate == 0) == (name == "none")


@pytest.mark.parametrize("name", ["", "sym", "sym:2", "sym:x", "none:0.1", "wild:0.1"])
def test_a_name_that_is_no_noise_is_told_what_is(name: str) -> None:
    with pytest.raises(ValueError, match="sym:RATE"):
        from_name(name, np.zeros((1000, 2, 2, 3), np.uint8), LABELS, 10, 0)
