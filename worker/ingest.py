"""The job of kind `ingest`: an upload, or what is fetched for it, becomes checked samples, in shards and in rows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.orm import Session

from core import failpoints, logs
from core.datasets import manifest
from core.datasets.findings import rows
from core.datasets.ingest import MANIFEST, READING, Tick, pack, shard_number
from core.datasets.lanes import MOST
from core.datasets.parse import LeftOut
from core.datasets.summary import Packed
from core.errors import Problem
from core.processes import cores
from core.settings import Settings
from core.store import datasets, events, jobs, twins, versions
from core.store.blobs import Blobs
from core.store.db import Database, copy_rows
from core.store.jobs import Claim
from core.store.tables import Change, Dataset
from core.store.uploads import UploadReader
from worker import fetching, version
from worker.progress import Voice

log = logs.get(__name__)

EARLY_LISTED = 1000
EARLY_S = 2.0
OURS = frozenset(
    {
        "blob-corrupt", "blob-missing", "blobs-unreachable", "disk-full", "insufficient-storage", "sandbox-died",
        "source-unreachable",
    }
)  # fmt: skip
"""Problems that say nothing against the data: the job fails, and may be tried again."""


class Shelf:
    """A dataset's own folder among the blobs."""

    def __init__(self, blobs: Blobs, dataset_id: str, voice: Voice) -> None:
        self._blobs, self._prefix, self._voice = blobs, f"datasets/{dataset_id}", voice

    def names(self) -> set[str]:
        return {key.removeprefix(f"{self._prefix}/") for key in self._blobs.names(self._prefix)}

    def put(self, name: str, chunks: Iterator[bytes]) -> None:
        self._voice.beat()  # nobody else may be writing here
        self._blobs.write(f"{self._prefix}/{name}", chunks)
        failpoints.at(f"shelf.{'manifest' if name == MANIFEST else 'tar' if name.endswith('.tar') else 'side'}")

    def get(self, name: str) -> bytes:
        return self._blobs.get(f"{self._prefix}/{name}")

    def delete(self, name: str) -> None:
        self._blobs.delete(f"{self._prefix}/{name}")


def run(settings: Settings, db: Database, blobs: Blobs, voice: Voice) -> None:
    """Read the upload, keep what is good, list what is not, or refuse the whole with a reason."""
    claim = voice.claim
    with db.read() as session:
        dataset = session.get_one(Dataset, claim.dataset_pk)
    shelf = Shelf(blobs, dataset.id, voice)
    if "version" in claim.spec:
        _run_version(settings, db, blobs, voice, dataset, shelf)
        return
    try:
        fetching.run(settings, db, blobs, voice)
        if _ends_as_its_twin(settings, db, voice):
            return
        packed = voice.durably(lambda: _pack(_upload(db, blobs, claim), shelf, settings, voice))
    except Problem as problem:
        if problem.code in OURS:
            raise
        log.info("dataset refused", code=problem.code)
        refusal, listed = problem, MANIFEST in shelf.names()
        voice.write(lambda session: _reject(session, voice, refusal, shelf if listed else None))
        return
    voice.enter("storing")
    found = _found(packed) | {"rules": _rules(settings)}
    voice.write(lambda session: _store(session, voice, found, packed, shelf))
    failpoints.at("ingest.stored")


def _run_version(settings: Settings, db: Database, blobs: Blobs, voice: Voice, dataset: Dataset, shelf: Shelf) -> None:
    """A dataset that is another one with its labels corrected."""
    packed, revision = voice.durably(lambda: version.pack(settings, db, blobs, voice, shelf))
    voice.enter("storing")
    folder = dataset.folder or dataset.id

    def store(session: Session) -> None:
        copy_rows(session, Change, versions.COLUMNS, revision.rows(dataset.id, folder))
        _store(session, voice, _found(packed), packed, shelf)

    voice.write(store)
    failpoints.at("ingest.stored")


def _found(packed: Packed) -> dict[str, Any]:
    """What the database keeps of it, beside its samples."""
    return {
        "layout": packed.layout,
        "classes": list(packed.classes),
        "counts": packed.counts.model_dump(),
        "facts": packed.facts.model_dump(),
        "class_counts": list(packed.class_counts),
        "found": {one.kind: one.counts for one in packed.found},
        "warnings": [{"code": warned.code, "detail": warned.detail} for warned in packed.warnings],
        "content_hash": packed.content_hash,
    }


def _rules(settings: Settings) -> str:
    """What decides how the same bytes are read."""
    return hashlib.sha256(f"{READING} {settings.limits.model_dump_json()}".encode()).hexdigest()


