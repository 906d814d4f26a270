"""The parent's side of the child that reads an upload, with a new child whenever one dies."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any, Protocol

from core.datasets.believed import number, records, text, untrue
from core.datasets.blame import CONDEMNED, Blame, Deaths
from core.datasets.frames import BATCH_BYTES, BATCH_MEMBERS
from core.datasets.sandbox import Child, ChildDied
from core.datasets.sniff import HEAD_BYTES, TAIL_BYTES, sniff
from core.errors import Problem
from core.spec import Limits
from core.words import Layout

MODULE = "core.datasets.parser"
CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)  # nobody kills with these
CRASHED_TWICE = (
    "The list of what the upload holds made its reader crash, twice. Make the file anew, with another program."
)
TOO_SLOW = (
    "To list what the upload holds takes far longer than its size explains. Make the file anew, with another program, "
    "or split it."
)


class Source(Protocol):
    """An upload that can be read anywhere, by any thread."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Total:
    """How many members the upload has, how many of them may become samples, and what says which is which class."""

    members: int
    images: int
    layout: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Members in the order of the upload; `images` are the bytes of those that say how many they have."""

    members: list[dict[str, Any]]
    images: list[bytes]


class Reading:
    """One `Total`, then every member but the first `skip`. Used by one thread; `kill` by any."""

    def __init__(self, source: Source, limits: Limits, skip: int, layout: Layout | None, deaths: Deaths) -> None:
        self._source, self._limits = source, limits
        head = source.read(0, min(HEAD_BYTES, source.size))
        tail_bytes = min(TAIL_BYTES, source.size)
        kind = sniff(source.size, head, source.read(source.size - tail_bytes, tail_bytes), limits.max_members)
        self._kinds = [kind]
        self._order = {"limits": limits.model_dump(), "layout": layout, "size": source.size}
        self._total: Total | None = None
        self._done = skip
        self._condemned: dict[int, str] = {}
        self._blame = Blame(deaths)
        self._child: Child | None = None
        self._crashed = self._closing = False

    def next(self) -> Total | Batch | None:
        """What comes next; None at the end."""
        while True:
            child = self._child or self._start()
            try:
                return self._receive(child)
            except _Needs as needs:
                if self._total is not None or len(self._kinds) > 1:
                    raise untrue() from None
                self._kinds.append(str(needs))
            except ChildDied as death:
                if self._closing:
                    raise
                self._judge(death, child.place)
            self._stop()

    def _judge(self, death: ChildDied, place: int) -> None:
        """Say why the member at `place` is condemned, or the whole upload, when the child died before any."""
        if self._total is None:
            if death.by == signal.SIGPROF:
                raise Problem("archive-too-slow", TOO_SLOW) from death
            if death.by not in CRASHES:
                raise death
            if self._crashed:
                raise Problem("archive-crashed-reader", CRASHED_TWICE) from death
            self._crashed = True
            return
        if not self._done <= place <= self._total.members:
            raise untrue() from death
        if code := self._blame.judge(death, place):
            self._condemned[place] = code

    def kill(self) -> None:
        """End it: a `next` that waits raises `ChildDied`."""
        self._closing = True
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        """When no thread is in `next`."""
        self._closing = True
        self._stop()

    def _start(self) -> Child:
        condemned = {str(member): (code, CONDEMNED[code]) for member, code in self._condemned.items()}
        order = {**self._order, "kinds": self._kinds, "skip": self._done, "condemned": condemned}
        child = self._child = Child(MODULE, order, self._limits.max_member_bytes + BATCH_BYTES, self._done)
        if self._closing:
            child.kill()
        return child

    def _stop(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def _receive(self, child: Child) -> Total | Batch | None:
        """The next frame that is no question; questions are answered on the way."""
        while True:
            header, payload = child.receive()
            match header.get("kind"):
                case "read":
                    self._answer(child, header)
                case "total":
                    members = number(header, "members", self._limits.max_members)
                    total = Total(members, number(header, "images", members), text(header, "layout", 32))
                    if self._total not in (None, total):
                        raise untrue()
                    if self._total is None:
                        self._total = total
                        return total
                case "members":
                    batch = _batch(header, payload)
                    self._done += len(batch.members)
                    if self._total is None or self._done > self._total.members:
                        raise untrue()
                    return batch
                case "needs":
                    raise _Needs(text(header, "what", 16))
                case "done":
                    if self._total is None or self._done != self._total.members:
                        raise untrue()
                    return None
                case _:
                    raise untrue()

    def _answer(self, child: Child, header: dict[str, Any]) -> None:
        size = self._source.size
        offset, length = number(header, "offset", size), number(header, "length", size)
        data = self._source.read(offset, min(length, size - offset))
        if len(data) != length:
            raise Problem("blob-corrupt", f"The stored upload ends before byte {offset + length}.")
        child.send({"kind": "bytes"}, data)


class _Needs(Exception):
    """The upload holds something that only a child of another kind may read."""


def _batch(header: dict[str, Any], payload: bytes) -> Batch:
    members = records(header, "members")
    if not 0 < len(members) <= BATCH_MEMBERS:
        raise untrue()
    images, position = [], 0
    for member in members:
        if "outcome" not in member:
            end = position + number(member, "bytes", len(payload))
            images.append(payload[position:end])
            position = end
    if position != len(payload):
        raise untrue()
    return Batch(members, images)
