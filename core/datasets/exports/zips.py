"""A zip that is written from its beginning to its end, with members as they are: images do not become smaller.

Nothing of it depends on a clock, and sizes stand before the bytes, so that it can be unpacked as it comes. What is kept
in memory is the list of its members, about a hundred and fifty bytes each.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator

UTF8, DAY_ONE = 0x800, 0x21  # 1980-01-01, the first day that a zip can tell
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF
UNIX, PLAIN_FILE = 3, 0o100644 << 16


class Zip:
    """Makes the bytes of a zip; whoever asks for them writes them in this order."""

    def __init__(self) -> None:
        self._at = 0
        self._count = 0
        self._directory = bytearray()

    def member(self, name: str, data: bytes) -> Iterator[bytes]:
        """One file."""
        yield self._begin(name, zlib.crc32(data), len(data))
        yield data

    def long_member(self, name: str, chunks: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
        """A file that is made twice, once to know its size and once to be written."""
        crc = size = 0
        for chunk in chunks():
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        yield self._begin(name, crc, size)
        yield from chunks()

    def end(self) -> Iterator[bytes]:
        """The list of the members."""
        size, at, count = len(self._directory), self._at, self._count
        yield bytes(self._directory)
        if count >= FULL16 or size >= FULL32 or at >= FULL32:
            yield struct.pack(
                "<4sQ2H2L4Q", b"PK\x06\x06", 44, UNIX << 8 | 45, 45, 0, 0, count, count, size, at
            ) + struct.pack("<4sLQL", b"PK\x06\x07", 0, at + size, 1)
        few = min(count, FULL16)
        yield struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, few, few, min(size, FULL32), min(at, FULL32), 0)

    def _begin(self, name: str, crc: int, size: int) -> bytes:
        encoded = name.encode()
        large = struct.pack("<2H2Q", 1, 16, size, size) if size >= FULL32 else b""
        shown, at = min(size, FULL32), self._at
        far = struct.pack("<Q", at) if at >= FULL32 else b""
        sizes = struct.pack("<2Q", size, size) if large else b""
        extra = struct.pack("<2H", 1, len(sizes + far)) + sizes + far if sizes or far else b""
        version = 45 if large or far else 20
        common = struct.pack("<5H3L", version, UTF8, 0, 0, DAY_ONE, crc, shown, shown)
        header = b"PK\x03\x04" + common + struct.pack("<2H", len(encoded), len(large)) + encoded + large
        self._directory += b"PK\x01\x02" + struct.pack("<H", UNIX << 8 | 45) + common
        self._directory += struct.pack("<5H2L", len(encoded), len(extra), 0, 0, 0, PLAIN_FILE, min(at, FULL32))
        self._directory += encoded + extra
        self._at += len(header) + size
        self._count += 1
        return header
