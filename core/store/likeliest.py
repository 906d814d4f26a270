"""A sample's likeliest classes in one small column: pairs of a class number and its probability."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAIR = Struct("<id")


def packed(classes: NDArray[np.int64], p: NDArray[np.float64]) -> list[bytes]:  # [samples, m], [samples, m]
    """A column a sample."""
    import numpy as np  # only the worker packs

    pairs = np.empty(classes.shape, dtype=[("class", "<i4"), ("p", "<f8")])
    pairs["class"], pairs["p"] = classes, p
    columns: list[bytes] = pairs.view(f"V{classes.shape[1] * PAIR.size}").ravel().tolist()
    return columns


def unpacked(column: bytes) -> Iterator[tuple[int, float]]:
    """The classes in their order, each with its probability."""
    return PAIR.iter_unpack(column)
