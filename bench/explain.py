"""The pictures of docs/how-scores-work.md: how samples are learned, how sure scores are, what each idea adds.

    python -m bench.explain --data cifar10-train.parquet [--noise sym:0.2] [--seeds 3] [--out docs/pictures]

Every seed takes four runs: a plain one, two that weigh as published (without and with normalised logits), and our
default audit; and one on the true labels, which says what is hard. The first seed is drawn, all of them are counted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in a worker

import numpy as np
import torch
from numpy.typing import NDArray

from bench.baselines import HMW, undisturbed
from bench.detection import add_task, task_of
from bench.images import read
from bench.markdown import put, table
from bench.metrics import auroc, average_precision, mean_and_spread
from bench.record import ROOT, record, show
from bench.runs import Listener, Task, log_probabilities, take
from bench.svg import Chart, Line
from core.science.ledger import mass_of
from core.science.noise import Noise, from_name
from core.science.verdict import explained, judge, log_odds, scores
from core.training.loop import Result

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BINS, HARD = 15, 0.1
PAGE, PICTURED = ROOT / "docs" / "how-scores-work.md", ROOT / "docs" / "pictures"
BEGIN = "<!-- figures: python -m bench.explain -->"
LADDER = (  # the rungs, from the oldest idea to our default
    "AUM",
    "+ annealing",
    "+ TKUM: IAM",
    "spherical: HM weight",
    "HM weight, weighing",
    "+ logit normalisation",
    "final answers instead",
    "+ excused labels, decoys",
    "+ noise channel, history: labelaudit",
)


@dataclass(frozen=True)
class Seen:
    """What one seed shows."""

    wrong: Mask  # [samples]
    hard: Mask  # [samples]
    margins: Floats  # [epochs, samples] of our default audit
    score: Floats  # [samples]
    decoy_score: Floats  # [decoys], of the labels they were taught
    ladder: dict[str, Floats]  # [samples], high = suspected


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.explain", description=(__doc__ or "").partition("\n")[0])
    add_task(parser)
    parser.add_argument("--noise", default="sym:0.2")
    parser.add_argument("--out", type=Path, default=PICTURED)
    parser.add_argument("--unrecorded", action="store_true", help="leave bench/results as it is")
    args = parser.parse_args(argv)
    pictures, device = read(args.data), torch.device(args.device)
    test = read(args.test) if args.test else None
    seen = []
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        task, labels = task_of(args, pictures, test, seed, device)
        seen.append(look(task, from_name(args.noise, task.data.images, labels, len(task.data.classes), seed)))
        print(f"seed {seed}: done", file=sys.stderr, flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        (args.out / f"{name}.svg").write_text(draw(seen[0]))
    figures = ablation(seen)
    show(f"{pictures.name}, {args.noise}", ("score", "AP", "spread", "AUROC"), [(k, *v) for k, v in figures.items()])
    if args.out == PICTURED:
        put(PAGE, BEGIN, ladder(figures, len(seen)))
    if not args.unrecorded:
        asked = ("samples", "half", "seeds", "first_seed", "epochs", "noise")
        facts = {"data": pictures.name} | {name: vars(args)[name] for name in asked}
        record("explain", {"check": args.noise, **facts}, {name: list(row) for name, row in figures.items()})
    return 0


def look(task: Task, noise: Noise) -> Seen:
    """All runs of one seed."""
    listener = Listener(len(noise.labels), task.device)
    take(task, undisturbed(task.plan), listener.hear)  # the labels of the task are still the true ones
    task = replace(task, data=replace(task.data, labels=noise.labels))
    plain_margins: list[Floats] = []
    alone = take(task, undisturbed(task.plan), at_epoch=lambda curves: plain_margins.append(curves[:, 0])).run
    plain, row = alone.ledger, np.arange(len(noise.labels))
    answers = log_probabilities(alone, task.data.images)[row, noise.labels]
    weighed = take(task, undisturbed(task.plan, **HMW)).run.ledger
    normalised = take(task, undisturbed(task.plan, **HMW, logit_normalisation=True)).run.ledger
    margins: list[Floats] = []
    ours = take(task, task.plan, at_epoch=lambda curves: margins.append(curves[:, 0])).run.result()
    score = judge(ours.evidence(), noise.labels).score
    opinions = ours.answers.opinions
    mass = np.array([mass_of(epoch, task.plan.epochs, "published") for epoch in range(task.plan.epochs)])
    late = np.where(noise.flipped, -1, listener.lateness())
    return Seen(
        wrong=noise.flipped,
        hard=late >= np.quantile(late[~noise.flipped], 1 - HARD),
        margins=np.stack(margins),
        score=score,
        decoy_score=_of_decoys(ours, noise),
        ladder=dict(
            zip(
                LADDER,
                (
                    -_array(plain.aum()),
                    -(mass @ np.stack(plain_margins)) / mass.sum(),
                    -_array(plain.iam()),
                    -_array(plain.hm_weight()),
                    -_array(weighed.hm_weight()),
                    -_array(normalised.hm_weight()),
                    -answers,
                    -opinions.log_p[row, opinions.place(noise.labels)],
                    score,
                ),
                strict=True,
            )
        ),
    )


def _of_decoys(result: Result, noise: Noise) -> Floats:
    """The scores that the decoys' taught labels would have got."""
    evidence = result.evidence()
    believed, found = explained(evidence, noise.labels)
    ours = believed.take(evidence.decoys)
    return scores(log_odds(found.posterior(ours, evidence.taught), ours.place(evidence.taught)))


