"""VGG-19 with batch normalisation, for images of any size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # width and number of convolutions


class VGG19(nn.Module):
    """Sixteen convolutions in five stages, each followed by pooling, and a bias-free classifier on their average.

    Its layers are named as torchvision names those of `vgg19_bn`, so that weights of the one fit the other.
    """

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for width, convolutions in STAGES:
            for _ in range(convolutions):
                layers += [nn.Conv2d(inputs, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU()]
                inputs = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(inputs, classes, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [batch, channels, h, w] -> [batch, classes], [batch, d]
        features = torch.mean(self.features(x), (2, 3))
        return self.classifier(features), features
