"""The first phase of an ingest whose bytes are not here yet: the source becomes an upload, part by part.

Every part counts once it is stored. The next attempt goes on with the part after it when the source is still the same,
and begins anew when it is not. What follows cannot tell such an upload from one that somebody sent.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from core import sources
from core.datasets.sniff import HEAD_BYTES, TAIL_BYTES, sniff
from core.errors import Problem
from core.settings import Settings
from core.sources import Objects, Place
from core.store import imports
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.imports import Held
from core.store.jobs import LeaseLost
from core.store.tables import Upload
from core.store.uploads import UploadReader, part_key
from worker.fetching import address, bucket, folder
from worker.fetching.stream import Kept, Stream, empty
from worker.progress import Voice


def run(settings: Settings, db: Database, blobs: Blobs, voice: Voice) -> None:
    """Fetch what is not there yet of an import; nothing when the dataset was uploaded."""
    claim = voice.claim
    with db.read() as session:
        if "source" not in claim.spec or imports.is_whole(session, claim):
            return
        held = imports.held(session, claim)
    voice.enter("fetching")
    until = time.monotonic() + settings.import_seconds

    def tick(**progress: Any) -> None:
        if time.monotonic() > until:
            detail = f"Fetching took longer than {settings.import_seconds:g} s (LABELAUDIT_IMPORT_SECONDS)."
            raise Problem("source-too-slow", detail)
        voice.tick(**progress)

    kept = Kept(held.upload.size, held.version) if held else Kept()
    with _opened(settings, claim.spec["source"], kept, tick) as stream:
        _Fetch(settings, db, blobs, voice, stream, tick).into(held)


def _opened(settings: Settings, source: str, kept: Kept, tick: Callable[[], None]) -> AbstractContextManager[Stream]:
    found = sources.read(source, settings)
    if isinstance(found, Place):
        return folder.opened(found, kept, settings.limits, tick)
    if isinstance(found, Objects):
        return bucket.opened(found, kept, settings, tick)
    return address.opened(found, kept, settings.import_seconds, tick)


class _Fetch:
    """One attempt's stream, on its way into an upload."""

    def __init__(
        self, settings: Settings, db: Database, blobs: Blobs, voice: Voice, stream: Stream, tick: Callable[..., None]
    ) -> None:
        self._settings, self._db, self._blobs = settings, db, blobs
        self._voice, self._stream, self._tick = voice, stream, tick
        self._digest = hashlib.sha256()

    def into(self, held: Held | None) -> None:
        voice, claim = self._voice, self._voice.claim
        self._check_size(self._stream.size or 0)
        if held is not None and self._stream.start:
            upload = held.upload
            self._hash_again(upload)
        else:
            upload = voice.write(lambda session: imports.begin(session, claim, held, self._stream.version))
        size = self._stream.start
        for part in _parts(self._watched(size), self._settings.part_bytes):
            self._store(upload, size, part)
            size += len(part)
        if not size:
            raise empty("it has no bytes")
        format = self._sniffed(upload)
        sha256 = self._digest.hexdigest()
        voice.write(lambda session: imports.finish(session, claim, upload.pk, format=format, size=size, sha256=sha256))

    def _watched(self, size: int) -> Iterator[bytes]:
        """The stream's chunks, within the bounds of an import."""
        of, began = self._stream.size, size
        for chunk in self._stream.chunks:
            size += len(chunk)
            self._check_size(size)
            percent = round(100 * size / of, 1) if of else None
            self._tick(percent=percent, eta_s=self._voice.eta(size - began, of - size) if of else None)
            yield chunk

    def _store(self, upload: Upload, offset: int, part: bytes) -> None:
        free = self._blobs.free_bytes()
        if free is not None and free - len(part) < self._settings.min_free_bytes:
            detail = "There is not enough free disk space for this import; an administrator must make room."
            raise Problem("insufficient-storage", detail, retryable=True)
        self._voice.beat()  # nobody else may be writing here
        self._digest.update(part)
        key = part_key(upload.id, offset)
        self._blobs.write(key, part)
        try:
            self._voice.write(lambda session: imports.add(session, upload.pk, offset, len(part)))
        except LeaseLost:
            with self._db.read() as session:
                if imports.is_gone(session, upload.id):
                    self._blobs.delete(key)  # the sweep was here before us
            raise

    def _hash_again(self, upload: Upload) -> None:
        """The bytes that an earlier attempt hashed."""
        with self._db.read() as session:
            reader = UploadReader(session, self._blobs, upload.pk)
        for offset in range(0, reader.size, self._settings.part_bytes):
            self._digest.update(reader.read(offset, self._settings.part_bytes))
            self._tick()

    def _sniffed(self, upload: Upload) -> str:
        """The format, by the same cheap look that an upload gets."""
        with self._db.read() as session:
            reader = UploadReader(session, self._blobs, upload.pk)
        tail = reader.read(max(0, reader.size - TAIL_BYTES), TAIL_BYTES)
        return sniff(reader.size, reader.read(0, HEAD_BYTES), tail, self._settings.max_members)

    def _check_size(self, size: int) -> None:
        most = self._settings.max_upload_bytes
        if size > most:
            raise Problem("upload-too-large", f"An import may have at most {most} bytes.")


def _parts(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in parts of one size, the last one shorter."""
    part = bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        while len(view):
            taken = view[: size - len(part)]
            part += taken
            view = view[len(taken) :]
            if len(part) == size:
                yield bytes(part)
                part.clear()
    if part:
        yield bytes(part)
