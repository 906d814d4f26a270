"""Small runs for the tests of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from core.spec import Plan
from core.training.loader import TrainingData
from core.training.loop import Event, Run

CPU = torch.device("cpu")
CLASSES = ("bar", "box", "dot")


def plan(**changes: Any) -> Plan:
    settled: dict[str, Any] = {
        "recipe": "auto",
        "method": "cce",
        "weigher": "hmw",
        "network": "small",
        "resolution": 8,
        "channels": 3,
        "epochs": 3,
        "batch": 16,
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "warmup_epochs": 1,
        "alpha": 3.0,
        "beta": 3.0,
        "pad": 1,
        "flip": True,
        "seed": 7,
        "threads": 2,
        "splits": ("train",),
        "reasons": (),
    }
    return Plan(**settled | changes)


def data(samples: int = 50, *, test: int = 20, channels: int = 3, seed: int = 0) -> TrainingData:
    """Three classes of noisy 8 × 8 images, each with its own bright place."""
    generator = np.random.default_rng(seed)
    labels = np.arange(samples + test, dtype=np.int64) % len(CLASSES)
    images = generator.integers(0, 120, (samples + test, 8, 8, channels), dtype=np.uint8)
    for i, label in enumerate(labels):
        images[i, 2 * label : 2 * label + 3] += 120
    return TrainingData(
        images[:samples],
        labels[:samples],
        CLASSES,
        images[samples:] if test else None,
        labels[samples:] if test else None,
    )


def finished(run: Run) -> list[Event]:
    return list(run)
