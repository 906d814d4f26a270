"""The job of kind `export`: what an audit found and people decided, as a file in somebody else's format."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core import failpoints, logs
from core.datasets import manifest
from core.datasets.exports import FORMATS
from core.datasets.exports.content import COLUMNS, About, Content, Entry
from core.datasets.pixels import Renderer
from core.errors import Problem
from core.settings import Settings
from core.spec import ExportSpec
from core.store import audits, datasets, jobs
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Dataset, Job
from core.summary import Summary
from core.words import ExportFormat
from worker.decided import decided
from worker.piped import put
from worker.progress import Voice

log = logs.get(__name__)
AHEAD = 8 << 20  # bytes of a shard that are read at once
THUMBNAIL = 96
BATCH = 65_536
CALLED: dict[ExportFormat, str] = {"csv": "scores", "jsonl": "scores", "parquet": "scores", "html": "report"}


class Pictures:
    """The images of a dataset. When they are asked for in their order, those behind each other are read together."""

    def __init__(self, blobs: Blobs, dataset: Dataset, renderer: Renderer, in_order: bool) -> None:
        self._blobs, self._folder, self._renderer = blobs, datasets.folder_of(dataset), renderer
        self._in_order = in_order
        self._key, self._size, self._start = "", 0, 0
        self._ahead = b""

    def read(self, entry: Entry) -> bytes:
        """The bytes as they were uploaded."""
        key = f"{self._folder}/{entry.shard}"
        data = self._among(key, entry) if self._in_order else self._blobs.read(key, entry.offset, entry.length)
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise Problem("blob-corrupt", f"Sample {entry.n} in {key} is no longer what was written.")
        return data

    def _among(self, key: str, entry: Entry) -> bytes:
        if key != self._key:
            self._key, self._size, self._ahead = key, self._blobs.size(key), b""
        at = entry.offset - self._start
        if at < 0 or at + entry.length > len(self._ahead):
            most = min(max(AHEAD, entry.length), self._size - entry.offset)
            self._ahead = self._blobs.read(key, entry.offset, max(most, entry.length))
            self._start, at = entry.offset, 0
        return self._ahead[at : at + entry.length]

    def thumbnail(self, data: bytes) -> bytes | None:
        """A PNG that was made anew, or nothing where an image cannot be shown."""
        try:
            return self._renderer.render(data, THUMBNAIL)
        except Problem as problem:
            if problem.retryable:
                raise
            return None


def run(settings: Settings, db: Database, blobs: Blobs, voice: Voice) -> None:
    """Gather, write, say what was written."""
    spec = ExportSpec(**voice.claim.spec)
    with db.read() as session:
        dataset = session.get_one(Dataset, voice.claim.dataset_pk)
        found = audits.find(session, spec.audit_id)
    if found is None:
        raise Problem("audit-removed", "The audit was removed before its export was written.")
    writer, renderer = FORMATS[spec.format], Renderer(settings.limits)
    try:
        pictures = Pictures(blobs, dataset, renderer, in_order=not writer.audited)
        content = _content(db, blobs, voice, spec, dataset, found[0], pictures)
        counts = content.counts(writer.audited)
        voice.enter("storing")
        name = f"{_plain(dataset.name)}-v{dataset.version}-{CALLED.get(spec.format, spec.format)}.{writer.ending}"
        key = f"exports/{voice.claim.id}/{voice.claim.attempt}/{name}"
        stored = voice.durably(lambda: put(blobs, key, _passing(writer.write(content)), voice.tick))
    finally:
        renderer.close()
    failpoints.at("export.stored")
    file = {"name": name, "media_type": writer.media_type, **stored.as_record()}
    voice.progress = voice.progress.model_copy(update={"percent": 100.0, "eta_s": 0.0})
    outcome = {"file": file, "counts": counts.model_dump()}
    voice.write(lambda session: jobs.finish(session, voice.claim, outcome))
    log.info("export done", format=spec.format, bytes=stored.size)


def _content(
    db: Database, blobs: Blobs, voice: Voice, spec: ExportSpec, dataset: Dataset, audit: Job, pictures: Pictures
) -> Content:
    batches = manifest.samples(blobs.get(datasets.manifest_of(dataset)), COLUMNS)
    samples = pa.Table.from_batches(batches)
    result: dict[str, Any] = audit.result or {}
    scores = result["files"]["scores.parquet"]
    ranked = blobs.get(scores["key"], scores["sha256"])
    size = max(1, len(samples))

    def heed(done: int) -> None:
        percent = round(99 * min(1.0, done / size), 1)
        voice.tick(percent=max(percent, voice.progress.percent or 0.0))

    return Content(
        about=About(
            dataset_id=dataset.id,
            dataset_name=dataset.name,
            dataset_version=dataset.version,
            content_hash=dataset.content_hash,
            audit_id=audit.id,
            score_version=result["score_version"],
            reviews=spec.reviews,
            splits=spec.splits,
            change_held_out=spec.change_held_out,
        ),
        classes=tuple(dataset.classes or ()),
        samples=samples,
        decided=decided(db, dataset.pk, len(samples), spec.reviews, voice.tick),
        scores=lambda: pq.ParquetFile(pa.BufferReader(ranked)).iter_batches(BATCH),
        images=pictures,
        summary=Summary(**result["summary"]),
        heed=heed,
    )


def _passing(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        failpoints.at("export.chunk")
        yield chunk


def _plain(name: str) -> str:
    """A name that may stand in a header and in a path."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name)
    return "-".join(filter(None, plain.split("-")))[:60] or "dataset"
