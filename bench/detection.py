"""How well wrong labels are found: our default audit beside what others make of the same network, epochs and batch.

    python -m bench.detection --data cifar10-train.parquet [--test cifar10-test.parquet] [--noise sym:0.2 …]
                              [--seeds 3] [--half second] [--budget 120] [--json OUT]

Kinds of noise: sym:r redraws over all classes, symx:r over the others, asym:r and pair:r between fixed classes,
instance:r by the pixels, none. A cell (noise, seed, row) that is done is kept, so a grid that was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in a worker

import numpy as np
import torch

from bench import audited, baselines, kept, peers
from bench.images import Pictures, read, subset
from bench.record import record
from bench.rows import OURS, Figures, Row, Setting, Truth, figures
from bench.runs import Said, Task
from bench.table import table
from bench.targets import targets
from core.science.noise import from_name
from core.spec import AuditSpec
from core.training.loader import TrainingData

GRID = ("sym:0.2", "sym:0.5", "asym:0.4", "instance:0.4", "none")
SAMPLES = 10_000
KINDS: dict[str, Callable[[Task], list[Said]]] = {
    "audit": audited.audited,
    "plain": baselines.plain,
    "published": baselines.published,
    "cv-compute": baselines.at_equal_compute,
    "cv-epochs": baselines.at_equal_epochs,
}
ROWS = {  # which kind of run says it
    OURS: "audit",
    "iam": "published",
    "hm weight": "published",
    "aum": "plain",
    "our aum": "plain",
    "mean loss": "plain",
    "final loss": "plain",
    "final loss (evaluation)": "plain",
    **{
        f"cleanlab {score}, equal {what}": f"cv-{what}"
        for what in ("compute", "epochs")
        for score in ("self-confidence", "normalised margin")
    },
}


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    rows = _rows(args.rows)
    for package in ("aum", "cleanlab"):
        if any(name.startswith(package) for name in rows):
            peers.need(package)
    grid = Grid(args, rows)
    settings = []
    for noise in args.noise or GRID:
        settings.append(grid.setting(noise))
        print("\n".join(table(settings[-1])), flush=True)
    lines = targets(settings, grid.samples)
    measured = [line for line in lines if line["met"] is not None]
    print("\ntargets")
    for line in measured:
        print(f"  {'met   ' if line['met'] else 'missed'}  {line['target']}: {line['value']}")
    if args.json:
        args.json.write_text(json.dumps({"settings": [setting.as_json() for setting in settings]}, indent=1) + "\n")
    if not args.unrecorded:
        for setting in settings:
            check = f"{grid.pictures.name} {grid.samples} {args.half} {setting.noise}"
            record("detection", {"check": check, **grid.facts}, setting.as_record())
    return 0


class Grid:
    """The cells of one data set: each is computed once and kept."""

    def __init__(self, args: argparse.Namespace, rows: list[str]) -> None:
        self.args, self.rows = args, rows
        self.device = torch.device(args.device)
        self.seeds = list(range(args.first_seed, args.first_seed + args.seeds))
        self.pictures = read(args.data)
        self.test = read(args.test) if args.test else None
        self._made: set[Path] = set()  # cells of this very grid
        self.samples = len(subset(self.pictures.labels, args.samples or None, args.half, 0))
        asked = ("half", "seeds", "first_seed", "epochs", "budget", "network", "side", "folds")
        self.facts = {"data": self.pictures.name, "samples": self.samples} | {name: vars(args)[name] for name in asked}

    def setting(self, noise: str) -> Setting:
        """All seeds and rows of one kind of noise."""
        runs: dict[str, list[Figures]] = {name: [] for name in self.rows}
        realised = []
        for seed in self.seeds:
            task, labels = task_of(self.args, self.pictures, self.test, seed, self.device)
            made = from_name(noise, task.data.images, labels, len(task.data.classes), seed)
            task = replace(task, data=replace(task.data, labels=made.labels))
            truth = Truth(labels, made.flipped, self._lateness(task, labels, seed))
            realised.append(made.rate)
            for kind in dict.fromkeys(ROWS[name] for name in self.rows):
                wanted = [name for name in self.rows if ROWS[name] == kind]
                said = self._cell(kind, task, wanted, f"{noise} seed {seed}")
                for name in wanted:
                    runs[name].append(figures(said[name], truth))
        return Setting(noise, realised, self.seeds, [Row(name, runs[name]) for name in self.rows])

    def _lateness(
        self, task: Task, labels: np.ndarray[Any, np.dtype[np.int64]], seed: int
    ) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """How late a plain run on the true labels learns each sample."""
        if self.args.skip_hard:
            return None
        clean = replace(task, data=replace(task.data, labels=labels))
        return self._cell("plain", clean, ["lateness"], f"true labels seed {seed}")["lateness"].score

    def _cell(self, kind: str, task: Task, wanted: Sequence[str], where: str) -> dict[str, Said]:
        """What a kind of run says; kept unless it was asked for again or lacks a row."""
        work = KINDS[kind]
        file = self.args.work / f"{kept.key(kind, work.__module__, task)}.npz"
        fresh = file in self._made or not self.args.again
        said = kept.load(file) if fresh else None
        if said is None or not set(wanted) <= {row.name for row in said}:
            began = time.perf_counter()
            said = work(task)
            kept.save(file, said)
            self._made.add(file)
            print(f"{where}: {kind} {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        return {row.name: row for row in said}


def task_of(
    args: argparse.Namespace, pictures: Pictures, test: Pictures | None, seed: int, device: torch.device
) -> tuple[Task, np.ndarray[Any, np.dtype[np.int64]]]:
    """The audit of a seed's samples with their true labels."""
    index = subset(pictures.labels, args.samples or None, args.half, seed)
    asked = AuditSpec(seed=seed, epochs=args.epochs, budget_s=args.budget, network=args.network)
    plan = audited.planned(asked, pictures.facts(len(index)), device, args.side)
    labels = pictures.labels[index]
    asked_of = subset(test.labels, args.test_samples or None, "all", 0) if test else None
    data = TrainingData(
        images=pictures.arrays(plan.resolution, plan.channels)[index],
        labels=labels,
        classes=pictures.classes,
        test_images=test.arrays(plan.resolution, plan.channels)[asked_of] if test else None,
        test_labels=test.labels[asked_of] if test else None,
    )
    return Task(data, plan, device, args.folds), labels


