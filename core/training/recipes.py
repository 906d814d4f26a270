"""Ways to teach a network, and which networks of the catalogue they choose from, as data; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.spec import RecipeName
from core.training.catalogue import CAREFUL, check

TINY = 16  # side below which there is nothing to halve
LARGE = 64  # side from which images are photographs to a GPU: read large, by networks that halve them early


def teaching(network: str, weights: str) -> dict[str, Any]:
    """How a network is best taught from those weights on; weights that are already good are changed with care."""
    kind = check(network)
    kept = weights == "none" or kind.frozen
    return {
        "optimizer": kind.optimizer,
        "learning_rate": kind.learning_rate if kept else min(CAREFUL, kind.learning_rate),
    }


@dataclass(frozen=True)
class Size:
    """A network and the largest side it reads images at."""

    network: str
    side: int


@dataclass(frozen=True)
class Ladder:
    """Sizes from the dearest to the cheapest, and where a recipe begins when nothing limits it."""

    sizes: tuple[Size, ...]
    usual: int
    thorough: int
    fast: int

    def start(self, recipe: RecipeName) -> int:
        """The place of a recipe's size."""
        return {"thorough": self.thorough, "fast": self.fast}.get(recipe, self.usual)


CPU = Ladder(
    (Size("preact-resnet18", 32), *(Size("fast", side) for side in (32, 24, 16))),
    usual=1,
    thorough=0,
    fast=1,
)
CPU_TINY = Ladder((Size("preact-resnet18", 32), Size("small", 32)), usual=1, thorough=0, fast=1)
GPU = Ladder(
    (Size("preact-resnet18", 64), Size("preact-resnet18", 32), Size("fast", 32), Size("fast", 16)),
    usual=0,
    thorough=0,
    fast=2,
)
GPU_LARGE = Ladder(
    (
        Size("torchvision:resnet50", 224),
        *(Size("torchvision:resnet18", side) for side in (224, 160, 128, 96)),
        Size("fast", 32),
    ),
    usual=1,
    thorough=0,
    fast=3,
)
PAPER = Ladder((Size("preact-resnet18", 32),), usual=0, thorough=0, fast=0)

EFFORT: dict[RecipeName, float] = {"thorough": 3.5}  # epochs, in units of the usual number
PAPER_EPOCHS, PAPER_DROPS = 250, (0.5, 0.8)  # the rate falls to a tenth at these shares of the run: epochs 125 and 200
PAPER_WARMUP, PAPER_WARMUP_MANY = 10, 30  # epochs without weights, for few classes and for many
PAPER_RUNNERS_UP = 0.01  # of the classes that are neither the label nor its rival, at least one

OURS: dict[str, Any] = {
    "schedule": "one-cycle",
    "nesterov": True,
    "annealing": "published",
    "weight_scale": "mean-one",
    "logit_normalisation": False,
    "flip": "auto",
    "decoy_share": 0.1,
}
PUBLISHED: dict[str, Any] = {
    "optimizer": "sgd",
    "schedule": "steps",
    "nesterov": False,
    "annealing": "published",
    "weight_scale": "published",
    "logit_normalisation": True,
    "flip": True,
    "decoy_share": 0.1,
}
"""What the authors' code does; mirroring and normalised logits are in their code rather than in their equations.

Decoys are ours: without labels that were never shown nobody knows how sure a network that memorises may be.
"""


def ladder(recipe: RecipeName, device: str, side: int) -> Ladder:
    """The sizes to choose from."""
    if recipe == "paper":
        return PAPER
    if device.startswith("cuda"):
        return GPU_LARGE if side > LARGE else GPU
    return CPU if side >= TINY else CPU_TINY
