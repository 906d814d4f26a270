"""Early-learning regularisation: what the network believed early on pulls it back from memorising wrong labels."""

from __future__ import annotations

import torch
from torch import Tensor

from core.training.methods import cce

CLIP = 1e-4  # probabilities stay this far from 0 and 1


class Elr:
    """Cross-entropy, and λ mean_i ln(1 − ⟨t_i, p_i⟩) with a running mean t_i of the sample's own predictions."""

    excused = 0.0

    def __init__(self, samples: int, classes: int, beta: float, strength: float, device: torch.device) -> None:
        self.belief = torch.zeros(samples, classes, device=device)  # t
        self.beta, self.strength = beta, strength

    def item_loss(self, logits: Tensor, label: Tensor) -> Tensor:  # [batch, classes], [batch] -> [batch]
        """Cross-entropy."""
        return cce.item_loss(logits, label)

    def rest(self, logits: Tensor, index: Tensor) -> Tensor:  # [batch, classes], [batch] -> scalar
        """t ← βt + (1 − β) p / Σp first, then λ mean ln(1 − ⟨t, p⟩), whose gradient does not flow through t."""
        p = logits.softmax(1).clamp(CLIP, 1 - CLIP)
        with torch.no_grad():
            belief = self.beta * self.belief[index] + (1 - self.beta) * p / p.sum(1, keepdim=True)
            self.belief[index] = belief
        return self.strength * torch.log1p(-(belief * p).sum(1)).mean()

    def state(self) -> dict[str, Tensor]:
        """The beliefs."""
        return {"belief": self.belief}

    def load(self, state: dict[str, Tensor]) -> None:
        """Continue with these beliefs."""
        self.belief.copy_(state["belief"])
