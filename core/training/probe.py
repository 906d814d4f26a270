"""How fast a plan would go here: a few steps of the real loop on images of noise."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from core.spec import Plan
from core.training.catalogue import check
from core.training.eye import batch_of
from core.training.loader import TrainingData
from core.training.loop import Run, Seen, Tick

WARM_UP, STEPS = 2, 24  # steps before the clock counts, and how many it counts at most
ENOUGH_S = 2.0  # of counted steps
BATCHES = 8  # of different images


def seconds_per_sample(plan: Plan, classes: int, device: torch.device, alive: Callable[[], object]) -> float:
    """Seconds a sample takes in an epoch, or to be seen by a frozen network; `alive` is called after every step."""
    warm = plan.model_copy(update={"epochs": WARM_UP + 2 * STEPS, "warmup_epochs": 0})
    batch = batch_of(plan) if check(plan.network).frozen else plan.batch
    taken: list[float] = []
    for k, seconds in enumerate(_steps(Run(_noise(plan, classes, BATCHES * batch), warm, device))):
        alive()
        if k >= WARM_UP or seconds > ENOUGH_S:
            taken.append(seconds)
        if len(taken) == STEPS or sum(taken) > ENOUGH_S:
            break
    return statistics.median(taken) / batch


def _steps(run: Run) -> Iterator[float]:
    """The seconds of each step that does not begin an epoch; or of each batch that a frozen network sees."""
    frozen = check(run.plan.network).frozen
    began = time.perf_counter()
    for event in run:
        if run.device.type == "cuda":
            torch.cuda.synchronize(run.device)
        now = time.perf_counter()
        if frozen and not isinstance(event, Seen):
            return
        if frozen or (isinstance(event, Tick) and event.step > 1):
            yield now - began
        began = now


def _noise(plan: Plan, classes: int, samples: int) -> TrainingData:
    side = plan.resolution
    images = np.random.default_rng(0).integers(0, 256, (samples, side, side, plan.channels), dtype=np.uint8)
    labels = np.arange(samples, dtype=np.int64) % classes
    return TrainingData(images, labels, tuple(map(str, range(classes))))
