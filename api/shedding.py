"""Turns requests away at once when there is more to do than can be done soon: better a clear no than a slow yes."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from core.errors import Problem

ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})
OVERLOADED = Problem("overloaded", "The service has more to do than it can do soon; try again after Retry-After.")


class Shedding:
    """Bounds how many requests one process works on.

    Who waits for the client is not at work: neither while a body comes, nor once an answer has begun. So uploads and
    downloads over slow lines take no place.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _always(scope):
            await self._app(scope, receive, send)
        elif self._at_work >= self._most:
            await problems.response_to(OVERLOADED, "unknown", scope.get("request_id"))(scope, receive, send)
        else:
            await self._work(scope, receive, send)

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        at_work, answered = False, False

        def count(now: bool) -> None:
            nonlocal at_work
            self._at_work += now - at_work
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


def _always(scope: Scope) -> bool:
    """Signs of life, and streams of events: browsers take another answer than a stream for the end of it."""
    path = scope["path"]
    return path in ALWAYS or (
        path.endswith("/events") and "text/event-stream" in Headers(scope=scope).get("accept", "")
    )
