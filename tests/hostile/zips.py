"""Zips that lie, hide, overlap, explode, or were cut (T1 to T14)."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib

from tests.hostile.case import (
    CAT,
    DOG,
    GOOD,
    Case,
    Forged,
    Ready,
    forge,
    member,
    ready,
    refused,
    rejected,
    tar_of,
    zip_of,
    zip_with,
)

ZIP = zip_of(GOOD)
END = 22  # bytes of an end record without a comment
MARK = "escaped-hostile"  # a name that must never be found on the disk
PATHS = (
    f"../{MARK}.png",
    f"../../../../../../tmp/{MARK}.png",
    f"/{MARK}.png",
    f"C:/{MARK}.png",
    f"a\\..\\{MARK}.png",
    f"\\\\host\\share\\{MARK}.png",
    f"a/../{MARK}.png",
    f"a//{MARK}.png",
    f"./{MARK}.png",
    f"a/./{MARK}.png",
    f"a/%2e%2e/{MARK}.png",
    f"%2E%2E/{MARK}.png",
    f"a/.%2e/{MARK}.png",
)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def packed(name: bytes, data: bytes, **said: int) -> Forged:
    """A deflated member, as honest as `said` lets it be."""
    return Forged(name, deflated(data), method=8, **{"size": len(data), "crc": zlib.crc32(data), **said})


def local(name: bytes, data: bytes) -> bytes:
    """A member as it stands before the directory."""
    crc, size = zlib.crc32(data), len(data)
    return struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 0, 0, 0, crc, size, size, len(name), 0) + name + data


def shared_header() -> bytes:
    """Many names for one member: a few kB that become gigabytes."""
    first = packed(b"cat/0.png", bytes(5000))
    return forge([first, *(Forged(b"cat/%d.png" % n, first.data, method=8, size=5000, offset=0) for n in range(1, 9))])


def nested_headers() -> bytes:
    """A member whose bytes are the next member, header and all: both are in the directory."""
    inner = local(b"cat/2.png", CAT)
    return forge([Forged(b"cat/1.png", inner), Forged(b"cat/2.png", CAT, offset=30 + len(b"cat/1.png"))])


def reaching_into_the_directory() -> bytes:
    return forge([Forged(b"cat/1.png", CAT), Forged(b"cat/2.png", CAT + bytes(99), offset=30 + 9 + len(CAT))])


def hidden_member() -> bytes:
    """Bytes between two members that are one more member to a program that reads from the front."""
    plain = forge([Forged(b"cat/1.png", CAT), Forged(b"dog/1.png", DOG)])
    gap = local(b"cat/hidden.png", DOG)
    cut = 30 + len(b"cat/1.png") + len(CAT)
    return moved(plain[:cut] + gap + plain[cut:], len(gap), later=cut)


def hidden_before_the_directory() -> bytes:
    plain = forge([Forged(b"cat/1.png", CAT)])
    gap = local(b"cat/hidden.png", DOG)
    cut = plain.index(b"PK\x01\x02")
    return moved(plain[:cut] + gap + plain[cut:], len(gap), later=cut)


def moved(data: bytes, by: int, later: int) -> bytes:
    """The directory made right again, after `by` bytes were put in at `later`."""
    changed = bytearray(data)
    end = len(changed) - END
    directory = struct.unpack_from("<I", changed, end + 16)[0] + by
    struct.pack_into("<I", changed, end + 16, directory)
    at = directory
    while changed[at : at + 4] == b"PK\x01\x02":
        name, extra, comment = struct.unpack_from("<HHH", changed, at + 28)
        offset = struct.unpack_from("<I", changed, at + 42)[0]
        struct.pack_into("<I", changed, at + 42, offset + (by if offset >= later else 0))
        at += 46 + name + extra + comment
    return bytes(changed)


def two_sizes() -> bytes:
    """The member's own header gives its sizes in 64 bits, and others than the directory."""
    name = b"cat/1.png"
    extra = struct.pack("<HHQQ", 1, 16, len(CAT) - 1, len(CAT) - 1)
    full = 0xFFFFFFFF
    head = struct.pack(
        "<4sHHHHHIIIHH", b"PK\x03\x04", 45, 0, 0, 0, 0, zlib.crc32(CAT), full, full, len(name), len(extra)
    )
    honest = forge([Forged(name, CAT)])
    start = 30 + len(name)
    return moved(head + name + extra + honest[start:], len(extra), later=start)


