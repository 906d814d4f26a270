"""All that needs a GPU, in one command: is it right, how fast is it, and the published runs on CIFAR-10.

    python -m bench.gpu [--data part1.parquet part2.parquet … --test test.parquet] [--minutes 9] [--out FOLDER]
    python -m bench.gpu --device cpu --tiny …      # the command itself, in miniature

The most valuable cell comes first. A cell that has a result in --out or in bench/results/gpu is not done again; what is
half trained when the time is up goes on in the next call on the same machine. It needs torch, numpy, pyarrow, pillow,
pydantic and safetensors, nothing of the web. Where there is no git, BENCH_COMMIT says what is measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from bench.gpu_cells import FULL, KEPT, TINY, Cell, Figures, Scale, cells, finished, keep
from bench.gpu_checks import ledger, resume
from bench.gpu_data import given, missing
from bench.gpu_speed import FLOOR, best_together, speed
from bench.gpu_training import Job, here, share_done, together
from bench.markdown import flat
from bench.record import show
from core.training.host import settle

CHECKS: dict[str, Callable[[torch.device, Scale], Figures]] = {"ledger": ledger, "resume": resume, "speed": speed}


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    if args.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU here, so there is nothing to check.")
        return 0
    return Session(args).run()


class Session:
    """One call of the command."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.scale = args, TINY if args.tiny else FULL
        self.until = time.time() + 60 * args.minutes - self.scale.leaving_s
        self.device = torch.device(args.device)
        self.out: Path = args.out
        self.folders = (self.out,) if args.tiny else (self.out, KEPT)
        self.out.mkdir(parents=True, exist_ok=True)
        self.aside = here(self.device, args.work)
        self.cells = cells(self.scale)

    def run(self) -> int:
        """Do what the time allows; 1 when a check says no or a training broke off."""
        settle(self.device, 1)  # as the trainings do
        waits_for = missing(self.args.data, self.args.test)
        self.tell("before", waits_for)
        wrong = not self.check()
        left = [cell for cell in self.cells if cell.training and not self.result(cell)]
        if left and waits_for is None and self.left() >= self.scale.fewest_s:
            wrong |= self.train(left) > 0
        self.tell("after", waits_for)
        return int(wrong)

    def check(self) -> bool:
        """The checks that fit; whether none of them says no."""
        for cell in self.cells:
            if cell.name not in CHECKS or self.result(cell) or self.left() < cell.seconds:
                continue
            figures = CHECKS[cell.name](self.device, self.scale)
            keep(self.out, cell, self.scale, self.device.type, figures)
            show(cell.about, ("what", "figure"), flat(figures))
        results = [self.result(cell) for cell in self.cells if cell.name in CHECKS]
        return all(result.get("ok") is not False for result in results if result)

    def train(self, left: list[Cell]) -> int:
        """The trainings, as many at once as fill the GPU; how many broke off."""
        data = given(self.args.data, self.args.test, self.scale, self.args.work)
        if data.train.format == "JPEG":
            print("The images are JPEG: accuracies will be a little below those of the lossless originals.")
        print(f"{self.at_once()} at a time", flush=True)
        jobs = [Job(cell, self.scale, data, str(self.device), self.aside, self.out, self.until) for cell in left]
        return together(jobs, self.at_once())

    def at_once(self) -> int:
        """Trainings that share the GPU: as asked, or as measured to be best."""
        if self.args.together is not None:
            return int(self.args.together)
        measured = self.result(next(cell for cell in self.cells if cell.name == "speed"))
        return best_together(measured) if measured else 1

    def result(self, cell: Cell) -> Figures | None:
        """What a cell said, if it is done."""
        found = finished(cell, self.scale, self.device.type, *self.folders)
        return None if found is None else dict(found["result"])

    def left(self) -> float:
        """Seconds."""
        return float(self.until - time.time())

    def tell(self, when: str, waits_for: str | None) -> None:
        """What is done, half done, and still to do, with the minutes that it takes about."""
        rows, minutes = [], 0.0
        for cell in self.cells:
            state, share = "to do", 0.0
            if result := self.result(cell):
                state, share = "failed" if "failed" in result or result.get("ok") is False else "done", 1.0
            elif cell.training:
                share = share_done(cell, self.aside)
                state = f"{share:.0%} trained on this machine" if share else "waits for data" if waits_for else "to do"
            needs = (1 - share) * self.minutes(cell)
            minutes += needs
            rows.append((cell.name, state, round(needs, 1)))
        show(f"{when}: {self.left() / 60:.1f} minutes left", ("cell", "state", "minutes"), rows)
        print(f"About {minutes:.0f} minutes of work are left on {self.device}.")
        if waits_for:
            print(f"The trainings wait for {waits_for}.")
        sys.stdout.flush()

    def minutes(self, cell: Cell) -> float:
        """How long a cell takes on this GPU, at the pace that was measured, or else at the least one that will do."""
        if not cell.training:
            return cell.seconds / 60
        measured = self.result(next(cell for cell in self.cells if cell.name == "speed"))
        pace = max(measured["images_per_s together"].values()) if measured else FLOOR
        images = self.scale.epochs * (self.scale.samples or self.scale.synthetic)
        return images / pace / 60


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, nargs="+", default=[], help="Parquet parts of CIFAR-10's training set")
    parser.add_argument("--test", type=Path, nargs="+", default=[], help="… and of its test set")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which it has stopped")
    parser.add_argument("--out", type=Path, default=KEPT, help="folder of the results, one small file a cell")
    parser.add_argument("--work", type=Path, default=_work(), help="folder on a local disk, for what is half trained")
    parser.add_argument("--together", type=int, help="trainings at once, instead of what was measured to be best")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="everything in miniature, to try the command itself")
    args = parser.parse_args(argv)
    if args.tiny and args.out == KEPT:
        parser.error("--tiny needs an --out of its own: what it measures is nothing to keep")
    return args


def _work() -> Path:
    return Path(tempfile.gettempdir()) / f"labelaudit-gpu-{os.getuid()}"


if __name__ == "__main__":
    sys.exit(main())
