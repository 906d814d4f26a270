"""Pixels out of image bytes, decoded by confined children: `python -m core.datasets.pixels` and its two callers.

`Renderer` makes thumbnails for the API, which has neither Pillow nor numpy loaded; `decode` makes arrays for training.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from core.datasets.sandbox import Child, ChildDied
from core.errors import Problem
from core.processes import cores

if TYPE_CHECKING:
    import numpy as np

    from core.spec import Limits

MODULE = "core.datasets.pixels"
BATCH_IMAGES = 64
BATCH_BYTES = 4 << 20
BATCH_PIXELS = 1 << 22


class Renderer:
    """Thumbnails from one long-lived child. Any thread may call it; a child that dies is replaced."""

    def __init__(self, limits: Limits, timeout_seconds: float = 15.0) -> None:
        self._limits = limits
        self._timeout = timeout_seconds
        self._lock = threading.Lock()
        self._child: Child | None = None

    def render(self, data: bytes, size: int | None = None) -> bytes:
        """A PNG of the image whose longest side is at most `size`; without a size, the image in full."""
        if len(data) > self._limits.max_member_bytes:
            raise Problem("member-too-large", f"An image may have {self._limits.max_member_bytes} bytes.")
        with self._lock:
            try:
                return self._ask(data, size or 0)
            except ChildDied:
                self._stop()
            try:  # once more: the child may have been ended for a reason of its own
                return self._ask(data, size or 0)
            except ChildDied as death:
                self._stop()
                raise Problem("image-crashed-decoder", "The image cannot be shown: its decoder was ended.") from death

    def close(self) -> None:
        with self._lock:
            self._stop()

    def _ask(self, data: bytes, size: int) -> bytes:
        if self._child is None or not self._child.alive:
            self._stop()
            self._child = start(self._limits)
        watch = threading.Timer(self._timeout, self._child.kill)
        watch.daemon = True
        watch.start()
        try:
            self._child.send({"kind": "thumbnail", "size": size}, data)
            return self._child.receive().payload
        finally:
            watch.cancel()

    def _stop(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None


def decode(
    images: Iterable[bytes], side: int, channels: int, limits: Limits, workers: int | None = None
) -> Iterator[np.ndarray[Any, Any]]:
    """Each image as uint8 [side, side, channels], in order, decoded by several children at once.

    A child has at most one batch, so that it and we never wait for each other with full pipes.
    """
    import numpy as np

    shape = (side, side, channels)
    batches = _batches(images, max(1, min(BATCH_IMAGES, BATCH_PIXELS // (side * side))))
    every: list[Child] = []
    busy: deque[tuple[Child, int]] = deque()
    try:
        every.extend(start(limits) for _ in range(workers or cores()))
        idle = deque(every)
        while True:
            while idle and (batch := next(batches, None)):
                child = idle.popleft()
                lengths = [len(data) for data in batch]
                header = {"kind": "arrays", "side": side, "channels": channels, "lengths": lengths}
                child.send(header, b"".join(batch))
                busy.append((child, len(batch)))
            if not busy:
                return
            child, count = busy.popleft()
            payload = child.receive().payload
            idle.append(child)
            if len(payload) != count * side * side * channels:
                raise Problem("sandbox-died", "A decoder sent an array of the wrong size.", retryable=True)
            yield from np.frombuffer(payload, np.uint8).reshape(count, *shape)
    finally:
        for child in every:
            child.close()


def start(limits: Limits) -> Child:
    """A confined child that makes pixels."""
    most = max(4 * limits.max_pixels, BATCH_PIXELS * 3) + (1 << 20)
    return Child(MODULE, {"limits": limits.model_dump()}, most)


def _batches(images: Iterable[bytes], most: int) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for data in images:
        batch.append(data)
        size += len(data)
        if len(batch) == most or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def main() -> None:
    """The child."""
    from core.datasets import frames, images
    from core.datasets.bounds import Bounds
    from core.datasets.confine import CpuTime, confine, pipes
    from core.datasets.warmup import warm

    reader, writer = pipes()
    order = frames.receive(reader, 0)
    if order is None:
        return
    limits = Bounds(**order.header["limits"])
    bounded = CpuTime(limits.decode_seconds)
    warm(limits)
    frames.send(writer, {"kind": "ready", "confinement": confine(limits.sandbox_memory_bytes)})
    while (request := frames.receive(reader, limits.max_member_bytes + BATCH_BYTES)) is not None:
        header, data = request
        try:
            match header["kind"]:
                case "thumbnail":
                    with bounded:
                        answer = images.thumbnail(data, header["size"], limits)
                case "arrays":
                    arrays, position = [], 0
                    with bounded:
                        for length in header["lengths"]:
                            bounded.renew()
                            image = data[position : position + length]
                            arrays.append(images.to_array(image, header["side"], header["channels"], limits))
                            position += length
                    answer = b"".join(arrays)
                case _:
                    answer = b""
        except Problem as problem:
            frames.send(writer, {"kind": "problem", "problem": problem.as_record()})
        else:
            frames.send(writer, {"kind": "pixels"}, answer)


if __name__ == "__main__":
    main()
