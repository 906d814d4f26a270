"""Turns requests away at once when there is more to do than can be done soon: better a clear no than a slow yes.

A refusal is made once and sent as it is, before anything looks at the request: what it costs is what a flood costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.middleware import HARDENING
from api.problems import response_to
from core.errors import Problem
from core.ids import new_id

REFUSED = Counter("labelaudit_refused_total", "Requests that were refused because too much was at work.")
ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})
OVERLOADED = Problem("overloaded", "The service has more to do than it can do soon; try again after Retry-After.")
ID = new_id()  # stands for that of each request


class Crowd:
    """How many requests this process works on, of those it may."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.at_work = 0
        made = _refusal(ID)
        head = [b"HTTP/1.1 503 Service Unavailable", *(b"%b: %b" % field for field in made.raw_headers)]
        self._on_the_wire = b"\r\n".join([*head, b"", bytes(made.body)])

    def refuses(self, scope: Mapping[str, Any]) -> bool:
        """Whether this request is one too many."""
        return self.at_work >= self._most and not _always(scope)

    def refusal(self) -> bytes:
        """The answer to it, as HTTP/1.1 has it."""
        REFUSED.inc()
        return self._on_the_wire.replace(ID.encode(), new_id().encode())


class Shedding:
    """The outermost layer: counts who is at work.

    Who waits for the client is not: neither while a body comes, nor once an answer has begun. So uploads and downloads
    over slow lines take no place. Our own protocol refuses before it comes to this; under any other, this refuses.
    """

    def __init__(self, app: ASGIApp, crowd: Crowd) -> None:
        self._app = app
        self._crowd = crowd

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _always(scope):
            await self._app(scope, receive, send)
        elif self._crowd.refuses(scope):
            REFUSED.inc()
            await _refusal(new_id())(scope, receive, send)
        else:
            await self._work(scope, receive, send)

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        at_work, answered = False, False

        def count(now: bool) -> None:
            nonlocal at_work
            self._crowd.at_work += now - at_work
            at_work = now

        async def received() -> Message:
            count(False)
            message = await receive()
            count(not answered)
            return message

        async def answer(message: Message) -> None:
            nonlocal answered
            answered = True
            count(False)
            await send(message)

        count(True)
        try:
            await self._app(scope, received, answer)
        finally:
            count(False)


def _refusal(id: str) -> Response:
    return response_to(OVERLOADED, "unknown", id, {**HARDENING, "X-Request-Id": id})


def _always(scope: Mapping[str, Any]) -> bool:
    """Signs of life, and streams of events: browsers take another answer than a stream for the end of it."""
    path = scope["path"]
    return path in ALWAYS or (
        path.endswith("/events") and "text/event-stream" in Headers(raw=scope["headers"]).get("accept", "")
    )
