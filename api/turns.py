"""A request's turn at an upload: its body is stored from an offset on, and every part counts once it is durable."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.deps import Parts
from api.intake import Intake
from core.errors import Problem
from core.store import uploads
from core.store.db import Away
from core.store.tables import Upload
from core.store.uploads import Turn

if TYPE_CHECKING:
    from hashlib import _Hash

ALGORITHMS = ("sha256", "sha1", "md5")
BEATS = 4  # signs of life in the time after which a writer is given up


@dataclass(frozen=True)
class Checksum:
    """What a body shall hash to."""

    digest: _Hash
    wanted: bytes

    @classmethod
    def of(cls, header: str) -> Checksum:
        """The value of `Upload-Checksum`: an algorithm and a digest in base64."""
        algorithm, _, text = header.partition(" ")
        if algorithm not in ALGORITHMS:
            raise Problem("unsupported-checksum", f"Checksums are {', '.join(ALGORITHMS)}.")
        digest = hashlib.new(algorithm, usedforsecurity=False)
        try:
            wanted = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            wanted = b""
        if len(wanted) != digest.digest_size:
            raise Problem("invalid-request", f"Upload-Checksum has no {algorithm} digest in base64.")
        return cls(digest, wanted)

    def check(self) -> None:
        """Raise when something else came."""
        if self.digest.digest() != self.wanted:
            detail = "The bytes do not have the digest that was sent with them; they were discarded. Send them again."
            raise Problem("digest-mismatch", detail, retryable=True)


async def write(
    parts: Parts, id: str, offset: int, body: AsyncIterator[bytes], expected: int | None, checksum: Checksum | None
) -> Upload:
    """Go on with an upload; how it stands afterwards. With a checksum all of the body counts, or nothing."""
    turn = await asyncio.to_thread(_take, parts, id, offset)
    sha256 = parts.digests.at(id, offset)
    count = _counter(parts, turn)
    intake = Intake(
        parts.settings,
        parts.blobs,
        lambda at: uploads.part_key(turn.upload_id, at, turn.number),
        offset=offset,
        expected=expected,
        digests=tuple(digest for digest in (sha256, checksum.digest if checksum else None) if digest is not None),
        count=None if checksum else count,
    )
    room = turn.length - offset
    past_end = Problem("upload-length-exceeded", f"Only {room} bytes are left of this upload's length; send no more.")
    beat = asyncio.create_task(_beat(parts, turn, intake))
    try:
        if expected is not None and expected > room:
            raise past_end
        await intake.take(body, room, past_end)
        if checksum:
            checksum.check()
            if intake.parts:
                await intake.make_count(count, intake.parts)
    except BaseException:
        if not intake.doubtful:
            await asyncio.to_thread(_drop, parts, turn, intake)
        raise
    finally:
        beat.cancel()
        if sha256 is not None and intake.counted == intake.end:
            parts.digests.keep(id, intake.counted, sha256)
        done = sha256.hexdigest() if sha256 is not None and intake.counted == intake.end == turn.length else None
        ended = await asyncio.to_thread(_end, parts, turn, done)
    if ended is None or ended.deleted_at is not None:
        raise Problem("upload-expired", "This upload was removed.")
    if done:
        parts.digests.forget(id)
    return ended


def _take(parts: Parts, id: str, offset: int) -> Turn:
    settings = parts.settings
    with parts.db.write() as session:
        return uploads.take_turn(session, id, offset, settings.upload_idle_s, settings.upload_expiry_s)


def _counter(parts: Parts, turn: Turn) -> uploads.Count:
    def count(stored: uploads.Stretch) -> None:
        with parts.db.write() as session:
            uploads.count(session, turn, stored)

    return count


def _drop(parts: Parts, turn: Turn, intake: Intake) -> None:
    """Remove the parts that will never count. Their names are this turn's own."""
    for offset, _ in intake.parts:
        if offset >= intake.counted:
            parts.blobs.delete(uploads.part_key(turn.upload_id, offset, turn.number))


def _end(parts: Parts, turn: Turn, sha256: str | None) -> Upload | None:
    with parts.db.write() as session:
        return uploads.end_turn(session, turn, sha256)


async def _beat(parts: Parts, turn: Turn, intake: Intake) -> None:
    """Show life while bytes come, or are on their way to the disk. A silent line shows none, and loses its turn."""

    def keep() -> bool:
        with parts.db.write() as session:
            return uploads.keep_turn(session, turn)

    seen, kept = 0, True
    while kept:
        await asyncio.sleep(parts.settings.upload_idle_s / BEATS)
        if intake.size > seen or intake.busy:
            seen = intake.size
            with suppress(*Away):
                kept = await asyncio.to_thread(keep)
