from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from dataset_makers import MemoryShelf, image, limits, packed, zip_of

from core.datasets import manifest
from core.datasets.arrays import Cache
from core.errors import Problem

COUNT = 6


@pytest.fixture(scope="module")
def shelf() -> MemoryShelf:
    made = MemoryShelf()
    packed(zip_of({f"c{n % 2}/{n}.png": image(size=(8, 8), seed=n) for n in range(COUNT)}), made, shard_bytes=3000)
    return made


def wanted(shelf: MemoryShelf) -> pa.Table:
    return pa.Table.from_batches(manifest.samples(shelf.files["manifest.parquet"]))


class Reads:
    """Ranged reads that are counted."""

    def __init__(self, shelf: MemoryShelf) -> None:
        self.shelf, self.count = shelf, 0

    def __call__(self, shard: str, offset: int, length: int) -> bytes:
        self.count += 1
        return self.shelf.files[shard][offset : offset + length]


def opened(cache: Cache, rows: pa.Table, reads: Any, side: int = 8, channels: int = 3) -> tuple[list[int], Any]:
    ticks = []
    steps = cache.open(rows, side, channels, reads, limits(), workers=1)
    while True:
        try:
            ticks.append(next(steps))
        except StopIteration as end:
            return ticks, end.value


def test_the_cache_holds_the_pixels_in_order_and_is_built_once(shelf: MemoryShelf, tmp_path: Path) -> None:
    cache, reads, rows = Cache(tmp_path, 1 << 20), Reads(shelf), wanted(shelf)
    ticks, array = opened(cache, rows, reads)
    assert ticks[-1] == COUNT
    assert array.shape == (COUNT, 8, 8, 3)
    for n in range(COUNT):
        noise = np.random.default_rng(n).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        assert np.array_equal(array[n], noise)
    assert reads.count == len(set(rows["shard"].to_pylist()))  # one read a shard, not one an image
    assert not array.flags.writeable
    before = reads.count
    assert opened(cache, rows, reads)[0] == []
    assert reads.count == before


def test_other_images_sizes_and_channels_are_other_files(shelf: MemoryShelf, tmp_path: Path) -> None:
    cache, reads, rows = Cache(tmp_path, 1 << 20), Reads(shelf), wanted(shelf)
    assert opened(cache, rows, reads, 4, 1)[1].shape == (COUNT, 4, 4, 1)
    assert opened(cache, rows.slice(2, 3), reads, 4, 1)[1].shape == (3, 4, 4, 1)
    assert len(list(tmp_path.glob("*.npy"))) == 2


def test_an_image_that_changed_on_the_disk_is_named_and_nothing_is_kept(shelf: MemoryShelf, tmp_path: Path) -> None:
    rows = wanted(shelf)
    spoilt = MemoryShelf()
    third = rows.slice(3, 1).to_pylist()[0]
    spoilt.files = dict(shelf.files)
    bits = bytearray(spoilt.files[third["shard"]])
    bits[third["offset"] + third["length"] // 2] ^= 1
    spoilt.files[third["shard"]] = bytes(bits)
    with pytest.raises(Problem, match="Sample 3 ") as caught:
        opened(Cache(tmp_path, 1 << 20), rows, Reads(spoilt))
    assert caught.value.code == "blob-corrupt"
    assert not list(tmp_path.iterdir())


def test_the_least_recently_used_arrays_make_room(shelf: MemoryShelf, tmp_path: Path) -> None:
    need = COUNT * 8 * 8 * 3 + 4096
    for age in (1, 2, 3):
        old = tmp_path / f"old{age}.npy"
        old.write_bytes(bytes(1000))
        os.utime(old, ns=(10**9 * (100 - age), 10**9 * (100 - age)))
    (tmp_path / "half.part").write_bytes(b"left by a process that died")
    opened(Cache(tmp_path, need + 2000), wanted(shelf), Reads(shelf))
    assert {path.name for path in tmp_path.glob("old*")} == {"old1.npy", "old2.npy"}
    assert not (tmp_path / "half.part").exists()


def test_arrays_that_can_never_fit_are_refused_before_any_work(shelf: MemoryShelf, tmp_path: Path) -> None:
    reads = Reads(shelf)
    with pytest.raises(Problem) as caught:
        opened(Cache(tmp_path, 1000), wanted(shelf), reads)
    assert caught.value.code == "arrays-too-large"
    assert reads.count == 0


def test_the_rows_carry_the_hash_of_the_original_bytes(shelf: MemoryShelf) -> None:
    assert wanted(shelf)["sha256"].to_pylist() == [
        hashlib.sha256(image(size=(8, 8), seed=n)).hexdigest() for n in range(COUNT)
    ]
