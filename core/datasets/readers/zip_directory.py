"""The directory of a zip, read strictly and kept small, and its members, read one by one within bounds.

Python's own `zipfile` cuts names at NUL, takes the last of two equal names, accepts overlapping members and needs half
a gigabyte for a million of them; so the directory is read here. Nothing is ever extracted to a path.
"""

from __future__ import annotations

import io
import itertools
import stat
import struct
import zlib
from array import array
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from core.datasets.bounds import Bounds
from core.datasets.readers.member import Rejection
from core.datasets.readers.streams import Slice
from core.datasets.sniff import check_readable, too_many_members
from core.datasets.zip_end import TAIL_BYTES, ambiguous, read_end, truncated
from core.errors import Problem, shown

CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
LOCAL = struct.Struct("<4sHHHHHIIIHH")
WIDE_EXTRA = 0x0001
FULL = 0xFFFFFFFF
UTF8_FLAG, DESCRIPTOR_FLAG = 0x0800, 0x0008
DESCRIPTOR_SIGNATURE, MOST_DESCRIPTOR = b"PK\x07\x08", 24
CHUNK = 1 << 20

# One member as one bytes object that sorts by offset: two million of them stay far below the memory of the sandbox.
PACKED = struct.Struct(">QQQIHH")


class Entry(NamedTuple):
    offset: int
    packed_bytes: int
    size: int
    crc: int
    flags: int
    method: int
    raw: bytes

    @property
    def name(self) -> str:
        """UTF-8 when it says so or looks so (macOS and Linux write it unannounced), else code page 437."""
        try:
            return self.raw.decode("utf-8")
        except UnicodeDecodeError:
            return self.raw.decode("utf-8" if self.flags & UTF8_FLAG else "cp437", "backslashreplace")


class Directory:
    """All members in the order in which their bytes lie in the file."""

    def __init__(self, file: BinaryIO, size: int, limits: Bounds) -> None:
        self._file = file
        file.seek(max(0, size - TAIL_BYTES))
        end = read_end(_exactly(file, min(size, TAIL_BYTES)), size)
        if end.members > limits.max_members:
            raise too_many_members(end.members, limits.max_members)
        self._ceiling = end.directory_offset
        file.seek(end.directory_offset)
        left = end.directory_bytes
        self._records: list[bytes] = []
        total = 0
        for _ in range(end.members):
            entry, used = _central(file, left)
            left -= used
            total += entry.size
            self._records.append(PACKED.pack(*entry[:6]) + entry.raw)
        if left:
            raise ambiguous("its directory is longer than its members")
        if total > limits.max_expansion * size:
            raise Problem(
                "archive-expansion-limit",
                f"The zip of {size} bytes unpacks to {total} bytes, more than {limits.max_expansion} times its size.",
            )
        self._records.sort()
        self._refuse_duplicates()
        self._refuse_overlaps()

    def __len__(self) -> int:
        return len(self._records)

    def entries(self, skip: int = 0) -> Iterator[Entry]:
        for record in itertools.islice(self._records, skip, None):
            yield _unpacked(record)

    def open(self, position: int) -> Entry:
        """Check the member's own header against the directory and place the file at its data."""
        entry = self._entry(position)
        self._file.seek(entry.offset)
        signature, _, flags, method, _, _, crc, packed_bytes, size, name_bytes, extra_bytes = LOCAL.unpack(
            _exactly(self._file, LOCAL.size)
        )
        raw = _exactly(self._file, name_bytes)
        if signature != b"PK\x03\x04" or raw != entry.raw or method != entry.method:
            raise ambiguous(f"the header of member {shown(entry.name)} differs from the directory")
        if not flags & DESCRIPTOR_FLAG and (
            crc != entry.crc or packed_bytes not in (entry.packed_bytes, FULL) or size not in (entry.size, FULL)
        ):
            raise ambiguous(f"the header of member {shown(entry.name)} differs from the directory")
        check_readable(flags, method)
        extra = _exactly(self._file, extra_bytes)
        if not flags & DESCRIPTOR_FLAG and FULL in (packed_bytes, size):
            size, packed_bytes, _ = _wide(extra, size, packed_bytes, 0)
            if (size, packed_bytes) != (entry.size, entry.packed_bytes):
                raise ambiguous(f"the header of member {shown(entry.name)} differs from the directory")
        begin = self._file.tell()
        rest = self._end(position) - begin - entry.packed_bytes
        if rest < 0:
            raise _overlap(entry)
        if rest:  # as in a hidden member, which a program that reads from the front would see
            self._file.seek(begin + entry.packed_bytes)
            between = _exactly(self._file, min(rest, MOST_DESCRIPTOR + 1))
            if not flags & DESCRIPTOR_FLAG or between not in _descriptors(entry):
                raise ambiguous(f"bytes that belong to no member follow {shown(entry.name)}")
            self._file.seek(begin)
        return entry

    def read(self, entry: Entry) -> bytes:
        """The bytes of the member that `open` has just placed the file at."""
        if entry.method == 0:
            if entry.packed_bytes != entry.size:
                raise ambiguous(f"the stored member {shown(entry.name)} has two sizes")
            data = _exactly(self._file, entry.size)
        else:
            data = self._inflate(entry)
        if len(data) != entry.size or zlib.crc32(data) != entry.crc:
            raise _damaged()
        return data

    def lies_open(self, entry: Entry) -> bool:
        """Whether the member can be read anywhere without being unpacked first."""
        return entry.method == 0 and entry.packed_bytes == entry.size

    def file(self, entry: Entry) -> BinaryIO:
        """The member that `open` has just placed the file at, to be read anywhere."""
        if self.lies_open(entry):
            return io.BufferedReader(Slice(self._file, self._file.tell(), entry.size))
        return io.BytesIO(self.read(entry))

    def _inflate(self, entry: Entry) -> bytes:
        decoder = zlib.decompressobj(-zlib.MAX_WBITS)
        pieces: list[bytes] = []
        have, left = 0, entry.packed_bytes
        while not decoder.eof:
            feed = decoder.unconsumed_tail
            if not feed:
                feed = _exactly(self._file, min(left, CHUNK))
                left -= len(feed)
            if not feed:
                break
            try:
                pieces.append(decoder.decompress(feed, entry.size + 1 - have))
            except zlib.error as error:
                raise _damaged() from error
            have += len(pieces[-1])
            if have > entry.size:
                raise Problem(
                    "archive-expansion-limit",
                    f"The member {shown(entry.name)} unpacks to more bytes than the directory says.",
                )
        return b"".join(pieces)

    def _entry(self, position: int) -> Entry:
        return _unpacked(self._records[position])

    def _end(self, position: int) -> int:
        """Where the next member or the directory begins."""
        if position + 1 == len(self._records):
            return self._ceiling
        return int(PACKED.unpack_from(self._records[position + 1])[0])

    def _refuse_duplicates(self) -> None:
        hashes = array("q", (hash(entry.name) for entry in self.entries()))
        ordered = sorted(hashes)
        twice = {a for a, b in itertools.pairwise(ordered) if a == b}
        seen: set[str] = set()
        for position, value in enumerate(hashes if twice else ()):
            if value in twice:
                name = self._entry(position).name
                if name in seen:
                    raise ambiguous(f"two members are named {shown(name)}")
                seen.add(name)

    def _refuse_overlaps(self) -> None:
        for position, entry in enumerate(self.entries()):
            if entry.offset + LOCAL.size + len(entry.raw) + entry.packed_bytes > self._end(position):
                raise _overlap(entry)
        if self._records and self._entry(0).offset:
            raise ambiguous("bytes lie before its first member")


