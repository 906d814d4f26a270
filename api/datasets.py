"""Datasets: upload, look, list, delete; their samples and what was left out."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import files, imports, submissions, uploads
from api.deps import DatasetDep, PartsDep, RequestId, SampleNumber
from api.imports import NewImport
from api.once import OnceDep
from api.removal import Removal
from api.schemas import (
    DatasetOut,
    FindingOut,
    LeftOutOut,
    ListQuery,
    NumberedQuery,
    Page,
    SampleOut,
    dataset_out,
    finding_out,
    left_out_out,
    sample_out,
)
from api.strict import StrictRoute, checked, declared_length, is_json, json_value
from api.submissions import DatasetOfUpload, NewDataset
from core import failpoints
from core.errors import Problem
from core.store import datasets, versions
from core.store.uploads import kept
from core.words import FindingKind

router = APIRouter(prefix="/v1/datasets", route_class=StrictRoute, tags=["datasets"])


class LeftOutQuery(NumberedQuery):
    """Which of the members that became no sample."""

    outcome: Literal["rejected", "ignored"] = "rejected"


class FindingQuery(NumberedQuery):
    """Which of the kinds that are found without a model, and whether only groups that lie in several splits, or only
    the others."""

    kind: FindingKind | None = None
    across_splits: bool | None = None


UPLOAD = files.described("application/octet-stream")
BODIES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {
                "schema": {"oneOf": [DatasetOfUpload.model_json_schema(), NewImport.model_json_schema()]}
            },
        },
    }
}


@router.post("", status_code=202, response_model=DatasetOut, openapi_extra=BODIES)
async def create(
    request: Request, parts: PartsDep, request_id: RequestId, query: Annotated[NewDataset, Query()], once: OnceDep
) -> Response:
    """Upload an archive of labeled images as the request's body, or say in JSON which finished upload it is in.

    In JSON, `source` instead of `upload_id` says what the service shall fetch itself, and the name and the layout stand
    beside it, not in the query. Reading it goes on in the background.
    """
    if is_json(request):
        if query.model_fields_set:
            raise Problem("invalid-parameter", "With a JSON body, name and layout stand in the body.")
        value = await json_value(request)
        if isinstance(value, dict) and "source" in value:
            wanted = checked(NewImport, value)
            return await asyncio.to_thread(imports.accept, parts, wanted, request_id, once)
        return await submissions.of_upload(parts, checked(DatasetOfUpload, value), request_id, once)
    length = declared_length(request)
    received = await uploads.receive(request.stream(), length, parts.settings, parts.db, parts.blobs)
    return await asyncio.to_thread(submissions.of_received, parts, received, query, request_id, once)


@router.get("", response_model=Page[DatasetOut])
def index(parts: PartsDep, query: Annotated[ListQuery, Query()]) -> Page[DatasetOut]:
    """The datasets, newest first."""
    with parts.db.read() as session:
        found = datasets.page(session, query.after, query.limit + 1)
    shown = [dataset_out(dataset, job, whole=False) for dataset, job in found[: query.limit]]
    return Page(data=shown, next=shown[-1].id if len(found) > query.limit else None)


@router.get("/{dataset_id}", response_model=DatasetOut)
def show(found: DatasetDep) -> DatasetOut:
    """A dataset."""
    return dataset_out(*found)


@router.delete("/{dataset_id}", status_code=204)
def remove(found: DatasetDep, parts: PartsDep, query: Annotated[Removal, Query()]) -> Response:
    """Remove a dataset, its audits and all their files. With `force`, what is still at work on it is cancelled, and
    versions of it fail that have not read all decisions yet."""
    dataset, _ = found
    with parts.db.write() as session:
        working = datasets.unfinished(session, dataset.pk)
        datasets.remove(session, dataset)
        working += versions.readers(session, dataset)  # all of them: from here on nobody begins to make a version
        if working and not query.force:
            ids = [job.id for job in working[:20]]
            raise Problem(
                "dataset-in-use",
                f"{len(working)} job(s) still work on this dataset. Wait, cancel them, or delete with ?force=true.",
                jobs=ids,
            )
    failpoints.at("dataset.removed")
    return Response(status_code=204)


@router.get("/{dataset_id}/samples", response_model=Page[SampleOut])
def samples(found: DatasetDep, parts: PartsDep, query: Annotated[NumberedQuery, Query()]) -> Page[SampleOut]:
    """The accepted images, in the order of the upload."""
    dataset, _ = found
    with parts.db.read() as session:
        rows = datasets.samples(session, dataset.pk, -1 if query.after is None else query.after, query.limit + 1)
    shown = [sample_out(dataset, row) for row in rows[: query.limit]]
    return Page(data=shown, next=shown[-1].sample if len(rows) > query.limit else None)


@router.get("/{dataset_id}/rejects", response_model=Page[LeftOutOut])
def rejects(found: DatasetDep, parts: PartsDep, query: Annotated[LeftOutQuery, Query()]) -> Page[LeftOutOut]:
    """The members of the upload that became no sample, each with its reason."""
    dataset, _ = found
    after = -1 if query.after is None else query.after
    with parts.db.read() as session:
        rows = datasets.left_outs(session, dataset.pk, query.outcome, after, query.limit + 1)
    next = rows[query.limit - 1].n if len(rows) > query.limit else None
    return Page(data=[left_out_out(row) for row in rows[: query.limit]], next=next)


@router.get("/{dataset_id}/findings", response_model=Page[FindingOut])
def findings(found: DatasetDep, parts: PartsDep, query: Annotated[FindingQuery, Query()]) -> Page[FindingOut]:
    """What was found in the images without a model: copies group by group, then pictures that show nothing."""
    dataset, _ = found
    after = -1 if query.after is None else query.after
    with parts.db.read() as session:
        rows = datasets.findings(session, dataset.pk, query.kind, query.across_splits, after, query.limit + 1)
    shown = [finding_out(dataset, *row) for row in rows[: query.limit]]
    return Page(data=shown, next=rows[query.limit - 1][0].n if len(rows) > query.limit else None)


@router.head("/{dataset_id}/upload", response_class=Response, name="upload_head")
@router.get("/{dataset_id}/upload", response_class=Response, responses=UPLOAD)
def upload(request: Request, found: DatasetDep, parts: PartsDep) -> Response:
    """The file that was uploaded or fetched, for as long as it is kept."""
    dataset, _ = found
    with parts.db.read() as session:
        reader = kept(session, parts.blobs, dataset)
    if reader is None:
        kept_s = parts.settings.upload_kept_s
        raise Problem("upload-not-kept", f"Files are kept for {kept_s:g} s after they were read; this one is not here.")
    file = files.File(dataset.size, dataset.sha256, reader.stream)
    return files.serve(request, file, "application/octet-stream", f"{dataset.id}.{dataset.format}")


@router.get("/{dataset_id}/samples/{n}", response_model=SampleOut)
def sample(found: DatasetDep, parts: PartsDep, n: SampleNumber) -> SampleOut:
    """One accepted image."""
    dataset, _ = found
    with parts.db.read() as session:
        row = datasets.sample(session, dataset.pk, n)
    if row is None:
        raise Problem("not-found", "There is no such sample in this dataset.")
    return sample_out(dataset, row)
