"""Wrong labels planted on purpose: a few samples are taught a class they do not have, and never their own.

Their given labels stay unseen, so they say how sure the network may be of an image it was not taught; their taught
labels are wrong for certain, so they say what a wrong label looks like in this run. Nothing is known here of any noise
in the data: a decoy's class is drawn half from what the network confuses the image with after one epoch, half from
all classes alike. In the last part of the run nobody is taught a decoy, and no report shows one.
"""

from __future__ import annotations

import torch
from torch import Tensor

USUAL, AT_MOST = 500, 5000  # decoys: beyond the usual number the share is a tenth, and nobody needs more than the most
FEWEST = 20  # decoys below which they would say nothing
TAUGHT_UNTIL = 0.85  # share of the epochs


class Decoys:
    """Which samples are decoys, what each is taught, and when."""

    def __init__(self, given: Tensor, classes: int, epochs: int, share: float, seed: int) -> None:
        samples = len(given)
        count = min(AT_MOST, int(share * samples), int(USUAL + share / 10 * samples))
        generator = torch.Generator().manual_seed((seed << 20) + 0xDEC0)
        chosen = torch.randperm(samples, generator=generator)[: count if count >= FEWEST else 0]
        self.members = chosen.sort().values.to(given.device)
        self.classes, self.seed = classes, seed
        self.until = int(TAUGHT_UNTIL * epochs)
        self.given = given
        self.taught = given.clone()  # [samples]
        self.away = torch.ones(samples, device=given.device)  # [samples], 0 for decoys while they are not taught
        self.away[self.members] = 0

    def __len__(self) -> int:
        return len(self.members)

    def plant(self, p: Tensor) -> None:  # [decoys, classes]
        """Draw each decoy's class from the network's confusions and from all classes, half and half."""
        p = p.double().cpu()
        rows, own = torch.arange(len(self)), self.given[self.members].cpu()
        p[rows, own] = 0
        odds = p / p.sum(1, keepdim=True).clamp_min(1e-12) + 1 / (self.classes - 1)
        odds[rows, own] = 0
        generator = torch.Generator().manual_seed((self.seed << 20) + 0xDEC1)
        at = torch.rand(len(self), 1, generator=generator, dtype=torch.float64)
        drawn = (odds.cumsum(1) / odds.sum(1, keepdim=True) <= at).sum(1).clamp(max=self.classes - 1)
        self.taught[self.members] = drawn.to(self.taught.device)

    def are_taught(self, epoch: int) -> bool:
        """Whether they are taught their wrong classes in this epoch."""
        return 1 <= epoch < self.until

    def weight(self, index: Tensor, epoch: int) -> Tensor | None:  # [batch] -> [batch]
        """0 for a decoy that is not taught in this epoch, else 1; None when all of them count."""
        return None if not len(self) or self.are_taught(epoch) else self.away[index]

    def state(self) -> Tensor:
        """What `load` needs."""
        return self.taught[self.members]

    def load(self, taught: Tensor) -> None:
        """Continue where `state` was taken."""
        self.taught[self.members] = taught.to(self.taught.device)
