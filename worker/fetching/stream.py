"""What a source is to the worker: bytes of a known version. Many files are one plain tar, made as it is read."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.datasets.sniff import too_many_members
from core.errors import Problem, shown

BLOCK = 512
END = bytes(2 * BLOCK)


@dataclass(frozen=True, slots=True)
class Kept:
    """What an earlier attempt fetched: the first `size` bytes of a version."""

    size: int = 0
    version: str = ""

    def of(self, version: str) -> int:
        """Where to go on with this version."""
        return self.size if version and version == self.version else 0


@dataclass(frozen=True, slots=True)
class Stream:
    """The bytes of a source from `start`, which is where what was kept ends, or 0."""

    version: str  # equal for equal bytes; empty when nothing tells, and then it is never gone on with
    start: int
    size: int | None  # of all its bytes, where that is known
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class File:
    """A file in a source; `read(start)` yields its bytes, or raises once it is not what was listed."""

    name: str
    size: int
    version: str
    read: Callable[[int], Iterator[bytes]]


class Listing:
    """What a list of files adds up to."""

    def __init__(self, max_members: int) -> None:
        self._most, self._hash = max_members, hashlib.sha256()
        self.files, self.size = 0, len(END)

    def add(self, file: File) -> bytes:
        """Count a file in; its header."""
        header = _header(file.name, file.size)
        self.files += 1
        if self.files > self._most:
            raise too_many_members(self.files, self._most)
        self.size += len(header) + file.size + -file.size % BLOCK
        self._hash.update(header + f"{file.version}\0".encode())
        return header

    @property
    def version(self) -> str:
        return self._hash.hexdigest()


def as_tar(
    files: Callable[[], Iterator[File]],
    kept: Kept,
    max_members: int,
    tick: Callable[[], None],
    ahead: Callable[[Iterator[File]], Iterator[File]] = iter,  # may begin to read files before their turn
) -> Stream:
    """A tar of the files, which are listed twice: now, to know its size and version, and again while it is read."""
    listed = Listing(max_members)
    for file in files():
        listed.add(file)
        tick()
    if not listed.files:
        raise empty("there is no file in it")
    start = kept.of(listed.version)
    return Stream(listed.version, start, listed.size, _tar(ahead(files()), listed, start))


def _tar(files: Iterator[File], listed: Listing, start: int) -> Iterator[bytes]:
    again = Listing(listed.files + 1)
    position = 0
    for file in files:
        header = again.add(file)
        if again.files > listed.files or again.size > listed.size:
            break
        padding = -file.size % BLOCK
        after = position + len(header) + file.size + padding
        if start < after:
            within = max(0, start - position)
            yield header[within:]
            within = max(0, within - len(header))
            if within < file.size:
                yield from file.read(within)
            yield bytes(padding - max(0, within - file.size))
        else:
            yield b""  # whoever reads us may want to stop
        position = after
    if again.version != listed.version:
        raise changed("A file came, went or changed")
    yield END[max(0, start - position) :]


def _header(name: str, size: int) -> bytes:
    """The header of a member, the same whenever and by whomever it is made."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def empty(why: str) -> Problem:
    return Problem("source-empty", f"There is nothing to import: {why}.")


def missing(name: str) -> Problem:
    return Problem("source-missing", f"The worker does not find {shown(name)}. Is its name right?")


def changed(what: str) -> Problem:
    return Problem("source-changed", f"{what} while the source was fetched. Import it once nobody writes there.")
