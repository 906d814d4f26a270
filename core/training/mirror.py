"""Whether a mirrored image still shows its class: asked of the network itself, before it is trained on any.

A network that has seen no mirrored image recognises a mirrored cat as well as the cat; a mirrored 3 it takes for
something else. One class that suffers is enough to leave the images as they are, because a mirrored sign of another
class would look like a wrong label.
"""

from __future__ import annotations

import torch
from torch import Tensor

ASKED = 2048  # images
FEWEST = 8  # of a class that say something
LOSS = 0.3  # share of its right answers that a class may lose


def decide(label: Tensor, plain: Tensor, mirrored: Tensor, classes: int) -> bool | None:  # [n] each
    """Whether mirroring is harmless; None while the network knows too little to ask it."""
    right, still = (plain == label).double(), (mirrored == label).double()
    chance = 1 / classes
    if right.mean() < min(2 * chance, (1 + chance) / 2):
        return None
    if still.mean() < (1 - LOSS / 2) * right.mean():
        return False
    seen = torch.bincount(label, weights=right, minlength=classes)
    kept = torch.bincount(label, weights=still, minlength=classes)
    counts = seen >= FEWEST
    # twice the standard deviation of a count, so that a handful of images does not decide
    return bool((kept + 2 * seen.sqrt() >= (1 - LOSS) * seen)[counts].all())
