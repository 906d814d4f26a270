"""Bytes that are here become a dataset: a cheap look at them, then a row and the job that will read them."""

from __future__ import annotations

import asyncio

from api.deps import Parts
from api.intake import EDGE
from api.schemas import Asked, DatasetName
from api.uploads import Received, discard
from core.datasets.sniff import sniff
from core.errors import Problem
from core.ids import is_id
from core.spec import Frozen
from core.store import datasets, uploads
from core.store.tables import Dataset, Job, Upload
from core.store.uploads import UploadReader
from core.words import Layout

Submitted = tuple[Dataset, Job]


class NewDataset(Asked):
    """How a dataset is called, and how it is laid out when that shall not be recognised."""

    name: DatasetName = "untitled"
    layout: Layout | None = None


class DatasetOfUpload(Frozen):
    """A dataset of what was uploaded before."""

    upload_id: str
    name: DatasetName = "untitled"
    layout: Layout | None = None


def of_received(parts: Parts, received: Received, asked: NewDataset, request_id: str) -> Submitted:
    """A dataset of an upload that came in one request; one that cannot be read is discarded."""
    try:
        format = sniff(received.size, received.head, received.tail, parts.settings.max_members)
    except Problem:
        discard(parts.db, received.upload)
        raise
    with parts.db.write() as session:
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
    parts.bells.ring("ingest", job.id)
    return dataset, job


async def of_upload(parts: Parts, asked: DatasetOfUpload, request_id: str) -> Submitted:
    """A dataset of a finished upload; one that cannot be read stays until it is removed or expires."""
    upload, reader, format = await asyncio.to_thread(_look, parts, asked.upload_id)
    sha256 = upload.sha256 or await parts.digests.whole(upload.id, reader)
    submitted = await asyncio.to_thread(_submit, parts, asked, format, sha256, request_id)
    parts.digests.forget(upload.id)
    return submitted


def _look(parts: Parts, upload_id: str) -> tuple[Upload, UploadReader, str]:
    if not is_id(upload_id):
        raise Problem("not-found", "There is no such upload.")
    with parts.db.read() as session:
        upload = uploads.whole(session, upload_id, parts.settings.upload_expiry_s)
        reader = UploadReader(session, parts.blobs, upload.pk)
    head, tail = reader.read(0, EDGE), reader.read(max(0, reader.size - EDGE), EDGE)
    return upload, reader, sniff(reader.size, head, tail, parts.settings.max_members)


def _submit(parts: Parts, asked: DatasetOfUpload, format: str, sha256: str, request_id: str) -> Submitted:
    with parts.db.write() as session:
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
    parts.bells.ring("ingest", job.id)
    return dataset, job
