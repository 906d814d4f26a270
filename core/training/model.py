"""The model a user downloads: weights, what is needed to rebuild it, and a card whose code runs without labelaudit."""

from __future__ import annotations

import inspect
import json
import sys
from dataclasses import dataclass

from safetensors.torch import save

from core.spec import Plan
from core.training.catalogue import OWN
from core.training.events import Result
from core.training.networks import Network, blueprint


@dataclass(frozen=True)
class ModelFile:
    """One downloadable file."""

    name: str
    content: bytes


def model_files(result: Result, plan: Plan, classes: tuple[str, ...]) -> tuple[ModelFile, ...]:
    """The files named in `core.spec.MODEL_FILES`, in that order."""
    kind, arguments = blueprint(plan.network, len(classes), plan.channels)
    config = {
        "network": plan.network,
        "arguments": arguments,
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
        ModelFile("README.md", _card(result, plan, classes, kind).encode()),
    )


def _card(result: Result, plan: Plan, classes: tuple[str, ...], kind: type[Network]) -> str:
    colours = "grey" if plan.channels == 1 else "RGB"
    if result.test_accuracy_last is None or result.test_accuracy_best is None:
        accuracy = "not measured: the dataset had no split to hold out"
    else:
        accuracy = f"{result.test_accuracy_last:.2%} after the last epoch, {result.test_accuracy_best:.2%} at best"
    weighing = "hyperspherical margin weights" if plan.weigher == "hmw" else "equal weights"
    published = "" if plan.network in OWN else "`torchvision`, "
    start = "fresh" if plan.weights == "none" else "published" if plan.weights == "default" else f"`{plan.weights}`"
    return CARD.format(
        network=plan.network,
        kind=kind.__name__,
        published=published,
        classes=len(classes),
        samples=result.ledger.samples,
        method=plan.method,
        weighing=weighing,
        start=start,
        epochs=plan.epochs,
        seed=plan.seed,
        accuracy=accuracy,
        resolution=plan.resolution,
        colours=colours,
        channels=plan.channels,
        code=_code(kind),
    )


def _code(kind: type[Network]) -> str:
    """The source of the network's module without its docstring, so that the card cannot disagree with it."""
    return inspect.getsource(sys.modules[kind.__module__]).split('"""', 2)[2].strip()


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


CARD = """\
# Image classifier with {classes} classes

The `{network}` network, trained on {samples} samples whose labels were audited in the same run.

- Training: {method}, {weighing}, {epochs} epochs from {start} weights, seed {seed}.
- Test accuracy: {accuracy}.
- Input: {colours} images of {resolution} × {resolution} pixels, resized with antialiasing.
- Class names are in `labels.json`, in the order of the logits.

## Use it

It needs `torch`, {published}`safetensors` and `numpy` only; run it beside the files.

```python
{code}


import json

import numpy as np
from safetensors.torch import load_file

with open("config.json", encoding="utf-8") as file:
    config = json.load(file)
with open("labels.json", encoding="utf-8") as file:
    labels = json.load(file)
network = {kind}(**config["arguments"])
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
