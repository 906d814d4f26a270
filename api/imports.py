"""A dataset whose bytes the service fetches itself: the order is taken here, the worker carries it out."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from pydantic import Field

from api.deps import Parts
from api.once import Once
from api.schemas import DatasetName, dataset_out
from core import sources
from core.spec import Frozen
from core.store import imports
from core.words import Layout


class NewImport(Frozen):
    """What to import, how it is called, and how it is laid out when that shall not be recognised."""

    source: Annotated[str, Field(min_length=1, max_length=2000)]
    name: DatasetName = "untitled"
    layout: Layout | None = None


def accept(parts: Parts, asked: NewImport, request_id: str, once: Once) -> Response:
    """Take the order, if it can be seen to be allowed without touching the source."""
    sources.read(asked.source, parts.settings)
    with parts.db.write() as session:
        if (again := once.begun(session, asked)) is not None:
            return again
        dataset, job = imports.create(
            session, name=asked.name, source=asked.source, layout=asked.layout, request_id=request_id
        )
        answer = once.done(session, asked, dataset_out(dataset, job), f"/v1/datasets/{dataset.id}")
    parts.bells.ring("ingest", job.id)
    return answer
