"""A file behind an https:// address. Where it has an ETag, a fetch that was broken off is gone on with.

At once and a few times when its server broke it off, and else by the next attempt. Pauses begin anew with every byte.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from core import fetch
from core.sources import Address
from core.wire import Answer, Failed
from worker.fetching.stream import Kept, Stream, changed, empty

STRONG = re.compile(r'"[!#-~]{1,200}"')  # a tag that stands for the same bytes; a weak one does not
RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})")
WHOLE, PARTIAL, BEYOND, SERVERS_FAULT = 200, 206, 416, 500
PAUSES_S = (1.0, 5.0, 15.0, 30.0)
TICK_S = 0.5


@contextmanager
def opened(address: Address, kept: Kept, seconds: float, tick: Callable[[], None]) -> Iterator[Stream]:
    """The file's bytes, from where what was kept ends if the server still has the same file."""
    headers = {"Range": f"bytes={kept.size}-", "If-Range": kept.version} if kept.size and kept.version else {}
    answer = fetch.get(address.url, headers, seconds, tick)
    if headers and answer.status == BEYOND:  # nothing was missing but the last word
        answer.close()
        answer = fetch.get(address.url, {}, seconds, tick)
    with _Body(address, answer, kept if headers else Kept(), seconds, tick) as body:
        yield Stream(body.version, body.at, body.size, body.chunks())


class _Body:
    """The bytes of a file, in as many answers as it takes."""

    def __init__(self, address: Address, answer: Answer, kept: Kept, seconds: float, tick: Callable[[], None]) -> None:
        self._address, self._answer, self._tick = address, answer, tick
        self._until = time.monotonic() + seconds
        self.at, self.size = 0, answer.size
        try:
            tag = answer.header("ETag")
            self.version = tag if STRONG.fullmatch(tag) else ""
            told = RANGE.fullmatch(answer.header("Content-Range"))
            if told and kept.size and answer.status == PARTIAL and self._fits(kept.size, kept.version):
                self.at, self.size = kept.size, int(told[2])
            elif answer.status != WHOLE:
                raise Failed(f"its server answered with a {answer.status // 100}xx status")
            elif answer.size == 0:
                raise empty("the file has no bytes")
        except BaseException:
            answer.close()
            raise

    def chunks(self) -> Iterator[bytes]:
        pauses = iter(PAUSES_S)
        while True:
            try:
                for chunk in self._answer.chunks():
                    pauses = iter(PAUSES_S)
                    self.at += len(chunk)
                    yield chunk
                return
            except Failed as failure:
                if not failure.broken or not self.version:
                    raise
                self._go_on(failure, pauses)

    def _go_on(self, failure: Failed, pauses: Iterator[float]) -> None:
        """Ask for the rest, until the server answers again."""
        self._answer.close()
        headers = {"Range": f"bytes={self.at}-", "If-Range": self.version} if self.at else {}
        for pause in pauses:
            self._rest(pause)
            try:
                self._answer = fetch.get(self._address.url, headers, self._until - time.monotonic(), self._tick)
            except Failed:
                continue
            if self._answer.status == BEYOND:  # all is there but the server's word that it is all
                break
            if self._answer.status < SERVERS_FAULT:
                if not self._fits(self.at, self.version):
                    raise changed("The file changed")
                return
            self._answer.close()
        raise failure

    def _fits(self, at: int, version: str) -> bool:
        """Whether the answer is of that version, and begins there."""
        told = RANGE.fullmatch(self._answer.header("Content-Range"))
        there = told is not None and int(told[1]) == at if self._answer.status == PARTIAL else not at
        return there and self._answer.status in (PARTIAL, WHOLE) and self._answer.header("ETag") == version

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._tick()
            time.sleep(min(left, TICK_S))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()
