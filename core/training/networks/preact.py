"""Pre-activation residual networks: a small one, and the ResNet-18 that the literature on noisy labels compares by."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PreActBlock(nn.Module):
    """Normalise, activate, convolve, twice; the shortcut sees the activated input when the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        activated = torch.relu(self.norm1(x))
        kept = x if self.shortcut is None else self.shortcut(activated)
        y = self.conv1(activated)
        y = self.conv2(torch.relu(self.norm2(y)))
        return torch.add(y, kept)


class PreActResNet(nn.Module):
    """A pre-activation ResNet of three stages for small images, with a bias-free classifier."""

    def __init__(self, widths: tuple[int, ...], classes: int, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False)
        inputs = (widths[0], *widths[:-1])
        strides = (1, *[2] * (len(widths) - 1))
        self.stages = nn.Sequential(*(PreActBlock(*shape) for shape in zip(inputs, widths, strides, strict=True)))
        self.norm = nn.BatchNorm2d(widths[-1])
        self.classifier = nn.Linear(widths[-1], classes, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [batch, channels, h, w] -> [batch, classes], [batch, d]
        features = torch.relu(self.norm(self.stages(self.stem(x)))).mean((2, 3))
        return self.classifier(features), features


class PreActResNet18(nn.Module):
    """Four stages of two blocks as in the published code: a normalised stem, and no normalisation after the last."""

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 64, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(64)
        stages = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))  # inputs, outputs, stride
        self.stages = nn.Sequential(
            *(nn.Sequential(PreActBlock(*shape), PreActBlock(shape[1], shape[1], 1)) for shape in stages)
        )
        self.classifier = nn.Linear(512, classes, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [batch, channels, h, w] -> [batch, classes], [batch, d]
        features = self.stages(torch.relu(self.norm(self.stem(x)))).mean((2, 3))
        return self.classifier(features), features