def _rows(asked: list[str] | None) -> list[str]:
    """All rows, or those that are named or whose names begin so, in the order of the table."""
    if asked is None:
        return list(ROWS)
    chosen: set[str] = set()
    for word in asked:
        found = {word} if word in ROWS else {name for name in ROWS if name.startswith(word)}
        if not found:
            raise SystemExit(f"There is no such row: {word}. There are: {', '.join(ROWS)}.")
        chosen |= found
    return [name for name in ROWS if name in chosen]


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.detection", description=(__doc__ or "").partition("\n")[0])
    add_task(parser)
    parser.add_argument("--noise", action="append", help=f"may be repeated; without it {' '.join(GRID)}")
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="only these rows, or those whose names begin so")
    parser.add_argument("--skip-hard", action="store_true", help="save the run on true labels, and its column")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--work", type=Path, default=kept.default_folder(), help="where finished cells are kept")
    parser.add_argument("--again", action="store_true", help="also cells that are kept")
    parser.add_argument("--unrecorded", action="store_true", help="leave bench/results as it is")
    return parser.parse_args(argv)


def add_task(parser: argparse.ArgumentParser) -> None:
    """The arguments that say what is audited, and how."""
    parser.add_argument(
        "--data", type=Path, required=True, help="Parquet with image and label, or a zip of class folders"
    )
    parser.add_argument("--test", type=Path, help="images of the same kind, for the accuracy")
    parser.add_argument("--test-samples", type=int, default=0, help="a share alike of each class; 0 for all")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="a share alike of each class; 0 for all")
    parser.add_argument("--half", choices=("first", "second", "all"), default="all", help="of each class in file order")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--first-seed", type=int, default=10)
    parser.add_argument("--epochs", type=int, help="instead of the plan's")
    parser.add_argument("--budget", type=int, help="seconds that the plan may use")
    parser.add_argument("--network", help="instead of the plan's")
    parser.add_argument("--side", type=int, help="pixels, instead of the plan's")
    parser.add_argument("--folds", type=int, default=5, help="of cross-validation")
    parser.add_argument("--device", default="cpu")


if __name__ == "__main__":
    sys.exit(main())
