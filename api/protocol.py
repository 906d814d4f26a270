"""HTTP on the wire: uvicorn's fast parser, with two bounds that it lacks, on the size of a request's head and its time.

Uploads are what this service spends its time on; the pure-Python parser, which has such a bound, halves their speed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.shedding import Crowd

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

MOST_HEAD_BYTES = 16 << 10
HEAD_SECONDS = 10.0


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head is all that comes before a body: request line and headers."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # A head is fed in small steps, so that one that never ends is noticed before it is held in memory.
        while data and self._in_head and not self.transport.is_closing():
            step, data = data[: MOST_HEAD_BYTES // 4], data[MOST_HEAD_BYTES // 4 :]
            if self._deadline is None:
                self._deadline = self.loop.call_later(HEAD_SECONDS, self._refuse, "408 Request Timeout")
            self._head_bytes += len(step)
            super().data_received(step)
            if self._in_head and self._head_bytes > MOST_HEAD_BYTES:
                self._refuse("431 Request Header Fields Too Large")
        if data and not self.transport.is_closing():
            super().data_received(data)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._end_deadline()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin to work on a request, unless it is one too many: that costs a tenth of a task and its layers."""
        crowd: Crowd | None = getattr(getattr(app, "state", None), "crowd", None)
        if crowd is None or not crowd.refuses(cycle.scope):
            super()._start_asgi_task(cycle, app)
            return
        self.transport.write(crowd.refusal())
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def _begin_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._refuse, "408 Request Timeout")

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: str) -> None:
        """Say why in a line, and hang up."""
        if not self.transport.is_closing():
            self.transport.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            self.transport.close()
