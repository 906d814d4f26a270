"""What determined a result: with it, an audit can be done again, and a difference has a name."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from core.spec import Plan, Record
from core.store.tables import Dataset
from worker.device import Machine

LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pillow", "pyarrow", "safetensors")
CODE = ("core", "worker")


def record(dataset: Dataset, plan: Plan, here: Machine, score_version: str, attempts: int) -> Record:
    """The record of an audit that ends here and now."""
    cuda = here.device.type == "cuda"
    return Record(
        labelaudit=version("labelaudit"),
        code=code(),
        score_version=score_version,
        data={"sha256": dataset.sha256, "content_hash": dataset.content_hash or ""},
        seed=plan.seed,
        device=here.name,
        device_kind=here.device.type,
        threads=torch.get_num_threads(),
        processes=plan.processes,
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        cuda=torch.version.cuda if cuda else None,
        attempts=attempts,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        libraries={name: version(name) for name in LIBRARIES} | {"torch": torch.__version__},
    )


@cache
def code() -> str:
    """A digest of our own source, whichever way it was installed."""
    digest, root = hashlib.sha256(), Path(__file__).resolve().parents[1]
    for file in sorted(file for folder in CODE for file in (root / folder).rglob("*.py")):
        digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()
