"""One training run seen from outside: what it was given, what it took, and what it showed besides its ledger."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.spec import Plan
from core.training.host import settle
from core.training.loader import Loader, TrainingData
from core.training.loop import EpochReport, Look, Run

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Hearer = Callable[[Tensor, Tensor, Tensor], None]  # index [batch], label [batch], logits [batch, classes]

BATCH = 512  # of a pass without learning


@dataclass(frozen=True)
class Task:
    """What is audited: images with perhaps wrong labels, under the plan of our default audit."""

    data: TrainingData
    plan: Plan
    device: torch.device
    folds: int  # of cross-validation


@dataclass(frozen=True)
class Said:
    """What one row of the table says of the samples."""

    name: str
    score: Floats  # [samples], high = suspected
    seconds: float
    probable: bool = False  # whether the score claims to be the probability that the label is wrong
    flagged: NDArray[np.bool_] | None = None  # [samples], by its own cut
    suggested: Integers | None = None  # [samples], −1 abstains
    noise_rate: float | None = None
    noise_low: float | None = None
    noise_high: float | None = None
    accuracy_best: float | None = None  # on the test images, of the best epoch
    accuracy_last: float | None = None


@dataclass(frozen=True)
class Taken:
    """A finished run and the seconds it took."""

    run: Run
    seconds: float

    def said(self, name: str, score: Floats) -> Said:
        """A ranking that comes with this run and claims no more."""
        result = self.run.result()
        return Said(
            name,
            score,
            self.seconds,
            accuracy_best=result.test_accuracy_best,
            accuracy_last=result.test_accuracy_last,
        )


class Listener:
    """What the training passes showed of every sample, from their logits."""

    def __init__(self, samples: int, device: torch.device) -> None:
        self.seen = torch.zeros(samples, dtype=torch.int64, device=device)
        self.loss_sum = torch.zeros(samples, dtype=torch.float64, device=device)
        self.last_loss = torch.zeros(samples, dtype=torch.float64, device=device)
        self.streak = torch.zeros(samples, dtype=torch.int64, device=device)  # epochs it has been right in a row

    def hear(self, index: Tensor, label: Tensor, logits: Tensor) -> None:  # [batch], [batch], [batch, classes]
        loss = cross_entropy(logits.double(), label, reduction="none")
        self.seen[index] += 1
        self.loss_sum[index] += loss
        self.last_loss[index] = loss
        self.streak[index] = torch.where(logits.argmax(1) == label, self.streak[index] + 1, 0)

    def mean_loss(self) -> Floats:  # [samples]
        return _array(self.loss_sum / self.seen)

    def lateness(self) -> Floats:  # [samples] 0 … samples − 1
        """The order in which samples are learned: by the epoch of first being right for good, ties by mean loss."""
        order = np.lexsort((self.mean_loss(), -_array(self.streak)))
        late = np.empty(len(order))
        late[order] = np.arange(len(order))
        return late


def take(task: Task, plan: Plan, *hearers: Hearer, at_epoch: Callable[[Floats], None] | None = None) -> Taken:
    """Run it to its end; the seconds leave out what only a bench asks for: listening, passes over test images.

    `at_epoch` is told every epoch's curves, [samples, 3].
    """
    settle(task.device, plan.threads)
    began = time.perf_counter()
    run = Run(task.data, plan, task.device)
    aside = _Aside()
    if hearers:
        _listen(run, hearers, aside)
    then, epochs = time.perf_counter(), 0
    for event in run:
        now = time.perf_counter()
        if isinstance(event, EpochReport):
            epochs += 1
            if at_epoch:
                at_epoch(_array(event.curves))
        if isinstance(event, Look) and epochs < plan.epochs:  # later looks are the audit's own last pass
            aside.seconds += now - then
        then = now
    return Taken(run, time.perf_counter() - began - aside.seconds)


def log_probabilities(run: Run, images: NDArray[np.uint8]) -> Floats:  # [samples, classes]
    """What the finished network says of images as they are."""
    loader = Loader(images, np.zeros(len(images), dtype=np.int64), run.scale, run.device)
    run.network.eval()
    with torch.no_grad():
        parts = [run.network(x)[0].double().log_softmax(1) for _, x, _ in loader.in_order(BATCH)]
    return _array(torch.cat(parts))


@dataclass
class _Aside:
    seconds: float = 0.0


def _listen(run: Run, hearers: tuple[Hearer, ...], aside: _Aside) -> None:
    """Have the hearers told index, label and logits of each training batch, as the ledger is told them."""
    book = run.ledger.observe
    names = inspect.signature(book)

    def both(*args: Any, **named: Any) -> None:
        began = time.perf_counter()
        told = names.bind(*args, **named).arguments
        for hear in hearers:
            hear(told["index"], told["label"], told["logits"].detach().float())
        aside.seconds += time.perf_counter() - began
        book(*args, **named)

    run.ledger.observe = both  # type: ignore[method-assign]


def _array(tensor: Tensor) -> Floats:
    return tensor.cpu().double().numpy()
