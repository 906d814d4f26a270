"""How long it takes to find the nearest of every sample and to lay out the map, and how many of the nearest are found.

    python -m bench.likeness [--samples 10000 50000] [--width 256] [--groups 100] [--threads 2] [--device cpu|cuda]

Features are directions around common centres, of which some are close to each other, as those of a trained network.
The recall of the search through cells is counted on 200 samples, against an exact search.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in a worker

import numpy as np
import torch

from bench.record import record, show
from core.science import layout, neighbours
from core.science.neighbours import Features, Near, nearest, recall
from core.store.likeness import OF_ALL
from core.training.host import settle

BLOCK = 65_536


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.likeness", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--groups", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    args = parser.parse_args(argv)
    device = torch.device(args.device)
    settle(device, args.threads)
    load_before = os.getloadavg()[0]
    result = {f"{samples} samples": measure(samples, args, device) for samples in args.samples}
    record("likeness", vars(args), {**result, "load_before": round(load_before, 2), "load_after": _load()})
    columns = ("", "exact s", "through cells s", "recall", "map s", "peak MB")
    show("likeness", columns, [(name, *figures.values()) for name, figures in result.items()])
    return 0


def measure(samples: int, args: argparse.Namespace, device: torch.device) -> dict[str, float | None]:
    """All that is done for so many samples."""
    features = made(samples, args.width, args.groups)
    everybody = np.arange(samples)

    def search() -> Near:
        return nearest(features, everybody, everybody, OF_ALL, device, lambda: None)

    exact_s = None
    if neighbours.is_exact(samples, samples, args.width, device):
        _, exact_s = timed(search)
    allowed = neighbours.WORK[device.type]
    neighbours.WORK[device.type] = 0
    near, cells_s = timed(search)
    neighbours.WORK[device.type] = allowed
    _, map_s = timed(lambda: layout.laid_out(features, near, device, lambda: None))
    return {
        "exact_s": exact_s,
        "cells_s": cells_s,
        "recall": round(recall(features, near, device, lambda: None), 4),
        "map_s": map_s,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def made(samples: int, width: int, groups: int) -> Features:
    """Directions around centres that lie in a few dimensions, so that some are close; noise of different size."""
    generator = np.random.default_rng(0)
    plane = generator.normal(size=(12, width))
    centres = generator.normal(size=(groups, 12)) @ plane
    features = np.empty((samples, width), np.float16)
    for start in range(0, samples, BLOCK):
        count = min(BLOCK, samples - start)
        rows = centres[generator.integers(0, groups, count)]
        rows = rows + generator.gamma(4, 0.4, (count, 1)) * generator.normal(size=(count, width))
        features[start : start + count] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return features


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    done = work()
    return done, round(time.perf_counter() - began, 2)


def _load() -> float:
    return round(os.getloadavg()[0], 2)


if __name__ == "__main__":
    sys.exit(main())
