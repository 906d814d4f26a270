"""A tar, read strictly: every header checked, its two empty blocks at the end, nothing of it ever extracted to a path.

Python's own `tarfile` takes a tar that was cut between two members for a whole one.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, NamedTuple

from core.datasets.bounds import Bounds
from core.datasets.readers.streams import CHUNK, Slice, cut
from core.datasets.sniff import too_many_members
from core.errors import Problem, shown

BLOCK = 512
EMPTY = bytes(BLOCK)
HEADER = struct.Struct("100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12x")
SUM = slice(148, 156)
REGULAR, FOLDER = (b"0", b"\0", b"7"), b"5"
LINKS, SPECIAL = (b"1", b"2"), (b"3", b"4", b"6", b"S")
LONG_NAME, LONG_LINK, EXTENDED, GLOBAL = b"L", b"K", b"x", b"g"
MOST_EXTENDED = 1 << 20  # bytes of one extended header
LENGTH_DIGITS = 9  # more than the length of a line in it has
LARGEST = 1 << 62
OCTAL = 8**11 - 1  # the largest size that fits into a header

PACKED = struct.Struct(">QQ")  # offset and size, before the name: two million members stay small


class TarEntry(NamedTuple):
    offset: int
    size: int
    raw: bytes

    @property
    def name(self) -> str:
        return self.raw.decode("utf-8", "backslashreplace")


class Tar:
    """All members of a tar; `size` is None where the end of the file is only known when it is reached."""

    def __init__(self, file: BinaryIO, size: int | None, limits: Bounds) -> None:
        self._file, self._size = file, size
        self._records: list[bytes] = []
        names: set[bytes] = set()
        for entry in self._scan():
            if len(self._records) == limits.max_members:
                raise too_many_members(len(self._records) + 1, limits.max_members)
            if entry.raw in names:
                raise ambiguous(f"two members are named {shown(entry.name)}")
            names.add(entry.raw)
            self._records.append(PACKED.pack(entry.offset, entry.size) + entry.raw)

    def __len__(self) -> int:
        return len(self._records)

    def entries(self, skip: int = 0) -> Iterator[TarEntry]:
        for record in islice(self._records, skip, None):
            offset, size = PACKED.unpack_from(record)
            yield TarEntry(offset, size, record[PACKED.size :])

    def open(self, position: int) -> TarEntry:
        record = self._records[position]
        offset, size = PACKED.unpack_from(record)
        return TarEntry(offset, size, record[PACKED.size :])

    def read(self, entry: TarEntry) -> bytes:
        self._file.seek(entry.offset)
        return self._exactly(entry.size)

    def lies_open(self, entry: TarEntry) -> bool:
        return self._size is not None

    def file(self, entry: TarEntry) -> BinaryIO:
        if self._size is None:
            return io.BytesIO(self.read(entry))
        return io.BufferedReader(Slice(self._file, entry.offset, entry.size))

    def _scan(self) -> Iterator[TarEntry]:
        """Each file and folder; extended headers are applied to the member that they precede."""
        position, first = 0, True
        told: dict[str, bytes] = {}
        while (block := self._at(position)) != EMPTY:
            header = _header(block, first)
            first = False
            position += BLOCK
            if header.kind in (LONG_NAME, LONG_LINK, EXTENDED, GLOBAL):
                content = self._extended(header)
                if header.kind == LONG_NAME:
                    told["path"] = content.rstrip(b"\0")
                elif header.kind == EXTENDED:
                    told |= _records(content)
                elif header.kind == GLOBAL and {"path", "size"} & _records(content).keys():
                    raise bad("a header for all members names or sizes them")
                position += _padded(header.size)
                continue
            size = _decimal(told["size"]) if "size" in told else header.size
            if size != header.size and size <= OCTAL:
                raise bad("a member has two sizes")
            raw = told.get("path", header.raw)
            told = {}
            _check_kind(header, raw, size)
            if header.kind == FOLDER and not raw.endswith(b"/"):
                raw += b"/"
            if raw := raw.removeprefix(b"./"):  # `tar -c .` writes ./ itself too
                yield TarEntry(position, size, raw)
            elif header.kind != FOLDER:
                raise bad("a file has no name")
            position += _padded(size)
            if self._size is not None and position > self._size:
                raise cut()
        if told:
            raise bad("its last header belongs to no member")
        self._check_end(position)

    def _at(self, position: int) -> bytes:
        self._file.seek(position)
        return self._exactly(BLOCK)

    def _extended(self, header: _Header) -> bytes:
        if header.size > MOST_EXTENDED:
            raise bad(f"a header of {header.size} bytes")
        return self._exactly(header.size)

    def _check_end(self, position: int) -> None:
        """Two empty blocks, and nothing but zeros behind them."""
        if self._at(position) != EMPTY or self._at(position + BLOCK) != EMPTY:
            raise cut()
        while rest := self._file.read(CHUNK):
            if rest.strip(b"\0"):
                raise ambiguous("bytes follow its end")

    def _exactly(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise cut()
        return data


class _Header(NamedTuple):
    raw: bytes
    size: int
    kind: bytes


def _header(block: bytes, first: bool) -> _Header:
    fields = HEADER.unpack(block)
    name, size, kind, magic, prefix = fields[0], fields[4], fields[7], fields[9], fields[15]
    plain = block[: SUM.start] + b" " * 8 + block[SUM.stop :]
    total = _number(block[SUM])
    if total != sum(plain) and total != sum(byte - 256 if byte > 127 else byte for byte in plain):
        raise bad("it does not begin with a header" if first else "a header is damaged")
    raw = name.partition(b"\0")[0]
    if magic == b"ustar\0" and (above := prefix.partition(b"\0")[0]):
        raw = above + b"/" + raw
    return _Header(raw, _number(size), kind)


def _number(field: bytes) -> int:
    """Octal digits, or, where they do not suffice, the number itself behind a set first bit."""
    if field[0] & 0x80:
        value = int.from_bytes(field[1:], "big")
        if field[0] != 0x80 or value > LARGEST:
            raise bad("a number in a header is negative or too large")
        return value
    digits = field.strip(b" \0")
    if not all(digit in b"01234567" for digit in digits):
        raise bad("a number in a header is none")
    return int(digits or b"0", 8)


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 18:
        raise bad("a size in a header is no number")
    return int(text)


def _records(content: bytes) -> dict[str, bytes]:
    """What the `length key=value` lines of an extended header say of the path and the size."""
    found: dict[str, bytes] = {}
    content = content.rstrip(b"\0")
    at = 0
    while at < len(content):
        length = content[at : at + LENGTH_DIGITS].partition(b" ")[0]
        end = at + int(length) if length.isdigit() and len(length) < LENGTH_DIGITS else 0
        if not at + len(length) + 3 <= end <= len(content) or content[end - 1 : end] != b"\n":
            raise bad("an extended header is damaged")
        key, equals, value = content[at + len(length) + 1 : end - 1].partition(b"=")
        if not equals:
            raise bad("an extended header is damaged")
        if key.startswith(b"GNU.sparse"):
            raise Problem("special-member", "The tar holds a file with holes (sparse); make it without --sparse.")
        if key in (b"path", b"size"):
            found[key.decode()] = value
        at = end
    return found


def _check_kind(header: _Header, raw: bytes, size: int) -> None:
    if header.kind in REGULAR:
        return
    name = shown(raw.decode("utf-8", "backslashreplace"))
    if header.kind in LINKS:
        raise Problem("link-member", f"The member {name} is a link; put the file itself into the tar.")
    if header.kind in SPECIAL:
        raise Problem("special-member", f"The member {name} is not a file but a device, a pipe or a file with holes.")
    if header.kind != FOLDER:
        raise bad(f"the member {name} is of an unknown kind")
    if size:
        raise bad(f"the folder {name} holds bytes")


def _padded(size: int) -> int:
    return size + -size % BLOCK


def bad(why: str) -> Problem:
    return Problem("bad-tar-header", f"The tar cannot be read: {why}. Make it anew.")


def ambiguous(why: str) -> Problem:
    return Problem("ambiguous-archive", f"The tar can be read in more than one way: {why}. Make it anew.")
