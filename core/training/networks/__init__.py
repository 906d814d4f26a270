"""The networks that learn; each returns its logits and the features they were read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from core.training.catalogue import check
from core.training.networks.fast import WhitenedNet
from core.training.networks.preact import PreActResNet, PreActResNet18
from core.training.networks.vgg import VGG19

if TYPE_CHECKING:
    from core.training.networks.backbone import FrozenNet, TorchvisionNet

Network: TypeAlias = "PreActResNet | PreActResNet18 | WhitenedNet | VGG19 | TorchvisionNet | FrozenNet"

WIDTHS = {"small": (16, 32, 64), "fast": (32, 64, 128)}


def blueprint(name: str, classes: int, channels: int) -> tuple[type[Network], dict[str, Any]]:
    """The class of a network, and the arguments that make it: plain data, as a file can keep them."""
    check(name)
    shape: dict[str, Any] = {"classes": classes, "channels": channels}
    match name.partition(":"):
        case ("small", _, _):
            return PreActResNet, {"widths": WIDTHS["small"], **shape}
        case ("fast", _, _):
            return WhitenedNet, {"widths": WIDTHS["fast"], **shape}
        case ("preact-resnet18", _, _):
            return PreActResNet18, shape
        case ("vgg19-bn", _, _):
            return VGG19, shape
        case (source, _, model):
            from core.training.networks import backbone  # slow to import, seldom asked for

            shape["model"] = model
            if source == "torchvision":
                return backbone.TorchvisionNet, shape
            return backbone.FrozenNet, shape | {"hidden": backbone.HIDDEN if source == "frozen-mlp" else 0}


def build(name: str, classes: int, channels: int) -> Network:
    """A fresh network, initialised from torch's global generator."""
    kind, arguments = blueprint(name, classes, channels)
    return kind(**arguments)
