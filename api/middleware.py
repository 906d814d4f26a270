"""What happens to every request before a route sees it: an id, a look at `Host`, `Origin` and key, a net under bugs."""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import access, problems
from core import logs
from core.errors import Problem
from core.ids import new_id
from core.settings import LOOPBACK_HOSTS, Settings

log = logs.get(__name__)
REQUESTS = Counter("labelaudit_requests_total", "Requests, by route and status.", ["method", "route", "status"])
SECONDS = Histogram("labelaudit_request_seconds", "Time until a response began, by route.", ["route"])
REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HARDENING = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


class Doorway:
    """What every request that is not one too many goes through."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
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
                if problem := self._refusal(headers) or access.refusal(HTTPConnection(scope), self._settings):
                    await problems.response_to(problem, "unknown", request_id)(scope, receive, send_marked)
                else:
                    await self._app(scope, receive, send_marked)
            except ClientDisconnect:
                log.info("the client went away", method=_method(scope), route=_route(scope))
            except Exception:  # the net under every bug
                log.exception("a request failed", method=_method(scope), route=_route(scope))
                if status == 0:
                    await problems.unhandled(_route(scope), request_id)(scope, receive, send_marked)
                else:
                    raise
            finally:
                REQUESTS.labels(_method(scope), _route(scope), str(status)).inc()
                log.debug("request", method=_method(scope), route=_route(scope), status=status)

    def _refusal(self, headers: Headers) -> Problem | None:
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            return Problem(
                "invalid-host",
                "This service does not answer to that Host; an administrator can add it to LABELAUDIT_ALLOWED_HOSTS.",
            )
        origin = headers.get("origin")
        if origin is not None and _netloc(origin) != host.lower():
            return Problem("foreign-origin", "Pages of another origin may not use this service.")
        return None


def _name(host: str) -> str:
    """The host's name without its port; nothing for what is not exactly that."""
    found = HOST.fullmatch(host)
    return found["name"].strip("[]").lower() if found else ""


def _netloc(origin: str) -> str:
    """Host and port of an origin; nothing for `null` and for what is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _method(scope: Scope) -> str:
    """The method, if it is one: a client must not be able to invent figures."""
    return scope["method"] if scope["method"] in METHODS else "other"


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "")) or "unknown"
