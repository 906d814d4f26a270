"""What a run does when memory runs out: once more, then with less at once, then a plain word."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from core.errors import Problem
from core.settings import Settings
from core.spec import Plan
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.jobs import Claim
from core.training.company import NO_MEMORY, Company
from core.training.host import is_out_of_memory
from core.training.loop import Run
from tests.unit.store import make
from tests.unit.training.make import CPU, data, finished, plan
from worker.progress import Stopped, Voice
from worker.training import Training

ASKED = plan(batch=32, epochs=3, threads=1)


class Cramped(Run):
    """A run that in its second epoch has room for so many samples, and sometimes for none."""

    room: int
    hiccups: int

    def _learn(self, index: Tensor, x: Tensor, y: Tensor) -> None:
        if self.epoch == 1 and self.hiccups:
            type(self).hiccups -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB.")
        if self.epoch == 1 and min(len(index), self.plan.micro_batch or len(index)) > self.room:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 20 bytes.")
        super()._learn(index, x, y)


@pytest.fixture
def claim(db: Database) -> Claim:
    with db.write() as session:
        return make.claimed(session)


@pytest.fixture
def voice(db: Database, claim: Claim, tmp_path: Path) -> Iterator[Voice]:
    before = signal.getsignal(signal.SIGTERM)
    yield Voice(Settings(home=tmp_path, checkpoint_s=1e-6), db, claim)
    signal.signal(signal.SIGTERM, before)


def training(voice: Voice, room: int, hiccups: int) -> Training:
    Cramped.room, Cramped.hiccups = room, hiccups
    made = data(60, test=0)

    def new_run(plan: Plan, resume: bytes | None) -> Run:
        return Cramped(made, plan, CPU, resume)

    return Training(voice._settings, Blobs(voice._settings), voice, ASKED, new_run, np.arange(60))


def told(db: Database, claim: Claim) -> list[dict[str, object]]:
    return [event.data for event in make.history(db, claim.pk) if event.type == "out-of-memory"]


@pytest.mark.fault("F3")
def test_memory_that_ran_out_once_leaves_no_trace_in_the_result(db: Database, claim: Claim, voice: Voice) -> None:
    work = training(voice, room=1000, hiccups=1)
    run = work.finish()
    undisturbed = Run(data(60, test=0), ASKED, CPU)
    finished(undisturbed)
    assert torch.equal(run.ledger.iam(), undisturbed.ledger.iam())
    assert work.plan.micro_batch is None
    assert told(db, claim) == [{"then": "again"}]


@pytest.mark.fault("F3")
def test_memory_that_is_too_small_is_given_less_at_once_and_every_later_attempt_too(
    db: Database, claim: Claim, voice: Voice
) -> None:
    work = training(voice, room=10, hiccups=0)
    run = work.finish()
    assert (work.plan.micro_batch, run.plan.batch) == (8, 32)
    assert bool((run.ledger.count == 3).all())
    smaller = [{"then": "smaller", "micro_batch": size, "numerics_changed": True} for size in (16, 8)]
    assert told(db, claim) == [{"then": "again"}, *smaller]
    row = make.row(db, claim.pk)
    assert row.plan is not None and row.plan["micro_batch"] == 8
    assert [event.data["epoch"] for event in make.history(db, claim.pk) if event.type == "resumed"] == [1, 1, 1]


@pytest.mark.fault("F3")
def test_memory_that_ran_out_on_another_process_gives_the_job_back_with_less_at_once(
    db: Database, claim: Claim, voice: Voice
) -> None:
    store = dist.HashStore()
    company = Company(rank=0, size=2, store=store)

    def new_run(_plan: Plan, _resume: bytes | None) -> Run:
        raise RuntimeError("Connection closed by peer")

    asked = ASKED.model_copy(update={"processes": 2})
    work = Training(voice._settings, Blobs(voice._settings), voice, asked, new_run, np.arange(60), company)
    with pytest.raises(RuntimeError, match="by peer"):
        work.finish()
    store.set(NO_MEMORY, "yes")
    with pytest.raises(Stopped):
        work.finish()
    assert told(db, claim) == [{"then": "smaller", "micro_batch": 8, "numerics_changed": True}]


@pytest.mark.fault("F3")
def test_memory_that_is_too_small_for_anything_is_said_with_a_remedy(voice: Voice) -> None:
    with pytest.raises(Problem) as said:
        training(voice, room=7, hiccups=0).finish()
    assert said.value.code == "out-of-memory"
    assert "smaller network" in said.value.detail


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("HIP out of memory"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("CUDA error: out of memory"))
    assert not is_out_of_memory(RuntimeError("size mismatch"))
    assert not is_out_of_memory(ValueError("out of memory"))
