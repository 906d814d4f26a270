"""Any classification model of torchvision with a classifier of our own, trained as a whole or frozen below its head."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.ops import StochasticDepth

HIDDEN = 256  # units of a head with a layer of its own
LENGTH = 3.0  # of the features that a classifier learns from: a step of rate 0.1 is stable
WITHOUT_AUXILIARY = {"aux_logits": False, "init_weights": False, "transform_input": True}
OPTIONS: dict[str, dict[str, bool]] = {"googlenet": WITHOUT_AUXILIARY, "inception_v3": WITHOUT_AUXILIARY}


class TorchvisionNet(nn.Module):
    """The model up to its last layer, which is replaced by a bias-free classifier; grey images are read as RGB.

    Nothing is dropped at random: what a sample's training passes say of it is evidence, and that is to be the opinion
    of the whole network, and the same whenever the run is repeated.
    """

    def __init__(self, model: str, classes: int, channels: int) -> None:
        super().__init__()
        self.backbone = get_model(model, weights=None, **OPTIONS.get(model, {}))
        self.channels = channels
        layers = [(name, layer) for name, layer in self.backbone.named_modules() if hasattr(layer, "weight")]
        self.replaced, last = [(name, layer) for name, layer in layers if isinstance(layer, nn.Linear | nn.Conv2d)][-1]
        self.backbone.set_submodule(self.replaced, nn.Identity())
        for layer in self.backbone.modules():
            if isinstance(layer, nn.Dropout | StochasticDepth):
                layer.p = 0.0
        self.classifier = nn.Linear(last.weight.shape[1], classes, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [batch, channels, h, w] -> [batch, classes], [batch, d]
        features = self.features(x)
        return self.classifier(features), features

    def features(self, x: Tensor) -> Tensor:  # [batch, channels, h, w] -> [batch, d]
        """What the classifier reads."""
        seen: Tensor = self.backbone(x.expand(-1, 3, -1, -1) if self.channels == 1 else x)
        return seen

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As ever; weights from a file come without the versions of their layers, which are the present ones."""
        own: Any = self.state_dict()  # torch hangs the versions on it, which no type tells
        stamped: Any = OrderedDict(state_dict)
        stamped._metadata = own._metadata
        return super().load_state_dict(stamped, strict, assign)


class FrozenNet(TorchvisionNet):
    """Only a head learns, on features of one scale; the model below it stays at rest, also in training.

    The head is the classifier, or the classifier after one hidden layer. What the model makes of an image never
    changes, so features may be given in the place of images.
    """

    scale: Tensor  # [d]

    def __init__(self, model: str, classes: int, channels: int, hidden: int) -> None:
        super().__init__(model, classes, channels)
        self.backbone.requires_grad_(False)
        self.width = self.classifier.in_features
        self.register_buffer("scale", torch.ones(self.width))
        self.hidden: nn.Module = nn.Identity()
        if hidden:
            self.hidden = nn.Sequential(nn.Linear(self.width, hidden), nn.SiLU())
            self.classifier = nn.Linear(hidden, classes, bias=False)
        self.train()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # images, or what `raw` made of them
        features = self.hidden((x if x.ndim == 2 else self.raw(x)) * self.scale)
        return self.classifier(features), features

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Bring every feature of such images to the same spread, and all together to a length that learns well."""
        raw = x if x.ndim == 2 else self.raw(x)
        spread = raw.std(0)
        scaled = raw / torch.where(spread > 1e-6, spread, 1.0)
        length = scaled.square().sum(1).mean().sqrt().clamp_min(1e-6)
        self.scale.copy_(LENGTH / length / torch.where(spread > 1e-6, spread, 1.0))

    def train(self, mode: bool = True) -> FrozenNet:
        super().train(mode)
        self.backbone.eval()
        return self

    @torch.no_grad()
    def raw(self, x: Tensor) -> Tensor:  # [batch, channels, h, w] -> [batch, d]
        """What the model makes of images."""
        return self.features(x).float()
