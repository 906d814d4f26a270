"""In which order to look at an audit's samples: a list of ranks to jump about in, that stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray
from pydantic import BaseModel

from api import files, lists
from api.choices import Choices
from api.deps import PartsDep, audited
from api.reviews import RangeOut
from api.strict import StrictRoute
from core.review import cuts as cutting
from core.review.ranking import of

router = APIRouter(prefix="/v1/audits", route_class=StrictRoute, tags=["reviews"])

QUEUE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Ranks as unsigned 32-bit numbers, the lowest byte first: a quarter of Content-Length of them.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            "ETag": {"description": "The SHA-256 of the content.", "schema": {"type": "string"}},
            "As-Of": {
                "description": "Of a sharpened order: the number of the last review that it follows from.",
                "schema": {"type": "integer"},
            },
        },
    },
    304: {"description": "You have it already."},
}


class QueueQuery(lists.Ordered, Choices):
    """Which samples, and in which order; a sharpened one follows from the reviews up to number `as_of`."""


class CutOut(BaseModel):
    """What it would give to flag the first `flagged` samples; the last of them has this score.

    `precision` is the share of them that is expected to be wrong, `recall` the share of all wrong labels that is among
    them, null where none is expected. `hard`: how many of them have the verdict hard, right but difficult.
    """

    flagged: int
    score: float
    precision: RangeOut
    recall: RangeOut | None
    hard: int


class Current(BaseModel):
    """What is flagged, and the lowest score of it; null when nothing is."""

    flagged: int
    score: float | None


class CutsOut(BaseModel):
    """Cuts all along the list, close to each other at its top."""

    points: list[CutOut]
    current: Current


@router.get("/{audit_id}/queue", response_class=Response, responses=QUEUE)
def queue(request: Request, audit_id: str, parts: PartsDep, query: Annotated[QueueQuery, Query()]) -> Response:
    """The ranks of all samples that the filters leave, in the asked order, as numbers of four bytes.

    It is how things stand when it is asked for: what is judged later moves nothing in it. `suspects?ranks=` shows any
    200 of them. `order=random` is always the same for an audit; without a filter it has the samples without a flag that
    nobody has judged, an honest sample of what the flags miss. `order=sharpened` is by the scores as the reviews up to
    number `as_of` correct them, by default all so far; `As-Of` tells that number, and it is the same order for ever.
    """
    with parts.db.read() as session:
        audit = audited(session, audit_id)
        ranking, judged = parts.rankings.judged(session, audit)
        chosen = of(ranking, judged, lists.wanted(session, audit, ranking, query, query))
        ranks = lists.in_order(parts.rankings, session, audit, query, chosen)
    seq = query.number(audit)
    return _numbers(request, ranks, {} if seq is None else {"As-Of": str(seq)})


@router.get("/{audit_id}/cuts", response_model=CutsOut)
def cuts(audit_id: str, parts: PartsDep) -> CutsOut:
    """Expected precision and recall for flagging more labels, or fewer, from scores as the decisions so far correct
    them."""
    with parts.db.read() as session:
        ranking, judged = parts.rankings.judged(session, audited(session, audit_id))
    flagged = ranking.score[ranking.is_issue]
    return CutsOut(
        points=[CutOut(**asdict(cut)) for cut in cutting.cuts(ranking, judged.decision)],
        current=Current(flagged=len(flagged), score=float(flagged.min()) if len(flagged) else None),
    )


def _numbers(request: Request, ranks: NDArray[np.uint32], more: Mapping[str, str]) -> Response:
    content = ranks.astype("<u4").tobytes()
    headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "Cache-Control": "private, no-cache", **more}
    if files.has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/octet-stream")
