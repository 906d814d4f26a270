"""An object that is written while it is made. What makes it may read other objects and show signs of life, which the
library that writes cannot wait for inside its own threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import suppress

from core.store.blobs import Blobs, Stored
from worker.beside import EVERY_S

PIECE = 1 << 20
PIECES = 4  # that wait to be written
BROKEN_OFF_S = 5.0  # for which a writer is waited for that is to stop


class _Broken(Exception):
    """What was being made will not be finished, so nothing of it may appear."""


def put(blobs: Blobs, key: str, chunks: Iterator[bytes], alive: Callable[[], object]) -> Stored:
    """Make the chunks here, write them beside, and call `alive` all the while, however slow either is.

    What making, writing or `alive` raises is raised, and no object appears that was not there whole by then.
    """
    waiting: queue.Queue[bytes | None] = queue.Queue(PIECES)
    written: Future[Stored] = Future()
    broken = threading.Event()

    def arriving() -> Iterator[bytes]:
        while True:
            piece = waiting.get()
            if broken.is_set():
                raise _Broken
            if piece is None:
                return
            yield piece

    def write() -> None:
        try:
            written.set_result(blobs.put(key, arriving()))
        except BaseException as error:
            written.set_exception(error)

    def hand_over(piece: bytes | None) -> None:
        while not written.done():
            try:
                waiting.put(piece, timeout=EVERY_S)
            except queue.Full:
                alive()
            else:
                return
        written.result()  # raises what went wrong

    writer = threading.Thread(target=write, name="writer", daemon=True)
    writer.start()
    try:
        for piece in _pieces(chunks, alive):
            hand_over(piece)
        hand_over(None)
        while not wait([written], EVERY_S).done:
            alive()
    except BaseException:
        broken.set()
        with suppress(queue.Full):
            waiting.put_nowait(None)  # it may be waiting for more
        writer.join(BROKEN_OFF_S)
        raise
    return written.result()


def _pieces(chunks: Iterator[bytes], alive: Callable[[], object]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth handing over, and none of them large."""
    held, size = list[memoryview](), 0
    for chunk in chunks:
        alive()
        for start in range(0, len(chunk), PIECE):
            held.append(memoryview(chunk)[start : start + PIECE])
            size += len(held[-1])
            if size >= PIECE:
                yield b"".join(held)
                held, size = [], 0
    if held:
        yield b"".join(held)
