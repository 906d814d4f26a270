"""Forward-corrected cross-entropy: the network says what is true, and chance may have given some of the labels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import log_softmax


def item_loss(logits: Tensor, label: Tensor, excused: float) -> Tensor:  # [batch, classes], [batch] -> [batch]
    """ℓ_i = −ln((1 − e) p_y + e / K): how unlikely the label is when a share e of all labels is drawn from all classes.

    Its gradient is that of cross-entropy times the probability that the label was not drawn. A label that nothing in
    the image speaks for is given up; it costs ln(K / e) and teaches no more.
    """
    log_p = log_softmax(logits, dim=1).gather(1, label[:, None]).squeeze(1)
    drawn = torch.full_like(log_p, math.log(excused / logits.shape[1]))
    return -torch.logaddexp(math.log1p(-excused) + log_p, drawn)
