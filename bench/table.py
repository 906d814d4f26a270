"""A setting as lines of text for a wide terminal."""

from __future__ import annotations

from bench.rows import Setting

COLUMNS = {
    "auroc": "AUROC", "ap": "AP", "p_at_100": "P@100", "p_at_n": "P@n", "f1": "F1", "f1_best": "best",
    "flagged": "flag", "noise_rate": "noise", "noise_error": "err", "interval_covers": "in", "ece": "ECE",
    "ece_flagged": "ECE|f", "hard_auroc": "hard", "suggestion_accuracy": "sugg", "suggestion_coverage": "cov",
    "accuracy_best": "acc", "accuracy_last": "last", "seconds": "s",
}  # fmt: skip


def table(setting: Setting) -> list[str]:
    """The means over the seeds, the spread of AP and how far ours leads; empty columns are left out."""
    lines = [["", *COLUMNS.values(), "± AP", "AP of ours less this [95 %]"]]
    for row in setting.rows:
        figures = [_short(name, row.mean(name)) for name in COLUMNS]
        lines.append([row.name, *figures, _short("ap", row.spread("ap")), _lead(setting, row.name)])
    told = [k for k in range(len(lines[0])) if any(line[k] != "–" for line in lines[1:])]
    lines = [[line[k] for k in told] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    realised = sum(setting.realised) / len(setting.realised)
    return [
        f"\n{setting.noise}: {realised:.1%} wrong, seeds {', '.join(map(str, setting.seeds))}",
        *("  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines),
    ]


def _lead(setting: Setting, name: str) -> str:
    row = setting.row(name)
    lead = setting.lead(row) if row else None
    if lead is None:
        return "–"
    interval = "" if lead.low is None else f" [{lead.low:+.3f} {lead.high:+.3f}]"
    return f"{lead.mean:+.3f}{interval}"


def _short(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name == "seconds":
        return f"{value:.1f}"
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text
