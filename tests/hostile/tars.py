"""Tars that were cut, leave their folder, or lie in their headers (T1 to T15)."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from typing import Any

from tests.hostile.case import CAT, DOG, GOOD, Case, Ready, ready, rejected, tar_of
from tests.hostile.zips import MARK
from tests.unit.datasets.dataset_makers import compressed

TAR = tar_of(GOOD)
USTAR = tar_of({"cat/1.png": CAT}, format=tarfile.USTAR_FORMAT)
SIZE_AT, KIND_AT, SUM_AT = 124, 156, 148


def tar_with(change: Callable[[tarfile.TarInfo], object], data: bytes = b"") -> bytes:
    """A tar of a good image and one more member, which is changed."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        first, second = tarfile.TarInfo("cat/good.png"), tarfile.TarInfo("cat/2.png")
        first.size, second.size = len(CAT), len(data)
        archive.addfile(first, io.BytesIO(CAT))
        change(second)
        archive.addfile(second, io.BytesIO(data))
    return file.getvalue()


def of_kind(kind: bytes) -> bytes:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname = kind, "/etc/passwd"

    return tar_with(change)


def named(name: str, data: bytes = CAT) -> bytes:
    return tar_with(lambda info: setattr(info, "name", name), data)


def extended(records: dict[str, str], data: bytes = CAT) -> bytes:
    return tar_with(lambda info: info.pax_headers.update(records), data)


def block(name: bytes, size: int, kind: bytes) -> bytes:
    """A header that says just this."""
    head = bytearray(512)
    head[: len(name)] = name
    head[100:SIZE_AT] = b"0000644\0" + b"0000000\0" * 2
    head[SIZE_AT:SUM_AT] = b"%011o\0" % size + b"00000000000\0"
    head[KIND_AT : KIND_AT + 1] = kind
    head[257:265] = b"ustar\0" + b"00"
    return summed(head)


def summed(head: bytearray | bytes) -> bytes:
    whole = bytearray(head)
    whole[SUM_AT : SUM_AT + 8] = b" " * 8
    whole[SUM_AT : SUM_AT + 8] = b"%06o\0 " % sum(whole[:512])
    return bytes(whole)


def patched(offset: int, data: bytes) -> bytes:
    """A tar of one file with some bytes of its header replaced, and the checksum made right again."""
    tar = bytearray(USTAR)
    tar[offset : offset + len(data)] = data
    return summed(tar)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def told(content: bytes, kind: bytes = b"x") -> bytes:
    """A header with this content before a good image."""
    return (
        block(b"told", len(content), kind)
        + padded(content)
        + block(b"cat/1.png", len(CAT), b"0")
        + padded(CAT)
        + bytes(1024)
    )


def record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    while len(b"%d" % length) + len(key) + len(value) + 3 != length:
        length = len(b"%d" % length) + len(key) + len(value) + 3
    return b"%d %s=%s\n" % (length, key, value)


def hold(path: str, data: bytes) -> dict[str, Any]:
    return {"cat/good.png": CAT, path: data}


