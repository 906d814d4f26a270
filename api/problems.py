"""Every error as `application/problem+json` (RFC 9457). The only place that knows which status a code has.

A body never holds what the client sent, a path, SQL or a traceback: those stand in the log, under the request's id.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from core import logs
from core.errors import Problem
from core.store.blobs import Unreachable
from core.store.db import Away

log = logs.get(__name__)

STATUS: dict[str, int] = {
    "already-done": 409,
    "already-finished": 409,
    "api-key-required": 401,
    "audit-in-progress": 409,
    "audit-not-finished": 409,
    "blob-corrupt": 500,
    "blob-missing": 500,
    "blobs-unreachable": 503,
    "body-too-large": 413,
    "count-differs": 409,
    "database-not-migrated": 503,
    "database-unavailable": 503,
    "dataset-in-use": 409,
    "dataset-not-ready": 409,
    "digest-mismatch": 460,
    "export-in-progress": 409,
    "export-not-finished": 409,
    "foreign-origin": 403,
    "import-not-allowed": 403,
    "insufficient-storage": 507,
    "internal-error": 500,
    "invalid-host": 400,
    "invalid-json": 400,
    "invalid-request": 400,
    "method-not-allowed": 405,
    "no-embeddings": 404,
    "not-found": 404,
    "overloaded": 503,
    "range-not-satisfiable": 416,
    "review-id-reused": 409,
    "sandbox-died": 503,
    "source-unreachable": 503,
    "tus-version": 412,
    "unauthenticated": 401,
    "unsupported-archive": 415,
    "unsupported-checksum": 400,
    "unsupported-media-type": 415,
    "upload-complete": 409,
    "upload-expired": 410,
    "upload-incomplete": 409,
    "upload-length-required": 400,
    "upload-locked": 423,
    "upload-not-kept": 410,
    "upload-offset-mismatch": 409,
    "upload-too-slow": 408,
    "upload-too-large": 413,
    "upload-used": 409,
}
"""Codes that are not 422, which is what the data's own faults are."""

TITLES = {460: "Checksum Mismatch"}  # a status of tus
MOST_ERRORS = 100
PLAIN_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class ProblemBody(BaseModel):
    """What every error looks like."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str | None
    retryable: bool
    errors: list[dict[str, Any]] | None = None


def status_of(code: str) -> int:
    """The status of a problem's code."""
    return STATUS.get(code, 422)


def body_of(problem: Problem, instance: str, request_id: str | None) -> dict[str, Any]:
    """A problem as the world sees it, in a response or inside a dataset or audit."""
    status = status_of(problem.code)
    return {
        "type": f"urn:labelaudit:problem:{problem.code}",
        "title": TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code,
        "request_id": request_id,
        "retryable": problem.retryable or status == 503,
        **problem.extra,
    }


def response_to(
    problem: Problem, path: str, request_id: str | None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """The response that tells a problem."""
    body = body_of(problem, path, request_id)
    extra = {"Cache-Control": "no-store", **(headers or {})}
    if body["status"] == 401:
        extra["WWW-Authenticate"] = "Bearer"
    if body["status"] == 503:
        extra.setdefault("Retry-After", "2")
    return JSONResponse(body, body["status"], extra, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Handle every kind of error in the one way."""

    def tell(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
        request_id = request.scope.get("request_id")
        return response_to(problem, _instance(request), request_id, headers)

    @app.exception_handler(Problem)
    def _ours(request: Request, problem: Problem) -> JSONResponse:
        if status_of(problem.code) == 500:
            log.error("stored data cannot be used", code=problem.code, detail=problem.detail)
            detail = "Something stored cannot be read any more. The log says what, under this request id."
            problem = Problem(problem.code, detail)
        return tell(request, problem, _headers_of(problem))

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        if any(item["loc"][0] == "path" for item in found):
            return tell(request, Problem("not-found", "There is nothing here by that name."))
        errors = [
            {
                "in": str(item["loc"][0]),
                "pointer": _pointer(item["loc"][1:]),
                "code": item["type"],
                "detail": item["msg"],
            }
            for item in found[:MOST_ERRORS]
        ]
        places = sorted({item["in"] for item in errors})
        more = {"errors_truncated": True} if len(found) > MOST_ERRORS else {}
        values = "value" if len(found) == 1 else "values"
        detail = f"{len(found)} {values} in the {' and '.join(places)} cannot be used; see errors."
        return tell(request, Problem("invalid-parameter", detail, errors=errors, **more))

    @app.exception_handler(HTTPException)
    def _framework(request: Request, error: HTTPException) -> JSONResponse:
        known = {
            404: Problem("not-found", "There is nothing here. The routes are listed at /v1/openapi.json."),
            405: Problem("method-not-allowed", "This method is not allowed here; the Allow header says which are."),
        }
        fallback = Problem("invalid-request" if error.status_code < 500 else "internal-error", "The request failed.")
        headers = {"Allow": ", ".join(_allowed(request))} if error.status_code == 405 else dict(error.headers or {})
        return tell(request, known.get(error.status_code, fallback), headers)

    for away in Away:

        @app.exception_handler(away)
        def _away(request: Request, error: Exception) -> JSONResponse:
            log.warning("the database does not answer", error=type(error).__name__)
            return tell(request, Problem("database-unavailable", "The database does not answer; try again shortly."))

    for unreachable in Unreachable:

        @app.exception_handler(unreachable)
        def _unreachable(request: Request, error: Exception) -> JSONResponse:
            log.warning("the blob store does not answer", error=str(error))
            return tell(request, Problem("blobs-unreachable", "The blob store does not answer; try again shortly."))


def unhandled(path: str, request_id: str | None) -> JSONResponse:
    """The answer to a bug."""
    detail = "Something went wrong on our side. The log says what, under this request id."
    return response_to(Problem("internal-error", detail), path, request_id)


def _instance(request: Request) -> str:
    """The route's own pattern when there is one: what the client put into a path is not echoed."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "")) or "unknown"


def _headers_of(problem: Problem) -> dict[str, str]:
    """What a status demands beside its body."""
    match problem.code:
        case "range-not-satisfiable":
            return {"Content-Range": f"bytes */{problem.extra['size']}"}
        case "upload-offset-mismatch" | "upload-complete":
            return {"Upload-Offset": str(problem.extra["offset"])}
        case "upload-locked":
            return {"Retry-After": "2"}
        case "upload-too-slow":
            return {"Connection": "close"}
        case "tus-version":
            return {"Tus-Version": "1.0.0"}
    return {}


def _allowed(request: Request) -> list[str]:
    """The methods of all routes with this path; the framework knows the first route's only."""
    router = request.app.router
    return [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] == Match.FULL for route in router.routes)
    ]


def _pointer(location: tuple[Any, ...]) -> str:
    """Where a value stands. A name that the client invented is told only when it could be a slip of the fingers."""
    names = [str(part) for part in location]
    return "/" + "/".join(name if PLAIN_NAME.fullmatch(name) else "…" for name in names)
