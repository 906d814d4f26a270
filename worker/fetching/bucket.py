"""An object of a bucket, or all below a prefix, where an administrator allowed it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from core.settings import Settings
from core.sources import Objects
from core.store.bucket import Bucket, Object
from worker.fetching.stream import File, Kept, Stream, as_tar, empty, missing

AHEAD, SMALL = 16, 4 << 20  # objects that are asked for before their turn, and how large such a one may be


@contextmanager
def opened(wanted: Objects, kept: Kept, settings: Settings, tick: Callable[[], None]) -> Iterator[Stream]:
    """The bytes of the object that has this very name, or else a tar of all objects below it."""
    bucket = Bucket(settings, wanted.bucket)
    single = bucket.head(wanted.prefix) if wanted.prefix else None
    if single is not None:
        if not single.size:
            raise empty("the object has no bytes")
        version = f"{single.size} {single.version}" if single.version else ""
        start = kept.of(version)
        yield Stream(version, start, single.size, bucket.read(single, start))
        return
    if next(bucket.below(wanted.prefix), None) is None:
        raise missing(wanted.prefix or wanted.bucket)
    yield as_tar(partial(_files, bucket, wanted.prefix), kept, settings.max_members, tick, _ahead)


def _files(bucket: Bucket, prefix: str) -> Iterator[File]:
    """The objects below a prefix, but for the empty ones that only stand for a folder, as consoles make them."""
    before: Object | None = None
    for found in bucket.below(prefix):
        if before is not None and (before.size or not found.key.startswith(f"{before.key}/")):
            yield _file(bucket, prefix, before)
        before = found if found.key != prefix else None
    if before is not None:
        yield _file(bucket, prefix, before)


def _file(bucket: Bucket, prefix: str, found: Object) -> File:
    name = found.key.removeprefix(prefix).removeprefix("/")
    return File(name, found.size, found.version, partial(bucket.read, found))


def _ahead(files: Iterator[File]) -> Iterator[File]:
    """The same files. Once one is read, small ones behind it are on their way before they are asked for.

    A request takes the store as long as megabytes do; those that a fetch skips when it goes on are not asked for.
    """
    begun = False

    def read(file: File, start: int) -> Iterator[bytes]:
        nonlocal begun
        begun = True
        return file.read(start)

    pool = ThreadPoolExecutor(AHEAD)
    try:
        waiting: deque[File] = deque()
        for file in files:
            early = begun and file.size <= SMALL
            waiting.append(replace(file, read=_early(pool, file) if early else partial(read, file)))
            if len(waiting) > AHEAD * begun:
                yield waiting.popleft()
        yield from waiting
    finally:
        pool.shutdown(cancel_futures=True)


def _early(pool: ThreadPoolExecutor, file: File) -> Callable[[int], Iterator[bytes]]:
    coming = pool.submit(lambda: b"".join(file.read(0)))
    return lambda start: iter([coming.result()[start:]])
