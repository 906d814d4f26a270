"""Turns requests away at once when there is more to do than can be done soon: better a clear no than a slow yes.

A refusal is made once and sent as it is, before anything looks at the request: what it costs is what a flood costs.
"""

from __future__ import annotations

from prometheus_client import Counter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.middleware import HARDENING
from api.problems import response_to
from core.errors import Problem
from core.ids import new_id

REFUSED = Counter("labelaudit_refused_total", "Requests that were refused because too much was at work.")
ID = new_id()  # stands for that of each request
ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})
OVERLOADED = Problem("overloaded", "The service has more to do than it can do soon; try again after Retry-After.")


class Shedding:
    """The outermost layer: bounds how many requests one process works on.

    Who waits for the client is not at work: neither while a body comes, nor once an answer has begun. So uploads and
    downloads over slow lines take no place.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._at_work = 0
        self._refusal = response_to(OVERLOADED, "unknown", ID, {**HARDENING, "X-Request-Id": ID})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _always(scope):
            await self._app(scope, receive, send)
        elif self._at_work >= self._most:
            await self._refuse(send)
        else:
            await self._work(scope, receive, send)

    async def _refuse(self, send: Send) -> None:
        REFUSED.inc()
        id = new_id().encode()
        headers = [(name, id if value == ID.encode() else value) for name, value in self._refusal.raw_headers]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(self._refusal.body).replace(ID.encode(), id)})

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
