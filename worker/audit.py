"""The job of kind `audit`: samples become a trained model and a verdict on every label."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from sqlalchemy.orm import Session

from core import logs
from core.datasets import manifest
from core.datasets.arrays import Cache
from core.errors import Problem
from core.settings import Settings
from core.spec import AuditSpec, Plan
from core.store import audits, datasets, events, jobs, scores
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Dataset
from core.training.host import settle
from core.training.loader import TrainingData
from core.training.loop import EpochReport, Run, Tick
from core.training.model import model_files
from core.training.plan import resolve
from worker import report
from worker.progress import Stopped, Voice

log = logs.get(__name__)
KEPT_CHECKPOINTS = 2
PREPARED, TRAINED = 5.0, 97.0  # percent of an audit's way


def run(settings: Settings, db: Database, blobs: Blobs, voice: Voice) -> None:
    """Decode, train, judge, store. Whoever comes after a crash goes on from the last checkpoint."""
    with db.read() as session:
        dataset = session.get_one(Dataset, voice.claim.dataset_pk)
    device = pick_device(settings)
    plan = _plan(settings, dataset, device, voice)
    settle(device, plan.threads)
    listed = pa.Table.from_batches(manifest.samples(blobs.get(f"datasets/{dataset.id}/manifest.parquet")))
    data, numbers = _prepare(settings, blobs, dataset, listed, plan, voice)

    voice.enter("training")
    began = time.monotonic()
    training, first_epoch = _resume(data, plan, device, blobs, voice)
    _train(training, settings, blobs, voice)
    seconds = time.monotonic() - began

    voice.enter("scoring")
    result = training.result()
    table = report.judge(result, data, numbers)
    voice.tick(percent=TRAINED)

    voice.enter("storing")
    home = f"audits/{voice.claim.id}/{voice.claim.attempt}"
    files = {}
    listed_audited = listed.take(pa.array(numbers))
    for name, chunks in report.score_files(table, listed_audited, dataset.classes or []):
        files[name] = blobs.put(f"{home}/{name}", _ticking(chunks, voice)).as_record()
    for file in model_files(result, plan, data.classes):
        files[file.name] = blobs.put(f"{home}/{file.name}", file.content).as_record()
    epochs_here = plan.epochs - first_epoch
    outcome = {
        "score_version": report.SCORE_VERSION,
        "device": describe(device),
        "files": files,
        "summary": report.summary(table, result, plan),
        "pace": {
            "network": plan.network,
            "resolution": plan.resolution,
            "seconds_per_sample_epoch": seconds / max(1, epochs_here) / len(numbers),
        },
    }
    voice.progress = voice.progress.model_copy(update={"percent": 100.0, "eta_s": 0.0})

    def finish(session: Session) -> None:
        scores.load(session, report.rows(table, voice.claim.pk))
        jobs.finish(session, voice.claim, outcome)

    voice.write(finish)
    log.info("audit done", samples=len(numbers), flagged=int(table.verdict.is_issue.sum()))


def pick_device(settings: Settings) -> torch.device:
    """Where training runs."""
    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(settings.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise Problem("device-unavailable", "LABELAUDIT_DEVICE asks for a GPU, and torch sees none on this worker.")
    return device


def describe(device: torch.device) -> str:
    """A device in words."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _plan(settings: Settings, dataset: Dataset, device: torch.device, voice: Voice) -> Plan:
    """The plan of the first attempt, which all later ones follow."""
    if voice.claim.plan is not None:
        return Plan(**voice.claim.plan)
    cores = settings.threads or len(os.sched_getaffinity(0))
    plan = resolve(AuditSpec(**voice.claim.spec), datasets.facts(dataset), device.type, cores)

    def keep(session: Session) -> None:
        jobs.remember(session, voice.claim, plan=plan.model_dump())
        events.emit(session, voice.claim.pk, "plan", {"reasons": list(plan.reasons), "epochs": plan.epochs})

    voice.write(keep)
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
            lambda shard, offset, length: blobs.read(f"datasets/{dataset.id}/{shard}", offset, length),
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
            images=arrays(audited, 1.0),
            labels=labels[audited],
            classes=tuple(dataset.classes or ()),
            test_images=None if test is None else arrays(test, 1.0),
            test_labels=None if test is None else labels[test],
        ),
        audited,
    )


def _resume(data: TrainingData, plan: Plan, device: torch.device, blobs: Blobs, voice: Voice) -> tuple[Run, int]:
    """The run where the newest unharmed checkpoint left it, or from its beginning."""
    for saved in voice.claim.checkpoints:
        try:
            content = blobs.get(saved["key"], saved["sha256"])
            training = Run(data, plan, device, resume=content)
        except Problem as problem:
            log.warning("a checkpoint cannot be used", code=problem.code)
            voice.event("checkpoint-unusable", {"code": problem.code})
            continue
        voice.event("resumed", {"epoch": training.epoch, "attempt": voice.claim.attempt})
        return training, training.epoch
    return Run(data, plan, device), 0


def _train(training: Run, settings: Settings, blobs: Blobs, voice: Voice) -> None:
    """Drive the run: progress at every step, figures at every epoch, a checkpoint now and then."""
    plan = training.plan
    saved_at = time.monotonic()
    begun_at = training.epoch + training.step / training.steps
    kept = list(voice.claim.checkpoints)
    loss: float | None = None

    def progress() -> dict[str, Any]:
        done = training.epoch + training.step / training.steps
        return {
            "epoch": min(training.epoch + 1, plan.epochs),
            "epochs": plan.epochs,
            "percent": round(PREPARED + (TRAINED - PREPARED) * done / plan.epochs, 2),
            "eta_s": voice.eta(done - begun_at, plan.epochs - done),
            "loss": loss,
        }

    def save() -> None:
        nonlocal kept, saved_at
        key = f"audits/{voice.claim.id}/{voice.claim.attempt}/checkpoints/{training.epoch:05d}-{training.step:07d}"
        stored = blobs.put(key, training.checkpoint())
        kept, dropped = [stored.as_record(), *kept][:KEPT_CHECKPOINTS], kept[KEPT_CHECKPOINTS - 1 :]
        voice.write(lambda session: jobs.remember(session, voice.claim, checkpoints=kept))
        for old in dropped:
            if old["key"] != key:
                blobs.delete(old["key"])
        saved_at = time.monotonic()

    for event in training:
        if isinstance(event, EpochReport):
            loss = event.train_loss
            voice.progress = voice.progress.model_copy(update=progress())
            voice.write(lambda session, event=event: _write_epoch(session, voice, event))  # type: ignore[misc]
        try:
            voice.tick(**(progress() if isinstance(event, Tick) else {}))
        except Stopped:
            save()
            raise
        if time.monotonic() - saved_at >= settings.checkpoint_s:
            save()


def _write_epoch(session: Session, voice: Voice, event: EpochReport) -> None:
    values = asdict(event)
    for name in ("epoch", "epochs", "samples_per_s"):
        values.pop(name)
    audits.write_epoch(session, voice.claim.pk, event.epoch + 1, values)
    events.emit(session, voice.claim.pk, "epoch", {"epoch": event.epoch + 1, "epochs": event.epochs, **values})


def _ticking(chunks: Iterator[bytes], voice: Voice) -> Iterator[bytes]:
    for chunk in chunks:
        voice.tick()
        yield chunk
