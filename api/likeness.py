"""Who is like whom in an audit: neighbours of a sample, the map of all samples, bands of curves, and their files."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api import files
from api.deps import FinishedAuditDep, PartsDep, SampleNumber
from api.schemas import image_url
from api.strict import StrictRoute
from core.errors import Problem
from core.store import curves, datasets, likeness, scores
from core.store.likeness import Listed
from core.store.scores import Ranked
from core.store.tables import Dataset, Job, Sample
from core.summary import Cohorts, Likeness
from core.words import VERDICTS, FindingKind, VerdictWord

router = APIRouter(prefix="/v1/audits", route_class=StrictRoute, tags=["results"])

COPIES = 20  # of a sample that are listed
SAME_BYTES: tuple[FindingKind, ...] = ("conflict", "duplicate")
NEAR_BYTES: tuple[FindingKind, ...] = ("near-duplicate",)
BYTES = "application/octet-stream"
Column = Literal["sample", "given", "x", "y", "verdict"]
ColumnType = Literal["uint8", "uint16", "uint32"]


class Neighbour(BaseModel):
    """An audited sample that is like another one: its given label, and by how much the cosine of their features lacks
    to 1."""

    sample: int
    rank: int
    label: str
    distance: float
    path: str
    image: str
    verdict: VerdictWord
    score: float


class Copy(BaseModel):
    """A sample of the dataset that is a copy of another one; it has no verdict when it was not audited."""

    sample: int
    rank: int | None
    label: str
    path: str
    split: str | None
    image: str
    verdict: VerdictWord | None
    score: float | None


class Neighbours(BaseModel):
    """Who is like a sample, the most alike first: of all, with its given label, and with its suggested one.

    The first two are null in audits that were made before features were kept, the third also when nothing is suggested.
    Copies are null in datasets that were read before copies were looked for, and at most twenty of a kind.
    """

    sample: int
    given_label: str
    suggested_label: str | None
    nearest: list[Neighbour] | None
    with_given: list[Neighbour] | None
    with_suggested: list[Neighbour] | None
    same_bytes: list[Copy] | None
    near_duplicates: list[Copy] | None


class MapColumn(BaseModel):
    """Where a column begins in the file of a map; it has a value for each point, little-endian."""

    name: Column
    type: ColumnType
    offset: int


class Map(BaseModel):
    """How to read the file of a map, which holds a point for each audited sample in rank order: the first is rank 1.

    `given` counts in `labels`, `verdict` in `verdicts`; `x` and `y` lie between 0 and 65,535, at one scale.
    """

    href: str
    size: int
    sha256: str
    points: int
    columns: list[MapColumn]
    labels: list[str]
    verdicts: list[VerdictWord]
    likeness: Likeness = Field(description="How the neighbours were found that the map is made from.")


@router.get("/{audit_id}/samples/{n}/neighbours", response_model=Neighbours)
def neighbours(parts: PartsDep, found: FinishedAuditDep, n: SampleNumber) -> Response:
    """The samples that the final network sees as most like one sample, and its copies."""
    audit, dataset = found
    file = _files(audit).get(likeness.NEIGHBOURS)
    with parts.db.read() as session:
        own = scores.of_samples(session, audit, [n]).get(n)
        if own is None:
            raise Problem("not-found", "This audit has no such sample.")
        place = curves.place(session, audit.pk, n)
        copies = {
            name: datasets.copies(session, dataset.pk, n, kinds, COPIES)
            for name, kinds in (("same_bytes", SAME_BYTES), ("near_duplicates", NEAR_BYTES))
            if dataset.found is not None
        }
    # Nothing is held while the blob store is waited for.
    near = None if file is None else likeness.read(parts.blobs, file, _about(audit)["samples"], place)
    with parts.db.read() as session:
        named = {sample for listed in (near or {}).values() for sample, _ in listed}
        named |= {sample.n for some in copies.values() for sample in some}
        ranked = scores.of_samples(session, audit, named)
    classes = dataset.classes or []
    told: dict[str, Any] = dict.fromkeys(Neighbours.model_fields)
    told |= {"sample": n, "given_label": classes[own.given]}
    if near is not None:
        told |= {name: _neighbours_out(dataset, listed, ranked) for name, listed in near.items()}
    told["suggested_label"] = classes[own.suggested] if own.suggested >= 0 else None
    if own.suggested < 0:
        told["with_suggested"] = None
    told |= {name: _copies_out(dataset, some, ranked) for name, some in copies.items()}
    return Response(to_json(told), media_type="application/json")


@router.get("/{audit_id}/map", response_model=Map)
def map_of_samples(found: FinishedAuditDep) -> Map:
    """How to read the map: which columns its file has, and what the numbers in them mean."""
    audit, dataset = found
    file, about = _file(audit, likeness.MAP), _about(audit)
    offset, columns = 0, []
    for name, kind in likeness.POINT_COLUMNS:
        columns.append(MapColumn.model_validate({"name": name, "type": np.dtype(kind).name, "offset": offset}))
        offset += about["samples"] * np.dtype(kind).itemsize
    return Map(
        href=f"/v1/audits/{audit.id}/likeness/{likeness.MAP}",
        size=file["size"],
        sha256=file["sha256"],
        points=about["samples"],
        columns=columns,
        labels=dataset.classes or [],
        verdicts=list(VERDICTS),
        likeness=Likeness(**about),
    )


@router.get("/{audit_id}/cohorts", response_model=Cohorts)
def cohorts(request: Request, found: FinishedAuditDep, parts: PartsDep) -> Response:
    """How clean, hard and planted wrong labels were learned: quantiles of their curves in each epoch."""
    file = _file(found[0], likeness.COHORTS)
    headers = {"ETag": f'"{file["sha256"]}"', "Cache-Control": files.FOR_EVER}
    if files.has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(parts.blobs.get(file["key"]), headers=headers, media_type="application/json")


@router.head("/{audit_id}/likeness/{name}", response_class=Response, name="likeness_file_head")
@router.get("/{audit_id}/likeness/{name}", response_class=Response, responses=files.described(BYTES))
def likeness_file(request: Request, found: FinishedAuditDep, parts: PartsDep, name: str) -> Response:
    """`embeddings.npy`, `neighbours.npy` or `map.bin`: all of it, for programs."""
    if name not in likeness.FILES:
        raise Problem("not-found", f"These files tell of likeness: {', '.join(likeness.FILES)}.")
    stored = _file(found[0], name)
    file = files.File(stored["size"], stored["sha256"], partial(parts.blobs.stream, stored["key"]))
    return files.serve(request, file, BYTES, f"{found[0].id}-{name}")


def _files(audit: Job) -> dict[str, Any]:
    files: dict[str, Any] = (audit.result or {}).get("files", {})
    return files


def _file(audit: Job, name: str) -> dict[str, Any]:
    """A stored file; audits that were made before there were such are refused."""
    stored: dict[str, Any] | None = _files(audit).get(name)
    if stored is None:
        raise Problem("no-embeddings", "This audit was made before features were kept. Audit the dataset again.")
    return stored


def _about(audit: Job) -> dict[str, Any]:
    about: dict[str, Any] = (audit.result or {})["likeness"]
    return about


def _neighbours_out(dataset: Dataset, listed: Listed, ranked: dict[int, Ranked]) -> list[dict[str, Any]]:
    return [
        {**_told(dataset, ranked[n]), "distance": distance, "label": (dataset.classes or [])[ranked[n].given]}
        for n, distance in listed
        if n in ranked  # all are, unless the audit is being removed
    ]


def _copies_out(dataset: Dataset, samples: Iterable[Sample], ranked: dict[int, Ranked]) -> list[dict[str, Any]]:
    unaudited = {"rank": None, "verdict": None, "score": None}
    return [
        {
            **(_told(dataset, ranked[sample.n]) if sample.n in ranked else unaudited),
            "sample": sample.n,
            "label": (dataset.classes or [])[sample.label],
            "path": sample.path,
            "split": sample.split,
            "image": image_url(dataset.id, sample.n),
        }
        for sample in samples
    ]


def _told(dataset: Dataset, row: Ranked) -> dict[str, Any]:
    """What neighbours and copies say alike of an audited sample."""
    return {
        "sample": row.sample,
        "rank": row.rank,
        "path": row.path,
        "image": image_url(dataset.id, row.sample),
        "verdict": VERDICTS[row.verdict],
        "score": row.score,
    }
