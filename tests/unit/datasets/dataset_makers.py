"""Real images, real and forged zips, and places to keep them, for the tests of this folder."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from core.datasets import readers
from core.datasets.bounds import Bounds
from core.datasets.ingest import Tick, pack
from core.datasets.parse import Busy, LeftOut, Sample, Total, parse
from core.datasets.readers.member import Member, Rejection
from core.datasets.sniff import HEAD_BYTES, TAIL_BYTES, sniff
from core.datasets.summary import Packed
from core.spec import Limits

LIMITS = Limits()


def image(kind: str = "PNG", size: tuple[int, int] = (8, 6), mode: str = "RGB", seed: int = 0, **options: Any) -> bytes:
    """A small image of noise, so that no two seeds give the same bytes."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(file, kind, **options)
    return file.getvalue()


def saved(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tar_of(members: dict[str, bytes], packed_as: str = "", format: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar, or with `gz` or `zst` a compressed one."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            info.size, info.type = len(data), tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            archive.addfile(info, io.BytesIO(data))
    return compressed(file.getvalue(), packed_as)


def compressed(data: bytes, how: str) -> bytes:
    if how == "gz":
        return gzip.compress(data, mtime=0)
    return pa.Codec("zstd").compress(data, asbytes=True) if how == "zst" else data


def parquet_of(columns: dict[str, Any], names: list[str] | None = None, **options: Any) -> bytes:
    """A Parquet file, with the names of its classes as Hugging Face writes them."""
    table = pa.table(columns)
    if names is not None:
        told = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(told)})
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


@dataclass(frozen=True)
class Forged:
    """A member of a zip that says of itself whatever a test wants."""

    name: bytes
    data: bytes = b""
    local_name: bytes | None = None
    flags: int = 0
    method: int = 0
    crc: int | None = None
    size: int | None = None
    attributes: int = 0
    offset: int | None = None


def forge(members: list[Forged], comment: bytes = b"", count: int | None = None, prefix: bytes = b"") -> bytes:
    body, directory = bytearray(prefix), bytearray()
    for one in members:
        crc = zlib.crc32(one.data) if one.crc is None else one.crc
        size = len(one.data) if one.size is None else one.size
        offset = len(body) if one.offset is None else one.offset
        local = one.name if one.local_name is None else one.local_name
        common = struct.pack("<HHHHIII", one.flags, one.method, 0, 0, crc, len(one.data), size)
        if one.offset is None:
            body += b"PK\x03\x04\x14\0" + common + struct.pack("<HH", len(local), 0) + local + one.data
        directory += b"PK\x01\x02\x14\x03\x14\0" + common
        directory += struct.pack("<HHHHHII", len(one.name), 0, 0, 0, 0, one.attributes, offset) + one.name
    total = len(members) if count is None else count
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, total, total, len(directory), len(body), len(comment))
    return bytes(body + directory + end + comment)


class BytesSource:
    """An upload in memory, which remembers how much was ever asked for at once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.largest = 0

    def read(self, offset: int, length: int) -> bytes:
        self.largest = max(self.largest, length)
        return self.data[offset : offset + length]


class MemoryShelf:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def names(self) -> set[str]:
        return set(self.files)

    def put(self, name: str, chunks: Iterator[bytes]) -> None:
        self.files[name] = b"".join(chunks)

    def get(self, name: str) -> bytes:
        return self.files[name]


def limits(**changes: Any) -> Limits:
    return LIMITS.model_copy(update=changes)


def parsed(data: bytes, bounds: Limits = LIMITS, skip: int = 0, lanes: int = 1) -> tuple[Total, list[Sample | LeftOut]]:
    events = [event for event in parse(BytesSource(data), bounds, skip, lanes=lanes) if not isinstance(event, Busy)]
    total, *members = events
    assert isinstance(total, Total)
    return total, [event for event in members if not isinstance(event, Total)]


def read_here(data: bytes, bounds: Limits = LIMITS) -> list[Member]:
    """What the reader yields, without a child: for rules that are the same anywhere."""
    kind = sniff(len(data), data[:HEAD_BYTES], data[-TAIL_BYTES:], bounds.max_members)
    archive = readers.read([kind, "parquet"], None, io.BytesIO(data), len(data), Bounds.of(bounds))
    members = []
    for member in archive.members(0):
        if member.left_out is None:
            with contextlib.suppress(Rejection):
                member.read()
        members.append(member)
    assert len(members) == archive.total
    return members


def packed(
    data: bytes, shelf: MemoryShelf, bounds: Limits = LIMITS, shard_bytes: int = 1 << 28, lanes: int = 1
) -> tuple[list[Tick], Packed]:
    """All ticks and the result."""
    ticks = []
    steps = pack(BytesSource(data), shelf, bounds, shard_bytes, lanes=lanes)
    while True:
        try:
            ticks.append(next(steps))
        except StopIteration as end:
            return ticks, end.value


def small_dataset(count: int = 12) -> bytes:
    """Two classes of `count` small images in all, in two splits, with one file that is ignored."""
    members = {
        f"set/{('train', 'test')[n % 3 == 0]}/{('cat', 'dog')[n % 2]}/{n:03d}.png": image(seed=n) for n in range(count)
    }
    return zip_of({**members, "set/README.md": b"read me"})
