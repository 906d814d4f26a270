"""Pictures of samples: read from the shard, decoded and re-encoded by the render child, never by us."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.deps import DatasetDep, PartsDep
from api.schemas import Asked
from core.errors import Problem
from core.store import datasets

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])


class PictureQuery(Asked):
    """How large the picture should be."""

    size: Annotated[int, Field(ge=0, le=2048, description="Longest side in pixels; 0 for the full size.")] = 0


@router.api_route("/{dataset_id}/samples/{n}/image", methods=["GET", "HEAD"], response_class=Response)
def image(
    request: Request, found: DatasetDep, parts: PartsDep, n: int, query: Annotated[PictureQuery, Query()]
) -> Response:
    """A sample's picture as PNG. It never changes, so it may be cached for ever."""
    dataset, _ = found
    with parts.db.read() as session:
        sample = datasets.sample(session, dataset.pk, n) if 0 <= n < 2**31 else None
    if sample is None:
        raise Problem("not-found", "There is no such sample in this dataset.")
    etag = f'"{sample.sha256.hex()}-{query.size}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    key = f"datasets/{dataset.id}/shards/{sample.shard:05d}.tar"
    content = parts.renderer.render(parts.blobs.read(key, sample.offset, sample.length), query.size)
    return Response(content, headers=headers, media_type="image/png")
