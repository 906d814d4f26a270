"""How far a sample stands from the labels it does not carry: an epoch's slices of AUM, TKUM, IAM and HM weight.

Everything is batched. With K = 2 classes a sample has one rival and no runner-up, so U and Ũ are 0 by definition.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def margin(logits: Tensor, label: Tensor) -> Tensor:  # [b, classes], [b] -> [b]
    """M = f_y − max_{c≠y} f_c: how far the label leads its strongest rival (the slice of AUM)."""
    own = logits.gather(1, label[:, None]).squeeze(1)
    return own - _rivals(logits, label, 1)[:, 0]


def runner_up_gap(logits: Tensor, label: Tensor, k: int) -> Tensor:  # [b, classes], [b] -> [b]
    """U = max_{c≠y} f_c − mean of the next k largest f_l, l ∉ {y, c}: how alone the rival stands (the slice of TKUM).

    A k beyond the classes that are left means all that are left.
    """
    rivals = _rivals(logits, label, 1 + k)
    rival, runners_up = rivals[:, 0], rivals[:, 1:]
    return rival - runners_up.mean(1) if runners_up.shape[1] else torch.zeros_like(rival)


def area_slice(margin: Tensor, gap: Tensor, alpha: float, beta: float) -> Tensor:
    """S = αM − βU: large for a clean label (the slice of IAM)."""
    return alpha * margin - beta * gap


def spherical_distances(features: Tensor, class_weights: Tensor) -> Tensor:  # [b, d], [classes, d] -> [b, classes]
    """d̂_q = (1 − cos∠(W_q, z)) / 2 in [0, 1]: small near class q."""
    return (1 - normalize(features, dim=1) @ normalize(class_weights, dim=1).T) / 2


def spherical_margins(distance: Tensor, label: Tensor, k: int) -> tuple[Tensor, Tensor]:  # [b, classes] -> [b], [b]
    """M̃ = d̂_y − min_{c≠y} d̂_c and Ũ = min_{c≠y} d̂_c − mean of the next k smallest (≤ 0).

    On the sphere near takes the place of large, so these are M and U of the negated distances, negated.
    """
    return -margin(-distance, label), -runner_up_gap(-distance, label, k)


def hyperspherical_slice(margin: Tensor, gap: Tensor, alpha: float, beta: float) -> Tensor:
    """S_h = ½ (sigmoid(−α M̃) + exp(β Ũ)) in (0, 1): large for a clean label (paper eq. 12)."""
    return (torch.sigmoid(-alpha * margin) + torch.exp(beta * gap)) / 2


def _rivals(logits: Tensor, label: Tensor, count: int) -> Tensor:  # [batch, classes] -> [batch, ≤ count], falling
    others = logits.scatter(1, label[:, None], -torch.inf)
    return others.topk(min(count, logits.shape[1] - 1), dim=1).values