def _ends_as_its_twin(settings: Settings, db: Database, voice: Voice) -> bool:
    """Whether a dataset of the same bytes was there, and this one has become the same."""
    with db.read() as session:
        twin = twins.find(session, session.get_one(Dataset, voice.claim.dataset_pk), _rules(settings))

    def share(session: Session) -> bool:
        if twin is None or not twins.share(session, voice.claim.dataset_pk, twin.pk):
            return False
        events.emit(session, voice.claim.pk, "counts", twin.counts or {})
        jobs.finish(session, voice.claim, {})
        return True

    return twin is not None and voice.write(share)


def _upload(db: Database, blobs: Blobs, claim: Claim) -> UploadReader:
    with db.read() as session:
        upload_pk = session.get_one(Dataset, claim.dataset_pk).upload_pk
        assert upload_pk is not None
        return UploadReader(session, blobs, upload_pk)


def _pack(source: UploadReader, shelf: Shelf, settings: Settings, voice: Voice) -> Packed:
    scratch = settings.home / "scratch"
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    lanes = settings.ingest_lanes or min(cores(), MOST)
    ticks = pack(source, shelf, settings.limits, settings.shard_bytes, scratch, voice.claim.spec.get("layout"), lanes)
    pace, early = Pace(), EarlyRejects(voice)
    while True:
        try:
            tick = next(ticks)
        except StopIteration as end:
            packed: Packed = end.value
            return packed
        voice.tick(**pace.progress(tick))
        early.add(tick.rejects)


class Pace:
    """How fast an ingest goes, from the first member that this attempt saw."""

    def __init__(self) -> None:
        self._began: tuple[float, int] | None = None

    def progress(self, tick: Tick) -> dict[str, Any]:
        """What there is to say of it."""
        moment = time.monotonic()
        if self._began is None:
            self._began = moment, tick.seen
        elapsed, done = moment - self._began[0], tick.seen - self._began[1]
        pace = done / elapsed if done and elapsed > 1 else None
        return {
            "percent": round(100 * tick.seen / max(1, tick.total), 1),
            "eta_s": pace and round((tick.total - tick.seen) / pace, 1),
            "images_per_s": pace and round(pace, 1),
        }


class EarlyRejects:
    """Lists the first rejected members while the ingest runs; at its end the whole list takes their place."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._pending: list[tuple[Any, ...]] = []
        self._left = EARLY_LISTED
        self._told = -EARLY_S

    def add(self, rejects: Sequence[tuple[int, LeftOut]]) -> None:
        """Keep them, and from time to time write what was kept."""
        pk = self._voice.claim.dataset_pk
        for member, out in rejects[: self._left]:
            sha256 = bytes.fromhex(out.sha256) if out.sha256 else None
            self._pending.append((pk, member, out.path, out.outcome, out.code, out.detail, sha256))
            self._left -= 1
        if self._pending and time.monotonic() - self._told >= EARLY_S:
            self._voice.write(lambda session: datasets.list_early(session, pk, self._pending))
            self._pending, self._told = [], time.monotonic()


def _store(session: Session, voice: Voice, found: dict[str, Any], packed: Packed, shelf: Shelf) -> None:
    number = {name: n for n, name in enumerate(packed.classes)}
    pk = voice.claim.dataset_pk
    samples = (
        (pk, r["n"], r["path"], number[r["label"]], r["split"], shard_number(r["shard"]), r["offset"], r["length"],
         r["width"], r["height"], r["format"], bytes.fromhex(r["sha256"]),
         r["votes"], r["extra"])
        for batch in manifest.samples(shelf.get(MANIFEST))
        for r in batch.to_pylist()
    )  # fmt: skip
    findings = ((pk, n, *row) for n, row in enumerate(rows(packed.found)))
    datasets.store(session, pk, found, samples, _left_outs(shelf, pk), findings)
    events.emit(session, voice.claim.pk, "counts", found["counts"])
    failpoints.at("ingest.storing")
    jobs.finish(session, voice.claim, {})


def _reject(session: Session, voice: Voice, problem: Problem, shelf: Shelf | None) -> None:
    pk = voice.claim.dataset_pk
    datasets.reject(session, pk, problem, _left_outs(shelf, pk) if shelf else ())
    jobs.finish(session, voice.claim, {})


def _left_outs(shelf: Shelf, dataset_pk: int) -> Iterator[tuple[Any, ...]]:
    for batch in manifest.left_outs(shelf.get(MANIFEST)):
        for row in batch.to_pylist():
            sha256 = bytes.fromhex(row["sha256"]) if row["sha256"] else None
            yield dataset_pk, row["member"], row["path"], row["outcome"], row["code"], row["detail"], sha256
