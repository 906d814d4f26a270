"""Likeliest classes come back from their column as they went in."""

from __future__ import annotations

import numpy as np
import pytest

from core.store.likeliest import packed, unpacked


@pytest.mark.parametrize("m", [1, 2, 5])
def test_every_class_and_probability_is_read_back_exactly(m: int) -> None:
    dice = np.random.default_rng(m)
    classes, p = dice.integers(0, 100_000, (40, m)), dice.random((40, m)) ** 20
    columns = packed(classes, p)
    assert [list(unpacked(column)) for column in columns] == [
        list(zip(*row, strict=True)) for row in zip(classes.tolist(), p.tolist(), strict=True)
    ]


def test_classes_may_end_in_bytes_of_zero() -> None:
    (column,) = packed(np.array([[0, 0]]), np.array([[0.0, 0.0]]))
    assert list(unpacked(column)) == [(0, 0.0), (0, 0.0)]


def test_of_no_samples_there_are_no_columns() -> None:
    assert packed(np.zeros((0, 5), dtype=np.int64), np.zeros((0, 5))) == []
