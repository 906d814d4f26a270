"""From what a row says to its figures, its line and the targets."""

from __future__ import annotations

import numpy as np
import pytest

from bench.rows import Figures, Row, Setting, Truth, figures
from bench.runs import Said
from bench.table import table
from bench.targets import targets

WRONG = np.array([True, False, False, False])
TRUTH = Truth(labels=np.array([0, 1, 2, 3]), wrong=WRONG, lateness=np.arange(4.0))
SURE = Said(
    name="labelaudit",
    score=np.array([0.9, 0.2, 0.1, 0.1]),
    seconds=2.0,
    probable=True,
    flagged=WRONG,
    suggested=np.array([0, -1, -1, -1]),
    noise_rate=0.3,
    noise_low=0.2,
    noise_high=0.4,
)


def line(name: str, *aps: float, **more: float) -> Row:
    """A row of which only some figures matter."""
    empty: Figures = dict.fromkeys(figures(SURE, TRUTH))
    return Row(name, [{**empty, **more, "ap": ap} for ap in aps])


def met(settings: list[Setting], samples: int = 100) -> dict[str, bool | None]:
    return {found["target"]: found["met"] for found in targets(settings, samples)}


def test_a_row_that_claims_everything_is_judged_on_everything() -> None:
    found = figures(SURE, TRUTH)
    assert (found["auroc"], found["ap"], found["f1"], found["f1_best"], found["p_at_n"]) == (1.0, 1.0, 1.0, 1.0, 1.0)
    assert found["noise_error"] == pytest.approx(0.2)  # relative: .3 against .25
    assert found["interval_covers"] == 1.0
    assert found["ece_flagged"] == pytest.approx(0.1)
    assert (found["suggestion_accuracy"], found["suggestion_coverage"]) == (1.0, 1.0)


def test_a_plain_ranking_claims_no_cut_and_no_probability() -> None:
    found = figures(Said("final loss", SURE.score, 1.0), TRUTH)
    claims = (
        "f1",
        "flagged",
        "noise_rate",
        "noise_error",
        "interval_covers",
        "ece",
        "ece_flagged",
        "suggestion_accuracy",
    )
    assert all(found[name] is None for name in claims)
    assert found["f1_best"] == 1.0


def test_without_noise_the_error_of_the_estimate_is_absolute() -> None:
    clean = Truth(TRUTH.labels, np.zeros(4, bool), TRUTH.lateness)
    found = figures(SURE, clean)
    assert (found["noise_error"], found["flagged"], found["ap"], found["f1"]) == (0.3, 0.25, None, None)


def test_a_setting_says_means_spread_lead_and_runs() -> None:
    setting = Setting("sym:0.2", [0.18, 0.2], [10, 11], [line("labelaudit", 0.9, 0.8), line("iam", 0.8, 0.7)])
    ours, iam = setting.as_json()["rows"]
    assert (ours["ap"], ours["ap_lead"], len(ours["runs"])) == (0.85, None, 2)
    assert iam["ap_lead"]["mean"] == pytest.approx(0.1)
    assert iam["spread"]["ap"] == pytest.approx(0.070711)
    assert setting.as_json()["realised"] == 0.19


def test_a_row_that_leads_ours_by_chance_only_is_no_better() -> None:
    target = "AP ≥ every other row, or the 95 % interval contains 0"
    noisy = line("labelaudit", 0.90, 0.80, 0.85)
    by_chance = Setting("sym:0.2", [0.2], [0, 1, 2], [noisy, line("aum", 0.95, 0.79, 0.86)])
    always = Setting("sym:0.2", [0.2], [0, 1, 2], [noisy, line("aum", 0.95, 0.85, 0.90001)])
    once = Setting("sym:0.2", [0.2], [0], [line("labelaudit", 0.90), line("aum", 0.91)])
    assert met([by_chance])[target] is True
    assert met([always])[target] is False
    assert met([always, by_chance])[target] is False
    assert met([once])[target] is False


def test_the_gain_in_accuracy_is_asked_where_the_noise_is_strong() -> None:
    def setting(noise: str, ours: float) -> Setting:
        rows = [line("labelaudit", 0.9, accuracy_last=ours), line("our aum", 0.9, accuracy_last=0.7)]
        return Setting(noise, [0.2], [0], rows)

    gentle, strong = (f"last accuracy of our default ≥ CCE {least}" for least in ("− .003", "+ .01 from .4 on"))
    found = met([setting("sym:0.2", 0.70)])
    assert (found[gentle], found[strong]) == (True, None)
    assert met([setting("sym:0.2", 0.69)])[gentle] is False
    assert met([setting("asym:0.4", 0.70)])[strong] is False
    assert met([setting("asym:0.4", 0.72)])[strong] is True


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert set(met([Setting("none", [0.0], [0], [line("aum", 0.5)])]).values()) == {None}


def test_the_table_leaves_empty_columns_out_and_fits_a_wide_terminal() -> None:
    rows = [
        Row("labelaudit", [figures(SURE, TRUTH)] * 3),
        line("cleanlab normalised margin, equal compute", 0.9, 0.8, 0.7),
    ]
    lines = table(Setting("sym:0.2", [0.25] * 3, [0, 1, 2], rows))
    assert "AUROC" in lines[1] and "last" not in lines[1]
    assert max(map(len, lines)) <= 200
