"""What our training costs beside the network itself: the ledger and the weights, and everything together.

    python -m bench.overhead [--networks small fast] [--side 32] [--batch 128] [--repeats 30] [--device cpu]

Three trainings of the same network take turns, a few steps each, so that whatever else the machine does meets all of
them: the bare network on tensors that are ready, our loop without ledger and weights, and our loop with decoys, ledger
and weights. The figures are medians of the ratios within a turn; on a CPU, of the processor's time, which other work
on the machine does not lengthen.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bench.record import record, show
from core.science.ledger import Ledger
from core.spec import AuditSpec, DatasetFacts, Plan
from core.training.host import autocast, has_fast_bf16, settle
from core.training.loader import TrainingData
from core.training.loop import Run
from core.training.plan import resolve

CLASSES, WARM_UP = 10, 3


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=["fast", "small"])
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=30, help="turns of each training")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    device = torch.device(args.device)
    settle(device, args.threads)
    found = {name: measure(name, args, device) for name in args.networks}
    columns = ("network", *next(iter(found.values())))
    rows = [(name, *figures.values()) for name, figures in found.items()]
    show(f"{args.side} pixels, batches of {args.batch}, {args.device}", columns, rows)
    record("overhead", vars(args), found)
    return 0


def measure(network: str, args: argparse.Namespace, device: torch.device) -> dict[str, float]:
    """Seconds of a step of each training, and their ratios."""
    at_once = 8 if device.type == "cuda" else 2  # steps of a turn; a GPU is waited for at its end
    plan = _plan(network, args, device)
    data = _data(args.side, args.batch * at_once * (args.repeats + WARM_UP))
    trainings = {
        "bare": _bare(Run(data, plan, device), args.batch),
        "without": _ours(Blind(data, plan.model_copy(update={"weigher": "none", "decoy_share": 0.0}), device)),
        "with": _ours(Run(data, plan, device)),
    }
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    turns: dict[str, list[float]] = {name: [] for name in trainings}
    for turn in range(WARM_UP + args.repeats):
        for name, steps in trainings.items():
            began = clock()
            for _ in range(at_once):
                next(steps)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn >= WARM_UP:
                turns[name].append((clock() - began) / at_once)
    return {
        "bare ms": round(1000 * statistics.median(turns["bare"]), 2),
        "images/s": round(args.batch / statistics.median(turns["with"]), 1),
        "ledger and weights %": round(100 * (_ratio(turns["with"], turns["without"]) - 1), 1),
        "of the bare throughput %": round(100 * _ratio(turns["bare"], turns["with"]), 1),
    }


class Blind(Run):
    """A run that books nothing."""

    def _book(self, ledger: Ledger, *_evidence: Tensor) -> None:
        return


def _ours(run: Run) -> Iterator[Any]:
    return iter(run)  # a first epoch that is longer than the measurement, so every event is a step


def _bare(run: Run, batch: int) -> Iterator[None]:
    """The run's network and optimiser on one batch, over and over."""
    side = run.plan.resolution
    x = torch.randn(batch, run.plan.channels, side, side, device=run.device).to(memory_format=torch.channels_last)
    y = torch.arange(batch, device=run.device) % CLASSES
    run.network.train()
    while True:
        run.optimizer.zero_grad()
        with autocast(run.device, run.plan.precision):
            logits, _ = run.network(x)
        torch.autograd.backward(cross_entropy(logits.float(), y))
        run.optimizer.step(0.01)
        yield


def _ratio(these: list[float], those: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(these, those, strict=True))


def _plan(network: str, args: argparse.Namespace, device: torch.device) -> Plan:
    facts = DatasetFacts(samples={"": 50_000}, classes=CLASSES, median_side=args.side, grey=False)
    asked = AuditSpec(network=network, weigher="hmw")
    plan = resolve(asked, facts, device.type, args.threads, bf16=has_fast_bf16(device))
    return plan.model_copy(update={"batch": args.batch, "warmup_epochs": 0, "threads": args.threads})


def _data(side: int, samples: int) -> TrainingData:
    images = np.random.default_rng(0).integers(0, 256, (samples, side, side, 3), dtype=np.uint8)
    return TrainingData(images, np.arange(samples, dtype=np.int64) % CLASSES, tuple("0123456789"))


if __name__ == "__main__":
    sys.exit(main())