def ablation(seen: list[Seen]) -> dict[str, tuple[float, float, float]]:
    """AP with its spread over the seeds, and AUROC, of every rung."""
    figures = {}
    for name in LADDER:
        ap, spread = mean_and_spread([average_precision(one.ladder[name], one.wrong) for one in seen])
        area, _ = mean_and_spread([auroc(one.ladder[name], one.wrong) for one in seen])
        figures[name] = (round(ap or 0.0, 4), round(spread or 0.0, 4), round(area or 0.0, 4))
    return figures


def ladder(figures: dict[str, tuple[float, float, float]], seeds: int) -> str:
    """The same as Markdown; one seed has no spread."""
    rows = [
        (name, f"{ap:.3f} ± {spread:.3f}" if seeds > 1 else f"{ap:.3f}", f"{area:.3f}")
        for name, (ap, spread, area) in figures.items()
    ]
    return table(("score", "average precision", "AUROC"), rows) + f"\n\n{seeds} seed{'s' * (seeds > 1)}."


def trajectories(seen: Seen) -> str:
    """The margin of the given label over the epochs: median and quartiles of three kinds of samples."""
    groups = {
        "right and easy": ~seen.wrong & ~seen.hard,
        "right but hard (the tenth learned last)": seen.hard,
        "wrong": seen.wrong,
    }
    epochs = list(range(1, len(seen.margins) + 1))
    lines = []
    for name, members in groups.items():
        low, middle, high = np.quantile(seen.margins[:, members], (0.25, 0.5, 0.75), axis=1)
        lines.append(Line(name, epochs, middle.tolist(), low.tolist(), high.tolist()))
    return Chart("How a label is learned", "epoch", "margin of the given label", lines).svg()


def calibration(seen: Seen) -> str:
    """Mean score against the share that is wrong, in bins of equal size."""
    order = np.array_split(np.argsort(seen.score, kind="stable"), BINS)
    said, true = [float(seen.score[b].mean()) for b in order], [float(seen.wrong[b].mean()) for b in order]
    lines = [
        Line("labels, in fifteen groups of equal size", said, true, marked=True),
        Line("what would be perfect", [0, 1], [0, 1], dashed=True),
    ]
    return Chart("Is a score a probability?", "score", "share that is wrong", lines, (0, 1), (0, 1)).svg()


def found(seen: Seen) -> str:
    """Which share of errors scores at least so much: of the true ones, and of the decoys."""
    at = np.linspace(0, 1, 101)
    lines = [
        Line(name, at.tolist(), [float((values >= cut).mean()) for cut in at])
        for name, values in (("wrong labels", seen.score[seen.wrong]), ("decoys", seen.decoy_score))
        if len(values)
    ]
    chart = Chart("Are decoys like true errors?", "score", "share with at least this score", lines, (0, 1), (0, 1))
    return replace(chart, legend_below=True).svg()


PICTURES: dict[str, Callable[[Seen], str]] = {
    "trajectories": trajectories,
    "calibration": calibration,
    "decoys": found,
}


def _array(tensor: Any) -> Floats:
    values: Floats = tensor.double().cpu().numpy()
    return values


if __name__ == "__main__":
    sys.exit(main())
