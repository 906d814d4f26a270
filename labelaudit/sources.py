"""What is sent: an archive as it lies there, or a folder as the tar that it would be. Both can be read from anywhere,
and say whether they are still what they were: that is what an upload needs that goes on where it stopped."""

from __future__ import annotations

import hashlib
import tarfile
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from core.errors import Problem, shown

CHUNK = 1 << 20
END_OF_TAR = 2 * tarfile.BLOCKSIZE


class Source(Protocol):
    """Bytes to send."""

    path: Path
    size: int

    def fingerprint(self) -> str:
        """Changes when the content may have changed."""

    def chunks(self, offset: int, end: int) -> Iterator[bytes]:
        """The bytes from an offset up to an end."""


class Archive:
    """A file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state = path.stat()
        self.size = self._state.st_size

    def fingerprint(self) -> str:
        return f"{self.size}-{self._state.st_mtime_ns}"

    def chunks(self, offset: int, end: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(offset)
            while offset < end:
                chunk = file.read(min(CHUNK, end - offset))
                if not chunk:
                    raise _changed(self.path)
                yield chunk
                offset += len(chunk)


class Folder:
    """A folder's files, in the order of their names, as a tar that is never written to a disk. Nothing of it depends on
    anything but the names and the bytes of the files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: list[tuple[Path, int]] = []
        self._starts: list[int] = []
        at, seen = 0, hashlib.sha256()
        for file in sorted(path.rglob("*")):
            if not file.is_file():
                continue
            state = file.stat()
            self._files.append((file, state.st_size))
            self._starts.append(at)
            at += len(self._header(file, state.st_size)) + _padded(state.st_size)
            seen.update(f"{file.relative_to(path)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode(errors="replace"))
        self._fingerprint = seen.hexdigest()
        self._end = at
        self.size = at + END_OF_TAR

    def fingerprint(self) -> str:
        return self._fingerprint

    def chunks(self, offset: int, end: int) -> Iterator[bytes]:
        while offset < min(end, self._end):
            member = bisect_right(self._starts, offset) - 1
            start = self._starts[member]
            for chunk in self._member(*self._files[member], offset - start):
                yield chunk[: end - offset]
                offset += len(chunk)
                if offset >= end:
                    return
        if offset < end:
            yield bytes(end - offset)

    def _member(self, file: Path, size: int, skip: int) -> Iterator[bytes]:
        """A member's header, its bytes and what fills its last block, without the first `skip` bytes."""
        header = self._header(file, size)
        if skip < len(header):
            yield header[skip:]
        at = max(0, skip - len(header))
        with file.open("rb") as opened:
            opened.seek(min(at, size))
            while at < size:
                chunk = opened.read(min(CHUNK, size - at))
                if not chunk:
                    raise _changed(file)
                yield chunk
                at += len(chunk)
        if at < _padded(size):
            yield bytes(_padded(size) - at)

    def _header(self, file: Path, size: int) -> bytes:
        info = tarfile.TarInfo(str(file.relative_to(self.path)))
        info.size = size
        return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def source_of(path: Path) -> Source:
    """How to send what lies there."""
    return Folder(path) if path.is_dir() else Archive(path)


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _changed(file: Path) -> Problem:
    return Problem("source-changed", f"{shown(file.name)} became shorter while it was sent; send it again.")
