"""A training of the paper's recipe that can be put aside and gone on with, and several of them on one GPU.

Each takes a process of its own: one training launches kernels one after another and leaves the GPU idle in between,
which another process fills. What is half trained stays on the disk of the machine, for only the same machine goes on
with the same bits.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.gpu_cells import Cell, Figures, Scale, keep, plan_of, replaced
from bench.gpu_data import Given
from bench.kept import sources
from bench.ranking import Floats, auroc, average_precision, precision_at
from core.errors import Problem
from core.science.noise import Noise, from_name
from core.spec import Plan
from core.training.events import EpochReport
from core.training.eye import Eye
from core.training.host import has_fast_bf16, settle
from core.training.loader import Loader, TrainingData
from core.training.loop import Run

SAVED_EVERY_S, TOLD_EVERY_S = 60.0, 30.0


@dataclass(frozen=True)
class Job:
    """A training, where it is put aside, and when it has to stop."""

    cell: Cell
    scale: Scale
    given: Given
    device: str
    aside: Path
    out: Path  # the folder of the results
    until: float  # on the clock time.time()


class PlainEye(Eye):
    """Mirrored images are never asked about."""

    def see_all(self, loader: Loader, mirrored: bool) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        return super().see_all(loader, mirrored=False)


class PlainLook(Run):
    """A run that is asked about each image once, as in the paper; ours asks about the mirrored image too."""

    def __init__(self, data: TrainingData, plan: Plan, device: torch.device, resume: bytes | None = None) -> None:
        super().__init__(data, plan, device, resume=resume)
        self.eye = PlainEye(self.network, plan, device, self.company)


def here(device: torch.device, work: Path) -> Path:
    """The folder of what is half trained on this very machine, with this very code."""
    known = Path("/etc/machine-id")
    facts = [platform.node(), known.read_text() if known.exists() else "", torch.__version__]
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        facts += [found.name, str(getattr(found, "uuid", ""))]
    machine = hashlib.sha256("\n".join(facts).encode()).hexdigest()
    return work / f"half-trained-{machine[:12]}-{sources('core.training.loop')[:12]}"


def share_done(cell: Cell, aside: Path) -> float:
    """How much of a training is done and put aside here."""
    told = aside / f"{cell.name}.json"
    return float(json.loads(told.read_text())["share"]) if told.exists() else 0.0


def together(jobs: list[Job], count: int) -> int:
    """Do the jobs in their order, `count` at a time; how many broke off with an error."""
    if count == 1:
        for job in jobs:
            if job.until - time.time() >= job.scale.fewest_s:
                work_on(job)
        return 0
    waiting, running, broken = list(jobs), list[BaseProcess](), 0
    context = get_context("spawn")
    while waiting or running:
        while waiting and len(running) < count:
            job = waiting.pop(0)
            if job.until - time.time() >= job.scale.fewest_s:
                running.append(context.Process(target=work_on, args=(job,), name=job.cell.name, daemon=True))
                running[-1].start()
        latest = jobs[0].until + jobs[0].scale.leaving_s
        if not wait([process.sentinel for process in running], timeout=max(0.0, latest - time.time())):
            for process in running:
                process.kill()  # it has not come to leave; what it put aside last stays
        for process in [process for process in running if not process.is_alive()]:
            process.join()
            running.remove(process)
            if process.exitcode:
                print(f"  {process.name}: broke off with status {process.exitcode}", flush=True)
                broken += 1
    return broken


def work_on(job: Job) -> None:
    """Train, and keep what came out. A training that goes astray would do so again, so that is a result too."""
    try:
        figures = train(job)
    except Problem as problem:
        figures = {"failed": str(problem)}
    if figures is not None:
        keep(job.out, job.cell, job.scale, torch.device(job.device).type, figures)
        for file in (_checkpoint(job), _told(job)):
            file.unlink(missing_ok=True)
        _say(job, "finished")


def train(job: Job) -> Figures | None:
    """Train to the end, or put it aside when the time is up."""
    assert job.cell.training is not None
    device, training = torch.device(job.device), job.cell.training
    clean = job.given.data()
    noise = from_name(training.noise, clean.images, clean.labels, len(clean.classes), training.seed)
    data = replace(clean, labels=noise.labels)
    plan = plan_of(
        training, job.scale, len(clean.labels), job.given.train.side, device.type, bf16=has_fast_bf16(device)
    )
    settle(device, plan.threads)
    run, before = _begun(job, data, plan, device)
    began = saved = told = time.time()
    for event in run:
        now = time.time()
        if now >= job.until or now - saved >= SAVED_EVERY_S:
            _put_aside(job, run, before + now - began)
            saved = now
        if now >= job.until:
            return None
        if isinstance(event, EpochReport) and (now - told >= TOLD_EVERY_S or event.epoch + 1 == event.epochs):
            _say(job, f"epoch {event.epoch + 1} of {event.epochs}, test accuracy {event.test_accuracy:.4f}")
            told = now
    return _figures(run, noise, job.given, before + time.time() - began)


def _begun(job: Job, data: TrainingData, plan: Plan, device: torch.device) -> tuple[Run, float]:
    """A run at its beginning, or where it was put aside, and the seconds it has had."""
    file = _checkpoint(job)
    if file.exists():
        try:
            run = PlainLook(data, plan, device, resume=file.read_bytes())
        except Problem as problem:
            _say(job, f"begins anew: {problem}")
        else:
            _say(job, f"goes on in epoch {run.epoch + 1} of {plan.epochs}")
            return run, float(json.loads(_told(job).read_text())["seconds"])
    return PlainLook(data, plan, device), 0.0


def _put_aside(job: Job, run: Run, seconds: float) -> None:
    job.aside.mkdir(parents=True, exist_ok=True)
    share = min(1.0, (run.epoch + run.step / run.steps) / run.plan.epochs)
    replaced(_told(job), json.dumps({"share": share, "seconds": seconds}).encode())
    replaced(_checkpoint(job), run.checkpoint())


def _checkpoint(job: Job) -> Path:
    return job.aside / f"{job.cell.name}.safetensors"


def _told(job: Job) -> Path:
    return _checkpoint(job).with_suffix(".json")


def _figures(run: Run, noise: Noise, given: Given, seconds: float) -> Figures:
    """Accuracy, and how each score of this one run ranks the wrong labels."""
    result, samples = run.result(), run.samples
    ledger, opinions, wrong = result.ledger, result.answers.opinions, noise.flipped
    at_rest = opinions.log_p[np.arange(samples), opinions.place(noise.labels)]
    scores = {
        "IAM": -_array(ledger.iam()),
        "HM weight": -_array(ledger.hm_weight()),
        "AUM": -_array(ledger.aum()),
        "TKUM": _array(ledger.tkum()),
        "last loss": _array(ledger.last_loss),
        "last loss (evaluation)": -at_rest,
    }
    return {
        "accuracy_best": result.test_accuracy_best,
        "accuracy_last": result.test_accuracy_last,
        "realised": noise.rate,
        "detection": {name: _ranking(score, wrong) for name, score in scores.items()},
        "seconds": round(seconds, 1),
        "images_per_s": round(samples * run.plan.epochs / seconds),
        "images": {"format": given.train.format, "train": given.train.samples, "test": given.test.samples},
        "plan": run.plan.model_dump(mode="json", exclude={"reasons"}),
        "accuracies": [round(accuracy, 4) for accuracy in run.test_accuracies],
    }


def _ranking(score: Floats, wrong: np.ndarray[Any, np.dtype[np.bool_]]) -> Figures:
    found = {
        "auroc": auroc(score, wrong),
        "ap": average_precision(score, wrong),
        "p_at_100": precision_at(score, wrong, 100),
        "p_at_n": precision_at(score, wrong, int(wrong.sum())),
    }
    return {name: value if value is None else round(value, 4) for name, value in found.items()}


def _array(tensor: Tensor) -> Floats:
    return tensor.cpu().double().numpy()


def _say(job: Job, what: str) -> None:
    print(f"  {job.cell.name}: {what}", flush=True)
