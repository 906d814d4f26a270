"""Wrong labels on purpose: what a detector is measured with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Noise:
    """Labels after corruption, and which of them are wrong now."""

    labels: NDArray[np.int64]  # [samples]
    flipped: NDArray[np.bool_]  # [samples]
    rate: float  # realised: flipped / samples


def symmetric(labels: NDArray[np.int64], classes: int, rate: float, seed: int) -> Noise:
    """Give exactly round(rate · N) samples another class, each of the K − 1 others alike.

    The true class is never drawn again, so the realised rate is the asked one. (Many papers draw from all K classes:
    their "0.2" on ten classes is 18 % wrong.)
    """
    generator = np.random.default_rng(seed)
    chosen = generator.choice(len(labels), size=round(rate * len(labels)), replace=False)
    shift = generator.integers(1, classes, size=len(chosen))
    noisy, flipped = labels.copy(), np.zeros(len(labels), dtype=np.bool_)
    noisy[chosen] = (labels[chosen] + shift) % classes
    flipped[chosen] = True
    return Noise(labels=noisy, flipped=flipped, rate=len(chosen) / max(len(labels), 1))
