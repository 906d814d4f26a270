"""Learning rates over a run."""

from __future__ import annotations

import pytest

from core.training.schedule import one_cycle, rate
from tests.unit.training.make import plan


def test_one_cycle_rises_to_its_peak_and_falls_to_zero() -> None:
    rates = [one_cycle(0.2, done / 100) for done in range(101)]
    assert max(rates) == rates[10] == pytest.approx(0.2)
    assert rates[0] == pytest.approx(0.02)
    assert rates[100] == pytest.approx(0)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_steps_drop_to_a_tenth_at_each_milestone() -> None:
    stepped = plan(schedule="steps", milestones=(125, 200), epochs=250, learning_rate=0.02)
    for epochs_done, expected in ((0, 0.02), (124.99, 0.02), (125, 0.002), (199.9, 0.002), (200, 2e-4), (249.9, 2e-4)):
        assert rate(stepped, epochs_done) == pytest.approx(expected)


def test_one_cycle_is_stretched_over_the_epochs() -> None:
    assert rate(plan(epochs=8, learning_rate=0.2), 0.8) == pytest.approx(0.2)
