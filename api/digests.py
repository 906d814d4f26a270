"""The SHA-256 of uploads that come in pieces.

The state of a hash cannot be stored. So it is kept in memory, for the uploads that were written last; what it has not
seen, because another process did or before a crash, is read once more when the hash is needed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from core.store.uploads import UploadReader

if TYPE_CHECKING:
    from hashlib import _Hash

KEPT = 1000
STEP = 8 << 20


class Digests:
    """Hashes on their way, by upload; used by the event loop alone."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, _Hash]] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}

    def at(self, upload_id: str, offset: int) -> _Hash | None:
        """The hash of the bytes up to `offset`, to go on with."""
        known, digest = self._known.get(upload_id, (0, hashlib.sha256()))
        return digest.copy() if known == offset else None

    def keep(self, upload_id: str, offset: int, digest: _Hash) -> None:
        """Remember the hash of the bytes up to `offset`."""
        self._known[upload_id] = (offset, digest)
        self._known.move_to_end(upload_id)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    def forget(self, upload_id: str) -> None:
        """The upload is finished, or gone."""
        self._known.pop(upload_id, None)

    async def whole(self, upload_id: str, reader: UploadReader) -> str:
        """The hash of a whole upload; those who ask for the same one at once wait for one reading."""
        async with self._locks.setdefault(upload_id, asyncio.Lock()):
            offset, digest = self._known.get(upload_id, (0, hashlib.sha256()))
            while offset < reader.size:
                data = await asyncio.to_thread(reader.read, offset, STEP)
                digest = digest.copy()
                await asyncio.to_thread(digest.update, data)
                offset += len(data)
                self.keep(upload_id, offset, digest)
        self._locks.pop(upload_id, None)
        return digest.hexdigest()
