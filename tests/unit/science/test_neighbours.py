"""The nearest of every sample, exact and through cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from core.science import neighbours
from core.science.neighbours import NOBODY, Features, nearest, recall

CPU = torch.device("cpu")


def features(samples: int, width: int = 24, groups: int = 40, seed: int = 0) -> Features:
    """Directions around some centres, as a network makes them."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(groups, width))[generator.integers(0, groups, samples)]
    rows += 0.4 * generator.normal(size=rows.shape)
    return unit(rows)


def unit(rows: np.ndarray) -> Features:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float16)


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is little enough work to be done exactly, and blocks are small."""
    monkeypatch.setitem(neighbours.WORK, "cpu", 0)
    monkeypatch.setitem(neighbours.BLOCK, "cpu", 1 << 14)
    yield


def by_hand(rows: Features, asked: np.ndarray, among: np.ndarray, k: int) -> list[set[int]]:
    whole = rows.astype(np.float64)
    found = []
    for n in asked:
        others = among[among != n]
        found.append(set(others[np.argsort(-(whole[others] @ whole[n]), kind="stable")[:k]].tolist()))
    return found


def test_the_nearest_are_those_with_the_largest_cosines_in_order() -> None:
    rows = features(3000)
    asked, among = np.arange(0, 3000, 7), np.arange(0, 3000, 2)
    near = nearest(rows, asked, among, 12, CPU, lambda: None)
    same = [
        len(wanted & set(got)) for wanted, got in zip(by_hand(rows, asked, among, 12), near.which.tolist(), strict=True)
    ]
    assert np.mean(same) > 11.95, "but for cosines that are equal in single precision"
    assert not (near.which == asked[:, None]).any()
    assert (np.diff(near.distance.astype(np.float64), axis=1) >= 0).all()
    told = 1 - np.einsum("nd,nkd->nk", rows[asked].astype(float), rows[near.which].astype(float))
    assert near.distance == pytest.approx(told, abs=2e-3)


def test_whoever_has_few_others_is_told_of_these() -> None:
    rows = features(10)
    near = nearest(rows, np.arange(10), np.array([2, 5, 7]), 4, CPU, lambda: None)
    assert sorted(near.which[0].tolist()) == [NOBODY, 2, 5, 7]
    assert sorted(near.which[5].tolist()) == [NOBODY, NOBODY, 2, 7]
    assert np.isnan(near.distance[5]).tolist() == [False, False, True, True]
    alone = nearest(rows, np.array([3]), np.array([3]), 4, CPU, lambda: None)
    assert (alone.which == NOBODY).all()


def test_equals_stand_in_the_order_of_their_numbers() -> None:
    rows = unit(np.ones((30, 8)))
    near = nearest(rows, np.arange(30), np.arange(30), 12, CPU, lambda: None)
    assert (np.diff(near.which, axis=1) > 0).all()
    assert (near.distance == near.distance[0, 0]).all() and near.distance[0, 0] < 2e-3


def test_blocks_change_nothing_and_each_of_them_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, everybody = features(2000), np.arange(2000)
    whole = nearest(rows, everybody, everybody, 12, CPU, lambda: None)
    monkeypatch.setitem(neighbours.BLOCK, "cpu", 1 << 16)
    signs: list[None] = []
    parts = nearest(rows, everybody, everybody, 12, CPU, lambda: signs.append(None))
    assert len(signs) == 63
    assert (whole.which == parts.which).mean() > 0.999, "but for the last bits of sums"


def test_candidates_that_are_too_many_to_be_held_at_once_are_met_one_part_after_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, asked, among = features(2000), np.arange(0, 2000, 3), np.arange(0, 1980, 2)
    whole = nearest(rows, asked, among, 12, CPU, lambda: None)
    largest: list[int] = []
    real = neighbours._rows

    def rows_of(features: Features, index: np.ndarray, device: torch.device) -> torch.Tensor:
        largest.append(len(index))
        return real(features, index, device)

    monkeypatch.setitem(neighbours.HELD, "cpu", 24 * 90)
    monkeypatch.setitem(neighbours.BLOCK, "cpu", 90 * 50)
    monkeypatch.setattr(neighbours, "_rows", rows_of)
    parts = nearest(rows, asked, among, 12, CPU, lambda: None)
    assert max(largest) == 90
    assert (whole.which == parts.which).mean() > 0.99, "but for the last bits of sums, and equals in half precision"
    assert np.allclose(whole.distance.astype(float), parts.distance.astype(float), atol=2e-3)


@pytest.mark.usefixtures("little")
def test_through_cells_nearly_all_are_found_and_the_recall_says_how_many() -> None:
    rows, everybody = features(6000), np.arange(6000)
    near = nearest(rows, everybody, everybody, 12, CPU, lambda: None)
    truth = by_hand(rows, everybody[::20], everybody, 12)
    share = np.mean([len(wanted & set(near.which[20 * k].tolist())) / 12 for k, wanted in enumerate(truth)])
    assert share > 0.9
    assert recall(rows, near, CPU, lambda: None) == pytest.approx(share, abs=0.05)
    assert not (near.which == everybody[:, None]).any()
    again = nearest(rows, everybody, everybody, 12, CPU, lambda: None)
    assert (again.which == near.which).all() and again.distance.tobytes() == near.distance.tobytes()


@pytest.mark.usefixtures("little")
def test_a_cell_that_holds_nearly_everything_costs_no_more() -> None:
    rows = unit(np.concatenate([np.ones((5000, 8)), np.random.default_rng(1).normal(size=(50, 8))]))
    sizes: list[int] = []
    searches = neighbours._Cells(rows, np.arange(5050), CPU, lambda: None).searches(np.arange(5050))
    for _, candidates in searches:
        sizes.append(len(candidates))
    assert max(sizes) <= neighbours.PROBED * 2 * -(-5050 // 71)


@pytest.mark.usefixtures("little")
def test_cells_answer_for_others_than_their_members() -> None:
    rows = features(3000)
    asked, among = np.arange(1, 3000, 2), np.arange(0, 3000, 2)
    near = nearest(rows, asked, among, 8, CPU, lambda: None)
    assert (near.which % 2 == 0).all()
    truth = by_hand(rows, asked[::10], among, 8)
    assert np.mean([len(wanted & set(near.which[10 * k].tolist())) / 8 for k, wanted in enumerate(truth)]) > 0.85
