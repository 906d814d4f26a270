"""An object that is written while it is made. What makes it may read other objects and show signs of life, which the
library that writes cannot wait for inside its own threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future

from core.store.blobs import Blobs, Stored

PIECE = 1 << 20
PIECES = 4  # that wait to be written


class _Broken(Exception):
    """What was being made will not be finished, so nothing of it may appear."""


def put(blobs: Blobs, key: str, chunks: Iterator[bytes]) -> Stored:
    """Make the chunks here, write them beside. When making or writing fails, no object appears and that is raised."""
    waiting: queue.Queue[bytes | _Broken | None] = queue.Queue(PIECES)
    written: Future[Stored] = Future()

    def arriving() -> Iterator[bytes]:
        while (piece := waiting.get()) is not None:
            if isinstance(piece, _Broken):
                raise piece
            yield piece

    def write() -> None:
        try:
            written.set_result(blobs.put(key, arriving()))
        except BaseException as error:
            written.set_exception(error)

    def hand_over(piece: bytes | _Broken | None) -> None:
        while not written.done():
            try:
                waiting.put(piece, timeout=1.0)
            except queue.Full:
                continue
            return
        written.result()  # raises what went wrong

    writer = threading.Thread(target=write, name="writer", daemon=True)
    writer.start()
    try:
        for piece in _pieces(chunks):
            hand_over(piece)
    except BaseException:
        if not written.done():
            hand_over(_Broken())
        writer.join()
        raise
    hand_over(None)
    return written.result()


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth handing over."""
    held, size = list[bytes](), 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
