"""What a network is taught by: a loss for every sample, and what a method remembers of each from epoch to epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from core.spec import MethodName
from core.training.methods import cce, fce, gce, sce
from core.training.methods.elr import Elr

EXCUSED = 0.3  # of all labels, by `fce`
MANY = 20  # classes above which the published settings for CIFAR-100 are used, up to it those for CIFAR-10


class Method(Protocol):
    """Loss and memory. The loop weighs `item_loss` by γ and adds `rest` as it is."""

    @property
    def excused(self) -> float:
        """Share of the labels that the loss takes to be drawn from all classes alike."""

    def item_loss(self, logits: Tensor, label: Tensor) -> Tensor:  # [batch, classes], [batch] -> [batch]
        """What the given label costs; un-reduced so that a weigher can multiply it."""

    def rest(self, logits: Tensor, index: Tensor) -> Tensor | None:  # [batch, classes], [batch] -> scalar
        """What is added to the loss whatever the label, as a mean over the batch."""

    def state(self) -> dict[str, Tensor]:
        """Everything `load` needs: tables with a row for each sample."""

    def load(self, state: dict[str, Tensor]) -> None:
        """Continue where `state` was taken."""


class ItemLoss(Protocol):
    """A loss that remembers nothing."""

    def __call__(self, logits: Tensor, label: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Plain:
    """A method that is a loss and no more."""

    item_loss: ItemLoss
    excused: float = 0.0

    def rest(self, logits: Tensor, index: Tensor) -> None:
        """Nothing."""

    def state(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Nothing."""


def method(name: MethodName, samples: int, classes: int, device: torch.device) -> Method:
    """A method with the settings that its authors published for so many classes."""
    many = classes > MANY
    if name == "fce":
        return Plain(partial(fce.item_loss, excused=EXCUSED), EXCUSED)
    if name == "sce":
        return Plain(partial(sce.item_loss, a=6.0, b=0.1) if many else partial(sce.item_loss, a=0.1, b=1.0))
    if name == "gce":
        return Plain(partial(gce.item_loss, q=0.7))
    if name == "elr":
        beta, strength = (0.9, 7.0) if many else (0.7, 3.0)
        return Elr(samples, classes, beta, strength, device)
    return Plain(cce.item_loss)
