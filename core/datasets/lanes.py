"""Children that decode side by side: each is sent a batch of images at a time, and replaced when it dies."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import LifoQueue
from typing import Any

from core.datasets import look
from core.datasets.believed import records, untrue
from core.datasets.blame import CONDEMNED, Blame, Deaths
from core.datasets.frames import BATCH_MEMBERS
from core.datasets.sandbox import Child, ChildDied
from core.spec import Limits

MODULE = "core.datasets.decoder"
MOST = 8  # unless a setting says otherwise: from there on it is the reader that is waited for


class Lanes:
    """So many children, each with a thread that talks with it; none is started before it is needed but the first."""

    def __init__(self, count: int, limits: Limits, deaths: Deaths) -> None:
        self._lanes = [_Lane(limits, deaths) for _ in range(count)]
        self._idle: LifoQueue[_Lane] = LifoQueue()
        for lane in reversed(self._lanes):
            self._idle.put(lane)
        self._threads = ThreadPoolExecutor(count, "decoding")
        self._lanes[0].start()  # it warms up while the list of members is read

    def examine(self, images: Sequence[bytes]) -> Future[list[dict[str, Any]]]:
        """What each of the images is, or why it is left out."""
        return self._threads.submit(self._examine, images)

    def close(self) -> None:
        """End all children, then all threads: what has not been answered by now never is."""
        for lane in self._lanes:
            lane.kill()
        self._threads.shutdown(cancel_futures=True)
        for lane in self._lanes:
            lane.stop()

    def _examine(self, images: Sequence[bytes]) -> list[dict[str, Any]]:
        lane = self._idle.get_nowait()  # there are no more threads than lanes
        try:
            return lane.examine(images) if images else []
        finally:
            self._idle.put(lane)


class _Lane:
    def __init__(self, limits: Limits, deaths: Deaths) -> None:
        self._limits, self._deaths = limits, deaths
        self._child: Child | None = None
        self._closing = False

    def start(self) -> Child:
        child = self._child = Child(MODULE, {"limits": self._limits.model_dump()}, BATCH_MEMBERS * look.BYTES)
        if self._closing:
            child.kill()
        return child

    def kill(self) -> None:
        self._closing = True
        child = self._child
        if child is not None:
            child.kill()

    def stop(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def examine(self, images: Sequence[bytes]) -> list[dict[str, Any]]:
        """All of the images, however often the child dies on some of them."""
        blame = Blame(self._deaths)
        found: dict[int, dict[str, Any]] = {}
        while True:
            asked = [n for n in range(len(images)) if n not in found]  # the others are condemned
            child = self._child or self.start()
            try:
                found |= zip(asked, _ask(child, [images[n] for n in asked]), strict=True)
                return [found[n] for n in range(len(images))]
            except ChildDied as death:
                place = child.place
                self.stop()
                if self._closing:
                    raise
                if not 0 <= place <= len(asked):
                    raise untrue() from death
                at = asked[place - 1] if place else -2
                if code := blame.judge(death, at):
                    if not place:
                        raise
                    found[at] = {"outcome": "rejected", "code": code, "detail": CONDEMNED[code]}


def _ask(child: Child, images: list[bytes]) -> list[dict[str, Any]]:
    child.send({"kind": "images", "lengths": [len(data) for data in images]}, b"".join(images))
    header, looks = child.receive()
    found = records(header, "found")
    decoded = [one for one in found if "outcome" not in one]
    if len(found) != len(images) or len(looks) != look.BYTES * len(decoded):
        raise untrue()
    for one, begin in zip(decoded, range(0, len(looks), look.BYTES), strict=True):
        one["look"] = looks[begin : begin + look.BYTES]
    return found
