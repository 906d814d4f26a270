"""Uploads: sequences of part objects. What counts is what the database says.

An upload that may go on later is written in turns. Who wants to write takes one, at the offset that counts; a turn has
a number, every part is stored under it and every commit names it. When its holder shows no life for `idle_s`, the next
one may be taken: what the first one still writes lies under a name that nobody reads, and matches no row.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.errors import Problem
from core.ids import new_id
from core.store.blobs import Blobs
from core.store.db import now
from core.store.tables import Dataset, Upload, UploadPart

PIECE = 1 << 20
Stretch = list[tuple[int, int]]
"""Offset and size of parts that follow one another."""
Count = Callable[[Stretch], None]
"""Makes durable parts count."""


@dataclass(frozen=True)
class Turn:
    """The right to write to an upload, until somebody else is given a later one."""

    pk: int
    upload_id: str
    number: int
    offset: int
    length: int


def part_key(upload_id: str, offset: int, turn: int = 0) -> str:
    """Where a part lies; the digits keep the parts in order for whoever lists them."""
    return f"uploads/{upload_id}/{offset:016d}" + (f".{turn}" if turn else "")


def begin(session: Session, length: int | None = None, notes: str | None = None) -> Upload:
    """A new, empty upload; with a length, one that is written in turns."""
    values = {"id": new_id(), "length": length, "notes": notes, "created_at": now(), "touched_at": now()}
    return session.execute(insert(Upload).values(**values).returning(Upload)).scalar_one()


def complete(session: Session, upload: Upload, parts: Stretch, sha256: str) -> None:
    """Make the parts of an upload count that came in one request."""
    there = (Upload.pk == upload.pk, Upload.deleted_at.is_(None))
    values = {"size": sum(size for _, size in parts), "sha256": sha256, "touched_at": now()}
    if session.execute(update(Upload).where(*there).values(**values).returning(Upload.pk)).one_or_none() is None:
        raise Problem("upload-expired", "This upload took too long and was removed; send it again.")
    _insert(session, upload.pk, parts, 0)


def find(session: Session, id: str, expiry_s: float) -> Upload:
    """An upload that may still be written to or be used."""
    upload, at = _found(session, id)
    _refuse_if_gone(upload, at, expiry_s)
    return upload


def take_turn(session: Session, id: str, offset: int, idle_s: float, expiry_s: float) -> Turn:
    """Begin to write at an offset, which must be where the upload ends."""
    upload, at = _found(session, id, hold=True)
    _refuse_if_gone(upload, at, expiry_s)
    assert upload.length is not None
    if upload.size == upload.length:
        raise Problem("upload-complete", "All bytes of this upload are here; nothing more fits.", offset=upload.size)
    if upload.written_at is not None and upload.written_at > at - idle_s:
        raise Problem("upload-locked", "Another request is writing to this upload; try again shortly.", retryable=True)
    if upload.size != offset:
        detail = f"This upload goes on at {upload.size}, not at {offset}; ask with HEAD and go on there."
        raise Problem("upload-offset-mismatch", detail, offset=upload.size)
    turn = Turn(upload.pk, upload.id, upload.turn + 1, offset, upload.length)
    values = {"turn": turn.number, "written_at": now(), "touched_at": now()}
    session.execute(update(Upload).where(Upload.pk == upload.pk).values(**values))
    return turn


def keep_turn(session: Session, turn: Turn) -> bool:
    """Show that the writer is alive; whether it still is the writer."""
    return _write(session, turn, written_at=now(), touched_at=now()) is not None


def count(session: Session, turn: Turn, parts: Stretch) -> None:
    """Make parts count that are stored under this turn."""
    (first, _), end = parts[0], sum(parts[-1])
    if _write(session, turn, at=first, size=end, written_at=now(), touched_at=now()) is None:
        raise lost(session, turn)
    _insert(session, turn.pk, parts, turn.number)


def end_turn(session: Session, turn: Turn, sha256: str | None) -> Upload | None:
    """Stop writing, with the hash of a whole upload if it is known; None when a later turn was given meanwhile."""
    values = {"written_at": None} | ({"sha256": sha256} if sha256 else {})
    mine = (Upload.pk == turn.pk, Upload.turn == turn.number)  # a removed one too: `sweep` waits for its writer
    return session.execute(update(Upload).where(*mine).values(**values).returning(Upload)).scalar_one_or_none()


def lost(session: Session, turn: Turn) -> Problem:
    """Why a turn no longer counts."""
    gone = session.execute(select(Upload.deleted_at).where(Upload.pk == turn.pk)).scalar_one_or_none()
    if gone is not None:
        return Problem("upload-expired", "This upload was removed.")
    return Problem("upload-locked", "Another request has taken this upload over; ask for its offset.", retryable=True)


def whole(session: Session, id: str, expiry_s: float, *, hold: bool = False) -> Upload:
    """A finished upload that nothing was made of yet; with `hold` it stays so until the transaction ends."""
    upload, at = _found(session, id, hold=hold)
    if upload.dataset_id is not None:
        detail = "There is a dataset of this upload already; `dataset_id` says which."
        raise Problem("upload-used", detail, dataset_id=upload.dataset_id)
    _refuse_if_gone(upload, at, expiry_s)
    if upload.size != upload.length:
        detail = f"{upload.size} of {upload.length} bytes of this upload are here; send the rest first."
        raise Problem("upload-incomplete", detail, offset=upload.size)
    return upload


def use(session: Session, upload: Upload, dataset_id: str, sha256: str) -> None:
    """Remember what was made of a finished upload."""
    values = {"dataset_id": dataset_id, "sha256": sha256, "touched_at": now()}
    session.execute(update(Upload).where(Upload.pk == upload.pk).values(**values))


def remove(session: Session, upload: Upload) -> None:
    """Give an upload up; `sweep` removes its parts."""
    session.execute(update(Upload).where(Upload.pk == upload.pk).values(deleted_at=now()))


def give_up(session: Session, id: str, expiry_s: float) -> None:
    """Remove an upload that no dataset needs."""
    upload, at = _found(session, id, hold=True)
    _refuse_if_gone(upload, at, expiry_s)
    if upload.dataset_id is not None:
        detail = "There is a dataset of this upload; remove that one, and its upload goes with it."
        raise Problem("upload-used", detail, dataset_id=upload.dataset_id)
    remove(session, upload)


def _found(session: Session, id: str, *, hold: bool = False) -> tuple[Upload, float]:
    """An upload that is written in turns, and the database's time."""
    query = select(Upload, now()).where(Upload.id == id, Upload.length.is_not(None))
    found = session.execute(query.with_for_update() if hold else query).one_or_none()
    if found is None:
        raise Problem("not-found", "There is no such upload.")
    return found[0], found[1]


