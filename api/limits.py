"""What this service accepts."""

from __future__ import annotations

from typing import Any, get_args

from fastapi import APIRouter

from api.deps import SettingsDep
from api.strict import StrictRoute
from core.datasets.sniff import FORMATS
from core.words import Layout

router = APIRouter(route_class=StrictRoute, tags=["service"])


@router.get("/v1/limits")
def limits(settings: SettingsDep) -> dict[str, Any]:
    """The bounds of uploads, requests and datasets."""
    return {
        "max_upload_bytes": settings.max_upload_bytes,
        "max_json_bytes": settings.max_json_bytes,
        "max_page": 1000,
        "formats": list(FORMATS),
        "layouts": list(get_args(Layout)),
        **settings.limits.model_dump(exclude={"sandbox_memory_bytes"}),
    }