def _unpacked(record: bytes) -> Entry:
    offset, packed_bytes, size, crc, flags, method = PACKED.unpack_from(record)
    return Entry(offset, packed_bytes, size, crc, flags, method, record[PACKED.size :])


def _central(file: BinaryIO, left: int) -> tuple[Entry, int]:
    """The next entry of the directory and how many bytes it took."""
    if left < CENTRAL.size:
        raise ambiguous("its directory is shorter than its members")
    fields = CENTRAL.unpack(_exactly(file, CENTRAL.size))
    signature, _, _, flags, method, _, _, crc, packed_bytes, size, name_bytes, extra_bytes, comment_bytes = fields[:13]
    disk, _, attributes, offset = fields[13:]
    used = CENTRAL.size + name_bytes + extra_bytes + comment_bytes
    if signature != b"PK\x01\x02" or used > left:
        raise ambiguous("its directory is damaged")
    raw = _exactly(file, name_bytes)
    extra = _exactly(file, extra_bytes)
    _exactly(file, comment_bytes)
    if FULL in (packed_bytes, size, offset):
        size, packed_bytes, offset = _wide(extra, size, packed_bytes, offset)
    entry = Entry(offset, packed_bytes, size, crc, flags, method, raw)
    check_readable(flags, method)
    kind = stat.S_IFMT(attributes >> 16)
    if kind == stat.S_IFLNK:
        raise Problem("link-member", f"The member {shown(entry.name)} is a link; put the file itself into the zip.")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Problem("special-member", f"The member {shown(entry.name)} is not a file but a device or a pipe.")
    if disk not in (0, 0xFFFF):
        raise ambiguous(f"the member {shown(entry.name)} lies in another file")
    return entry, used


def _wide(extra: bytes, size: int, packed_bytes: int, offset: int) -> tuple[int, int, int]:
    """The zip64 values of those fields that were too small for theirs."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == WIDE_EXTRA:
            values = [extra[position + 4 :][:length][i : i + 8] for i in range(0, length, 8)]
            wide = iter(int.from_bytes(value, "little") for value in values if len(value) == 8)
            try:
                size, packed_bytes, offset = (
                    next(wide) if one == FULL else one for one in (size, packed_bytes, offset)
                )
                return size, packed_bytes, offset
            except RuntimeError as error:  # a generator that runs dry
                raise ambiguous("a zip64 field is missing") from error
        position += 4 + length
    return size, packed_bytes, offset


def _descriptors(entry: Entry) -> list[bytes]:
    """What may follow the bytes of a member whose sizes were not known when its header was written."""
    sizes = (entry.crc, entry.packed_bytes, entry.size)
    forms = [struct.pack("<IQQ", *sizes)] + [struct.pack("<III", *sizes)] * (max(sizes) <= FULL)
    return [mark + form for form in forms for mark in (b"", DESCRIPTOR_SIGNATURE)]


def _exactly(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise truncated()
    return data


def _overlap(entry: Entry) -> Problem:
    return Problem("zip-overlap", f"The member {shown(entry.name)} shares its bytes with another; make the zip anew.")


def _damaged() -> Rejection:
    return Rejection("crc-mismatch", "The member is damaged: its bytes do not have the checksum that the zip gives.")