def _refuse_if_gone(upload: Upload, at: float, expiry_s: float) -> None:
    if upload.deleted_at is not None or (upload.dataset_id is None and upload.touched_at + expiry_s < at):
        raise Problem("upload-expired", "This upload was removed, or nobody went on with it in time; begin a new one.")


def _write(session: Session, turn: Turn, at: int | None = None, **values: object) -> Upload | None:
    """Change the row while the turn counts, and the upload ends there if `at` says where."""
    mine = [Upload.pk == turn.pk, Upload.turn == turn.number, Upload.deleted_at.is_(None)]
    mine += [] if at is None else [Upload.size == at]
    return session.execute(update(Upload).where(*mine).values(**values).returning(Upload)).scalar_one_or_none()


def _insert(session: Session, upload_pk: int, parts: Stretch, turn: int) -> None:
    rows = [{"upload_pk": upload_pk, "offset": offset, "size": size, "turn": turn} for offset, size in parts]
    if rows:
        session.execute(insert(UploadPart), rows)


def kept(session: Session, blobs: Blobs, dataset: Dataset) -> UploadReader | None:
    """The file that a dataset was made of, unless it is gone or not all of it was fetched yet."""
    upload = session.get(Upload, dataset.upload_pk) if dataset.upload_pk is not None else None
    if upload is None or upload.deleted_at is not None or not dataset.sha256 or upload.size != dataset.size:
        return None
    return UploadReader(session, blobs, upload.pk)


class UploadReader:
    """The bytes of an upload, read by position across its parts."""

    def __init__(self, session: Session, blobs: Blobs, upload_pk: int) -> None:
        upload = session.execute(select(Upload).where(Upload.pk == upload_pk)).scalar_one()
        parts = session.execute(
            select(UploadPart.offset, UploadPart.size, UploadPart.turn)
            .where(UploadPart.upload_pk == upload_pk)
            .order_by(UploadPart.offset)
        ).all()
        self._id = upload.id
        self._blobs = blobs
        self._offsets = [part.offset for part in parts]
        self._sizes = [part.size for part in parts]
        self._turns = [part.turn for part in parts]
        self.size = upload.size

    def stream(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`, piece by piece."""
        for offset in range(start, end, PIECE):
            yield self.read(offset, min(PIECE, end - offset))

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`; fewer only at the end."""
        pieces = []
        end = min(offset + length, self.size)
        while offset < end:
            k = bisect_right(self._offsets, offset) - 1
            within = offset - self._offsets[k]
            take = min(end - offset, self._sizes[k] - within)
            pieces.append(self._blobs.read(part_key(self._id, self._offsets[k], self._turns[k]), within, take))
            offset += take
        return b"".join(pieces)
