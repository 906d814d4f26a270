"""Versions of a dataset: its labels corrected as people decided, and how two versions differ."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from api.deps import DatasetDep, PartsDep, RequestId, audit_of
from api.held_out import Agreed, agreed
from api.once import OnceDep
from api.schemas import Asked, DatasetName, DatasetOut, ListQuery, NumberedQuery, Page, dataset_out
from api.strict import StrictRoute
from core import failpoints
from core.errors import Problem
from core.ids import is_id
from core.spec import Frozen, Revised
from core.store import datasets, reviews, versions
from core.store.tables import Dataset

router = APIRouter(prefix="/v1/datasets", route_class=StrictRoute, tags=["versions"])


class NewVersion(Frozen):
    """What the version is called, and the number of samples of val and test whose labels are changed too: whoever sends
    it has seen it. `audit_id` names the audit that the decisions came from; by default that of the last review."""

    name: DatasetName | None = None
    change_held_out: Agreed | None = None
    audit_id: str | None = None


class VersionQuery(Asked):
    """Whether to make it, or only to say what would be in it."""

    dry_run: bool = False


class VersionPlan(BaseModel):
    """What a version would be."""

    version: int
    reviews: int
    counts: Revised


class DifferenceOut(BaseModel):
    """A sample of which two versions say different things; a label that is null: it is not in that version. `sample` is
    its number in the first version of all, the two others those in the versions compared."""

    sample: int
    path: str
    before: str | None
    after: str | None
    sample_before: int | None
    sample_after: int | None


class Move(BaseModel):
    """How many samples went from one label to another; null is outside."""

    before: str | None
    after: str | None
    count: int


class VersionDifference(Page[DifferenceOut]):
    """How two versions of a dataset differ. `restored` counts samples that only the second one has."""

    relabelled: int
    excluded: int
    restored: int
    moves: list[Move]


@router.post(
    "/{dataset_id}/versions",
    status_code=202,
    response_model=None,
    responses={202: {"model": DatasetOut}, 200: {"model": VersionPlan, "description": "The answer to a dry run."}},
)
def create(
    found: DatasetDep,
    body: NewVersion,
    parts: PartsDep,
    request_id: RequestId,
    query: Annotated[VersionQuery, Query()],
    once: OnceDep,
) -> Response:
    """A new dataset with the labels as people decided. It shares the images; nothing of this one is changed.

    `?dry_run=true` only tells what would be in it.
    """
    parent, ingest = found
    status = datasets.status(parent, ingest)
    if status != "ready":
        raise Problem("dataset-not-ready", f"There is no version of this dataset: its status is {status}.")
    with parts.db.write() as session:
        if not query.dry_run and (again := once.begun(session, body)) is not None:
            return again
        held = versions.hold(session, parent.pk)
        if held is None:
            raise Problem("not-found", "There is no such dataset.")
        last = reviews.wait_turn(session, parent.pk)  # nothing is decided until this version is in the line
        if body.audit_id is not None and audit_of(session, body.audit_id)[1].pk != parent.pk:
            raise Problem("other-data", "This audit is not of this dataset.")
        change = agreed(session, parent, None, body.change_held_out)
        counts = versions.revised(session, parent, None, change)
        if query.dry_run:
            plan = VersionPlan(version=parent.version + 1, reviews=last, counts=counts)
            return Response(plan.model_dump_json(), media_type="application/json")
        if not counts.relabelled + counts.excluded:
            raise Problem("nothing-to-change", "No decision changes a label here; decide on some samples first.")
        if not counts.samples:
            raise Problem("empty-dataset", "No sample would be left; take some of the decisions back.")
        dataset, job = versions.create(
            session,
            held,
            name=body.name or parent.name,
            reviews=last,
            change_held_out=change,
            from_audit=body.audit_id or versions.last_audit(session, parent.pk, last),
            request_id=request_id,
        )
        answer = once.done(session, body, dataset_out(dataset, job), f"/v1/datasets/{dataset.id}")
    failpoints.at("dataset.created")
    parts.bells.ring("ingest", job.id)
    return answer


@router.get("/{dataset_id}/versions", response_model=Page[DatasetOut])
def index(found: DatasetDep, parts: PartsDep, query: Annotated[ListQuery, Query()]) -> Page[DatasetOut]:
    """All versions of this dataset, those that it came from and those that came from it, the oldest first."""
    with parts.db.read() as session:
        rows = versions.page(session, found[0], query.after, query.limit + 1)
    shown = [dataset_out(dataset, job, whole=False) for dataset, job in rows[: query.limit]]
    return Page(data=shown, next=shown[-1].id if len(rows) > query.limit else None)


@router.get("/{dataset_id}/diff/{other_id}", response_model=VersionDifference)
def diff(
    found: DatasetDep, other_id: str, parts: PartsDep, query: Annotated[NumberedQuery, Query()]
) -> VersionDifference:
    """How another version of this dataset differs from it, sample by sample in the order of the first version."""
    one, after = found[0], -1 if query.after is None else query.after
    with parts.db.read() as session:
        pair = datasets.find(session, other_id) if is_id(other_id) else None
        if pair is None:
            raise Problem("not-found", "There is no such dataset to compare with.")
        other = pair[0]
        if not versions.related(one, other):
            raise Problem("other-data", "These are not versions of the same dataset.")
        for dataset, ingest in (found, pair):
            if datasets.status(dataset, ingest) != "ready":
                raise Problem("dataset-not-ready", "One of these versions is not ready yet.")
        moves = parts.moves.get((one.id, other.id), lambda: versions.moves(session, one, other)).counts
        rows = list(islice(versions.differences(session, one, other, after), query.limit + 1))
        shown = rows[: query.limit]
        samples = [row.sample for row in shown]
        places = [versions.places(session, version, samples) for version in (one, other)]
        named = _paths(session, one, other, places)
    return VersionDifference(
        data=[
            DifferenceOut(
                sample=row.sample,
                path=named[row.sample],
                before=row.before,
                after=row.after,
                sample_before=places[0].get(row.sample),
                sample_after=places[1].get(row.sample),
            )
            for row in shown
        ],
        next=samples[-1] if len(rows) > query.limit else None,
        relabelled=sum(count for (before, new), count in moves.items() if before is not None and new is not None),
        excluded=sum(count for (_, new), count in moves.items() if new is None),
        restored=sum(count for (before, _), count in moves.items() if before is None),
        moves=[
            Move(before=before, after=new, count=count)
            for (before, new), count in sorted(moves.items(), key=lambda move: (-move[1], str(move[0])))
        ],
    )


def _paths(session: Session, one: Dataset, other: Dataset, places: list[dict[int, int]]) -> dict[int, str]:
    """What samples are called, by their numbers in the first version; each is in one of the two."""
    named: dict[int, str] = {}
    for version, place in zip((one, other), places, strict=True):
        paths = versions.paths(session, version, place.values())
        named |= {sample: paths[n] for sample, n in place.items()}
    return named
