"""A file or a folder on a disk of the worker's, below a folder that an administrator allowed.

From the allowed folder on, every step is one name inside an open folder, and no step follows a link. So whoever may
write there can move things about while we read, but never lead us out of it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from core.datasets.sniff import too_many_members
from core.errors import Problem, shown
from core.sources import Place
from core.spec import Limits
from worker.fetching.stream import File, Kept, Stream, as_tar, changed, empty, missing

CHUNK = 1 << 20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
STEP = FOLDER | os.O_NOFOLLOW
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # what turns out to be a pipe must not hold us
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


@contextmanager
def opened(place: Place, kept: Kept, limits: Limits, tick: Callable[[], None]) -> Iterator[Stream]:
    """The place's bytes: those of the one file that it is, or a tar of all files in it."""
    with _told(missing("the folder that LABELAUDIT_IMPORT_FROM names")):
        here = os.open(place.root, FOLDER)  # the administrator's own path, which may lead over links
    try:
        for n, part in enumerate(place.parts):
            gone = missing(part)
            about = _look(here, part, part, gone)
            if n == len(place.parts) - 1 and stat.S_ISREG(about.st_mode):
                yield _one(_file(here, part, part, about), kept)
                return
            with _told(gone):
                below = os.open(part, STEP, dir_fd=here)
            os.close(here)
            here = below
        yield as_tar(partial(_walk, here, "", 1, limits, tick), kept, limits.max_members, tick)
    finally:
        os.close(here)


def _one(file: File, kept: Kept) -> Stream:
    """A file as it is: an archive, a Parquet file, arrays."""
    if not file.size:
        raise empty("the file has no bytes")
    version = f"{file.size} {file.version}"
    start = kept.of(version)
    return Stream(version, start, file.size, file.read(start))


def _walk(here: int, above: str, depth: int, limits: Limits, tick: Callable[[], None]) -> Iterator[File]:
    """All files below an open folder, in the order of their paths' bytes."""
    if depth > limits.max_depth:
        detail = f"{shown(above)} lies deeper than {limits.max_depth} folders; make the tree flatter."
        raise Problem("name-too-long", detail)
    tick()
    for name in _names(here, above, limits):
        path = above + name
        gone = changed(f"{shown(path)} changed")
        about = _look(here, name.removesuffix("/"), path, gone)
        if stat.S_ISREG(about.st_mode):
            yield _file(here, name, path, about)
            continue
        with _told(gone):
            below = os.open(name, STEP, dir_fd=here)
        try:
            yield from _walk(below, path.removesuffix("/") + "/", depth + 1, limits, tick)
        finally:
            os.close(below)


def _names(here: int, above: str, limits: Limits) -> list[str]:
    """What an open folder holds; folders end in a slash, so that sorting their names sorts all paths below them too."""
    names = []
    with _told(changed(f"The folder {shown(above)} changed")), os.scandir(here) as entries:
        for entry in entries:
            names.append(entry.name + "/" * entry.is_dir(follow_symlinks=False))
            if len(names) > limits.max_members:
                raise too_many_members(len(names), limits.max_members)
    return sorted(names, key=os.fsencode)


def _look(here: int, name: str, path: str, gone: Problem) -> os.stat_result:
    """What a name in an open folder is: a file or a folder, or it is refused."""
    with _told(gone):
        about = os.stat(name, dir_fd=here, follow_symlinks=False)
    if stat.S_ISLNK(about.st_mode):
        raise Problem("link-member", f"{shown(path)} is a link, and links are not followed; put the file itself there.")
    if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
        raise Problem("special-member", f"{shown(path)} is not a file but a device, a pipe or a socket; remove it.")
    return about


def _file(here: int, name: str, path: str, about: os.stat_result) -> File:
    return File(path, about.st_size, str(about.st_mtime_ns), partial(_read, here, name, path, about))


def _read(here: int, name: str, path: str, about: os.stat_result, start: int) -> Iterator[bytes]:
    """The bytes of a file that must be, from beginning to end, the one that was looked at."""
    gone = changed(f"{shown(path)} changed")
    with _told(gone):
        file = os.open(name, FILE, dir_fd=here)
    try:
        position = start
        while position < about.st_size:
            with _told(gone):
                _check_same(file, about, gone)
                piece = os.pread(file, min(CHUNK, about.st_size - position), position)
            if not piece:
                raise gone
            position += len(piece)
            yield piece
        _check_same(file, about, gone)
    finally:
        os.close(file)


def _check_same(file: int, about: os.stat_result, gone: Problem) -> None:
    now = os.fstat(file)
    for of in (stat.ST_MODE, stat.ST_INO, stat.ST_DEV, stat.ST_SIZE):
        if now[of] != about[of]:
            raise gone
    if now.st_mtime_ns != about.st_mtime_ns:
        raise gone


@contextmanager
def _told(gone: Problem) -> Iterator[None]:
    """What a disk may answer, in words of ours."""
    try:
        yield
    except OSError as error:
        if error.errno in GONE:
            raise gone from None
        if error.errno in (errno.EACCES, errno.EPERM):
            detail = "The worker's user may not read all of the source; an administrator must allow it."
            raise Problem("source-unreadable", detail) from None
        detail = f"The source's disk does not answer as it should ({errno.errorcode.get(error.errno or 0)})."
        raise Problem("source-unreachable", detail, retryable=True) from error
