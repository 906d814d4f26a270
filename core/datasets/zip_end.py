"""The end record of a zip: where its directory lies and how many members it has, told from the last bytes alone.

A zip that two programs can read in two ways is refused: what we check must be what everybody else would see.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from core.errors import Problem

END = struct.Struct("<4sHHHHIIH")
END_SIGNATURE = b"PK\x05\x06"
LOCATOR = struct.Struct("<4sIQI")
LOCATOR_SIGNATURE = b"PK\x06\x07"
WIDE_END = struct.Struct("<4sQHHIIQQQQ")
WIDE_END_SIGNATURE = b"PK\x06\x06"
MAX_COMMENT = 0xFFFF
TAIL_BYTES = END.size + MAX_COMMENT + LOCATOR.size + WIDE_END.size


class EndRecord(NamedTuple):
    members: int
    directory_offset: int
    directory_bytes: int


def read_end(tail: bytes, size: int) -> EndRecord:
    """The end record of a zip of `size` bytes, of which `tail` are the last TAIL_BYTES (or all)."""
    position = _find(tail)
    start = size - len(tail)  # of the tail, in the file
    _, disk, first_disk, here, members, length, offset, _ = END.unpack_from(tail, position)
    end = start + position
    if position >= LOCATOR.size and tail[position - LOCATOR.size :][:4] == LOCATOR_SIGNATURE:
        short = (here, members, length, offset)
        end, disk, first_disk, here, members, length, offset = _wide(tail, position, start)
        wide = (here, members, length, offset)
        saturated = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        if any(a not in (b, full) for a, b, full in zip(short, wide, saturated, strict=True)):
            raise ambiguous("its two end records disagree")
    if disk or first_disk or here != members:
        raise Problem("archive-truncated", "This is one part of a split zip; join the parts and upload it whole.")
    if offset + length != end:
        raise ambiguous("bytes that belong to no member lie before its first member or around its directory")
    return EndRecord(members, offset, length)


def _find(tail: bytes) -> int:
    found = []
    cut = False
    position = tail.rfind(END_SIGNATURE)
    while position >= 0:
        rest = len(tail) - position - END.size
        if rest < 0:
            cut = True
        else:
            comment = END.unpack_from(tail, position)[-1]
            cut = cut or comment > rest
            if comment == rest:
                found.append(position)
        position = tail.rfind(END_SIGNATURE, 0, position)
    if len(found) > 1:
        raise ambiguous("it has two end records")
    if found:
        return found[0]
    if END_SIGNATURE in tail and not cut:
        raise ambiguous("bytes follow its end record")
    raise truncated()


def _wide(tail: bytes, position: int, start: int) -> tuple[int, int, int, int, int, int, int]:
    """The zip64 end record: its offset in the file and its fields."""
    locator = position - LOCATOR.size
    _, disk, at, disks = LOCATOR.unpack_from(tail, locator)
    record = at - start
    if disk or disks > 1 or record < 0 or record + WIDE_END.size > locator:
        raise ambiguous("its zip64 end record is not where it should be")
    signature, length, _, _, *fields = WIDE_END.unpack_from(tail, record)
    if signature != WIDE_END_SIGNATURE or record + 12 + length != locator:
        raise ambiguous("its zip64 end record is not where it should be")
    disk, first_disk, here, members, bytes_, offset = fields
    return at, disk, first_disk, here, members, bytes_, offset


def ambiguous(reason: str) -> Problem:
    detail = f"The zip can be read in more than one way: {reason}. Make it anew with a zip program."
    return Problem("ambiguous-zip", detail)


def truncated() -> Problem:
    return Problem("archive-truncated", "The zip ends too early: it was cut on the way. Upload it again, complete.")
