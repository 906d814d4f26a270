"""Reads JSON bodies strictly: bounded before they are read, and only what JSON (RFC 8259) and UTF-8 allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from core.errors import Problem


class StrictRoute(APIRoute):
    """A route whose JSON body is read by the rules above before anything else looks at it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        original = super().get_route_handler()
        if self.body_field is None:
            return original

        async def handler(request: Request) -> Response:
            limit = request.app.state.settings.max_json_bytes
            return await original(_ReadRequest(request, await _read(request, limit)))

        return handler


class _ReadRequest(Request):
    """A request whose body was read and checked."""

    def __init__(self, request: Request, content: bytes) -> None:
        super().__init__(request.scope, request.receive)
        self._content = content
        self._parsed = parse(content) if content else None

    async def body(self) -> bytes:
        return self._content

    async def json(self) -> Any:
        return self._parsed


async def _read(request: Request, limit: int) -> bytes:
    too_large = Problem("body-too-large", f"A JSON body may have at most {limit} bytes.")
    if int(request.headers.get("content-length", "0")) > limit:
        raise too_large
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise too_large
    return bytes(content)


def parse(content: bytes) -> Any:
    """The value of a JSON text; `Problem` for anything that is not exactly that."""
    try:
        text = content.decode("utf-8")
        value = json.loads(text, parse_constant=_not_json, object_pairs_hook=_unique)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")  # finds 1e999 and lone surrogates
    except Problem:
        raise
    except (ValueError, RecursionError):
        raise Problem("invalid-json", "The body is not valid JSON in UTF-8.") from None
    return value


def _not_json(name: str) -> NoReturn:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise Problem("invalid-json", "A name stands twice in one JSON object.")
    return dict(pairs)
