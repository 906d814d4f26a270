"""Wrong labels on purpose: what a detector is measured with. Each kind draws from a generator of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

CIFAR10 = {9: 1, 2: 0, 3: 5, 5: 3, 4: 7}  # truck → automobile, bird → airplane, cat ↔ dog, deer → horse
RATE_SPREAD = 0.1  # of the flip rates of instance-dependent noise
NAMES = ("none", "sym", "symx", "asym", "pair", "instance")
KINDS = "none, sym:RATE, symx:RATE, asym:RATE, pair:RATE or instance:RATE, with a rate from 0 to 1"


@dataclass(frozen=True)
class Noise:
    """Labels after corruption, and what was really done."""

    labels: Integers  # [samples]
    flipped: NDArray[np.bool_]  # [samples]
    rate: float  # realised: flipped / samples
    matrix: NDArray[np.float64]  # [true, given] realised, each row a distribution; that of an empty class is its own


def from_name(text: str, images: NDArray[np.uint8], labels: Integers, classes: int, seed: int) -> Noise:
    """The noise that a bench's argument names."""
    kind, _, amount = text.partition(":")
    try:
        rate = float(amount) if kind != "none" else 0.0
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1 or (kind == "none") != (not amount) or kind not in NAMES:
        raise ValueError(f"{text} is no noise; it is one of {KINDS}")
    if kind == "asym":
        return asymmetric_cifar10(labels, rate, seed)
    if kind == "pair":
        return pair(labels, classes, rate, seed)
    if kind == "instance":
        return instance_dependent(images, labels, classes, rate, seed)
    return symmetric(labels, classes, rate, seed, include_true=kind == "sym")


def symmetric(labels: Integers, classes: int, rate: float, seed: int, *, include_true: bool = False) -> Noise:
    """Give round(rate · N) samples another class, each of the K − 1 others alike: the realised rate is the asked one.

    With `include_true`, int(rate · N) samples are drawn again from all K classes, as most papers do: of their "0.2" on
    ten classes 18 % are wrong.
    """
    dice = np.random.default_rng(seed)
    count = int(rate * len(labels)) if include_true else round(rate * len(labels))
    chosen = dice.choice(len(labels), size=count, replace=False)
    noisy = labels.copy()
    if include_true:
        noisy[chosen] = dice.integers(0, classes, size=count)
    else:
        noisy[chosen] = (labels[chosen] + dice.integers(1, classes, size=count)) % classes
    return _noise(labels, noisy, classes)


def class_map(labels: Integers, classes: int, mapping: Mapping[int, int], rate: float, seed: int) -> Noise:
    """Each sample of a source class gets its target class with probability `rate`; classes may swap."""
    target = np.arange(classes)
    target[list(mapping)] = list(mapping.values())
    flips = np.random.default_rng(seed).random(len(labels)) < rate
    return _noise(labels, np.where(flips, target[labels], labels), classes)


def asymmetric_cifar10(labels: Integers, rate: float, seed: int) -> Noise:
    """The usual asymmetric noise of CIFAR-10: half of the classes are touched, so a rate of 0.4 is 20 % overall."""
    return class_map(labels, 10, CIFAR10, rate, seed)


def pair(labels: Integers, classes: int, rate: float, seed: int) -> Noise:
    """Every class is taken for the next one, the last for the first."""
    return class_map(labels, classes, {k: (k + 1) % classes for k in range(classes)}, rate, seed)


def next_in_superclass(labels: Integers, coarse: Integers, rate: float, seed: int) -> Noise:
    """Every class is taken for the next one of its superclass, the last for the first; coarse[k] is that of class k.

    These are the true superclasses. Blocks of five consecutive class numbers, as some code for CIFAR-100 has them, keep
    only 6 of 100 such pairs inside one.
    """
    mapping: dict[int, int] = {}
    for group in np.unique(coarse):
        members = np.flatnonzero(coarse == group)
        mapping |= dict(zip(members.tolist(), np.roll(members, -1).tolist(), strict=True))
    return class_map(labels, len(coarse), mapping, rate, seed)


def instance_dependent(
    images: NDArray[np.uint8], labels: Integers, classes: int, rate: float, seed: int, *, standardise: bool = True
) -> Noise:
    """Each image has a flip rate of its own, and goes to the classes that a random projection of its pixels prefers.

    q_i ~ N(rate, 0.1) truncated to [0, 1]; a = x_i W_y with W_y ~ N(0, 1) for each class; a flip goes to c ≠ y with
    probability softmax(a)_c. On raw pixels nearly all of a class would go to one other class; standardised pixels
    spread it.
    """
    from scipy.stats import truncnorm

    dice = np.random.default_rng(seed)
    pixels = images.reshape(len(images), -1)
    mean, spread = pixels.mean(0), np.maximum(pixels.std(0), 1e-6)
    low, high = -rate / RATE_SPREAD, (1 - rate) / RATE_SPREAD
    flips = truncnorm.rvs(low, high, loc=rate, scale=RATE_SPREAD, size=len(labels), random_state=dice)
    noisy = labels.copy()
    for k in range(classes):
        members = np.flatnonzero(labels == k)
        weights = dice.normal(size=(pixels.shape[1], classes))
        x = pixels[members].astype(np.float64)
        a = ((x - mean) / spread if standardise else x) @ weights
        a[:, k] = -np.inf
        p = np.exp(a - a.max(1, keepdims=True))
        p *= flips[members, None] / p.sum(1, keepdims=True)
        p[:, k] = 1 - flips[members]
        drawn = (p.cumsum(1) <= dice.random((len(members), 1)) * p.sum(1, keepdims=True)).sum(1)
        noisy[members] = np.minimum(drawn, classes - 1)
    return _noise(labels, noisy, classes)


def _noise(labels: Integers, noisy: Integers, classes: int) -> Noise:
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, noisy), 1)
    empty = counts.sum(1) == 0
    counts[empty, empty] = 1
    flipped = noisy != labels
    return Noise(noisy, flipped, float(flipped.sum() / max(len(labels), 1)), counts / counts.sum(1, keepdims=True))
