"""The model a user downloads: weights, what is needed to rebuild it, and a card whose code runs without labelaudit."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass

from safetensors.torch import save

from core.spec import Plan
from core.training import networks
from core.training.loop import Result


@dataclass(frozen=True)
class ModelFile:
    """One downloadable file."""

    name: str
    content: bytes


def model_files(result: Result, plan: Plan, classes: tuple[str, ...]) -> tuple[ModelFile, ...]:
    """The files named in `core.spec.MODEL_FILES`, in that order."""
    config = {
        "network": plan.network,
        "widths": list(networks.WIDTHS[plan.network]),
        "classes": len(classes),
        "channels": plan.channels,
        "resolution": plan.resolution,
        "mean": list(result.scale.mean),
        "std": list(result.scale.std),
    }
    return (
        ModelFile("model.safetensors", save(result.weights)),
        ModelFile("config.json", _json(config)),
        ModelFile("labels.json", _json(list(classes))),
        ModelFile("README.md", _card(result, plan, classes).encode()),
    )


def _card(result: Result, plan: Plan, classes: tuple[str, ...]) -> str:
    colours = "grey" if plan.channels == 1 else "RGB"
    if result.test_accuracy_last is None or result.test_accuracy_best is None:
        accuracy = "not measured: the dataset had no split to hold out"
    else:
        accuracy = f"{result.test_accuracy_last:.2%} after the last epoch, {result.test_accuracy_best:.2%} at best"
    weighing = "hyperspherical margin weights" if plan.weigher == "hmw" else "equal weights"
    return CARD.format(
        network=plan.network,
        classes=len(classes),
        samples=result.ledger.samples,
        method=plan.method,
        weighing=weighing,
        epochs=plan.epochs,
        seed=plan.seed,
        accuracy=accuracy,
        resolution=plan.resolution,
        colours=colours,
        channels=plan.channels,
        code=_network_code(),
    )


def _network_code() -> str:
    """The networks' own source without its opening docstring, so that the card cannot disagree with it."""
    return inspect.getsource(networks).split('"""', 2)[2].strip()


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


CARD = """\
# Image classifier with {classes} classes

The `{network}` network, trained on {samples} samples whose labels were audited in the same run.

- Training: {method}, {weighing}, {epochs} epochs, seed {seed}.
- Test accuracy: {accuracy}.
- Input: {colours} images of {resolution} × {resolution} pixels, resized with antialiasing.
- Class names are in `labels.json`, in the order of the logits.

## Use it

It needs `torch`, `safetensors` and `numpy` only; run it beside the files.

```python
{code}


import json

import numpy as np
from safetensors.torch import load_file

with open("config.json", encoding="utf-8") as file:
    config = json.load(file)
with open("labels.json", encoding="utf-8") as file:
    labels = json.load(file)
network = PreActResNet(tuple(config["widths"]), config["classes"], config["channels"])
network.load_state_dict(load_file("model.safetensors"))
network.eval()


@torch.no_grad()
def logits_of(images: np.ndarray) -> Tensor:  # uint8 [n, {resolution}, {resolution}, {channels}] -> [n, {classes}]
    x = torch.from_numpy(images).float() / 255
    x = (x - torch.tensor(config["mean"])) / torch.tensor(config["std"])
    return network(x.permute(0, 3, 1, 2))[0]


images = np.zeros((1, {resolution}, {resolution}, {channels}), dtype=np.uint8)  # your images here
print([labels[best] for best in logits_of(images).argmax(1).tolist()])
```
"""