REFUSED = [
    rejected("T1", "a tar gz that explodes", "archive-expansion-limit", lambda: tar_of({"cat/1.png": bytes(40 << 20)}, "gz")),
    rejected("T1", "a tar zst that explodes", "archive-expansion-limit", lambda: tar_of({"cat/1.png": bytes(40 << 20)}, "zst")),
    *(rejected("T3", f"tar path {n} {path}", "unsafe-path", named(path)) for n, path in enumerate(
        (f"../{MARK}.png", f"/{MARK}.png", f"a/./{MARK}.png", f"a//{MARK}.png", f"C:\\{MARK}.png", f".//{MARK}.png", f"./../{MARK}.png"))),
    rejected("T3", "a way out in an extended header", "unsafe-path", extended({"path": f"../{MARK}.png"})),
    rejected("T3", "a way out in a long name", "unsafe-path", lambda: told(f"../{MARK}.png\0".encode(), b"L")),
    rejected("T4", "a symbolic link in a tar", "link-member", of_kind(tarfile.SYMTYPE)),
    rejected("T4", "a hard link in a tar", "link-member", of_kind(tarfile.LNKTYPE)),
    rejected("T5", "a pipe in a tar", "special-member", of_kind(tarfile.FIFOTYPE)),
    rejected("T5", "a character device in a tar", "special-member", of_kind(tarfile.CHRTYPE)),
    rejected("T5", "a block device in a tar", "special-member", of_kind(tarfile.BLKTYPE)),
    rejected("T5", "a file with holes", "special-member", of_kind(tarfile.GNUTYPE_SPARSE)),
    rejected("T5", "a file with holes in words", "special-member", extended({"GNU.sparse.major": "1"})),
    rejected("T7", "two members of one name in a tar", "ambiguous-archive", named("cat/good.png")),
    rejected("T7", "two tars in a row", "ambiguous-archive", TAR + TAR),
    rejected("T7", "bytes after the end of a tar", "ambiguous-archive", TAR + b"more"),
    rejected("T7", "bytes after a gzip", "ambiguous-archive", compressed(TAR, "gz") + b"more"),
    rejected("T12", "a tar cut between two members", "archive-truncated", TAR[:1024]),
    rejected("T12", "a tar cut within a member", "archive-truncated", TAR[:700]),
    rejected("T12", "a tar with half of its end", "archive-truncated", TAR[: 4 * 512 + 512]),
    rejected("T12", "a gzip that was cut", "archive-truncated", compressed(TAR, "gz")[:-9]),
    rejected("T12", "a gzip without its checksum", "archive-truncated", compressed(TAR, "gz")[:-8]),
    rejected("T12", "a gzip with another checksum", "archive-truncated", compressed(TAR, "gz")[:-8] + bytes(8)),
    rejected("T12", "a zst that was cut", "archive-truncated", compressed(TAR, "zst")[:-9]),
    rejected("T12", "a zst with other bytes", "archive-truncated", compressed(TAR, "zst")[:20] + bytes(99)),
    rejected("T13", "a gzip of no tar", "bad-tar-header", gzip.compress(b"words " * 200)),
    rejected("T14", "more members of a tar than are read", "too-many-members", tar_of({f"cat/{n}.png": CAT for n in range(9)}), max_members=8),
    rejected("T15", "an extended header of two MiB", "bad-tar-header", lambda: told(bytes(2 << 20))),
    rejected("T15", "a long name of two MiB", "bad-tar-header", lambda: told(b"x" * (2 << 20), b"L")),
    rejected("T15", "a negative size", "bad-tar-header", patched(SIZE_AT, b"\xff" * 12)),
    rejected("T15", "a size of 95 bits", "bad-tar-header", patched(SIZE_AT, b"\x80" + b"\xff" * 11)),
    rejected("T15", "a size beyond the file", "archive-truncated", patched(SIZE_AT, b"00007777777\0")),
    rejected("T15", "a size that is no number", "bad-tar-header", patched(SIZE_AT, b"0000000x000\0")),
    rejected("T15", "a negative size in words", "bad-tar-header", lambda: told(record(b"size", b"-5"))),
    rejected("T15", "two sizes of a member", "bad-tar-header", lambda: told(record(b"size", b"%d" % (len(CAT) + 1)))),
    rejected("T15", "a damaged checksum", "bad-tar-header", b"dog" + USTAR[3:]),
    rejected("T15", "an unknown kind of member", "bad-tar-header", of_kind(b"Z")),
    rejected("T15", "records that end elsewhere", "bad-tar-header", lambda: told(b"99 path=x\n")),
    rejected("T15", "a header for all that renames", "bad-tar-header", lambda: told(record(b"path", b"x"), b"g")),
    rejected("T15", "a header that belongs to nothing", "bad-tar-header", lambda: block(b"told", 9, b"x") + padded(b"9 path=x\n") + bytes(1024)),
    rejected("T15", "a file without a name", "bad-tar-header", lambda: block(b"./", len(CAT), b"0") + padded(CAT) + TAR),
]  # fmt: skip

READ = [
    ready("T10", "a path of 600 kB in an extended header", lambda: tar_of(hold("cat/" + "x" * 600_000, DOG)),
          Ready(accepted=1, left_out={("cat/" + "x" * 600_000)[: (1 << 15) - 1] + "…": "name-too-long"})),
    ready("T15", "an extended header of zeros", told(bytes(512)), Ready(accepted=1)),
]  # fmt: skip

CASES: list[Case] = [*REFUSED, *READ]
