"""What a run tells while it goes on, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.science.evidence import Evidence
from core.science.findings import Interval
from core.science.ledger import Ledger
from core.science.opinions import Opinions
from core.training.loader import Normalisation

Room: TypeAlias = Callable[[int, int], NDArray[np.float16]]  # samples, d -> [samples, d], to be filled


def in_memory(samples: int, width: int) -> NDArray[np.float16]:
    """The room of runs that are not large."""
    return np.zeros((samples, width), dtype=np.float16)


@dataclass(frozen=True)
class Tick:
    """A training step is done."""

    epoch: int  # from 0
    step: int  # steps done in this epoch
    steps: int


@dataclass(frozen=True)
class Seen:
    """A frozen network has seen one more batch of images, before it learns anything."""

    step: int
    steps: int


@dataclass(frozen=True)
class Look:
    """A batch of an evaluation pass is done; nothing changed."""

    step: int
    steps: int


@dataclass(frozen=True)
class EpochReport:
    """An epoch is done."""

    epoch: int  # from 0
    epochs: int
    train_loss: float  # mean un-weighted loss of the training passes
    train_accuracy: float  # against the given labels
    test_accuracy: float | None
    mean_weight: float  # mean of what multiplied the losses
    seconds: float  # of this attempt
    samples_per_s: float
    curves: Tensor  # [samples, 3] float16: a point of core.science.ledger.CURVES for every sample
    margins: Tensor  # [samples] on the CPU: plain means of M over the epochs so far
    planted: Tensor  # [decoys, 3] float16: points of the wrong labels that decoys are taught, NaN while they are not
    noise: Interval | None  # the share of wrong labels, as far as the epochs so far tell


Event = Tick | Seen | Look | EpochReport


@dataclass(frozen=True)
class Answers:
    """What the final network says of every audited sample, un-augmented, and which samples were decoys."""

    opinions: Opinions
    suggested: NDArray[np.int64]  # [samples], strongest class other than the given
    decoys: NDArray[np.int64]  # their indices, rising
    taught: NDArray[np.int64]  # the wrong class that each of them was taught
    excused: float  # share of the labels that the loss took to be drawn from all classes alike
    features: NDArray[np.float16]  # [samples, d] what its classifier reads, of length 1; without rows beside the first


@dataclass(frozen=True)
class Result:
    """What a run leaves behind."""

    weights: dict[str, Tensor]  # the final network, on the CPU
    scale: Normalisation
    ledger: Ledger
    answers: Answers
    test_accuracy_best: float | None
    test_accuracy_last: float | None

    def evidence(self) -> Evidence:
        """What the verdict is made from."""
        return Evidence(
            opinions=self.answers.opinions,
            aum=self.ledger.aum().cpu().numpy(),
            loss=self.ledger.last_loss.cpu().numpy(),
            decoys=self.answers.decoys,
            taught=self.answers.taught,
            excused=self.answers.excused,
        )
