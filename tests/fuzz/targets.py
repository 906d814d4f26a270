"""One target for each parser of an upload: bytes in, and either members that add up or a `Problem`.

Anything else that a target raises is a finding. Limits are small, so that what is found is a fault and no large file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from core.datasets import images, readers
from core.datasets.bounds import Bounds
from core.datasets.look import BYTES, look
from core.datasets.readers import LAYOUTS, parquet
from core.datasets.readers.member import Archive, Rejection
from core.datasets.sniff import HEAD_BYTES, TAIL_BYTES, sniff
from core.errors import Problem
from core.spec import Limits
from tests.unit.datasets.dataset_makers import image

BOUNDS = Bounds.of(Limits(max_members=500, max_member_bytes=1 << 16, max_pixels=1 << 18, max_side=4096, max_classes=50))
PNG, JPEG = image(size=(2, 2)), image("JPEG", size=(8, 8))
BLOCK, SUM_AT, MAGIC_AT = 512, 148, 257


@dataclass(frozen=True)
class Named:
    """A file of an archive that lies in memory."""

    name: str
    data: bytes

    @property
    def raw(self) -> bytes:
        return self.name.encode()

    @property
    def size(self) -> int:
        return len(self.data)


class Files:
    """An archive whose members are given: what a layout makes of them needs no zip around them."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = [Named(name, data) for name, data in files.items()]

    def __len__(self) -> int:
        return len(self._files)

    def entries(self, skip: int = 0) -> Iterator[Named]:
        return iter(self._files[skip:])

    def open(self, position: int) -> Named:
        return self._files[position]

    def read(self, entry: Any) -> bytes:
        return bytes(entry.data)

    def lies_open(self, entry: Any) -> bool:
        return True

    def file(self, entry: Any) -> BinaryIO:
        return io.BytesIO(entry.data)


def check(archive: Archive) -> None:
    """Every member comes once, says what it is, and can be read or says why not; a restart sees the same rest."""
    paths = []
    for member in archive.members(0):
        assert member.path and len(member.path) <= 1 << 16
        assert all(character >= " " for character in member.path)
        assert member.split in (None, "train", "val", "test")
        assert member.left_out is None or (member.left_out.code and len(member.left_out.detail) < 4096)
        if member.left_out is None:
            assert member.label is None or 0 < len(member.label.encode()) <= BOUNDS.max_label_bytes
            frame = json.dumps([member.path, member.label, member.votes, member.extra])
            assert len(frame) < 1 << 20
            try:
                assert len(member.read()) <= 4 * BOUNDS.max_pixels
            except Rejection as problem:
                assert problem.code == "crc-mismatch"
        paths.append(member.path)
    assert len(paths) == archive.total >= archive.images
    skip = archive.total // 2
    assert [member.path for member in archive.members(skip)] == paths[skip:]


def upload(data: bytes) -> None:
    """A whole upload, as the child reads it."""
    kind = sniff(len(data), data[:HEAD_BYTES], data[-TAIL_BYTES:], BOUNDS.max_members)
    check(readers.read([kind, "parquet"], None, io.BytesIO(data), len(data), BOUNDS))


def tar(data: bytes) -> None:
    """A tar whose headers have the right checksums, or no change would get past them."""
    whole = bytearray(data)
    for at in range(0, len(whole) - BLOCK + 1, BLOCK):
        if whole[at + MAGIC_AT : at + MAGIC_AT + 5] == b"ustar":
            whole[at + SUM_AT : at + SUM_AT + 8] = b" " * 8
            whole[at + SUM_AT : at + SUM_AT + 8] = b"%06o\0 " % sum(whole[at : at + BLOCK])
    upload(bytes(whole))


def laid_out(files: dict[str, bytes], layout: str) -> None:
    find = next(find for names, find, _ in LAYOUTS if layout in names)
    found = find(Files(files), ["zip", "parquet"], BOUNDS)
    if found is not None:
        check(found)


def table(data: bytes) -> None:
    """A table; its first byte says which kind."""
    ending = ("csv", "tsv", "jsonl")[data[0] % 3] if data else "csv"
    laid_out({"a/0.png": PNG, "a/1.png": PNG, "é.png": PNG, f"a/t.{ending}": data[1:]}, "table")


def coco(data: bytes) -> None:
    laid_out({"0.png": PNG, "a/1.png": PNG, "all.json": data}, "coco")


def webdataset(data: bytes) -> None:
    """Names and contents, one after the other."""
    parts = data.split(b"\xff")
    names = [part.decode("latin-1") or "x" for part in parts[::2]]
    laid_out({**dict(zip(names, parts[1::2], strict=False)), "0.png": PNG, "0.cls": b"7"}, "webdataset")


def parquets(data: bytes) -> None:
    check(parquet.read(io.BytesIO(data), len(data), BOUNDS))


def arrays(data: bytes) -> None:
    """An array beside a good one, IDX, or CIFAR; the first byte says which."""
    which, rest = (data[0] % 5, data[1:]) if data else (0, b"")
    good = npy(np.zeros((3, 2, 2), np.uint8)), npy(np.arange(3))
    half = len(rest) // 2
    files = (
        {"images.npy": rest, "labels.npy": good[1]},
        {"images.npy": good[0], "labels.npy": rest},
        {"train-images-idx3-ubyte": rest[half:], "train-labels-idx1-ubyte": rest[:half]},
        {"train-images-idx3-ubyte.gz": rest[half:], "train-labels-idx1-ubyte.gz": rest[:half]},
        {"data_batch_1.bin": bytes(2 * 3073), "batches.meta.txt": rest},
    )[which]
    laid_out(files, ("numpy", "numpy", "idx", "idx", "cifar")[which])


def picture(data: bytes) -> None:
    facts, image = images.check(data, BOUNDS)
    assert len(look(image)) == BYTES
    assert 0 < facts.width <= BOUNDS.max_side and 0 < facts.height <= BOUNDS.max_side


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def run(target: Callable[[bytes], None], data: bytes) -> None:
    """One input. What the child tells its parent is no finding: a problem, or that there is not enough memory."""
    try:
        target(data)
    except (Problem, MemoryError):
        return


FOLDERS = {"cat/1.png": PNG, "dog/1.jpg": JPEG, "README.md": b"words"}
TARGETS: dict[str, Callable[[bytes], None]] = {
    "zip": upload,
    "tar": tar,
    "table": table,
    "coco": coco,
    "webdataset": webdataset,
    "parquet": parquets,
    "arrays": arrays,
    "images": picture,
}
