"""Serves the page that people review in: files that were built once, the same for everybody.

They hold no data, so they need no key; what they show, they fetch from `/v1` like any other client. Where they were not
built, the API is whole without them.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from api import files

BUILT = Path(__file__).resolve().parents[1] / "web" / "dist"
ROOMS = ("datasets", "audits")  # what addresses of the page begin with
LOOSE = ("favicon.svg",)  # files beside `assets/`
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
SMALL = 1400  # bytes: less fits into one packet as it is
UNBUILT = (
    "The labelaudit API is running, but its page was not built: that needs Node 20 or newer, and `make page` does it.\n"
    "The API is described in docs/api.md and at /v1/openapi.json.\n"
)


@dataclass(frozen=True)
class Built:
    """A file of the page, as it is and packed, where that is smaller."""

    content: bytes
    packed: bytes | None
    media_type: str
    etag: str


def router(folder: Path) -> APIRouter:
    """The routes of the page, as it lies in this folder now."""
    routes = APIRouter(tags=["page"], include_in_schema=False)
    found = _read(folder)

    async def page(request: Request) -> Response:
        """Every place of the page is the same file; its script reads the address."""
        if (index := found.get("index.html")) is None:
            return Response(UNBUILT, 404, media_type="text/plain; charset=utf-8")
        return _served(request, index, "no-cache")

    def file(name: str) -> None:
        lasting = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"

        async def asset(request: Request) -> Response:
            return _served(request, found[name], lasting)

        routes.add_api_route(f"/{name}", asset, methods=["GET", "HEAD"], name="file")

    for place in ("", *ROOMS, *(f"{room}/{{rest:path}}" for room in ROOMS)):
        routes.add_api_route(f"/{place}", page, methods=["GET", "HEAD"], name="page")
    for name in sorted(found.keys() - {"index.html"}):
        file(name)
    return routes


def is_open(path: str) -> bool:
    """Whether a path is the page's own."""
    first, _, rest = path.removeprefix("/").partition("/")
    return path.startswith("/") and (first in ROOMS or (first == "assets" and rest != "") or path[1:] in ("", *LOOSE))


def _served(request: Request, built: Built, lasting: str) -> Response:
    headers = {
        "ETag": built.etag,
        "Cache-Control": lasting,
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Vary": "Accept-Encoding",
    }
    if files.has(request, built.etag):
        return Response(status_code=304, headers=headers)
    content = built.content
    if built.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = built.packed, "gzip"
    return Response(content, headers=headers, media_type=built.media_type)


def _read(folder: Path) -> dict[str, Built]:
    names = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    return {name: _built(folder / name) for name in names if name == "index.html" or is_open(f"/{name}")}


def _built(path: Path) -> Built:
    content = path.read_bytes()
    packed = gzip.compress(content, mtime=0) if len(content) > SMALL else content
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return Built(content, packed if len(packed) < 0.9 * len(content) else None, kind, etag)
