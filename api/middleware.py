"""What happens to every request before a route sees it: an id, a look at `Host` and `Origin`, a net under bugs."""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from core import logs
from core.errors import Problem
from core.ids import new_id
from core.settings import LOOPBACK_HOSTS, Settings

log = logs.get(__name__)
REQUESTS = Counter("labelaudit_requests_total", "Requests, by route and status.", ["method", "route", "status"])
SECONDS = Histogram("labelaudit_request_seconds", "Time until a response began, by route.", ["route"])
REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
HARDENING = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


class Doorway:
    """The outermost layer of the service."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = {host.strip("[]").lower() for host in (*LOOPBACK_HOSTS, *settings.allowed_hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = headers.get("x-request-id", "")
        request_id = asked if REQUEST_ID.fullmatch(asked) else new_id()
        scope["request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                outgoing = MutableHeaders(scope=message)
                outgoing["X-Request-Id"] = request_id
                for name, value in HARDENING.items():
                    outgoing.setdefault(name, value)
                SECONDS.labels(_route(scope)).observe(time.perf_counter() - began)
            await send(message)

        with logs.bound(request=request_id):
            try:
                if problem := self._refusal(headers):
                    await problems.response_to(problem, "unknown", request_id)(scope, receive, send_marked)
                else:
                    await self._app(scope, receive, send_marked)
            except Exception:  # the net under every bug
                log.exception("a request failed", method=scope["method"], route=_route(scope))
                if status == 0:
                    await problems.unhandled(_route(scope), request_id)(scope, receive, send_marked)
                else:
                    raise
            finally:
                REQUESTS.labels(scope["method"], _route(scope), str(status)).inc()
                log.debug("request", method=scope["method"], route=_route(scope), status=status)

    def _refusal(self, headers: Headers) -> Problem | None:
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            return Problem(
                "invalid-host",
                "This service does not answer to that Host; an administrator can add it to LABELAUDIT_ALLOWED_HOSTS.",
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return Problem("foreign-origin", "Pages of another origin may not use this service.")
        return None


def _name(host: str) -> str:
    """The host's name without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "")) or "unknown"
