"""Generalised cross-entropy: between cross-entropy, which learns all, and absolute error, which forgives much."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import log_softmax


def item_loss(logits: Tensor, label: Tensor, q: float) -> Tensor:  # [batch, classes], [batch] -> [batch]
    """ℓ_i = (1 − p_y^q) / q: cross-entropy for q → 0, 1 − p_y for q = 1."""
    log_p = log_softmax(logits, dim=1).gather(1, label[:, None]).squeeze(1)
    return -(q * log_p).expm1() / q
