"""An upload in, checked samples out: one confined child reads it, several decode, and the upload's order is kept.

A thread reads ahead, at most so many bytes; however many children decode, the events are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import Empty, SimpleQueue
from threading import Condition
from typing import Any, Literal, NamedTuple, TypeVar, cast

from core.datasets.believed import as_json, number, text, untrue
from core.datasets.blame import Deaths
from core.datasets.bounds import Bounds
from core.datasets.lanes import Lanes
from core.datasets.reading import Batch, Reading, Source, Total
from core.spec import Limits, Split
from core.words import Layout

AHEAD_BYTES = 64 << 20  # of images that were read and not yet given out; one batch may be larger
MEMBER_BYTES = 1 << 10  # what a member counts for beside its image
PATIENCE_S = 0.5
Answer = TypeVar("Answer")

__all__ = ["Busy", "Event", "LeftOut", "Sample", "Source", "Total", "parse"]


class Sample(NamedTuple):
    """An image that was decoded fully; `data` are the bytes as they were uploaded."""

    path: str
    split: Split | None
    label: str
    sha256: str
    width: int
    height: int
    mode: str
    format: str
    grey: bool
    votes: str | None  # labels and how many gave them, as JSON
    extra: str | None  # other columns, as JSON
    look: bytes  # see core.datasets.look
    data: bytes


class LeftOut(NamedTuple):
    """A member that is no sample, and why."""

    path: str
    outcome: Literal["rejected", "ignored"]
    code: str
    detail: str
    sha256: str | None


class Busy(NamedTuple):
    """Nothing came for a while, but there is work going on."""


Event = Total | Sample | LeftOut | Busy


def parse(
    source: Source, limits: Limits, skip: int = 0, layout: Layout | None = None, lanes: int = 1
) -> Generator[Event, None, None]:
    """One `Total`, then one event for each member but the first `skip`, in the order in which they lie there.

    Without a layout it is recognised. `lanes` children decode.
    """
    bounds, deaths, room = Bounds.of(limits), Deaths(), Room(AHEAD_BYTES)
    reading = Reading(source, limits, skip, layout, deaths)
    decoding = Lanes(lanes, limits, deaths)
    ahead: SimpleQueue[Total | Coming | None] = SimpleQueue()
    thread = ThreadPoolExecutor(1, "reading")
    try:
        end = thread.submit(_read, reading, decoding, room, ahead)
        while (found := (yield from _next(ahead))) is not None:
            if isinstance(found, Total):
                yield found
                continue
            answers = yield from _result(found.answers)
            yield from _events(found.batch, answers, bounds)
            room.give(found.size)
        end.result()
    finally:
        room.close()
        reading.kill()
        decoding.close()
        thread.shutdown()
        reading.close()


class Coming(NamedTuple):
    """Members, and what will have been found when they are decoded."""

    batch: Batch
    answers: Future[list[dict[str, Any]]]
    size: int


class Room:
    """How much may be read ahead."""

    def __init__(self, most: int) -> None:
        self._most, self._held, self._closed = most, 0, False
        self._changed = Condition()

    def take(self, size: int) -> bool:
        """Wait until there is room; False when there never will be."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._held or self._held + size <= self._most)
            self._held += size
            return not self._closed

    def give(self, size: int) -> None:
        with self._changed:
            self._held -= size
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()


def _read(reading: Reading, decoding: Lanes, room: Room, ahead: SimpleQueue[Total | Coming | None]) -> None:
    """Read to the end, as far ahead as there is room. What goes wrong is raised after all that came before."""
    try:
        while (found := reading.next()) is not None:
            if isinstance(found, Total):
                ahead.put(found)
                continue
            size = MEMBER_BYTES * len(found.members) + sum(map(len, found.images))
            if not room.take(size):
                return
            ahead.put(Coming(found, decoding.examine(found.images), size))
    finally:
        ahead.put(None)


def _next(ahead: SimpleQueue[Answer]) -> Generator[Busy, None, Answer]:
    while True:
        try:
            return ahead.get(timeout=PATIENCE_S)
        except Empty:
            yield Busy()


def _result(future: Future[Answer]) -> Generator[Busy, None, Answer]:
    while not wait((future,), PATIENCE_S).done:
        yield Busy()
    return future.result()


def _events(batch: Batch, answers: list[dict[str, Any]], limits: Bounds) -> Iterator[Sample | LeftOut]:
    """What became of the members; the hash is ours, for the children are not believed."""
    decoded = iter(zip(batch.images, answers, strict=True))
    for member in batch.members:
        if "outcome" in member:
            yield _left_out(member, member, None)
            continue
        data, found = next(decoded)
        sha256 = hashlib.sha256(data).hexdigest()
        if "outcome" in found:
            yield _left_out(member, found, sha256)
        elif member.get("label") is None:
            yield _left_out(member, UNLABELLED, sha256)
        else:
            yield _sample(member, found, data, sha256, limits)


UNLABELLED = {
    "outcome": "rejected",
    "code": "label-missing",
    "detail": "The image lies in no class folder; move it into one that is named like its class, or write a table.",
}


def _sample(member: dict[str, Any], found: dict[str, Any], data: bytes, sha256: str, limits: Bounds) -> Sample:
    split = member.get("split")
    if split not in (None, "train", "val", "test") or not data:
        raise untrue()
    return Sample(
        path=text(member, "path"),
        split=cast("Split | None", split),
        label=text(member, "label", limits.max_label_bytes),
        sha256=sha256,
        width=number(found, "width", limits.max_side),
        height=number(found, "height", limits.max_side),
        mode=text(found, "mode", 16),
        format=text(found, "format", 16),
        grey=found.get("grey") is True,
        votes=as_json(member, "votes", int),
        extra=as_json(member, "extra", str),
        look=found["look"],
        data=data,
    )


def _left_out(member: dict[str, Any], why: dict[str, Any], sha256: str | None) -> LeftOut:
    outcome = why.get("outcome")
    if outcome not in ("rejected", "ignored"):
        raise untrue()
    return LeftOut(
        path=text(member, "path", 1 << 19),
        outcome=cast("Literal['rejected', 'ignored']", outcome),
        code=text(why, "code", 64),
        detail=text(why, "detail", 1 << 12),
        sha256=sha256,
    )
