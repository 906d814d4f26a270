"""One HTTP exchange on a connection that is already there, in which no wait is longer than it may be."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from socket import socket
from types import TracebackType
from typing import TYPE_CHECKING, cast

from core.errors import Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 20
POLL_S = 0.5  # between two looks whether to go on
HEAD_S = 30.0  # until the head of an answer is there
SILENCE_S = 30.0
WINDOW_S, LEAST = 60.0, 1 << 16  # so many bytes must come in so much time of waiting


class Failed(Problem):
    """A fetch that did not work; `broken` when it had begun to, and may do so again."""

    def __init__(self, why: str, broken: bool = False) -> None:
        super().__init__("url-fetch-failed", f"The address could not be fetched: {why}.")
        self.broken = broken


class Wire(io.RawIOBase):
    """The reading end of a connection."""

    def __init__(self, sock: socket, until: float, tick: Callable[[], None]) -> None:
        super().__init__()
        self._sock, self._until, self._tick = sock, until, tick
        self._head_until = time.monotonic() + HEAD_S
        self._waited, self._came = 0.0, 0

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Ourselves, as `HTTPResponse` asks a socket for it."""
        return io.BufferedReader(self, CHUNK)

    def readable(self) -> bool:
        return True

    def send(self, data: bytes) -> None:
        self._sock.settimeout(HEAD_S)
        self._sock.sendall(data)

    def head_is_there(self) -> None:
        """From now on only the body's bounds count."""
        self._head_until = self._until
        self._waited, self._came = 0.0, 0

    def readinto(self, buffer: WriteableBuffer) -> int:
        asked = time.monotonic()
        self._sock.settimeout(POLL_S)
        while True:
            self._tick()
            now = time.monotonic()
            if now > min(self._until, self._head_until) or now > asked + SILENCE_S:
                raise Failed("its server is too slow", broken=True)
            try:
                got: int | None = self._sock.recv_into(buffer)
            except TimeoutError:
                got = None
            self._measure(time.monotonic() - now, got or 0)
            if got is not None:
                return got

    def _measure(self, waited: float, came: int) -> None:
        """Only the time counts in which we waited: that we are slow ourselves is not the server's fault."""
        self._waited += waited
        self._came += came
        if self._waited > WINDOW_S:
            if self._came < LEAST:
                raise Failed("its server is too slow", broken=True)
            self._waited, self._came = 0.0, 0

    def close(self) -> None:
        if not self.closed:
            self._sock.close()
        super().close()


class Answer:
    """What a server answered."""

    def __init__(
        self, wire: Wire, host: str, path: str, headers: Mapping[str, str], method: str = "GET", body: bytes = b""
    ) -> None:
        asked = {"Host": host, "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close", **headers}
        if body:
            asked["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items()), "", ""]
        self._wire = wire
        self._response = HTTPResponse(cast(socket, wire), method=method)
        try:
            with _told():
                wire.send("\r\n".join(lines).encode("ascii") + body)
                self._response.begin()
        except BaseException:
            self.close()
            raise
        wire.head_is_there()

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def size(self) -> int | None:
        """How many bytes are still to come; None when the server does not say."""
        return self._response.length

    def header(self, name: str) -> str:
        return self._response.getheader(name) or ""

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the body, all of them."""
        while True:
            with _told():
                piece = self._response.read1(CHUNK)
            if not piece:
                break
            yield piece
        if self._response.length:
            raise Failed("it was cut on the way", broken=True)

    def close(self) -> None:
        self._response.close()
        self._wire.close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@contextmanager
def _told() -> Iterator[None]:
    """Whatever the other side can do to us, in words of ours."""
    try:
        yield
    except (HTTPException, OSError, ValueError):
        raise Failed("its server does not speak HTTP as it should, or broke off", broken=True) from None
