"""A pace is measured with the real loop."""

from __future__ import annotations

import time

import pytest

from core.training.probe import STEPS, WARM_UP, seconds_per_sample
from tests.unit.training.make import CPU, plan


def test_a_pace_is_the_time_that_a_sample_takes_in_the_real_loop() -> None:
    steps: list[float] = []
    began = time.perf_counter()
    seconds = seconds_per_sample(plan(), 5, CPU, lambda: steps.append(time.perf_counter()))
    elapsed = time.perf_counter() - began
    assert 0 < len(steps) <= WARM_UP + STEPS
    assert 0 < seconds * 16 <= elapsed


def test_whoever_is_told_of_a_step_may_break_off() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seconds_per_sample(plan(), 5, CPU, stop)
