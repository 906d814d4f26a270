"""Whether several processes that train together rank as one process does, and what it costs them in time.

    python -m bench.company [--processes 2] [--seeds 2] [--rate 0.08] [--epochs N]
                            [--data cifar10-train.parquet [--samples 3000]]

On a CPU all share the same cores, so the time says what keeping company costs, not what devices of their own would win.
The yardstick is one process with another seed: rankings of two seeds differ, and those of two companies may as much.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in a worker

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.datasets import load_digits

from bench.images import read, subset
from bench.record import record, show
from core.science.noise import symmetric
from core.science.verdict import judge
from core.spec import AuditSpec, DatasetFacts, Plan
from core.training.company import ALONE, Company, join
from core.training.host import settle
from core.training.loader import TrainingData
from core.training.loop import Run, Tick
from core.training.plan import resolve

CPU = torch.device("cpu")
FEWEST_EACH = 4
Integers = NDArray[np.int64]
Said = tuple[NDArray[np.float64], NDArray[np.float64], float]  # mean margin, score, seconds of training


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.company", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rate", type=float, default=0.08)
    parser.add_argument("--epochs", type=int, help="instead of the plan's")
    parser.add_argument("--data", type=Path, help="instead of digits: Parquet with image and label, or a zip")
    parser.add_argument("--samples", type=int, default=3000, help="of that")
    parser.add_argument("--unrecorded", action="store_true", help="leave bench/results as it is")
    args = parser.parse_args(argv)
    runs = [measure(args, seed) for seed in range(args.seeds)]
    mean = {name: round(statistics.mean(run[name] for run in runs), 4) for name in runs[0]}
    name = args.data.name if args.data else "digits"
    rows = [(figure, *(run[figure] for run in runs), mean[figure]) for figure in mean]
    seeds = [f"seed {seed}" for seed in range(args.seeds)]
    show(f"{name}: {args.processes} processes against one", ("", *seeds, "mean"), rows)
    if not args.unrecorded:
        facts = {**vars(args), "data": name, "check": name}
        record("company", facts, {"mean": mean, "runs": runs})
    return 0


def measure(args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One seed's rankings: by one process, by several, and by one with another seed."""
    data, flipped, plan = asked(args, seed)
    margins, score, seconds = trained(data, plan, ALONE)
    theirs = together(data, plan)
    other = trained(data, plan.model_copy(update={"seed": seed + 1000}), ALONE)
    planted = int(flipped.sum())

    def found(scores: NDArray[np.float64]) -> set[int]:
        return set(np.argsort(-scores, kind="stable")[:planted].tolist())

    wrong = set(np.flatnonzero(flipped).tolist())
    return {
        "processes": plan.processes,
        "aum rho": _rho(margins, theirs[0]),
        "aum rho, seeds": _rho(margins, other[0]),
        "score rho": _rho(score, theirs[1]),
        "score rho, seeds": _rho(score, other[1]),
        "overlap": round(len(found(score) & found(theirs[1])) / planted, 4),
        "overlap, seeds": round(len(found(score) & found(other[1])) / planted, 4),
        "found": round(len(found(theirs[1]) & wrong) / planted, 4),
        "found by one": round(len(found(score) & wrong) / planted, 4),
        "time ratio": round(theirs[2] / seconds, 3),
        "seconds by one": round(seconds, 1),
    }


def asked(args: argparse.Namespace, seed: int) -> tuple[TrainingData, NDArray[np.bool_], Plan]:
    """Images with planted wrong labels, which they are, and the plan of their audit."""
    if args.data is None:
        digits = load_digits()
        images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
        labels, names = digits.target.astype(np.int64), tuple("0123456789")
        facts = DatasetFacts(samples={"train": len(images)}, classes=10, median_side=8, grey=True)
        plan = _plan(args, facts, seed)
    else:
        pictures = read(args.data)
        index = subset(pictures.labels, args.samples, "all", seed)
        labels, names = pictures.labels[index], pictures.classes
        plan = _plan(args, pictures.facts(len(index)), seed)
        images = pictures.arrays(plan.resolution, plan.channels)[index]
    noise = symmetric(labels, len(names), args.rate, seed=seed)
    return TrainingData(images, noise.labels, names), noise.flipped, plan


def trained(data: TrainingData, plan: Plan, company: Company) -> Said:
    """What a run says; the clock starts at its second step, when everything is loaded."""
    settle(CPU, max(1, plan.threads // company.size))
    run, began = Run(data, plan, CPU, company=company), 0.0
    for event in run:
        if not began and isinstance(event, Tick):
            began = time.perf_counter()
    seconds = time.perf_counter() - began
    evidence = run.result().evidence()
    return evidence.aum, judge(evidence, data.labels).score, seconds


def together(data: TrainingData, plan: Plan) -> Said:
    """What several processes say, which are started for this."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        pipes = [context.Pipe(duplex=False) for _ in range(plan.processes)]
        processes = [
            context.Process(target=_one, args=(rank, data, plan, f"{folder}/store", pipe))
            for rank, (_, pipe) in enumerate(pipes)
        ]
        for process in processes:
            process.start()
        said: list[Said] = [ours.recv() for ours, _ in pipes]
        for process in processes:
            process.join()
    return said[0]


def _one(rank: int, data: TrainingData, plan: Plan, store: str, pipe: Connection) -> None:
    pipe.send(trained(data, plan, join(rank, plan.processes, CPU, Path(store))))


def _plan(args: argparse.Namespace, facts: DatasetFacts, seed: int) -> Plan:
    cores = len(os.sched_getaffinity(0))
    spec = AuditSpec(seed=seed, epochs=args.epochs)
    return resolve(spec, facts, "cpu", cores, processes=args.processes, each=FEWEST_EACH)


def _rho(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return round(float(spearmanr(first, second).statistic), 4)


if __name__ == "__main__":
    sys.exit(main())
