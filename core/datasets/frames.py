"""Frames on a pipe: a small JSON header and a binary payload, both with their lengths in front.

Both ends check the lengths before they allocate anything, because one end of the pipe has just parsed hostile bytes.
"""

from __future__ import annotations

import json
import struct
from typing import IO, Any, NamedTuple

MAX_HEADER = 1 << 20
PREFIX = struct.Struct(">IQ")
BATCH_MEMBERS = 128  # in one frame
BATCH_BYTES = 1 << 20  # of their images, but for one that is larger by itself
BATCH_TEXT = 1 << 15  # characters that are told of them: even if each is escaped, the header stays below MAX_HEADER


class Frame(NamedTuple):
    header: dict[str, Any]
    payload: bytes


class BrokenFrame(Exception):
    """The other end ended in the middle of a frame, or sent one that it may not send."""


def send(stream: IO[bytes], header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    """Write one frame and flush: a frame is a message, and the other end may be waiting for it."""
    encoded = json.dumps(header, separators=(",", ":")).encode()
    if len(encoded) > MAX_HEADER:
        raise BrokenFrame(f"a header of {len(encoded)} bytes is too long")
    stream.write(PREFIX.pack(len(encoded), len(payload)) + encoded)
    if payload:
        stream.write(payload)
    stream.flush()


def receive(stream: IO[bytes], max_payload: int) -> Frame | None:
    """The next frame; None where the other end closed the pipe between two frames."""
    prefix = stream.read(PREFIX.size)
    if not prefix:
        return None
    if len(prefix) < PREFIX.size:
        raise BrokenFrame("the pipe ended inside a frame")
    header_length, payload_length = PREFIX.unpack(prefix)
    if header_length > MAX_HEADER or payload_length > max_payload:
        raise BrokenFrame(f"a frame of {header_length} + {payload_length} bytes is too long")
    try:
        header = json.loads(_exactly(stream, header_length))
    except ValueError as error:
        raise BrokenFrame("a header is not JSON") from error
    if not isinstance(header, dict):
        raise BrokenFrame("a header is not an object")
    return Frame(header, _exactly(stream, payload_length))


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise BrokenFrame("the pipe ended inside a frame")
    return data
