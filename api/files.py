"""Serves stored objects: whole or in part, checkable, and never twice to whoever has them (RFC 9110)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from core.errors import Problem

FOR_EVER = "private, max-age=31536000, immutable"
ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class File:
    """What never changes; `stream` gives its bytes from one offset to before another."""

    size: int
    sha256: str
    stream: Callable[[int, int], Iterator[bytes]]


def serve(request: Request, file: File, media_type: str, filename: str) -> Response:
    """A response for a file, with its SHA-256 as its ETag."""
    size, etag = file.size, f'"{file.sha256}"'
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Repr-Digest": f"sha-256=:{digest}:",
        "Cache-Control": FOR_EVER,
        "Content-Disposition": f'attachment; filename="{filename}"',
    }
    if has(request, etag):
        return Response(status_code=304, headers=headers)
    start, end, status = 0, size, 200
    if request.method == "GET" and (found := _range(request, etag, size)):
        start, end = found
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(_begun(file.stream(start, end)), status, headers, media_type)


def described(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """What `serve` answers, for the description of a route."""
    content: dict[str, Any] = {media_type: {} for media_type in media_types}
    return {
        200: {"description": "The file.", "content": content},
        206: {"description": "The part of it that `Range` names.", "content": content},
        304: {"description": "You have it already."},
    }


def has(request: Request, etag: str) -> bool:
    """Whether the client says that it has this version already."""
    wanted = request.headers.get("if-none-match", "")
    return wanted.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in wanted.split(",")]


def _begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same chunks, the first of them read already: what is missing is a problem, not a broken response."""
    return chain([next(chunks, b"")], chunks)


def _range(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """The one range that was asked for; None for the whole, which is also the answer to several ranges."""
    if_range = request.headers.get("if-range")
    match = ONE_RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or (if_range is not None and if_range != etag):
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if first and last and int(last) < int(first):
        return None
    if start >= size or start >= end:
        raise Problem("range-not-satisfiable", f"This file has {size} bytes.", size=size)
    return start, end
