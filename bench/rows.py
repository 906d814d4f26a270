"""From what the rows said and what is true to figures, and from the figures of several seeds to a line of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.metrics import (
    Floats,
    Integers,
    Interval,
    Mask,
    auroc,
    average_precision,
    best_f1,
    calibration_error,
    f1,
    hard_auroc,
    mean_and_spread,
    paired,
    suggestion,
)
from bench.ranking import precision_at
from bench.runs import Said

OURS = "labelaudit"

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Truth:
    """What only the bench knows."""

    labels: Integers  # [samples]
    wrong: Mask  # [samples]
    lateness: Floats | None  # [samples], of a run on the true labels


@dataclass(frozen=True)
class Row:
    """One line of the table: the figures of every seed."""

    name: str
    runs: list[Figures]

    def mean(self, figure: str) -> float | None:
        return mean_and_spread([run[figure] for run in self.runs])[0]

    def spread(self, figure: str) -> float | None:
        return mean_and_spread([run[figure] for run in self.runs])[1]


@dataclass(frozen=True)
class Setting:
    """One kind of noise."""

    noise: str
    realised: list[float]  # by seed
    seeds: list[int]
    rows: list[Row]

    def row(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.name == name), None)

    def lead(self, over: Row) -> Interval | None:
        """By how much the AP of our default exceeds that of another row, seed by seed."""
        ours = self.row(OURS)
        return (
            None
            if ours is None or over is ours
            else paired([run["ap"] for run in ours.runs], [run["ap"] for run in over.runs])
        )

    def as_json(self) -> dict[str, Any]:
        """Means over the seeds, their spread, the lead of our default, and every run."""
        return {
            "noise": self.noise,
            "realised": rounded(sum(self.realised) / len(self.realised)),
            "seeds": self.seeds,
            "rows": [
                {
                    "name": row.name,
                    **{figure: rounded(row.mean(figure)) for figure in row.runs[0]},
                    "spread": {figure: rounded(row.spread(figure)) for figure in row.runs[0]},
                    "ap_lead": _lead(self.lead(row)),
                    "runs": [{figure: rounded(value) for figure, value in run.items()} for run in row.runs],
                }
                for row in self.rows
            ],
        }

    def as_record(self) -> dict[str, Any]:
        """The same in short: a list of means for each row, in the order of the columns."""
        rows = self.as_json()["rows"]
        columns = list(self.rows[0].runs[0])
        lead = ("mean", "low", "high")
        return {
            "realised": [rounded(rate) for rate in self.realised],
            "columns": [*columns, "ap spread", *(f"ap lead {name}" for name in lead)],
            **{
                row["name"]: [
                    *(row[name] for name in columns),
                    row["spread"]["ap"],
                    *((row["ap_lead"] or {}).get(name) for name in lead),
                ]
                for row in rows
            },
        }


def figures(said: Said, truth: Truth) -> Figures:
    """Every column of one row in one run; None where the row claims nothing of the kind."""
    score, wrong, flagged = said.score, truth.wrong, said.flagged
    rate, estimate = float(wrong.mean()), said.noise_rate
    right, covered = (None, None) if said.suggested is None else suggestion(said.suggested, truth.labels, wrong)
    low, high = said.noise_low, said.noise_high
    sure = flagged if said.probable else None
    return {
        "auroc": auroc(score, wrong),
        "ap": average_precision(score, wrong),
        "p_at_100": precision_at(score, wrong, 100),
        "p_at_n": precision_at(score, wrong, int(wrong.sum())),
        "f1": None if flagged is None else f1(flagged, wrong),
        "f1_best": best_f1(score, wrong),
        "flagged": None if flagged is None else float(flagged.mean()),
        "noise_rate": estimate,
        "noise_low": low,
        "noise_high": high,
        "noise_error": None if estimate is None else abs(estimate - rate) / (rate or 1.0),
        "interval_covers": None if low is None or high is None else float(low <= rate <= high),
        "ece": calibration_error(score, wrong) if said.probable else None,
        "ece_flagged": None if sure is None else calibration_error(score[sure], wrong[sure]),
        "hard_auroc": None if truth.lateness is None else hard_auroc(score, wrong, truth.lateness),
        "suggestion_accuracy": right,
        "suggestion_coverage": covered,
        "seconds": said.seconds,
        "accuracy_best": said.accuracy_best,
        "accuracy_last": said.accuracy_last,
    }


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _lead(found: Interval | None) -> dict[str, float | None] | None:
    return None if found is None else {name: rounded(value) for name, value in found._asdict().items()}
