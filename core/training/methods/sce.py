"""Symmetric cross-entropy: the label must explain the prediction, too."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import log_softmax

CLIPPED = 9.210340371976182  # −ln 1e-4, which stands for −ln 0 in the reverse term


def item_loss(logits: Tensor, label: Tensor, a: float, b: float) -> Tensor:  # [batch, classes], [batch] -> [batch]
    """ℓ_i = a·CE_i + b·RCE_i, RCE_i = −Σ_c p_c ln(clip(onehot(y)_c)) = 9.21 (1 − p_y)."""
    log_p = log_softmax(logits, dim=1).gather(1, label[:, None]).squeeze(1)
    return -a * log_p - b * CLIPPED * log_p.expm1()
