"""Pictures of samples: read from the shard, decoded and re-encoded by the render child, never by us."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import files
from api.deps import DatasetDep, Parts, PartsDep, SampleNumber
from api.schemas import Asked
from api.strict import StrictRoute
from core import logs
from core.errors import Problem
from core.store import datasets
from core.store.tables import Dataset, Sample

log = logs.get(__name__)
router = APIRouter(prefix="/v1/datasets", route_class=StrictRoute, tags=["datasets"])
FOR_EVER = "private, max-age=31536000, immutable"


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
    headers = {"ETag": etag, "Cache-Control": FOR_EVER}
    if files.has(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(_drawn(parts, dataset, sample, query.size), headers=headers, media_type="image/png")


class PicturesQuery(Asked):
    """Of which samples, up to 100 with commas between, and how large."""

    samples: Annotated[str, Field(pattern=r"^\d{1,9}(,\d{1,9}){0,99}$")]
    size: Annotated[int, Field(ge=1, le=512, description="Longest side in pixels.")] = 96


@router.get(
    "/{dataset_id}/pictures",
    response_class=Response,
    responses={
        200: {
            "description": "Of each sample in the order asked for: the length of its PNG as an unsigned 32-bit number, "
            "the lowest byte first, and the PNG. A length of 0 says that it cannot be shown.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def pictures(found: DatasetDep, parts: PartsDep, query: Annotated[PicturesQuery, Query()]) -> Response:
    """Pictures of many samples at once, for a list that is scrolled through: a request for each would take longer than
    drawing it."""
    dataset, _ = found
    wanted = [int(n) for n in query.samples.split(",")]
    with parts.db.read() as session:
        samples = datasets.among(session, dataset.pk, wanted)
    if missing := set(wanted) - samples.keys():
        raise Problem("unknown-sample", f"This dataset has no sample {min(missing)}.")
    drawn = [_if_drawn(parts, dataset, samples[n], query.size) for n in wanted]
    content = b"".join(len(picture).to_bytes(4, "little") + picture for picture in drawn)
    keep = FOR_EVER if all(drawn) else "no-store"  # what cannot be drawn now may be later
    return Response(content, headers={"Cache-Control": keep}, media_type="application/octet-stream")


def _if_drawn(parts: Parts, dataset: Dataset, sample: Sample, size: int) -> bytes:
    """A picture, or nothing: one that cannot be drawn must not hide the others."""
    try:
        return _drawn(parts, dataset, sample, size)
    except Problem as problem:
        log.warning("a picture cannot be shown", dataset=dataset.id, sample=sample.n, code=problem.code)
        return b""


def _drawn(parts: Parts, dataset: Dataset, sample: Sample, size: int) -> bytes:
    key = f"{datasets.folder_of(dataset)}/shards/{sample.shard:05d}.tar"
    original = parts.blobs.read(key, sample.offset, sample.length)
    if hashlib.sha256(original).digest() != sample.sha256:
        raise Problem("blob-corrupt", f"Sample {sample.n} in {key} is no longer what was written.")
    return parts.renderer.render(original, size)
