"""Bytes that are here become a dataset: a cheap look at them, then a row and the job that will read them."""

from __future__ import annotations

import asyncio

from fastapi import Response

from api.deps import Parts
from api.intake import EDGE
from api.once import Once
from api.schemas import Asked, DatasetName, dataset_out
from api.uploads import Received, discard
from core import failpoints
from core.datasets.sniff import sniff
from core.errors import Problem
from core.ids import is_id
from core.spec import Frozen
from core.store import datasets, uploads
from core.store.tables import Upload
from core.store.uploads import UploadReader
from core.words import Layout


class NewDataset(Asked):
    """How a dataset is called, and how it is laid out when that shall not be recognised."""

    name: DatasetName = "untitled"
    layout: Layout | None = None


class DatasetOfUpload(Frozen):
    """A dataset of what was uploaded before."""

    upload_id: str
    name: DatasetName = "untitled"
    layout: Layout | None = None


class ReceivedDataset(NewDataset):
    """What a request of a whole file says."""

    sha256: str


def of_received(parts: Parts, received: Received, asked: NewDataset, request_id: str, once: Once) -> Response:
    """A dataset of an upload that came in one request; one that cannot be read is discarded."""
    try:
        format = sniff(received.size, received.head, received.tail, parts.settings.max_members)
    except Problem:
        discard(parts.db, received.upload)
        raise
    said = ReceivedDataset(**asked.model_dump(), sha256=received.sha256)
    try:
        with parts.db.write() as session:
            if (again := once.begun(session, said)) is not None:
                uploads.remove(session, received.upload)
                return again
            uploads.complete(session, received.upload, received.parts, received.sha256)
            dataset, job = datasets.create(
                session,
                received.upload,
                name=asked.name,
                layout=asked.layout,
                format=format,
                size=received.size,
                sha256=received.sha256,
                request_id=request_id,
            )
            answer = once.done(session, said, dataset_out(dataset, job), f"/v1/datasets/{dataset.id}")
    except Problem:
        discard(parts.db, received.upload)
        raise
    failpoints.at("dataset.created")
    parts.bells.ring("ingest", job.id)
    return answer


async def of_upload(parts: Parts, asked: DatasetOfUpload, request_id: str, once: Once) -> Response:
    """A dataset of a finished upload; one that cannot be read stays until it is removed or expires."""
    if (again := await asyncio.to_thread(_known, parts, asked, once)) is not None:
        return again
    upload, reader, format = await asyncio.to_thread(_look, parts, asked.upload_id)
    sha256 = upload.sha256 or await parts.digests.whole(upload.id, reader)
    answer = await asyncio.to_thread(_submit, parts, asked, format, sha256, request_id, once)
    parts.digests.forget(upload.id)
    return answer


def _known(parts: Parts, asked: DatasetOfUpload, once: Once) -> Response | None:
    with parts.db.read() as session:
        return once.known(session, asked)


def _look(parts: Parts, upload_id: str) -> tuple[Upload, UploadReader, str]:
    if not is_id(upload_id):
        raise Problem("not-found", "There is no such upload.")
    with parts.db.read() as session:
        upload = uploads.whole(session, upload_id, parts.settings.upload_expiry_s)
        reader = UploadReader(session, parts.blobs, upload.pk)
    head, tail = reader.read(0, EDGE), reader.read(max(0, reader.size - EDGE), EDGE)
    return upload, reader, sniff(reader.size, head, tail, parts.settings.max_members)


def _submit(parts: Parts, asked: DatasetOfUpload, format: str, sha256: str, request_id: str, once: Once) -> Response:
    with parts.db.write() as session:
        if (again := once.begun(session, asked)) is not None:
            return again
        upload = uploads.whole(session, asked.upload_id, parts.settings.upload_expiry_s, hold=True)
        dataset, job = datasets.create(
            session,
            upload,
            name=asked.name,
            layout=asked.layout,
            format=format,
            size=upload.size,
            sha256=sha256,
            request_id=request_id,
        )
        uploads.use(session, upload, dataset.id, sha256)
        answer = once.done(session, asked, dataset_out(dataset, job), f"/v1/datasets/{dataset.id}")
    failpoints.at("dataset.created")
    parts.bells.ring("ingest", job.id)
    return answer