def wide(members: int, gap: bytes = b"", at: int | None = None) -> bytes:
    """A zip64 whose end record says so many members, with something behind it, or told to lie elsewhere."""
    end = len(ZIP) - END
    _, _, _, _, count, length, offset, _ = struct.unpack("<4sHHHHIIH", ZIP[end:])
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, members, members, length, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end if at is None else at, 1)
    said = min(members, 0xFFFF) if members > 0xFFFF else count
    short = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, said, said, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return ZIP[:end] + record + gap + locator + short


def claiming(members: int) -> bytes:
    """A small zip whose end record says that it has so many members."""
    end = len(ZIP) - END
    return ZIP[: end + 8] + struct.pack("<HH", members, members) + ZIP[end + 12 :]


def long_directory() -> bytes:
    end = len(ZIP) - END
    length = struct.unpack_from("<I", ZIP, end + 12)[0]
    return ZIP[:end] + b"more" + ZIP[end : end + 12] + struct.pack("<I", length + 4) + ZIP[end + 16 :]


def of_mode(mode: int) -> bytes:
    return zip_with(Forged(b"cat/2.png", b"/etc/passwd", attributes=mode << 16))


BOMBS = [
    rejected("T1", "a bomb by its own word", "archive-expansion-limit", lambda: zip_with(packed(b"cat/1.png", bytes(20 << 20)))),
    rejected("T1", "a bomb that says it is small", "archive-expansion-limit", lambda: zip_with(packed(b"cat/1.png", bytes(20 << 20), size=10))),
    rejected("T1", "a bomb in many small members", "archive-expansion-limit",
             lambda: forge([packed(b"cat/%d.png" % n, bytes(60_000)) for n in range(60)])),
    rejected("T2", "many names for one member", "zip-overlap", shared_header),
    rejected("T2", "a member inside a member", "zip-overlap", nested_headers),
    rejected("T2", "a member that reaches into the directory", "zip-overlap", reaching_into_the_directory),
    refused("T14", "five million members by the end record", "too-many-members", lambda: wide(5_000_000)),
    refused("T14", "a million million members", "too-many-members", lambda: wide(1 << 40)),
    rejected("T14", "more members than the worker reads", "too-many-members", ZIP, max_members=1),
]  # fmt: skip

