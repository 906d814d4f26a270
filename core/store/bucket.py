"""The objects of a bucket that users may import from, read with the service's own S3 keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import obstore
from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from core.errors import Problem, shown
from core.settings import Settings
from core.store.blobs import s3_store

STEP = 8 << 20


@dataclass(frozen=True, slots=True)
class Object:
    """An object as the store lists it."""

    key: str
    size: int
    version: str


class Bucket:
    """One bucket."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._store = s3_store(settings, f"s3://{name}")

    def head(self, key: str) -> Object | None:
        """The object of that name, if there is one."""
        with _told(key):
            try:
                return _object(obstore.head(self._store, key))
            except FileNotFoundError:
                return None

    def below(self, prefix: str) -> Iterator[Object]:
        """The objects below a prefix, in the store's order, which on S3 is that of their names."""
        pages = iter(obstore.list(self._store, prefix=prefix or None))
        while True:
            with _told(prefix):
                page = next(pages, None)
            if page is None:
                return
            yield from map(_object, page)

    def read(self, wanted: Object, start: int = 0) -> Iterator[bytes]:
        """The bytes of an object from `start`, as long as it is still the one that was listed."""
        for offset in range(start, wanted.size, STEP):
            end = min(offset + STEP, wanted.size)
            with _told(wanted.key):
                options: obstore.GetOptions = {"if_match": wanted.version or None, "range": (offset, end)}
                piece = bytes(obstore.get(self._store, wanted.key, options=options).bytes())
            yield piece


def _object(meta: obstore.ObjectMeta) -> Object:
    return Object(meta["path"], meta["size"], meta["e_tag"] or "")


@contextmanager
def _told(key: str) -> Iterator[None]:
    """What a store may answer, in words of ours."""
    try:
        yield
    except (FileNotFoundError, PreconditionError):
        raise Problem("source-changed", f"{shown(key)} changed while it was fetched. Import it once more.") from None
    except (PermissionDeniedError, UnauthenticatedError):
        detail = "The bucket may not be read with the service's S3 keys; an administrator must allow it there."
        raise Problem("source-unreadable", detail) from None
    except InvalidPathError:
        detail = "The name of an object has empty parts, or `.` or `..` as a part. Rename it, or import other prefixes."
        raise Problem("unsafe-path", detail) from None
    except BaseError as error:
        detail = "The bucket does not answer, or not as it should; try again later."
        raise Problem("source-unreachable", detail, retryable=True) from error
