"""Bytes on the wire to part objects: bounded memory, each part durable before it counts.

Parts are written by a few threads while the next bytes arrive, so the disk and the network work at the same time.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from core.errors import Problem
from core.settings import Settings
from core.store import uploads
from core.store.blobs import Blobs, Unreachable
from core.store.db import Database
from core.store.tables import Upload

WRITERS = 3
EDGE = 1 << 17


@dataclass
class Received:
    """A finished upload that the database does not count yet, with its first and last bytes for a cheap look."""

    upload: Upload
    parts: list[tuple[int, int]] = field(default_factory=list)
    size: int = 0
    sha256: str = ""
    head: bytes = b""
    tail: bytes = b""


async def receive(
    stream: AsyncIterator[bytes], length: int | None, settings: Settings, db: Database, blobs: Blobs
) -> Received:
    """Store a request's body as parts. Whatever goes wrong, nothing of it stays."""
    too_large = Problem("upload-too-large", f"An upload may have at most {settings.max_upload_bytes} bytes.")
    if length is not None and length > settings.max_upload_bytes:
        raise too_large
    _refuse_if_full(settings, blobs, length or 0)
    received = Received(await asyncio.to_thread(_begin, db))
    digest = hashlib.sha256()
    pending: set[asyncio.Task[None]] = set()
    buffer = bytearray(min(settings.part_bytes, length or settings.part_bytes))
    filled = 0
    spare: list[bytearray] = []  # a new buffer costs as much as filling it

    async def store(key: str, full: bytearray, part: memoryview) -> None:
        loop = asyncio.get_running_loop()
        hashed = loop.run_in_executor(hasher, digest.update, part)
        await asyncio.gather(hashed, loop.run_in_executor(writers, blobs.write, key, part))
        spare.append(full)

    async def write() -> None:
        """Hand the buffer to the threads and begin another one."""
        nonlocal buffer, filled
        full, part = buffer, memoryview(buffer)[:filled]
        _refuse_if_full(settings, blobs, len(part))
        received.tail = (received.tail + part[-EDGE:])[-EDGE:]
        offset = sum(received.parts[-1]) if received.parts else 0
        received.parts.append((offset, len(part)))
        pending.add(asyncio.create_task(store(uploads.part_key(received.upload.id, offset), full, part)))
        while len(pending) > WRITERS:
            done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            pending.difference_update(done)
            for task in done:
                task.result()
        buffer, filled = spare.pop() if spare else bytearray(len(full)), 0

    # One thread hashes, so that the parts are hashed in their order.
    with ThreadPoolExecutor(WRITERS) as writers, ThreadPoolExecutor(1) as hasher:
        try:
            async for chunk in stream:
                received.size += len(chunk)
                if received.size > settings.max_upload_bytes:
                    raise too_large
                if len(received.head) < EDGE:
                    received.head += chunk[: EDGE - len(received.head)]
                taken = 0
                while taken < len(chunk):
                    step = min(len(chunk) - taken, len(buffer) - filled)
                    buffer[filled : filled + step] = memoryview(chunk)[taken : taken + step]
                    filled, taken = filled + step, taken + step
                    if filled == len(buffer):
                        await write()
            if filled:
                await write()
            await asyncio.gather(*pending)
        except BaseException as error:
            await asyncio.gather(*pending, return_exceptions=True)
            await asyncio.to_thread(discard, db, received)
            if isinstance(error, (OSError, *Unreachable)):
                _refuse_if_full(settings, blobs, settings.part_bytes)
            raise
    received.sha256 = digest.hexdigest()
    return received


def discard(db: Database, received: Received) -> None:
    """Give an upload up; the sweep removes its parts."""
    with db.write() as session:
        uploads.remove(session, received.upload)


def _begin(db: Database) -> Upload:
    with db.write() as session:
        return uploads.begin(session)


def _refuse_if_full(settings: Settings, blobs: Blobs, wanted: int) -> None:
    free = blobs.free_bytes()
    if free is not None and free - wanted < settings.min_free_bytes:
        raise Problem(
            "insufficient-storage",
            "There is not enough free disk space for this upload; an administrator must make room.",
            retryable=True,
        )
