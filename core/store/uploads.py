"""Uploads: sequences of part objects. What counts is what the database says."""

from __future__ import annotations

from bisect import bisect_right

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.errors import Problem
from core.ids import new_id
from core.store.blobs import Blobs
from core.store.db import now
from core.store.tables import Upload, UploadPart


def part_key(upload_id: str, offset: int) -> str:
    """Where a part lies; the digits keep the parts in order for whoever lists them."""
    return f"uploads/{upload_id}/{offset:016d}"


def begin(session: Session) -> Upload:
    """A new, empty upload."""
    values = {"id": new_id(), "created_at": now(), "touched_at": now()}
    return session.execute(insert(Upload).values(**values).returning(Upload)).scalar_one()


def complete(session: Session, upload: Upload, parts: list[tuple[int, int]], sha256: str) -> None:
    """Make the parts (offset, size) count."""
    there = (Upload.pk == upload.pk, Upload.deleted_at.is_(None))
    values = {"size": sum(size for _, size in parts), "sha256": sha256, "touched_at": now()}
    if session.execute(update(Upload).where(*there).values(**values).returning(Upload.pk)).one_or_none() is None:
        raise Problem("upload-expired", "This upload took too long and was removed; send it again.")
    if parts:
        rows = [{"upload_pk": upload.pk, "offset": offset, "size": size} for offset, size in parts]
        session.execute(insert(UploadPart), rows)


def remove(session: Session, upload: Upload) -> None:
    """Give an upload up; `sweep` removes its parts."""
    session.execute(update(Upload).where(Upload.pk == upload.pk).values(deleted_at=now()))


class UploadReader:
    """The bytes of an upload, read by position across its parts."""

    def __init__(self, session: Session, blobs: Blobs, upload_pk: int) -> None:
        upload = session.execute(select(Upload).where(Upload.pk == upload_pk)).scalar_one()
        parts = session.execute(
            select(UploadPart.offset, UploadPart.size)
            .where(UploadPart.upload_pk == upload_pk)
            .order_by(UploadPart.offset)
        ).all()
        self._id = upload.id
        self._blobs = blobs
        self._offsets = [offset for offset, _ in parts]
        self._sizes = [size for _, size in parts]
        self.size = upload.size

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`; fewer only at the end."""
        pieces = []
        end = min(offset + length, self.size)
        while offset < end:
            k = bisect_right(self._offsets, offset) - 1
            within = offset - self._offsets[k]
            take = min(end - offset, self._sizes[k] - within)
            pieces.append(self._blobs.read(part_key(self._id, self._offsets[k]), within, take))
            offset += take
        return b"".join(pieces)
