"""The description of this API that programs read."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request

from api.problems import ProblemBody
from api.strict import StrictRoute

PROBLEM: dict[int | str, dict[str, Any]] = {"default": {"model": ProblemBody, "description": "A problem (RFC 9457)."}}
router = APIRouter(route_class=StrictRoute, tags=["service"])


@router.get("/v1/openapi.json", name="openapi")
def describe(request: Request) -> dict[str, Any]:
    """This description."""
    return description(request.app)


def description(app: FastAPI) -> dict[str, Any]:
    """What the framework tells of this service, put right."""
    schema: dict[str, Any] = app.openapi()
    for operations in schema["paths"].values():
        for operation in operations.values():
            # The framework would say that a problem is of the route's own media type.
            content = operation["responses"]["default"]["content"]
            if "application/json" in content:
                content["application/problem+json"] = content.pop("application/json")
    return schema
