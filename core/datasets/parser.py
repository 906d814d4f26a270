"""The child program that reads an upload: `python -m core.datasets.parser`.

It has no file to open: it asks its parent for bytes of the upload, so that local parts, S3 parts and future formats
look alike and no second copy lies on a disk. It answers each member with exactly one frame, in order. If it dies, the
number of frames says at which member, and the next child is told to leave that one out as `condemned`.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO

from core.datasets import frames, images, readers
from core.datasets.bounds import Bounds
from core.datasets.confine import confine, cpu_time, pipes
from core.datasets.frames import BrokenFrame
from core.datasets.look import look
from core.datasets.readers.imagefolder import nested
from core.datasets.readers.member import LeftOut, Member, Rejection
from core.datasets.readers.streams import Seekable
from core.datasets.warmup import warm
from core.errors import Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_AHEAD = 4 << 20
ARCHIVE_MAGIC = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
    b"\x28\xb5\x2f\xfd",
)


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


def _read_upload(reader: BinaryIO, writer: BinaryIO, order: dict[str, object], limits: Bounds) -> None:
    size, skip, condemned = order["size"], order["skip"], order["condemned"]
    kinds, layout = order["kinds"], order["layout"]
    assert isinstance(size, int) and isinstance(skip, int) and isinstance(kinds, list)
    assert layout is None or isinstance(layout, str)
    upload = io.BufferedReader(Upload(reader, writer, size), READ_AHEAD)
    archive = readers.read(kinds, layout, upload, size, limits)
    total = {"members": archive.total, "images": archive.images, "layout": archive.layout}
    frames.send(writer, {"kind": "total", **total})
    for member in archive.members(skip):
        if condemned is not None:
            out, condemned = LeftOut("rejected", str(condemned), _CONDEMNED[str(condemned)]), None
            _send_left_out(writer, member, out, None)
        elif member.left_out is not None:
            _send_left_out(writer, member, member.left_out, None)
        else:
            with cpu_time(limits.decode_seconds):
                _examine(writer, member, limits)


def _examine(writer: BinaryIO, member: Member, limits: Bounds) -> None:
    """Decode one image fully and send it, or why it is left out."""
    try:
        data = member.read()
    except Rejection as problem:
        _send_left_out(writer, member, LeftOut("rejected", problem.code, problem.detail), None)
        return
    try:
        facts, image = images.check(data, limits)
        if member.label is None:
            raise Problem(
                "label-missing",
                "The image lies in no class folder; move it into one that is named like its class, or write a table.",
            )
        seen = look(image)
    except (Problem, MemoryError) as error:
        found = error if isinstance(error, Problem) else images.too_much_memory()
        out = LeftOut("rejected", found.code, found.detail)
        if found.code == "image-format" and (data.startswith(ARCHIVE_MAGIC) or data[257:262] == b"ustar"):
            out = nested()
        _send_left_out(writer, member, out, hashlib.sha256(data).hexdigest())
        return
    header = {"kind": "sample", "path": member.path, "split": member.split, "label": member.label, **facts._asdict()}
    header |= {"votes": member.votes, "extra": member.extra, "look": seen.hex()}
    frames.send(writer, header, data)


def _send_left_out(writer: BinaryIO, member: Member, out: LeftOut, sha256: str | None) -> None:
    frames.send(writer, {"kind": "left-out", "path": member.path, **asdict(out), "sha256": sha256})


_CONDEMNED = {
    "image-crashed-decoder": "The image made its decoder crash; save it again with another program.",
    "image-decode-timeout": "Decoding the image takes too long; save it again, smaller.",
}

if __name__ == "__main__":
    main()