NAMES = [
    *(rejected("T3", f"zip path {n} {path}", "unsafe-path", zip_with(Forged(path.encode(), CAT))) for n, path in enumerate(PATHS)),
    rejected("T3", "a folder that holds bytes", "unsafe-path", zip_with(Forged(b"cat/", b"data"))),
    rejected("T3", "a member without a name", "unsafe-path", zip_with(Forged(b"", CAT))),
    rejected("T4", "a symbolic link", "link-member", of_mode(stat.S_IFLNK | 0o777)),
    rejected("T5", "a pipe", "special-member", of_mode(stat.S_IFIFO | 0o666)),
    rejected("T5", "a character device", "special-member", of_mode(stat.S_IFCHR | 0o666)),
    rejected("T5", "a block device", "special-member", of_mode(stat.S_IFBLK | 0o666)),
    rejected("T5", "a socket", "special-member", of_mode(stat.S_IFSOCK | 0o666)),
    ready("T5", "a setuid bit is nothing to us",
          zip_with(Forged(b"cat/2.png", CAT, attributes=(stat.S_IFREG | 0o6755) << 16)), Ready(accepted=3)),
    member("T6", "an archive by its name", "nested-archive", "cat/inner.tar.gz", b"words"),
    member("T6", "a zip that is called an image", "nested-archive", "cat/inner.png", ZIP),
    member("T6", "a tar that is called an image", "nested-archive", "cat/inner.jpg", lambda: tar_of(GOOD)),
    ready("T8", "names that differ in case or in how accents are written",
          zip_with(Forged(b"cat/A.png", CAT), Forged(b"cat/a.png", DOG),
                   Forged("cat/\u00e9.png".encode(), CAT), Forged("cat/e\u0301.png".encode(), DOG)), Ready(accepted=6, warnings=frozenset({"name-collision"}))),
    ready("T9", "a NUL in a name",
          zip_with(Forged(b"cat/nul\0.png", CAT)), Ready(left_out={"cat/nul\\x00.png": "bad-name"})),
    ready("T9", "a new line and an escape in names",
          zip_with(Forged(b"cat/a\nb.png", CAT), Forged(b"cat/\x1b[31m.png", CAT)),
          Ready(left_out={"cat/a\\x0ab.png": "bad-name", "cat/\\x1b[31m.png": "bad-name"})),
    ready("T9", "a C1 control in a name", zip_with(Forged("cat/\u0085.png".encode(), CAT)),
          Ready(left_out={"cat/\u0085.png": "bad-name"})),
    ready("T9", "a name that is shown from right to left",
          zip_with(Forged("cat/\u202egnp.exe".encode(), CAT)), Ready(accepted=3)),
    ready("T9", "names that are no UTF-8",
          zip_with(Forged(b"cat/\xff\xfe.png", CAT, flags=0x800), Forged(b"dog/\x82.png", DOG)),
          Ready(accepted=4, labels={"cat/\\xff\\xfe.png": "cat", "dog/é.png": "dog"})),
    ready("T10", "too long a path", zip_with(Forged(b"cat/" + (b"x" * 200 + b"/") * 6 + b"y.png", CAT)),
          Ready(left_out={"cat/" + ("x" * 200 + "/") * 6 + "y.png": "name-too-long"})),
    ready("T10", "forty folders deep", zip_with(Forged(b"d/" * 40 + b"1.png", CAT)), Ready(left_out={"d/" * 40 + "1.png": "name-too-long"})),
    ready("T10", "too long a name", zip_with(Forged(b"cat/" + b"x" * 256, CAT)),
          Ready(left_out={"cat/" + "x" * 256: "name-too-long"})),
    ready("T10", "ten thousand folders deep", zip_with(Forged(b"d/" * 10_000 + b"1.png", CAT)),
          Ready(left_out={"d/" * 10_000 + "1.png": "name-too-long"})),
]  # fmt: skip

AMBIGUOUS = [
    rejected("T7", "two members of one name", "ambiguous-zip", zip_with(Forged(b"cat/good.png", DOG))),
    rejected("T7", "one name in two encodings", "ambiguous-zip",
             zip_with(Forged("cat/é.png".encode(), CAT), Forged(b"cat/\x82.png", DOG))),
    rejected("T7", "another name in the member's own header", "ambiguous-zip",
             zip_with(Forged(b"cat/1.png", CAT, local_name=b"dog/1.png"))),
    rejected("T7", "a member hidden between two others", "ambiguous-zip", hidden_member),
    rejected("T7", "a member hidden before the directory", "ambiguous-zip", hidden_before_the_directory),
    rejected("T7", "two sizes of a member in 64 bits", "ambiguous-zip", two_sizes),
    refused("T7", "two end records", "ambiguous-zip", lambda: forge([Forged(b"cat/1.png", CAT)], comment=ZIP[-END:])),
    refused("T7", "bytes after the end", "ambiguous-zip", ZIP + b"more"),
    rejected("T7", "bytes before the first member", "ambiguous-zip",
             lambda: forge([Forged(b"cat/1.png", CAT)], prefix=b"PK\x03\x04" + bytes(60))),
    refused("T7", "bytes before that nobody counted", "ambiguous-zip", b"PK\x03\x04" + bytes(26) + ZIP),
    refused("T7", "a wide end record that is not where it should be", "ambiguous-zip", lambda: wide(2, gap=b"more")),
    refused("T7", "a wide end record far away", "ambiguous-zip", lambda: wide(2, at=1 << 60)),
    refused("T7", "two end records that disagree", "ambiguous-zip", lambda: wide(3)),
    rejected("T7", "fewer members than the end record says", "ambiguous-zip", claiming(3)),
    rejected("T7", "a directory that is longer than its members", "ambiguous-zip", long_directory),
    refused("T12", "one part of a split zip", "archive-truncated", lambda: ZIP[: -END + 4] + b"\1\0" + ZIP[-END + 6 :]),
]  # fmt: skip

