"""Who may come in: without a key everybody on loopback, else whoever shows it, as Bearer or as a session cookie.

The door is asked before anything is routed or read, so a new route cannot forget to ask. What is open is listed here,
and in `api.page`, whose files hold no data.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.requests import HTTPConnection

from api import page
from api.deps import SettingsDep
from api.strict import StrictRoute
from core.errors import Problem
from core.settings import Settings
from core.spec import Frozen

COOKIE = "labelaudit_session"
OPEN = frozenset({("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/v1/session")})
READS = frozenset({"GET", "HEAD"})
router = APIRouter(route_class=StrictRoute, tags=["session"])


class Login(Frozen):
    """The key, typed once into the page."""

    key: Annotated[str, Field(max_length=1024)]


def refusal(request: HTTPConnection, settings: Settings) -> Problem | None:
    """Why this request may not come in, if the service has a key and the request does not show it."""
    method, path = request.scope["method"], request.scope["path"]
    if settings.api_key is None or (method, path) in OPEN or (method in READS and page.is_open(path)):
        return None
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    by_header = scheme.lower() == "bearer" and _same(shown.strip(), settings.api_key.get_secret_value())
    if by_header or _same(request.cookies.get(COOKIE, ""), _ticket(settings)):
        return None
    return Problem("unauthenticated", "Send the service's key as `Authorization: Bearer …`, or begin a session.")


@router.post("/v1/session", status_code=204)
def begin_session(login: Login, request: Request, settings: SettingsDep) -> Response:
    """Exchange the key for a cookie that a page's script cannot read."""
    if settings.api_key is None or not _same(login.key, settings.api_key.get_secret_value()):
        raise Problem("unauthenticated", "That is not this service's key.")
    response = Response(status_code=204)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, _ticket(settings), httponly=True, samesite="strict", secure=secure, path="/")
    return response


@router.delete("/v1/session", status_code=204)
def end_session() -> Response:
    """Forget the cookie."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", path="/")
    return response


def _ticket(settings: Settings) -> str:
    """What the cookie holds: proof of the key, not the key. A new key ends all sessions."""
    assert settings.api_key is not None
    return hmac.new(settings.api_key.get_secret_value().encode(), b"labelaudit session", hashlib.sha256).hexdigest()


def _same(shown: str, wanted: str) -> bool:
    return hmac.compare_digest(shown.encode(), wanted.encode())
