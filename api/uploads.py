"""Uploads in one request: they arrive whole, or nothing of them stays."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from api.intake import Intake, refuse_if_full
from core.errors import Problem
from core.settings import Settings
from core.store import uploads
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Upload


@dataclass(frozen=True)
class Received:
    """A finished upload that the database does not count yet, with its first and last bytes for a cheap look."""

    upload: Upload
    parts: uploads.Stretch
    size: int
    sha256: str
    head: bytes
    tail: bytes


async def receive(
    stream: AsyncIterator[bytes], length: int | None, settings: Settings, db: Database, blobs: Blobs
) -> Received:
    """Store a request's body as parts. Whatever goes wrong, nothing of it stays."""
    check_size(length or 0, settings)
    refuse_if_full(settings, blobs, length or 0)
    upload = await asyncio.to_thread(_begin, db)
    digest = hashlib.sha256()
    intake = Intake(
        settings, blobs, lambda offset: uploads.part_key(upload.id, offset), expected=length, digests=(digest,)
    )
    try:
        await intake.take(stream, settings.max_upload_bytes, too_large(settings))
    except BaseException:
        await asyncio.to_thread(discard, db, upload)
        raise
    return Received(upload, intake.parts, intake.size, digest.hexdigest(), intake.head, intake.tail)


def discard(db: Database, upload: Upload) -> None:
    """Give an upload up; the sweep removes its parts."""
    with db.write() as session:
        uploads.remove(session, upload)


def too_large(settings: Settings) -> Problem:
    """What is said of more bytes than an upload may have."""
    return Problem("upload-too-large", f"An upload may have at most {settings.max_upload_bytes} bytes.")


def check_size(length: int, settings: Settings) -> None:
    """Raise when an upload would be too large."""
    if length > settings.max_upload_bytes:
        raise too_large(settings)


def _begin(db: Database) -> Upload:
    with db.write() as session:
        return uploads.begin(session)
