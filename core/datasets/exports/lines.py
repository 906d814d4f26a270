"""Lines of text as chunks of bytes that are worth handing over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

CHUNK = 1 << 20


def joined(lines: Iterable[str], between: str = "", size: int = CHUNK) -> Iterator[bytes]:
    """The lines with `between` in between, in chunks that end with the line that makes them `size` bytes long."""
    held, much, before = list[bytes](), 0, b""
    for line in lines:
        held.append(line.encode())
        much += len(held[-1])
        if much >= size:
            yield before + between.encode().join(held)
            held, much, before = [], 0, between.encode()
    if held:
        yield before + between.encode().join(held)
