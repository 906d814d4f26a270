"""Bytes on the wire to part objects: bounded memory, each part durable before it counts.

Parts are written by a few threads while the next bytes arrive, so the disk and the network work at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from core import failpoints
from core.errors import Problem
from core.settings import Settings
from core.store.blobs import Blobs, Unreachable
from core.store.uploads import Count, Stretch

if TYPE_CHECKING:
    from hashlib import _Hash

WRITERS = 3
EDGE = 1 << 17
PATIENCE_S = 30.0
SLOWEST = 30 << 10


class Intake:
    """Stores a stream as parts from an offset on. Parts that are counted as they go are counted in their order."""

    def __init__(
        self,
        settings: Settings,
        blobs: Blobs,
        key: Callable[[int], str],  # where the part at an offset lies
        *,
        offset: int = 0,
        expected: int | None = None,  # bytes
        digests: tuple[_Hash, ...] = (),
        count: Count | None = None,
    ) -> None:
        self.parts: Stretch = []
        self.size = 0
        self.counted = offset  # up to where parts count
        self.doubtful = False  # whether it is unknown what counts: the database did not say
        self.head, self.tail = b"", b""  # for a cheap look
        self._settings, self._blobs, self._key = settings, blobs, key
        self._digests, self._count = digests, count
        self._end = offset
        self._part_bytes = min(settings.part_bytes, expected or settings.part_bytes)
        self._spare: list[bytearray] = []  # a new buffer costs as much as filling it
        self._buffer: bytearray | None = None
        self._filled = 0
        self._pending: set[asyncio.Task[None]] = set()
        self._last: asyncio.Task[None] | None = None
        self._patience = asyncio.timeout(None)
        self._writers = ThreadPoolExecutor(WRITERS)
        self._hasher = ThreadPoolExecutor(1)  # one thread, so that the parts are hashed in their order

    @property
    def busy(self) -> bool:
        """Whether bytes are on their way to the disk."""
        return bool(self._pending)

    @property
    def end(self) -> int:
        """Where the last part ends, whether it counts or not."""
        return self._end

    async def take(self, stream: AsyncIterator[bytes], most: int, too_long: Problem) -> None:
        """Store all of it. What came before the client went away, or became too slow, is kept where parts count."""
        try:
            try:
                await self._read(stream, most, too_long)
            except (ClientDisconnect, TooSlow, asyncio.CancelledError):
                if self._count:
                    await self._flush()
                raise
            await self._flush()
        except (OSError, *Unreachable):
            refuse_if_full(self._settings, self._blobs, self._settings.part_bytes)
            raise
        finally:
            await self._settle()
            self._writers.shutdown()
            self._hasher.shutdown()

    async def _read(self, stream: AsyncIterator[bytes], most: int, too_long: Problem) -> None:
        """Fill buffers, as long as SLOWEST bytes come in every PATIENCE_S that we do not wait for the disk."""
        clock = asyncio.get_running_loop().time
        since, came = clock(), 0
        try:
            async with self._patience:
                self._patience.reschedule(since + PATIENCE_S)
                async for chunk in stream:
                    self.size += len(chunk)
                    if self.size > most:
                        raise too_long
                    await self._add(chunk)
                    came += len(chunk)
                    if came >= SLOWEST and clock() - since > PATIENCE_S / 30:  # a timer for each chunk would cost a lot
                        since, came = clock(), 0
                        self._patience.reschedule(since + PATIENCE_S)
        except TimeoutError:
            if self._patience.expired():
                raise TooSlow from None
            raise

    async def _add(self, chunk: bytes) -> None:
        if len(self.head) < EDGE:
            self.head += chunk[: EDGE - len(self.head)]
        taken, view = 0, memoryview(chunk)
        while taken < len(chunk):
            if self._buffer is None:
                if len(self._pending) > WRITERS:
                    self._patience.reschedule(None)
                    await self._drain(WRITERS)
                    self._patience.reschedule(asyncio.get_running_loop().time() + PATIENCE_S)
                self._buffer = self._spare.pop() if self._spare else bytearray(self._part_bytes)
            step = min(len(chunk) - taken, len(self._buffer) - self._filled)
            self._buffer[self._filled : self._filled + step] = view[taken : taken + step]
            self._filled, taken = self._filled + step, taken + step
            if self._filled == len(self._buffer):
                self._hand_over()

    async def _flush(self) -> None:
        """Store what is in the buffer, and wait until all is stored."""
        if self._filled:
            self._hand_over()
        await self._drain(0)

    def _hand_over(self) -> None:
        """Give the buffer to the threads."""
        assert self._buffer is not None
        full, size = self._buffer, self._filled
        refuse_if_full(self._settings, self._blobs, size)
        part = memoryview(full)[:size]
        self.tail = (self.tail + part[-EDGE:])[-EDGE:]
        self._last = asyncio.create_task(self._store(self._end, full, part, self._last))
        self._pending.add(self._last)
        self.parts.append((self._end, size))
        self._end += size
        self._buffer, self._filled = None, 0

    async def _store(self, offset: int, full: bytearray, part: memoryview, before: asyncio.Task[None] | None) -> None:
        loop = asyncio.get_running_loop()
        hashed = [loop.run_in_executor(self._hasher, digest.update, part) for digest in self._digests]
        await asyncio.gather(*hashed, loop.run_in_executor(self._writers, self._blobs.write, self._key(offset), part))
        failpoints.at("upload.part")
        size = len(part)
        self._spare.append(full)
        if self._count is None:
            return
        if before is not None:
            await before
        await self.make_count(self._count, [(offset, size)])

    async def make_count(self, count: Count, parts: Stretch) -> None:
        """Count parts that were stored, and remember how far it is certain."""
        try:
            await asyncio.to_thread(count, parts)
        except Problem:
            raise
        except BaseException:
            self.doubtful = True
            raise
        failpoints.at("upload.counted")
        self.counted = sum(parts[-1])

    async def _drain(self, most: int) -> None:
        """Wait until at most so many parts are on their way."""
        while len(self._pending) > most:
            done, _ = await asyncio.wait(self._pending, return_when=asyncio.FIRST_COMPLETED)
            self._pending.difference_update(done)
            for task in done:
                task.result()

    async def _settle(self) -> None:
        """Wait for every part, whatever becomes of it: nothing is written behind the back of who comes next."""
        while self._pending:
            done, _ = await asyncio.wait(self._pending)
            self._pending.difference_update(done)
            for task in done:
                if not task.cancelled():
                    task.exception()


class TooSlow(Problem):
    """A body that comes too slowly."""

    def __init__(self) -> None:
        least = SLOWEST / PATIENCE_S
        detail = f"Less than {least:.0f} bytes a second came in {PATIENCE_S:.0f} s; send again when the line is better."
        super().__init__("upload-too-slow", detail, retryable=True)


def refuse_if_full(settings: Settings, blobs: Blobs, wanted: int) -> None:
    """Raise unless so many bytes fit on the disk."""
    free = blobs.free_bytes()
    if free is not None and free - wanted < settings.min_free_bytes:
        raise Problem(
            "insufficient-storage",
            "There is not enough free disk space for this upload; an administrator must make room.",
            retryable=True,
        )
