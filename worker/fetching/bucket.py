"""An object of a bucket, or all below a prefix, where an administrator allowed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from core.settings import Settings
from core.sources import Objects
from core.store.bucket import Bucket
from worker.fetching.stream import File, Kept, Stream, as_tar, empty, missing


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
    yield as_tar(partial(_files, bucket, wanted.prefix), kept, settings.max_members, tick)


def _files(bucket: Bucket, prefix: str) -> Iterator[File]:
    for found in bucket.below(prefix):
        name = found.key.removeprefix(prefix).removeprefix("/")
        yield File(name, found.size, found.version, partial(bucket.read, found))
