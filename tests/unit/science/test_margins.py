"""The slices against the equations, written out naively in float64."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.science.margins import (
    hyperspherical_slice,
    margin,
    runner_up_gap,
    spherical_distances,
    spherical_margins,
)


def naive_margins(values: list[float], label: int, k: int) -> tuple[float, float]:
    rivals = sorted((v for c, v in enumerate(values) if c != label), reverse=True)
    runners_up = rivals[1 : 1 + k]
    gap = rivals[0] - sum(runners_up) / len(runners_up) if runners_up else 0.0
    return values[label] - rivals[0], gap


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(1, 15), st.integers(0, 10_000))
def test_margin_and_gap_equal_the_naive_loops(classes: int, k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(5, classes, dtype=torch.float64, generator=generator)
    label = torch.randint(0, classes, (5,), generator=generator)
    for i in range(5):
        m, u = naive_margins(logits[i].tolist(), int(label[i]), k)
        assert margin(logits, label)[i].item() == pytest.approx(m, abs=1e-12)
        assert runner_up_gap(logits, label, k)[i].item() == pytest.approx(u, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 8), st.integers(1, 9), st.integers(0, 10_000))
def test_the_hyperspherical_slice_equals_the_paper(classes: int, k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(4, 6, dtype=torch.float64, generator=generator)
    weights = torch.randn(classes, 6, dtype=torch.float64, generator=generator)
    label = torch.randint(0, classes, (4,), generator=generator)
    slices = hyperspherical_slice(*spherical_margins(spherical_distances(features, weights), label, k), 7.0, 3.0)
    for i in range(4):
        z, distance = features[i].tolist(), []
        for w in weights.tolist():
            cosine = sum(a * b for a, b in zip(w, z, strict=True)) / (math.hypot(*w) * math.hypot(*z))
            distance.append((1 - cosine) / 2)
        rivals = sorted(d for c, d in enumerate(distance) if c != label[i])
        runners_up = rivals[1 : 1 + k]
        m = distance[int(label[i])] - rivals[0]
        u = rivals[0] - sum(runners_up) / len(runners_up) if runners_up else 0.0
        assert u <= 0
        expected = (1 / (1 + math.exp(7 * m)) + math.exp(3 * u)) / 2
        assert slices[i].item() == pytest.approx(expected, abs=1e-9)


def test_two_classes_have_no_runner_up() -> None:
    logits = torch.tensor([[3.0, 1.0], [0.0, 2.0]])
    label = torch.tensor([0, 0])
    assert margin(logits, label).tolist() == [2.0, -2.0]
    assert runner_up_gap(logits, label, 1).tolist() == [0.0, 0.0]


def test_a_k_beyond_the_classes_means_all_of_them() -> None:
    logits = torch.tensor([[5.0, 4.0, 2.0, 0.0]])
    label = torch.tensor([0])
    assert runner_up_gap(logits, label, 99).tolist() == [3.0]


def test_ties_between_rivals_leave_no_gap() -> None:
    logits = torch.tensor([[1.0, 1.0, 1.0]])
    label = torch.tensor([1])
    assert margin(logits, label).tolist() == [0.0]
    assert runner_up_gap(logits, label, 1).tolist() == [0.0]
