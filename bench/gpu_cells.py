"""What `python -m bench.gpu` has to do, in the order of its value; importable without torch."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.record import RESULTS, commit, machine
from core.spec import AuditSpec, DatasetFacts, Plan
from core.training.plan import resolve

Figures = dict[str, Any]

KEPT = RESULTS / "gpu"  # finished cells that docs/benchmarks.md is made from
SEEDS = (0, 1)
VARIANTS: dict[str, dict[str, Any]] = {  # the most telling first
    "hmw-norm": {"weigher": "hmw", "logit_normalisation": True},  # what the authors' code does
    "cce": {"weigher": "none", "logit_normalisation": False},
    "hmw": {"weigher": "hmw", "logit_normalisation": False},  # what the paper's equations say
    "cce-norm": {"weigher": "none", "logit_normalisation": True},
}
TITLES = {
    "hmw-norm": "CCE + HMW, normalised logits",
    "cce": "CCE",
    "hmw": "CCE + HMW",
    "cce-norm": "CCE, normalised logits",
}
NOISES = ("sym:0.5", "sym:0.2", "asym:0.4")
PUBLISHED = {  # test accuracy in %, table 1 of the paper; it does not say whether of the best epoch or of the last
    "sym:0.5": {"cce": 57.9, "hmw": 89.8, "hmw-norm": 89.8},
    "sym:0.2": {"cce": 82.7, "hmw": 93.2, "hmw-norm": 93.2},
    "asym:0.4": {"cce": 76.0, "hmw": 85.6, "hmw-norm": 85.6},
}


@dataclass(frozen=True)
class Training:
    """A run of the paper's recipe on CIFAR-10."""

    noise: str
    variant: str
    seed: int


@dataclass(frozen=True)
class Cell:
    """A piece of work whose result is one small file."""

    name: str
    about: str
    seconds: float  # a check's; how long a training takes depends on the pace of the machine
    training: Training | None = None


@dataclass(frozen=True)
class Scale:
    """The real thing, or the same in miniature to try the command itself."""

    name: str
    network: str
    epochs: int
    batch: int
    samples: int | None  # that the training set must hold
    test_samples: int | None
    synthetic: int  # images of the checks
    side: int  # of the matrices whose product is the ceiling
    turns: int  # of each training that is timed
    steps: int  # of a turn, at whose end a GPU is waited for
    sharing: tuple[int, ...]  # how many trainings are timed at once
    fewest_s: float  # left, for a training to be begun or gone on with
    leaving_s: float  # before the end, to put trainings aside


FULL = Scale("full", "preact-resnet18", 250, 128, 50_000, 10_000, 50_000, 8192, 30, 8, (2, 3), 45.0, 12.0)
TINY = Scale("tiny", "small", 2, 16, None, None, 64, 64, 2, 2, (), 0.0, 1.0)


def cells(scale: Scale) -> list[Cell]:
    """All of them, the most valuable first."""
    checks = [
        Cell("ledger", "the ledger, the crops and one pass compute what the CPU does", 40 if scale == FULL else 0),
        Cell("resume", "a repeated and a resumed run end with the same bits", 60 if scale == FULL else 0),
        Cell("speed", "images/s, share of the ceiling, what HMW costs, sharing", 120 if scale == FULL else 0),
    ]
    trainings = [
        Cell(
            f"{noise.replace(':', '-')}-{variant}-{seed}",
            f"{noise}, {TITLES[variant]}, seed {seed}",
            0,
            Training(noise, variant, seed),
        )
        for noise in NOISES
        for seed in SEEDS
        for variant in VARIANTS
    ]
    return checks + trainings


def plan_of(training: Training, scale: Scale, samples: int, side: int, device: str, *, bf16: bool) -> Plan:
    """The paper's run: its recipe without our decoys; its entropy term where it weighs under asymmetric noise."""
    facts = DatasetFacts(samples={"train": samples, "test": 1}, classes=10, median_side=side, grey=False)
    asked = AuditSpec(
        recipe="paper", network=scale.network, epochs=scale.epochs, seed=training.seed, **VARIANTS[training.variant]
    )
    penalised = training.noise.startswith("asym") and asked.weigher == "hmw"
    return resolve(asked, facts, device, cores=1, bf16=bf16).model_copy(
        update={
            "batch": scale.batch,
            "resolution": side,
            "pad": max(1, side // 8),
            "decoy_share": 0.0,
            "entropy_penalty": float(penalised),
        }
    )


def finished(cell: Cell, scale: Scale, device: str, *folders: Path) -> dict[str, Any] | None:
    """The result of a cell at this scale on such a device, from the first folder that has one."""
    for folder in folders:
        file = folder / f"{cell.name}.json"
        if file.exists():
            found: dict[str, Any] = json.loads(file.read_text())
            if found["args"] == _args(cell, scale, device):
                return found
    return None


def keep(out: Path, cell: Cell, scale: Scale, device: str, figures: Figures) -> None:
    """Write the result of a cell."""
    line = {
        "bench": "gpu",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "args": _args(cell, scale, device),
        "result": figures,
    }
    replaced(out / f"{cell.name}.json", json.dumps(line, ensure_ascii=False).encode() + b"\n")


def replaced(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(file)


def _args(cell: Cell, scale: Scale, device: str) -> dict[str, str]:
    return {"cell": cell.name, "scale": scale.name, "device": device}
