"""The section of docs/benchmarks.md on what needs a GPU: what has run, and what has not run yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.gpu_cells import FULL, KEPT, NOISES, PUBLISHED, SEEDS, TITLES, VARIANTS, Cell, Figures, cells, finished
from bench.markdown import flat
from bench.metrics import mean_and_spread

MEASURES = {"ap": "AP", "auroc": "AUROC", "p_at_100": "P@100", "p_at_n": "P@n"}

Lines = dict[str, dict[str, Any]]  # of each cell that is done


def page(folder: Path = KEPT) -> str:
    """Markdown, made of the files of the finished cells."""
    every = cells(FULL)
    found = {cell.name: line for cell in every if (line := finished(cell, FULL, "cuda", folder)) is not None}
    checks = [_check(cell, found[cell.name]) for cell in every if cell.training is None and cell.name in found]
    noises = [table for noise in NOISES for table in _noise(noise, every, found)]
    return "\n\n".join(["### gpu", _left(every, found), *checks, *noises])


def _left(every: list[Cell], found: Lines) -> str:
    """What has not run yet, in the order in which it will."""
    left = [f"- `{cell.name}`: {cell.about}" for cell in every if cell.name not in found]
    if not left:
        return f"All {len(every)} cells have run."
    return "\n".join([f"{len(found)} of {len(every)} cells have run. **Not run yet:**", "", *left])


def _check(cell: Cell, line: dict[str, Any]) -> str:
    machine = line["machine"]
    where = f"{machine.get('gpu')}, torch {machine.get('torch')}, Python {machine['python']}"
    head = f"**{cell.about}** ({line['when'][:10]}, commit `{line['commit']}`, {where})"
    rows = [f"| {name} | {value} |" for name, value in flat(line["result"])]
    return "\n".join([f"{head}:", "", "| what | figure |", "| --- | ---: |", *rows])


def _noise(noise: str, every: list[Cell], found: Lines) -> list[str]:
    """The accuracies beside those of the paper, and how the scores of the same runs rank."""
    runs: dict[str, list[Figures]] = {variant: [] for variant in VARIANTS}
    for cell in every:
        if cell.training and cell.training.noise == noise and cell.name in found:
            runs[cell.training.variant].append(found[cell.name]["result"])
    done = {variant: results for variant, results in runs.items() if results}
    if not done:
        return []
    return [_accuracies(noise, done), *(_detection(noise, variant, results) for variant, results in done.items())]


def _accuracies(noise: str, runs: dict[str, list[Figures]]) -> str:
    rows = []
    for variant, results in runs.items():
        published = PUBLISHED[noise].get(variant)
        best, last = (_percent([run.get(f"accuracy_{which}") for run in results]) for which in ("best", "last"))
        rows.append(f"| {TITLES[variant]} | {len(results)} of {len(SEEDS)} | {best} | {last} | {published or '–'} |")
    return "\n".join(
        [
            f"**{noise}**, test accuracy in %, of the best epoch and of the last:",
            "",
            "| training | seeds | best | last | published |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
        ]
    )


def _detection(noise: str, variant: str, results: list[Figures]) -> str:
    """The scores of one kind of run, the best first."""
    whole = [run["detection"] for run in results if "detection" in run]
    if not whole:
        return f"**{noise}, {TITLES[variant]}**: {results[0].get('failed')}"
    means = {
        score: {name: mean_and_spread([run[score][name] for run in whole])[0] for name in MEASURES}
        for score in whole[0]
    }
    rows = [
        f"| {score} | {' | '.join(f'{values[name]:.4f}' for name in MEASURES)} |"
        for score, values in sorted(means.items(), key=lambda item: -(item[1]["ap"] or 0.0))
    ]
    return "\n".join(
        [
            f"**{noise}, {TITLES[variant]}**, how wrong labels are ranked, mean of {len(whole)}:",
            "",
            f"| score | {' | '.join(MEASURES.values())} |",
            f"| --- |{' ---: |' * len(MEASURES)}",
            *rows,
        ]
    )


def _percent(shares: list[float | None]) -> str:
    mean, spread = mean_and_spread(shares)
    if mean is None:
        return "–"
    return f"{100 * mean:.2f}" + (f" ± {100 * spread:.2f}" if spread is not None else "")
