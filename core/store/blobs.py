"""Objects by key: a local folder or an S3 bucket behind the same few calls.

An object appears whole or not at all, and `put` returns only when it would survive a power cut: a local file and every
folder that was made for it are fsynced. Nothing is ever overwritten with other content, so a reader never sees two
versions. The keys:

    uploads/<id>/<offset>[.<turn>]           parts of an upload
    datasets/<id>/shards/00000.tar|.parquet  samples as they came, and their rows
    datasets/<id>/manifest.parquet           all samples
    audits/<id>/<attempt>/…                  what an attempt wrote: checkpoints, scores, the model
    exports/<id>/<attempt>/<name>            the file that an attempt wrote
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from core.errors import Problem
from core.settings import Settings

Unreachable = (BaseError,)
"""What is raised when the store does not answer, or not as it should: worth trying again."""

CHUNK = 1 << 20
MULTIPART = 8 << 20
DURABLE_AT_MOST = 10_000
DELETED_AT_ONCE = 1000
FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Stored:
    """A written object: enough to find it again and to know that it is unharmed."""

    key: str
    size: int
    sha256: str

    def as_record(self) -> dict[str, Any]:
        return {"key": self.key, "size": self.size, "sha256": self.sha256}


class Blobs:
    """The blob store of a service."""

    def __init__(self, settings: Settings) -> None:
        self._folder: Path | None = None
        self._durable: set[Path] = set()  # folders whose own names were made durable
        self._store: LocalStore | S3Store
        self._where = settings.blobs
        if settings.blobs.startswith("s3://"):
            self._store = s3_store(settings, settings.blobs)
        else:
            self._folder = Path(settings.blobs.removeprefix("file://")).absolute()
            missing = [folder for folder in (self._folder, *self._folder.parents) if not folder.exists()]
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in missing:
                _fsync(folder.parent)
            self._store = LocalStore(self._folder)

    @property
    def where(self) -> str:
        """For people: where the objects are."""
        return self._where

    def put(self, key: str, data: bytes | bytearray | memoryview | Iterable[bytes]) -> Stored:
        """Write an object durably. When the data's iterator raises, no object appears."""
        digest = hashlib.sha256()
        size = 0

        def counted(chunks: Iterable[bytes]) -> Iterator[bytes]:
            nonlocal size
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        if isinstance(data, bytes | bytearray | memoryview):
            self.write(key, data)
            return Stored(key, len(data), hashlib.sha256(data).hexdigest())
        self._put(key, counted(data), None)
        return Stored(key, size, digest.hexdigest())

    def write(self, key: str, data: bytes | bytearray | memoryview | Iterable[bytes]) -> None:
        """Write an object durably without hashing it, where its pieces or the whole that it is of are hashed."""
        self._put(key, data, len(data) > MULTIPART if isinstance(data, bytes | bytearray | memoryview) else None)

    def get(self, key: str, sha256: str | None = None) -> bytes:
        """A whole object; with `sha256`, only if it is still what was written."""
        try:
            data = bytes(obstore.get(self._store, key).bytes())
        except FileNotFoundError:
            raise Problem("blob-missing", f"The stored object {key} is gone.") from None
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise Problem("blob-corrupt", f"The stored object {key} is no longer what was written.")
        return data

    def read(self, key: str, offset: int, length: int) -> bytes:
        """A range of an object, whole."""
        try:
            data = bytes(obstore.get_range(self._store, key, start=offset, length=length)) if length else b""
        except FileNotFoundError:
            raise Problem("blob-missing", f"The stored object {key} is gone.") from None
        except BaseError:
            if self.size(key) >= offset + length:
                raise
            data = b""
        if len(data) < length:
            raise Problem("blob-corrupt", f"The stored object {key} is shorter than what was written.")
        return data

    def stream(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in chunks."""
        stop = self.size(key) if end is None else end
        step = CHUNK if self._folder else MULTIPART
        for offset in range(start, stop, step):
            yield self.read(key, offset, min(step, stop - offset))

    def size(self, key: str) -> int:
        """The length of an object."""
        try:
            return int(obstore.head(self._store, key)["size"])
        except FileNotFoundError:
            raise Problem("blob-missing", f"The stored object {key} is gone.") from None

    def names(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix (a folder)."""
        for batch in obstore.list(self._store, prefix=prefix):
            yield from (str(item["path"]) for item in batch)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def delete_all(self, prefix: str) -> None:
        """Remove everything below a prefix."""
        if self._folder:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self._folder / prefix)
            return
        while keys := list(islice(self.names(prefix), DELETED_AT_ONCE)):
            obstore.delete(self._store, keys)

    def free_bytes(self) -> int | None:
        """Free space of a local store; None when there is no such limit."""
        return shutil.disk_usage(self._folder).free if self._folder else None

    def ping(self) -> None:
        """Raise unless the store answers."""
        try:
            next(iter(obstore.list(self._store, prefix="ping", chunk_size=1)), None)
        except BaseError as error:
            raise Problem("blobs-unreachable", f"The blob store does not answer: {type(error).__name__}.") from error

    def _put(self, key: str, data: bytes | bytearray | memoryview | Iterable[bytes], large: bool | None) -> None:
        new = self._new_folders(key)
        try:
            obstore.put(self._store, key, data, use_multipart=large, chunk_size=MULTIPART, max_concurrency=4)
            self._sync(key, new)
        except (BaseError, OSError) as error:
            if self._folder and _is_full(error):
                raise Problem(
                    "insufficient-storage", "The disk of the stored files is full.", retryable=True
                ) from error
            raise

    def _new_folders(self, key: str) -> list[Path]:
        """The local folders on the way to an object that are not known to be durable, the deepest first."""
        if self._folder is None:
            return []
        folders = list((self._folder / key).parents)
        below = folders[: folders.index(self._folder)]
        return [folder for folder in below if folder not in self._durable or not folder.exists()]

    def _sync(self, key: str, new: list[Path]) -> None:
        """Make a local object and its name durable, and the names of new folders: each costs a flush of the disk."""
        if self._folder is None:
            return
        path = self._folder / key
        _fsync(path)
        for folder in dict.fromkeys([path.parent, *(folder.parent for folder in new)]):
            _fsync(folder)
        if len(self._durable) > DURABLE_AT_MOST:
            self._durable.clear()
        self._durable.update(new)


def _is_full(error: BaseException) -> bool:
    """Whether a write found no room; what obstore raises carries the system's number in its words only."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return any(f"(os error {number})" in str(error) for number in FULL)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def s3_store(settings: Settings, url: str) -> S3Store:
    """An S3 bucket, or a prefix in one, with the service's own keys."""
    given: dict[str, Any] = {"region": settings.s3_region}
    if settings.s3_endpoint:
        # A store of one's own is addressed by path, and may speak plain HTTP inside its network.
        given |= {"endpoint": settings.s3_endpoint, "virtual_hosted_style_request": False}
        given |= {"client_options": {"allow_http": settings.s3_endpoint.startswith("http://")}}
    if settings.s3_access_key_id and settings.s3_secret_access_key:
        given["access_key_id"] = settings.s3_access_key_id.get_secret_value()
        given["secret_access_key"] = settings.s3_secret_access_key.get_secret_value()
    retry: Any = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
    return S3Store.from_url(url, retry_config=retry, **given)
