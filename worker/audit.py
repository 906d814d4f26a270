"""The job of kind `audit`: samples become a trained model and a verdict on every label."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy.orm import Session

from core import failpoints, logs
from core.datasets import manifest
from core.datasets.arrays import Cache
from core.settings import Settings
from core.spec import AuditSpec, Pace, Plan
from core.store import conflicts, datasets, events, jobs, scores
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Dataset
from core.training.budget import visits
from core.training.host import settle
from core.training.loader import TrainingData
from core.training.loop import Run
from core.training.model import model_files
from core.training.weights import read
from worker import report
from worker.beside import beside
from worker.device import Machine, machine
from worker.probe import planned
from worker.progress import Voice
from worker.record import record
from worker.training import PREPARED, TRAINED, Training

log = logs.get(__name__)


def run(settings: Settings, db: Database, blobs: Blobs, voice: Voice) -> None:
    """Decode, train, judge, store. Whoever comes after a crash goes on from the last checkpoint."""
    with db.read() as session:
        dataset = session.get_one(Dataset, voice.claim.dataset_pk)
    here = machine(settings, voice.claim.spec.get("device"))
    plan = _plan(dataset, here, voice)
    settle(here.device, plan.threads)
    listed = pa.Table.from_batches(manifest.samples(blobs.get(f"{datasets.folder_of(dataset)}/manifest.parquet")))
    data, numbers = _prepare(settings, blobs, dataset, listed, plan, voice)

    voice.enter("training")

    def new_run(plan: Plan, resume: bytes | None) -> Run:
        start = None if resume else beside(lambda: read(plan.network, plan.weights, settings.weights), voice.tick)
        return Run(data, plan, here.device, resume, start)

    training = Training(settings, blobs, voice, plan, new_run, numbers)
    result = training.finish().result()
    plan = training.plan

    voice.enter("scoring")
    listed_audited = listed.take(pa.array(numbers))
    table = report.judge(result, data, numbers, listed_audited, AuditSpec(**voice.claim.spec))
    voice.tick(percent=TRAINED)

    voice.enter("storing")
    made = record(dataset, plan, here, report.SCORE_VERSION, voice.claim.attempt)

    def files() -> Iterator[tuple[str, Iterator[bytes]]]:
        yield from report.score_files(table, listed_audited, dataset.classes or [], made)
        yield from ((file.name, iter([file.content])) for file in model_files(result, plan, data.classes))

    stored = voice.durably(lambda: _stored(blobs, voice, files()))
    outcome = {
        "score_version": report.SCORE_VERSION,
        "device": here.name,
        "record": made.model_dump(),
        "files": stored,
        "summary": report.summary(table, result, plan).model_dump(),
        "pace": Pace(
            network=plan.network,
            resolution=plan.resolution,
            seconds=training.seconds / visits(plan, datasets.facts(dataset), plan.epochs),
            device=here.device.type,
            cores=here.cores,
            bf16=here.bf16,
        ).model_dump(),
        "numerics_changed": plan.micro_batch is not None,
    }
    voice.progress = voice.progress.model_copy(update={"percent": 100.0, "eta_s": 0.0})

    def finish(session: Session) -> None:
        scores.load(session, report.rows(table, voice.claim.pk))
        conflicts.load(session, report.conflict_rows(table, voice.claim.pk))
        failpoints.at("audit.loading")
        jobs.finish(session, voice.claim, outcome)

    voice.write(finish)
    failpoints.at("audit.finished")
    log.info("audit done", samples=len(numbers), flagged=int(table.verdict.is_issue.sum()))


def _plan(dataset: Dataset, here: Machine, voice: Voice) -> Plan:
    """The plan of the first attempt, which all later ones follow."""
    if voice.claim.plan is not None:
        return Plan(**voice.claim.plan)
    plan = planned(AuditSpec(**voice.claim.spec), datasets.facts(dataset), here, voice)

    def keep(session: Session) -> None:
        jobs.remember(session, voice.claim, plan=plan.model_dump())
        events.emit(session, voice.claim.pk, "plan", {"reasons": list(plan.reasons), "epochs": plan.epochs})

    voice.write(keep)
    failpoints.at("audit.planned")
    return plan


def _prepare(
    settings: Settings, blobs: Blobs, dataset: Dataset, listed: pa.Table, plan: Plan, voice: Voice
) -> tuple[TrainingData, np.ndarray[Any, np.dtype[np.int64]]]:
    """The audited samples as arrays, with their numbers, and the split that the accuracy is measured on."""
    number = {name: k for k, name in enumerate(dataset.classes or [])}
    labels = np.array([number[name] for name in listed["label"].to_pylist()], dtype=np.int64)
    splits = np.array([split or "" for split in listed["split"].to_pylist()])
    cache = Cache(settings.home / "cache", settings.cache_bytes)

    def arrays(chosen: np.ndarray[Any, np.dtype[np.int64]], share: float) -> Any:
        wanted = listed.take(pa.array(chosen))
        building = cache.open(
            wanted,
            plan.resolution,
            plan.channels,
            lambda shard, offset, length: blobs.read(f"{datasets.folder_of(dataset)}/{shard}", offset, length),
            settings.limits,
        )
        while True:
            try:
                done = next(building)
            except StopIteration as end:
                return end.value
            voice.tick(percent=round(share * PREPARED * done / len(chosen), 2))

    audited = np.flatnonzero(np.isin(splits, plan.splits))
    test = np.flatnonzero(splits == plan.accuracy_split) if plan.accuracy_split else None
    return (
        TrainingData(
            images=voice.durably(lambda: arrays(audited, 1.0)),
            labels=labels[audited],
            classes=tuple(dataset.classes or ()),
            test_images=None if test is None else voice.durably(lambda: arrays(test, 1.0)),
            test_labels=None if test is None else labels[test],
        ),
        audited,
    )


def _stored(blobs: Blobs, voice: Voice, files: Iterator[tuple[str, Iterator[bytes]]]) -> dict[str, dict[str, Any]]:
    """What is told of the files of a result, all of them written."""
    told = {}
    for name, chunks in files:
        key = f"audits/{voice.claim.id}/{voice.claim.attempt}/{name}"
        told[name] = blobs.put(key, _ticking(chunks, voice)).as_record()
        failpoints.at("audit.file")
    return told


def _ticking(chunks: Iterator[bytes], voice: Voice) -> Iterator[bytes]:
    for chunk in chunks:
        voice.tick()
        yield chunk
