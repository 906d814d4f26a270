"""Pictures of samples: read from the shard, decoded and re-encoded by the render child, never by us."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import files
from api.deps import DatasetDep, PartsDep, SampleNumber
from api.schemas import Asked
from api.strict import StrictRoute
from core.errors import Problem
from core.store import datasets

router = APIRouter(prefix="/v1/datasets", route_class=StrictRoute, tags=["datasets"])


class PictureQuery(Asked):
    """How large the picture should be."""

    size: Annotated[int, Field(ge=0, le=2048, description="Longest side in pixels; 0 for the full size.")] = 0


PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}},
    304: {"description": "You have it already."},
}


@router.head("/{dataset_id}/samples/{n}/image", response_class=Response, name="image_head")
@router.get("/{dataset_id}/samples/{n}/image", response_class=Response, responses=PICTURE)
def image(
    request: Request, found: DatasetDep, parts: PartsDep, n: SampleNumber, query: Annotated[PictureQuery, Query()]
) -> Response:
    """A sample's picture as PNG. It never changes, so it may be cached for ever."""
    dataset, _ = found
    with parts.db.read() as session:
        sample = datasets.sample(session, dataset.pk, n)
    if sample is None:
        raise Problem("not-found", "There is no such sample in this dataset.")
    etag = f'"{sample.sha256.hex()}-{query.size}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"}
    if files.has(request, etag):
        return Response(status_code=304, headers=headers)
    key = f"{datasets.folder_of(dataset)}/shards/{sample.shard:05d}.tar"
    original = parts.blobs.read(key, sample.offset, sample.length)
    if hashlib.sha256(original).digest() != sample.sha256:
        raise Problem("blob-corrupt", f"Sample {n} in {key} is no longer what was written.")
    content = parts.renderer.render(original, query.size)
    return Response(content, headers=headers, media_type="image/png")
