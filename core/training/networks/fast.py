"""The fast network: a whitening stem that is computed, not learned, and three plain stages on half the side.

On two cores it reaches the accuracy of the `small` network in about a third of the time: its stem hands over patches
that are decorrelated from the first step on, and nothing is convolved at full resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, silu, unfold

PATCH = 4  # side of a patch of the stem, which moves by half of it


class Stage(nn.Module):
    """Convolve, normalise, activate, twice."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = silu(self.norm1(self.conv1(x)))
        return silu(self.norm2(self.conv2(x)))


class WhitenedNet(nn.Module):
    """Patches on a fixed whitening basis, stages with pooling between them, a bias-free classifier."""

    def __init__(self, widths: tuple[int, ...], classes: int, channels: int) -> None:
        super().__init__()
        basis = min(widths[0], channels * PATCH**2)
        self.stem = nn.Conv2d(channels, basis, PATCH, PATCH // 2, PATCH // 4, bias=False)
        self.stem.weight.requires_grad_(False)
        inputs = (basis, *widths[:-1])
        self.stages = nn.ModuleList(Stage(*shape) for shape in zip(inputs, widths, strict=True))
        self.classifier = nn.Linear(widths[-1], classes, bias=False)

    @torch.no_grad()
    def whiten(self, x: Tensor) -> None:  # [n, channels, h, w], normalised
        """Set the stem to the leading directions of the patches of x, each scaled to unit variance."""
        patches = unfold(x.double().cpu(), PATCH, stride=PATCH).transpose(1, 2).flatten(0, 1)
        patches = patches - patches.mean(0)
        variance, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
        basis = (directions / (variance + 5e-4).sqrt()).T.flip(0)[: len(self.stem.weight)]
        self.stem.weight.copy_(basis.reshape(self.stem.weight.shape))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [batch, channels, h, w] -> [batch, classes], [batch, d]
        x = silu(self.stem(x))
        for k, stage in enumerate(self.stages):
            x = stage(max_pool2d(x, 2) if k else x)
        features = x.mean((2, 3))
        return self.classifier(features), features