UNREADABLE = [
    refused("T11", "an encrypted zip", "archive-encrypted", forge([Forged(b"cat/1.png", CAT, flags=1)])),
    rejected("T11", "one encrypted member", "archive-encrypted", zip_with(Forged(b"cat/1.png", CAT, flags=1))),
    refused("T11", "a zip encrypted strongly", "archive-encrypted", forge([Forged(b"cat/1.png", CAT, flags=0x40)])),
    *(refused("T11", f"compression method {n}", "compression-unsupported", forge([Forged(b"cat/1.png", CAT, method=n)]))
      for n in (9, 14, 93, 99)),
    rejected("T11", "one member in LZMA", "compression-unsupported", zip_with(Forged(b"cat/1.png", CAT, method=14))),
    refused("T11", "bzip2", "compression-unsupported", lambda: zip_of(GOOD, zipfile.ZIP_BZIP2)),
    refused("T12", "a zip without its end", "archive-truncated", ZIP[:-30]),
    refused("T12", "half a zip", "archive-truncated", ZIP[: len(ZIP) // 2]),
    refused("T12", "a zip cut in its end record", "archive-truncated", ZIP[:-5]),
    ready("T12", "a member with another checksum", zip_with(Forged(b"cat/1.png", CAT, crc=1)),
          Ready(left_out={"cat/1.png": "crc-mismatch"})),
    ready("T12", "a member that does not unpack", zip_with(Forged(b"cat/1.png", b"\xff" * 50, method=8, size=70)),
          Ready(left_out={"cat/1.png": "crc-mismatch"})),
    ready("T12", "a member that unpacks to less than it says", zip_with(packed(b"cat/1.png", CAT, size=len(CAT) + 9)),
          Ready(left_out={"cat/1.png": "crc-mismatch"})),
    refused("T13", "no bytes", "empty-upload", b""),
    refused("T13", "a zip of nothing", "empty-dataset", lambda: zip_of({})),
    *(refused("T13", name, "unsupported-archive", start + bytes(600), 415) for name, start in (
        ("a RAR", b"Rar!\x1a\x07\x01\0"), ("a 7-Zip", b"7z\xbc\xaf\x27\x1c"), ("a web page", b"<!DOCTYPE html>"),
        ("a PDF", b"%PDF-1.7"), ("a bzip2", b"BZh9"), ("an xz", b"\xfd7zXZ\0"), ("a part of a split zip", b"PK\x07\x08"),
        ("a program", b"\x7fELF\2\1\1"), ("zeros", b""),
    )),
    refused("T13", "a single image", "unsupported-archive", CAT, 415),
    refused("T13", "a pickle", "pickle-refused", b"\x80\x04\x95" + bytes(600)),
]  # fmt: skip

CASES: list[Case] = [*BOMBS, *NAMES, *AMBIGUOUS, *UNREADABLE]
