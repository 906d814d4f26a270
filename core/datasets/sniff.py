"""A cheap first look at an upload, for the API: a few bytes at either end, and no parser of media."""

from __future__ import annotations

import struct

from core.datasets.zip_end import END_SIGNATURE, TAIL_BYTES, read_end
from core.errors import Problem

HEAD_BYTES = 512
MAX_MEMBERS = 2_000_000
ACCEPTED = "a zip, tar, tar.gz or tar.zst of images in one folder per class or with a table, an .npz, or Parquet files"
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
PARQUET_MAGIC = b"PAR1"
STREAMS = {b"\x1f\x8b": "tar.gz", b"\x28\xb5\x2f\xfd": "tar.zst"}
FORMATS = ("zip", "tar", *STREAMS.values(), "parquet")
LOCAL = struct.Struct("<4sHHH")
LOCAL_SIGNATURE = b"PK\x03\x04"
READABLE_METHODS = (0, 8)

MAGIC = (
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"%PDF", "a PDF"),
    (b"\xff\xd8\xff", "a single JPEG image"),
    (b"\x89PNG", "a single PNG image"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PK\x07\x08", "one part of a zip that was split"),
)

__all__ = ["ACCEPTED", "HEAD_BYTES", "TAIL_BYTES", "sniff"]


def sniff(size: int, head: bytes, tail: bytes, max_members: int = MAX_MEMBERS) -> str:
    """The format of an upload of `size` bytes, by its first HEAD_BYTES and its last TAIL_BYTES."""
    if size == 0:
        raise Problem("empty-upload", f"The upload has no bytes. Upload {ACCEPTED}.")
    if head[:4] == END_SIGNATURE:
        raise _empty()
    if head[TAR_MAGIC_AT:].startswith(TAR_MAGIC):
        return "tar"
    if head.startswith(PARQUET_MAGIC):
        if not tail.endswith(PARQUET_MAGIC):
            raise Problem("archive-truncated", "The Parquet file ends too early. Upload it again, complete.")
        return "parquet"
    for magic, kind in STREAMS.items():
        if head.startswith(magic):
            return kind
    if head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        raise Problem(
            "pickle-refused",
            "The upload is a Python pickle, which could run any program while it is read. Save the arrays with "
            "numpy.savez, or upload the images in folders.",
        )
    if head[:4] != LOCAL_SIGNATURE:
        raise Problem("unsupported-archive", f"The upload is {_guess(head)}. Upload {ACCEPTED}.")
    members = read_end(tail, size).members
    if members == 0:
        raise _empty()
    if members > max_members:
        raise too_many_members(members, max_members)
    if len(head) >= LOCAL.size:
        _, _, flags, method = LOCAL.unpack_from(head)
        check_readable(flags, method)
    return "zip"


def check_readable(flags: int, method: int) -> None:
    """Refuse a member that is encrypted or packed in a way that we do not read."""
    if flags & 0x2041:
        raise Problem("archive-encrypted", "The zip is encrypted; make it again without a password.")
    if method not in READABLE_METHODS:
        raise Problem("compression-unsupported", f"The zip uses compression method {method}; use Deflate or Store.")


def too_many_members(members: int, most: int) -> Problem:
    return Problem(
        "too-many-members", f"The archive has {members} members; at most {most} are read. Split the dataset."
    )


def _empty() -> Problem:
    return Problem("empty-dataset", f"The zip has no members. Upload {ACCEPTED}.")


def _guess(head: bytes) -> str:
    for magic, name in MAGIC:
        if head.startswith(magic):
            return name
    start = head.lstrip()[:64].lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "a web page"
    return "not an archive that we know"
