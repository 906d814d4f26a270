"""Jobs that are done inside the test's own process: how they are asked for, stopped in the middle, and read."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from core.store import datasets, jobs
from core.store.db import Database
from core.store.tables import Job
from tests.unit.store import make
from worker import run
from worker.progress import Voice

FILES = (
    "scores.parquet", "model.safetensors", "embeddings.npy", "neighbours.npy", "map.bin", "cohorts.json",
)  # fmt: skip


def submitted(db: Database, dataset_id: str, **spec: Any) -> str:
    with db.write() as session:
        found = datasets.find(session, dataset_id)
        assert found is not None
        return jobs.submit(session, "audit", found[0].pk, {"epochs": 6, "seed": 1, **spec}).id


def job_of(db: Database, id: str) -> Job:
    with db.read() as session:
        return session.execute(select(Job).where(Job.id == id)).scalar_one()


def kinds_of(db: Database, id: str) -> list[str]:
    return [event.type for event in make.history(db, job_of(db, id).pk)]


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, then: Callable[[Voice], None]) -> None:
    """Do something in the middle of a training."""
    real, steps = Voice.tick, iter(range(10_000))

    def tick(voice: Voice, **progress: Any) -> None:
        if voice.progress.phase == "training" and next(steps) == step:
            then(voice)
        real(voice, **progress)

    monkeypatch.setattr(Voice, "tick", tick)


def run_and_stop(monkeypatch: pytest.MonkeyPatch, job: str) -> None:
    """Tell a job to stop in the middle of its training."""
    with monkeypatch.context() as patch:
        at_step(patch, 20, lambda _voice: os.kill(os.getpid(), signal.SIGTERM))
        assert run.main([job]) == 0
    signal.alarm(0)  # the grace that a process has to end, for this one goes on
