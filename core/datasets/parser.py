"""The child program that reads an upload: `python -m core.datasets.parser`.

It has no file to open: it asks its parent for bytes of the upload, so that local parts, S3 parts and future formats
look alike and no second copy lies on a disk. It tells of every member exactly once, in order, many in one frame: what
the archive says of it, and its bytes when they are to be decoded, which others do. Its place is the number of the
member that it is at; members that others died on are left out as `condemned`.
"""

from __future__ import annotations

import io
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO

from core.datasets import frames, readers
from core.datasets.bounds import Bounds, listing_seconds
from core.datasets.confine import CpuTime, confine, pipes
from core.datasets.frames import BATCH_BYTES, BATCH_MEMBERS, BATCH_TEXT, BrokenFrame
from core.datasets.readers.member import LeftOut, Member, Rejection
from core.datasets.readers.streams import Seekable
from core.datasets.warmup import warm
from core.errors import Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_AHEAD = 4 << 20


class Upload(Seekable):
    """The upload as a file; its bytes come from the parent."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO, size: int) -> None:
        super().__init__(size)
        self._reader, self._writer = reader, writer

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        length = max(0, min(len(view), READ_AHEAD, self._size - self._position))
        if length == 0:
            return 0
        frames.send(self._writer, {"kind": "read", "offset": self._position, "length": length})
        frame = frames.receive(self._reader, length)
        if frame is None or len(frame.payload) != length:
            raise BrokenFrame("the parent did not send the bytes that were asked for")
        view[:length] = frame.payload
        self._position += length
        return length


class Batch:
    """Members on their way to the parent."""

    def __init__(self, writer: BinaryIO) -> None:
        self._writer = writer
        self._begin()

    def add(self, told: dict[str, Any], data: bytes | None, text: int) -> None:
        """One member, `text` characters long; without data it is left out."""
        size = 0 if data is None else len(data)
        if self._told and (self._size + size > BATCH_BYTES or self._text + text > BATCH_TEXT):
            self.send()
        if data is not None:
            told["bytes"] = size
            self._pieces.append(data)
        self._told.append(told)
        self._size += size
        self._text += text
        if len(self._told) == BATCH_MEMBERS:
            self.send()

    def send(self) -> None:
        if self._told:
            frames.send(self._writer, {"kind": "members", "members": self._told}, b"".join(self._pieces))
            self._begin()

    def _begin(self) -> None:
        self._told: list[dict[str, Any]] = []
        self._pieces: list[bytes] = []
        self._size = self._text = 0


def main() -> None:
    reader, writer = pipes()
    order = frames.receive(reader, 0)
    if order is None:
        return
    limits = Bounds(**order.header["limits"])
    warm(limits)
    readers.prepare(order.header["kinds"])
    frames.send(writer, {"kind": "ready", "confinement": confine(limits.sandbox_memory_bytes)})
    try:
        _read_upload(reader, writer, order.header, limits)
        frames.send(writer, {"kind": "done"})
    except readers.Needs as needs:
        frames.send(writer, {"kind": "needs", "what": str(needs)})
    except Problem as problem:
        frames.send(writer, {"kind": "problem", "problem": problem.as_record()})
    except MemoryError:
        detail = "Reading the directory of the upload needs more memory than the sandbox has. Split the dataset."
        frames.send(writer, {"kind": "problem", "problem": Problem("too-many-members", detail).as_record()})


def _read_upload(reader: BinaryIO, writer: BinaryIO, order: dict[str, Any], limits: Bounds) -> None:
    size, skip, place = order["size"], order["skip"], order["place"]
    condemned = {int(member): LeftOut("rejected", *why) for member, why in order["condemned"].items()}
    upload = io.BufferedReader(Upload(reader, writer, size), READ_AHEAD)
    bounded = CpuTime(limits.decode_seconds)
    with CpuTime(listing_seconds(limits.decode_seconds, size)):
        archive = readers.read(order["kinds"], order["layout"], upload, size, limits, bounded.renew)
    total = {"members": archive.total, "images": archive.images, "layout": archive.layout}
    frames.send(writer, {"kind": "total", **total})
    batch = Batch(writer)
    try:
        with bounded:
            for n, member in enumerate(archive.members(skip), start=skip):
                _add(batch, member, condemned.get(n, member.left_out), limits)
                os.lseek(place, n + 1, os.SEEK_SET)
                bounded.renew()
    except Problem:
        batch.send()  # what came before counts
        raise
    batch.send()


def _add(batch: Batch, member: Member, out: LeftOut | None, limits: Bounds) -> None:
    """Read one member, unless it is left out."""
    if out is None:
        try:
            data = member.read()
            if len(data) > limits.max_member_bytes:
                most = limits.max_member_bytes
                raise Rejection("member-too-large", f"The image has {len(data)} bytes; at most {most} are read.")
        except Rejection as problem:
            out = LeftOut("rejected", problem.code, problem.detail)
    if out is not None:
        batch.add({"path": member.path, **asdict(out)}, None, len(member.path) + len(out.detail))
        return
    told: dict[str, Any] = {"path": member.path, "split": member.split, "label": member.label}
    text = len(member.path) + len(member.label or "")
    if member.votes or member.extra:
        told |= {"votes": member.votes, "extra": member.extra}
        text += sum(map(len, member.votes or ())) + sum(len(k) + len(v) for k, v in (member.extra or {}).items())
    batch.add(told, data, text)


if __name__ == "__main__":
    main()
