"""The decoded cache: all images of one audit as one uint8 file that training maps into memory.

It is keyed by what determines its bytes, may be deleted at any time, and is limited in size; the least recently used
file goes first. While it is built, every image is compared with the SHA-256 that it had when it was uploaded.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Generator, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from core.datasets.pixels import decode
from core.errors import Problem
from core.spec import Limits

RULES = 1  # of decoding: a change of `images` that changes pixels counts this up
RANGE_BYTES = 8 << 20
TICK_IMAGES = 256

ReadRange = Callable[[str, int, int], bytes]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


class Cache:
    """Arrays in one folder, together not more than `max_bytes`."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def open(
        self, wanted: pa.Table, side: int, channels: int, read: ReadRange, limits: Limits, workers: int | None = None
    ) -> Generator[int, None, Pixels]:
        """The images of `wanted`, uint8 [N, side, side, channels], read-only; yields how many are ready meanwhile.

        `wanted` has the columns n, shard, offset, length and sha256, a row an image; `read(shard, offset, length)`
        gives bytes of a shard. Neighbours in a shard are read together.
        """
        path = self._folder / f"{_key(wanted, side, channels)}.npy"
        if not path.exists():
            yield from self._build(path, wanted, side, channels, read, limits, workers)
        os.utime(path)
        array: Pixels = np.load(path, mmap_mode="r")
        return array

    def _build(
        self,
        path: Path,
        wanted: pa.Table,
        side: int,
        channels: int,
        read: ReadRange,
        limits: Limits,
        workers: int | None,
    ) -> Iterator[int]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        need = wanted.num_rows * side * side * channels + 4096
        self._make_room(need)
        part = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.part")
        try:
            with part.open("xb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                header = {"descr": "|u1", "fortran_order": False, "shape": (wanted.num_rows, side, side, channels)}
                np.lib.format.write_array_header_1_0(file, header)
                yield from _fill(file, decode(_verified(wanted, read), side, channels, limits, workers))
                os.fsync(file.fileno())
                part.rename(path)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise Problem("disk-full", f"Decoded images need {need} bytes; free some.", retryable=True) from error
        finally:
            part.unlink(missing_ok=True)

    def _make_room(self, need: int) -> None:
        """Delete what was used longest ago, and what a process that died left half built."""
        if need > self._max_bytes:
            raise Problem(
                "arrays-too-large",
                f"The decoded images need {need} bytes, the cache may have {self._max_bytes}. "
                "Allow it more, or audit at a lower resolution.",
            )
        room = self._max_bytes - need
        for part in self._folder.glob("*.part"):
            if _abandoned(part):
                part.unlink(missing_ok=True)
        found = []
        for path in self._folder.glob("*.npy"):
            with contextlib.suppress(FileNotFoundError):  # another process makes room too
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        for _, size, path in sorted(found, reverse=True):
            room -= size
            if room < 0:
                path.unlink(missing_ok=True)


def _key(wanted: pa.Table, side: int, channels: int) -> str:
    """Everything that determines the pixels: the images in order, the size, the rules and the decoder."""
    digest = hashlib.sha256(f"{RULES} {version('pillow')} {side} {channels}\n".encode())
    for chunk in wanted["sha256"].chunks:
        digest.update("\n".join([*chunk.to_pylist(), ""]).encode())
    return f"{digest.hexdigest()[:40]}-{side}-{channels}"


def _fill(file: IO[bytes], images: Iterator[Pixels]) -> Iterator[int]:
    done = 0
    for image in images:
        file.write(image.data)
        done += 1
        if done % TICK_IMAGES == 0:
            yield done
    file.flush()
    yield done


def _verified(wanted: pa.Table, read: ReadRange) -> Iterator[bytes]:
    """The bytes of each image in order, as they were uploaded."""
    for run in _runs(wanted):
        shard, start = run[0]["shard"], run[0]["offset"]
        data = memoryview(read(shard, start, run[-1]["offset"] + run[-1]["length"] - start))
        for row in run:
            image = bytes(data[row["offset"] - start :][: row["length"]])
            if hashlib.sha256(image).hexdigest() != row["sha256"]:
                raise Problem(
                    "blob-corrupt",
                    f"Sample {row['n']} in {shard} is not what was uploaded: its SHA-256 differs. "
                    "Upload the dataset again.",
                    sample=row["n"],
                )
            yield image


def _runs(wanted: pa.Table) -> Iterator[list[dict[str, Any]]]:
    """Rows that lie one after the other in one shard, up to RANGE_BYTES from the first to the last."""
    run: list[dict[str, Any]] = []
    for batch in wanted.select(["n", "shard", "offset", "length", "sha256"]).to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            follows = run and row["shard"] == run[0]["shard"] and row["offset"] > run[-1]["offset"]
            if run and not (follows and row["offset"] + row["length"] - run[0]["offset"] <= RANGE_BYTES):
                yield run
                run = []
            run.append(row)
    if run:
        yield run


def _abandoned(part: Path) -> bool:
    """Whether nobody holds the lock that a builder holds."""
    with contextlib.suppress(OSError), part.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
