"""Reads requests strictly: queries and JSON bodies hold what the route knows, bounded before they are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from core.errors import Problem

Model = TypeVar("Model", bound=BaseModel)


class StrictRoute(APIRoute):
    """A route whose query and JSON body are read by these rules before anything else looks at them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        original = super().get_route_handler()
        known = _query_names(self.dependant)
        has_body = self.body_field is not None

        async def handler(request: Request) -> Response:
            _check_query(request, known)
            if has_body:
                content = await _read(request, request.app.state.settings.max_json_bytes)
                request = _ReadRequest(request, content)
            return await original(request)

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


async def json_value(request: Request) -> Any:
    """What the body of a route that takes other bodies too says, when its sender says that it is JSON."""
    content = await _read(request, request.app.state.settings.max_json_bytes)
    return parse(content) if content else None


def checked(model: type[Model], value: Any) -> Model:
    """A body as its model, read as strictly as everywhere."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in error.errors()]) from None


def is_json(request: Request) -> bool:
    """Whether the sender says that the body is JSON."""
    return media_type(request) == "application/json"


def declared_length(request: Request) -> int | None:
    """How long the body says it is; None when it does not say."""
    declared = request.headers.get("content-length")
    if declared is None:
        return None
    if not (declared.isascii() and declared.isdecimal() and len(declared) <= 18):
        raise Problem("invalid-request", "Content-Length is not a number of bytes.")
    return int(declared)


def media_type(request: Request) -> str:
    """What the body says it is, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _query_names(dependant: Dependant) -> frozenset[str]:
    """The query parameters that a route knows, its dependencies' with them."""
    names: set[str] = set()
    for field in dependant.query_params:
        model: Any = field.field_info.annotation
        is_model = isinstance(model, type) and issubclass(model, BaseModel)
        names.update(model.model_fields if is_model else (field.alias,))
    return frozenset(names.union(*map(_query_names, dependant.dependencies)))


def _check_query(request: Request, known: frozenset[str]) -> None:
    given = [name for name, _ in request.query_params.multi_items()]
    errors = [
        {"loc": ("query", name), "type": "extra_forbidden", "msg": "This route knows no such parameter"}
        if name not in known
        else {"loc": ("query", name), "type": "repeated", "msg": "A parameter may stand once only"}
        for name in dict.fromkeys(given)
        if name not in known or given.count(name) > 1
    ]
    if errors:
        raise RequestValidationError(errors)


async def _read(request: Request, limit: int) -> bytes:
    too_large = Problem("body-too-large", f"A JSON body may have at most {limit} bytes.")
    if (declared_length(request) or 0) > limit:
        raise too_large
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise too_large
    if content and not is_json(request):
        raise Problem("unsupported-media-type", "Send JSON, and say so: `Content-Type: application/json`.")
    return bytes(content)


def parse(content: bytes) -> Any:
    """The value of a JSON text (RFC 8259, UTF-8); `Problem` for anything that is not exactly that."""
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
