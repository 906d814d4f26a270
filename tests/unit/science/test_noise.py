from __future__ import annotations

import numpy as np
import pytest

from core.science.noise import symmetric

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
