"""What our default is held to, the figure that comes nearest to missing it, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.record import figure
from bench.rows import OURS, Row, Setting

FULL = 50_000  # samples of the whole of CIFAR-10's training set

Line = dict[str, Any]  # target, value, met; met is None where nothing was measured


def targets(settings: list[Setting], samples: int) -> list[Line]:
    """One line a target; the worst setting speaks for all."""
    noisy = [setting for setting in settings if max(setting.realised) > 0]
    clean = [setting for setting in settings if setting not in noisy]
    strong = [setting for setting in noisy if _rate(setting) >= 0.4]
    full = [setting for setting in noisy if setting.noise == "sym:0.2" and samples >= FULL]
    return [
        _best_ranking(noisy),
        _most("best F1 of any cut less F1 at the cut ≤ .02", noisy, 0.02, lambda row: _less(row, "f1_best", "f1")),
        _most("noise estimate within 10 %", noisy, 0.1, lambda row: row.mean("noise_error")),
        _most("noise estimate within .01 at none", clean, 0.01, lambda row: row.mean("noise_error")),
        _covered(settings),
        _most("flagged at none ≤ 1 %", clean, 0.01, lambda row: row.mean("flagged")),
        _most("ECE ≤ .03", settings, 0.03, lambda row: row.mean("ece")),
        _most("ECE of the flagged ≤ .05", noisy, 0.05, lambda row: row.mean("ece_flagged")),
        _least("suggestions right for ≥ 85 % of the errors that have one", noisy, 0.85, "suggestion_accuracy"),
        _least("suggestions for ≥ 80 % of the errors", noisy, 0.8, "suggestion_coverage"),
        *(
            line
            for name in (OURS, "iam")
            for line in (
                _accuracy(f"last accuracy of {WHOSE[name]} ≥ CCE − .003", settings, name, -0.003),
                _accuracy(f"last accuracy of {WHOSE[name]} ≥ CCE + .01 from .4 on", strong, name, 0.01),
            )
        ),
        _overhead(settings),
        _same_aum(noisy),
        _most("CIFAR-10 in full at sym:0.2 in ≤ 300 s", full, 300.0, lambda row: row.mean("seconds")),
        _least("CIFAR-10 in full at sym:0.2 with AP ≥ .95", full, 0.95, "ap"),
    ]


WHOSE = {OURS: "our default", "iam": "CCE + HMW as published"}


def _best_ranking(settings: list[Setting]) -> Line:
    """A row that leads by chance is no better; one pair of runs cannot show chance, so there it must not lead."""
    leads = [
        (lead, row.name, setting.noise)
        for setting in settings
        for row in setting.rows
        if (lead := setting.lead(row)) is not None
    ]
    target = "AP ≥ every other row, or the 95 % interval contains 0"
    if not leads:
        return _line(target, "–", None)
    behind = [found for found in leads if found[0].mean < 0 and (found[0].high is None or found[0].high < 0)]
    worst, name, noise = min(behind or leads, key=lambda found: found[0].mean)
    return _line(target, f"{worst.mean:+.4f} over {name} ({noise})", not behind)


def _covered(settings: list[Setting]) -> Line:
    known = [value for _, row in _ours(settings) for run in row.runs if (value := run["interval_covers"]) is not None]
    met = sum(known) >= 0.9 * len(known) if known else None
    return _line("the noise interval covers the truth in ≥ 27 of 30 runs", f"{sum(known):.0f} of {len(known)}", met)


def _accuracy(target: str, settings: list[Setting], name: str, least: float) -> Line:
    gains = [
        (mine - theirs, setting.noise)
        for setting in settings
        if (mine := _mean(setting.row(name), "accuracy_last")) is not None
        and (theirs := _mean(setting.row("our aum"), "accuracy_last")) is not None
    ]
    return _bounded(target, gains, least, at_least=True)


def _overhead(settings: list[Setting]) -> Line:
    shares = [
        (mine / theirs - 1, setting.noise)
        for setting in settings
        if (mine := _mean(setting.row("iam"), "seconds")) is not None
        and (theirs := _mean(setting.row("our aum"), "seconds"))
    ]
    return _bounded("weighting takes ≤ 3 % of a run", shares, 0.03, at_least=False)


def _same_aum(settings: list[Setting]) -> Line:
    pairs = [
        (abs((theirs["ap"] or 0.0) - (mine["ap"] or 0.0)), setting.noise)
        for setting in settings
        if (package := setting.row("aum")) is not None and (own := setting.row("our aum")) is not None
        for theirs, mine in zip(package.runs, own.runs, strict=True)
    ]
    return _bounded("AP of the package aum is ours", pairs, 1e-4, at_least=False)


def _most(target: str, settings: list[Setting], most: float, of: Any) -> Line:
    found = [(of(row), setting.noise) for setting, row in _ours(settings)]
    return _bounded(target, found, most, at_least=False)


def _least(target: str, settings: list[Setting], least: float, name: str) -> Line:
    return _bounded(target, [(row.mean(name), setting.noise) for setting, row in _ours(settings)], least, at_least=True)


def _bounded(target: str, found: Iterable[tuple[float | None, str]], bound: float, *, at_least: bool) -> Line:
    known = [(value, noise) for value, noise in found if value is not None]
    if not known:
        return _line(target, "–", None)
    value, noise = min(known) if at_least else max(known)
    return _line(target, f"{figure(value)} ({noise})", value >= bound if at_least else value <= bound)


def _line(target: str, value: str, met: bool | None) -> Line:
    return {"target": target, "value": value, "met": met}


def _ours(settings: list[Setting]) -> list[tuple[Setting, Row]]:
    return [(setting, row) for setting in settings if (row := setting.row(OURS)) is not None]


def _mean(row: Row | None, name: str) -> float | None:
    return None if row is None else row.mean(name)


def _less(row: Row, one: str, other: str) -> float | None:
    a, b = row.mean(one), row.mean(other)
    return None if a is None or b is None else a - b


def _rate(setting: Setting) -> float:
    """The rate in the setting's name."""
    return float(setting.noise.partition(":")[2] or 0)
