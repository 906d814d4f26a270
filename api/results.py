"""What an audit found: the ranked suspects, the summary, the score files and the model."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, Self

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, model_validator
from pydantic_core import to_json
from sqlalchemy.orm import Session

from api import files
from api.choices import Choices, ReviewNumber, review_number
from api.deps import FinishedAuditDep, Parts, PartsDep, SampleNumber, audited, check_finished, found_audit
from api.judgements import earlier_out, history_out
from api.schemas import NumberedQuery, Page
from api.strict import StrictRoute
from api.suspects import ConflictOut, Evidence, Suspects, conflicts_out, curves_out, standing_out, suspects_out
from core.errors import Problem
from core.spec import MODEL_FILES
from core.store import audits, conflicts, curves, reviews, scores, versions
from core.store.audits import Audited
from core.store.tables import Dataset
from core.summary import Summary

router = APIRouter(prefix="/v1/audits", route_class=StrictRoute, tags=["results"])

MEDIA_TYPES = {
    "safetensors": "application/octet-stream",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
}


class SuspectsQuery(NumberedQuery, Choices):
    """Which suspects. `ranks`, up to 200 of them with commas between, stand alone, or with `as_of`:
    then each has its `sharpened` score after that review."""

    ranks: Annotated[str | None, Field(pattern=r"^[1-9]\d{0,8}(,[1-9]\d{0,8}){0,199}$")] = None
    as_of: ReviewNumber | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.ranks is not None and self.model_fields_set - {"ranks", "as_of"}:
            raise ValueError("ranks stand alone, without after, limit or filters")
        if self.as_of is not None and self.ranks is None:
            raise ValueError("as_of belongs to ranks")
        return self

    @property
    def chooses(self) -> bool:
        """Whether not all of them are asked for."""
        return bool(self.model_fields_set & {"ranks", *Choices.model_fields})


@router.get("/{audit_id}/suspects", response_model=Suspects)
async def suspects(parts: PartsDep, audit_id: str, query: Annotated[SuspectsQuery, Query()]) -> Response:
    """Every audited sample, the most suspicious first. `after` is the last rank you have.

    A label that is no class of this dataset is an error, not an empty list. While the audit is at work, the ranking so
    far is shown, without filters. With `ranks`, as a queue has them, exactly these rows come, in the order asked for.
    """
    page = await to_thread.run_sync(_page, parts, audit_id, query, limiter=parts.readers)
    return Response(page, media_type="application/json")


def _page(parts: Parts, audit_id: str, query: SuspectsQuery) -> bytes:
    with parts.db.read() as session:
        audit = found_audit(session, audit_id)
        if audit.provisional is not None and not query.chooses:
            return _provisional(session, audit, query)
        check_finished(audit)
        if query.ranks is not None:
            return _at_ranks(parts, session, audit, query.ranks, query.as_of)
        rows = scores.page(session, audit, query.after or 0, query.limit + 1, query.wanted(audit))
        shown = rows[: query.limit]
        judged = reviews.judgements(session, audit.dataset_pk, (row.sample for row in shown)) if audit.reviews else {}
    after = shown[-1].rank if len(rows) > query.limit else None
    page = {"data": suspects_out(audit, shown, judged), "next": after, "provisional": False, "epoch": None}
    return to_json(page, inf_nan_mode="null")


def _at_ranks(parts: Parts, session: Session, audit: Audited, asked: str, as_of: int | None) -> bytes:
    ranks = [int(rank) for rank in asked.split(",")]
    found = scores.at_ranks(session, audit, ranks)
    if missing := set(ranks) - found.keys():
        raise Problem("unknown-rank", f"This audit has no rank {min(missing)}.")
    rows = [found[rank] for rank in ranks]
    judged = reviews.judgements(session, audit.dataset_pk, (row.sample for row in rows)) if audit.reviews else {}
    data = suspects_out(audit, rows, judged)
    if as_of is not None:
        scores_now = parts.rankings.sharpened(session, audit, review_number(audit, as_of)).at(ranks)
        data = [{**row, "sharpened": score} for row, score in zip(data, scores_now, strict=True)]
    page = {"data": data, "next": None, "provisional": False, "epoch": None}
    return to_json(page, inf_nan_mode="null")


def _provisional(session: Session, audit: Audited, query: SuspectsQuery) -> bytes:
    rows = audits.standing(session, audit, query.after or 0, query.limit + 1)
    shown = rows[: query.limit]
    after = shown[-1][0] if len(rows) > query.limit else None
    epoch = (audit.provisional or {}).get("epoch")
    return to_json({"data": standing_out(audit, shown), "next": after, "provisional": True, "epoch": epoch})


@router.get("/{audit_id}/conflicts", response_model=Page[ConflictOut])
async def conflict_groups(parts: PartsDep, audit_id: str, query: Annotated[NumberedQuery, Query()]) -> Response:
    """Groups of samples with the same content and different labels, the one with the best suspect first."""
    page = await to_thread.run_sync(_conflicts_page, parts, audit_id, query, limiter=parts.readers)
    return Response(page, media_type="application/json")


def _conflicts_page(parts: Parts, audit_id: str, query: NumberedQuery) -> bytes:
    with parts.db.read() as session:
        audit = audited(session, audit_id)
        groups = conflicts.page(session, audit, query.after or 0, query.limit + 1)
    shown = groups[: query.limit]
    page = {"data": conflicts_out(audit, shown), "next": shown[-1].number if len(groups) > query.limit else None}
    return to_json(page, inf_nan_mode="null")


@router.get("/{audit_id}/samples/{n}", response_model=Evidence)
def evidence(parts: PartsDep, audit_id: str, n: SampleNumber) -> dict[str, Any]:
    """All that is known about one sample, with its curves over the epochs."""
    with parts.db.read() as session:
        audit = audited(session, audit_id)
        row = scores.of_sample(session, audit, n)
        if row is None:
            raise Problem("not-found", "This audit has no such sample.")
        keys, place = curves.keys(session, audit.pk), curves.place(session, audit.pk, n)
        said = reviews.of_sample(session, audit.dataset_pk, n)
        judged = reviews.judgements(session, audit.dataset_pk, [n])
        before = versions.said_before(session, session.get_one(Dataset, audit.dataset_pk), n)
    points = curves.read(parts.blobs, keys, place)
    history = history_out(audit.classes, said)
    evidence = {"curves": curves_out(points), "reviews": history, "earlier": earlier_out(before)}
    return {**suspects_out(audit, [row], judged)[0], **evidence}


@router.get("/{audit_id}/summary", response_model=Summary)
def summary(found: FinishedAuditDep) -> Response:
    """How many, how sure, where."""
    audit, _ = found
    return Response(to_json((audit.result or {})["summary"]), media_type="application/json")


SCORES = files.described(*(MEDIA_TYPES[ending] for ending in ("parquet", "csv", "jsonl")))
MODEL = files.described(*(MEDIA_TYPES[ending] for ending in ("safetensors", "json", "md")))


@router.head("/{audit_id}/scores.{format}", response_class=Response, name="score_file_head")
@router.get("/{audit_id}/scores.{format}", response_class=Response, responses=SCORES)
def score_file(
    request: Request, found: FinishedAuditDep, parts: PartsDep, format: Literal["parquet", "csv", "jsonl"]
) -> Response:
    """All scores in one file. Parquet and JSONL are exact; CSV text is safe to open in a spreadsheet."""
    return _file(request, found, parts, f"scores.{format}")


@router.head("/{audit_id}/model/{name}", response_class=Response, name="model_file_head")
@router.get("/{audit_id}/model/{name}", response_class=Response, responses=MODEL)
def model_file(request: Request, found: FinishedAuditDep, parts: PartsDep, name: str) -> Response:
    """A file of the trained model."""
    if name not in MODEL_FILES:
        raise Problem("not-found", f"A model has these files: {', '.join(MODEL_FILES)}.")
    return _file(request, found, parts, name)


def _file(request: Request, found: FinishedAuditDep, parts: PartsDep, name: str) -> Response:
    audit, _ = found
    stored = (audit.result or {})["files"][name]
    file = files.File(stored["size"], stored["sha256"], partial(parts.blobs.stream, stored["key"]))
    return files.serve(request, file, MEDIA_TYPES[name.rpartition(".")[2]], f"{audit.id}-{name}")
