"""Categorical cross-entropy, the plain method."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy


def item_loss(logits: Tensor, label: Tensor) -> Tensor:  # [batch, classes], [batch] -> [batch]
    """ℓ_i = −log softmax(f_i)[y_i], un-reduced so that a weigher can multiply it."""
    return cross_entropy(logits, label, reduction="none")
