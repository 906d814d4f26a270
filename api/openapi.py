"""The description of this API that programs read."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.problems import ProblemBody
from api.strict import StrictRoute

PROBLEM: dict[int | str, dict[str, Any]] = {"default": {"model": ProblemBody, "description": "A problem (RFC 9457)."}}
router = APIRouter(route_class=StrictRoute, tags=["service"])


@router.get("/v1/openapi.json", name="openapi")
def describe(request: Request) -> dict[str, Any]:
    """This description."""
    schema: dict[str, Any] = request.app.openapi()
    for operations in schema["paths"].values():
        for operation in operations.values():
            # The framework would say that a problem is of the route's own media type.
            content = operation["responses"]["default"]["content"]
            if "application/json" in content:
                content["application/problem+json"] = content.pop("application/json")
    return schema
