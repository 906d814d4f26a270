"""A file behind an https:// address. Where it has an ETag, a fetch that was broken off is gone on with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core import fetch
from core.sources import Address
from core.wire import Answer, failed
from worker.fetching.stream import Kept, Stream, empty

STRONG = re.compile(r'"[!#-~]{1,200}"')  # a tag that stands for the same bytes; a weak one does not
RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})")
WHOLE, PARTIAL, BEYOND = 200, 206, 416


@contextmanager
def opened(address: Address, kept: Kept, seconds: float, tick: Callable[[], None]) -> Iterator[Stream]:
    """The file's bytes, from where what was kept ends if the server still has the same file."""
    headers = {"Range": f"bytes={kept.size}-", "If-Range": kept.version} if kept.size and kept.version else {}
    answer = fetch.get(address.url, headers, seconds, tick)
    if headers and answer.status == BEYOND:  # nothing was missing but the last word
        answer.close()
        answer = fetch.get(address.url, {}, seconds, tick)
    with answer:
        yield _stream(answer, kept if headers else Kept())


def _stream(answer: Answer, kept: Kept) -> Stream:
    tag = answer.header("ETag")
    version = tag if STRONG.fullmatch(tag) else ""
    if answer.status == PARTIAL and kept.size:
        told = RANGE.fullmatch(answer.header("Content-Range"))
        if told and int(told[1]) == kept.size and version == kept.version:
            return Stream(version, kept.size, int(told[2]), answer.chunks())
    if answer.status != WHOLE:
        raise failed(f"its server answered with a {answer.status // 100}xx status")
    if answer.size == 0:
        raise empty("the file has no bytes")
    return Stream(version, 0, answer.size, answer.chunks())
