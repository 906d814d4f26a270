"""Beliefs and labels whose truth is known, for the tests of what is concluded from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.science.evidence import Evidence
from core.science.opinions import Floats, Integers, Opinions


@dataclass(frozen=True)
class World:
    """Samples, their true and given classes, and what a network that learned the given labels says of new samples."""

    opinions: Opinions
    true: Integers
    given: Integers

    @property
    def wrong(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return self.true != self.given


def channel(classes: int, rate: float = 0.0, pairs: dict[int, int] | None = None, pair_rate: float = 0.0) -> Floats:
    """T[true, given]: every other class alike, or some classes labelled as one other."""
    matrix = np.full((classes, classes), rate / (classes - 1))
    np.fill_diagonal(matrix, 1 - rate)
    for one, other in (pairs or {}).items():
        matrix[one, other] += pair_rate
        matrix[one, one] -= pair_rate
    return matrix


def world(samples: int, matrix: Floats, *, sureness: float = 4.0, excused: float = 0.0, seed: int = 0) -> World:
    """Images that are more or less clear, and a network that is right about how clear each is.

    When a share of the labels was excused in its training, it says only what is left of the channel beside that.
    """
    dice = np.random.default_rng(seed)
    classes = len(matrix)
    centre = np.eye(classes)[np.arange(samples) % classes] * sureness * dice.uniform(0.2, 2.5, (samples, 1))
    z = centre + dice.normal(size=(samples, classes))
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    true = (p.cumsum(1) <= dice.random((samples, 1))).sum(1).clip(max=classes - 1)
    given = (matrix[true].cumsum(1) <= dice.random((samples, 1))).sum(1).clip(max=classes - 1)
    seen = np.maximum(p @ matrix - excused / classes, 1e-9)
    return World(dense(np.log(seen / seen.sum(1, keepdims=True))), true, given)


def dense(log_p: Floats) -> Opinions:
    samples, classes = log_p.shape
    return Opinions(np.tile(np.arange(classes), (samples, 1)), log_p, classes)


def evidence(world: World, **changes: Any) -> Evidence:
    """What a run of that network would hand to the judge."""
    log_p = world.opinions.log_p
    row = np.arange(len(world.given))
    found: dict[str, Any] = {
        "opinions": world.opinions,
        "aum": np.zeros(len(world.given)),  # a history that says nothing
        "loss": -log_p[row, world.given],
        "decoys": np.zeros(0, dtype=np.int64),
        "taught": np.zeros(0, dtype=np.int64),
    }
    return Evidence(**found | changes)
