"""What is kept of how samples are like each other: files that are read by place, without torch.

Rows stand in the order of sample numbers. Both files of rows are .npy, so `np.load(…, mmap_mode="r")` reads them; a row
is at its place counted from the end, for the header in front of the first one is as long as numpy likes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.store.blobs import Blobs

OF_ALL, OF_A_LABEL = 12, 8  # neighbours that are kept
NOBODY = -1
NEIGHBOUR = np.dtype([("sample", "<i4"), ("distance", "<f2")])
ROW = np.dtype(
    [
        ("nearest", NEIGHBOUR, (OF_ALL,)),
        ("with_given", NEIGHBOUR, (OF_A_LABEL,)),
        ("with_suggested", NEIGHBOUR, (OF_A_LABEL,)),
    ]
)
POINT_COLUMNS = (("sample", "<u4"), ("given", "<u4"), ("x", "<u2"), ("y", "<u2"), ("verdict", "<u1"))
EMBEDDINGS, NEIGHBOURS, MAP, COHORTS = "embeddings.npy", "neighbours.npy", "map.bin", "cohorts.json"
FILES = (EMBEDDINGS, NEIGHBOURS, MAP)
CHUNK = 1 << 20

Listed: TypeAlias = list[tuple[int, float]]  # sample and distance, the nearest first


def npy(array: NDArray[Any]) -> Iterator[bytes]:
    """An array as the bytes of a .npy file."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    yield header.getvalue()
    step = max(1, CHUNK // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        yield array[start : start + step].tobytes()


def points(columns: dict[str, NDArray[Any]]) -> Iterator[bytes]:
    """The points of a map in rank order: one column after the other, without a header."""
    for name, kind in POINT_COLUMNS:
        yield columns[name].astype(kind).tobytes()


def read(blobs: Blobs, file: dict[str, Any], samples: int, place: int) -> dict[str, Listed]:
    """The neighbours of the sample at a place, of so many."""
    offset = file["size"] - (samples - place) * ROW.itemsize
    (row,) = np.frombuffer(blobs.read(file["key"], offset, ROW.itemsize), ROW)
    found: dict[str, Listed] = {
        name: [(int(n), float(distance)) for n, distance in row[name].tolist() if n != NOBODY]
        for name in ROW.names or ()
    }
    return found
