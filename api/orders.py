"""In which order to look at an audit's samples: a list of ranks to jump about in, that stays as it is."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import files
from api.choices import Choices
from api.deps import PartsDep, audited
from api.strict import StrictRoute
from core.review import orders
from core.review.ranking import Wanted, of
from core.store import rankings

router = APIRouter(prefix="/v1/audits", route_class=StrictRoute, tags=["reviews"])

UNFLAGGED = Wanted(is_issue=False, decided=False)
QUEUE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Ranks as unsigned 32-bit numbers, the lowest byte first: a quarter of Content-Length of them.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {"ETag": {"description": "The SHA-256 of the content.", "schema": {"type": "string"}}},
    },
    304: {"description": "You have it already."},
}


class QueueQuery(Choices):
    """Which samples, and in which order."""

    order: Literal["rank", "random"] = "rank"

    @property
    def chooses(self) -> bool:
        """Whether not all of them are asked for."""
        return bool(self.model_fields_set & Choices.model_fields.keys())


@router.get("/{audit_id}/queue", response_class=Response, responses=QUEUE)
def queue(request: Request, audit_id: str, parts: PartsDep, query: Annotated[QueueQuery, Query()]) -> Response:
    """The ranks of all samples that the filters leave, in the asked order, as numbers of four bytes.

    It is how things stand when it is asked for: what is judged later moves nothing in it. `suspects?ranks=` shows any
    200 of them. `order=random` is always the same for an audit; without a filter it has the samples without a flag that
    nobody has judged, an honest sample of what the flags miss.
    """
    with parts.db.read() as session:
        audit = audited(session, audit_id)
        ranking, judged = parts.rankings.judged(session, audit)
        by_chance = query.order == "random"
        wanted = UNFLAGGED if by_chance and not query.chooses else query.wanted(audit)
        wanted = rankings.named(session, audit, ranking, wanted)
    found = orders.ranks(of(ranking, judged, wanted))
    if by_chance:
        found = orders.by_chance(found, audit_id)
    return _numbers(request, found.astype("<u4").tobytes())


def _numbers(request: Request, content: bytes) -> Response:
    headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "Cache-Control": "private, no-cache"}
    if files.has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/octet-stream")
