"""The map of samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from core.science import layout
from core.science.layout import FAR, laid_out
from core.science.neighbours import Features, nearest
from tests.unit.science.test_neighbours import CPU, features, unit


def placed(rows: Features) -> np.ndarray:
    everybody = np.arange(len(rows))
    return laid_out(rows, nearest(rows, everybody, everybody, 12, CPU, lambda: None), CPU, lambda: None)


def purity(points: np.ndarray, labels: np.ndarray) -> float:
    """The share of the ten next on the map that have the same label."""
    among = NearestNeighbors(n_neighbors=11).fit(points.astype(float)).kneighbors(return_distance=False)[:, 1:]
    return float((labels[among] == labels[:, None]).mean())


def test_digits_that_look_alike_stand_together_and_the_map_is_the_same_again() -> None:
    data, labels = load_digits(return_X_y=True)
    rows = unit(data)
    points = placed(rows)
    assert purity(points, labels) > 0.94
    assert points.dtype == np.uint16 and points.min() == 0 and points.max() == FAR
    assert (placed(rows) == points).all()


def test_whoever_is_no_anchor_stands_by_those_it_is_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "ANCHORS", 700)
    data, labels = load_digits(return_X_y=True)
    assert purity(placed(unit(data)), labels) > 0.85


def test_pairs_and_the_grid_push_alike() -> None:
    points = 9 * torch.randn(layout.FEW, 2, generator=torch.Generator().manual_seed(1))
    pairs = layout._pushes(points, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "FEW", 0)
        grid = layout._pushes(points, {})
    assert (pairs - grid).norm() / pairs.norm() < 0.06


@pytest.mark.parametrize("samples", [1, 2, 3, 20])
def test_few_samples_have_a_map_too(samples: int) -> None:
    assert placed(features(samples)).shape == (samples, 2)


def test_samples_that_are_all_the_same_have_a_map_too() -> None:
    assert placed(unit(np.ones((400, 5)))).shape == (400, 2)
