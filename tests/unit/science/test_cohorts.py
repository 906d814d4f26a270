"""Bands of curves."""

from __future__ import annotations

import numpy as np
import pytest

from core.science import cohorts


def test_bands_are_the_quantiles_of_each_measure() -> None:
    points = np.stack([np.arange(101.0), 2 * np.arange(101.0), np.full(101, 7.0)], axis=1).astype(np.float16)
    band = cohorts.bands(points)
    assert band is not None
    assert band.tolist() == pytest.approx(np.array([[10, 25, 50, 75, 90], [20, 50, 100, 150, 180], [7] * 5]))


def test_too_few_samples_and_what_was_not_measured_have_no_band() -> None:
    assert cohorts.bands(np.zeros((cohorts.FEWEST - 1, 3), np.float16)) is None
    assert cohorts.bands(np.full((50, 3), np.nan, np.float16)) is None


def test_of_a_large_cohort_an_even_part_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohorts, "MOST", 5)
    assert cohorts.chosen(np.arange(9) * 3).tolist() == [0, 6, 12, 18, 24]
    assert cohorts.chosen(np.arange(5)).tolist() == [0, 1, 2, 3, 4]
