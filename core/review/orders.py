"""In which order samples are looked at: whole lists of ranks, which stay as they are while one judges."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

RANK_BITS = 31
RANKS = np.uint64((1 << RANK_BITS) - 1)


def ranks(chosen: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """The ranks, from 1, that are chosen."""
    return np.flatnonzero(chosen).astype(np.uint32) + np.uint32(1)


def by_chance(ranks: NDArray[np.uint32], seed: str) -> NDArray[np.uint32]:
    """In an order that has nothing to do with them, the same everywhere and always: where one rank stands before
    another does not depend on which others there are."""
    start = np.uint64(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little"))
    return _by(_mixed(ranks.astype(np.uint64) + start), ranks)


def falling(values: NDArray[np.float64], most: float) -> NDArray[np.uint32]:
    """All ranks by a value from −`most` to `most`, the highest first, ranks among equals. Values count to about nine
    digits: processors differ in the last ones, and all of them shall come to the same order."""
    steps = (1 << (63 - RANK_BITS)) / (2 * most)
    down = np.rint((most - values) * steps).astype(np.uint64)
    return _by(down << np.uint64(RANK_BITS), np.arange(1, len(values) + 1, dtype=np.uint32))


def _by(keys: NDArray[np.uint64], ranks: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The ranks by the upper bits of keys; sorting one array of numbers is several times as fast as their places."""
    both = keys & ~RANKS | ranks
    both.sort()
    return (both & RANKS).astype(np.uint32)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each number by another one that looks random: the finaliser of SplitMix64."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
