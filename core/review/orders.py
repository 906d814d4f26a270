"""In which order samples are looked at: whole lists of ranks, which stay as they are while one judges."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def ranks(chosen: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """The ranks, from 1, that are chosen."""
    return np.flatnonzero(chosen).astype(np.uint32) + np.uint32(1)


def by_chance(ranks: NDArray[np.uint32], seed: str) -> NDArray[np.uint32]:
    """In an order that has nothing to do with them, the same everywhere and always: where one rank stands before
    another does not depend on which others there are."""
    start = np.uint64(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little"))
    mixed = _mixed(ranks.astype(np.uint64) + start)
    return ranks[_sorted((mixed >> np.uint64(32)).astype(np.uint32))]


def falling(values: NDArray[np.float64], most: float) -> NDArray[np.uint32]:
    """All ranks by a value from −`most` to `most`, the highest first, ranks among equals. Values count to nine digits:
    processors differ in the last ones, and all of them shall come to the same order."""
    down = np.rint((most - values) * ((2**32 - 1) / (2 * most)))
    return _sorted(down.astype(np.uint32)).astype(np.uint32) + np.uint32(1)


def _sorted(keys: NDArray[np.uint32]) -> NDArray[np.intp]:
    """The places of keys in their order, equals as they came. Half by half it is four times as fast as at once: what is
    sorted by 16 bits is not compared but counted."""
    low = np.argsort(keys.astype(np.uint16), kind="stable")
    return low[np.argsort((keys >> np.uint32(16)).astype(np.uint16)[low], kind="stable")]


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each number by another one that looks random: the finaliser of SplitMix64."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
