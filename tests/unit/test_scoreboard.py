"""The scoreboard says what was tried, and no more."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.scoreboard import FAULTS, Scoreboard


def report(when: str, *properties: tuple[str, Any]) -> Any:
    return SimpleNamespace(when=when, user_properties=list(properties))


def test_every_fault_of_the_matrix_has_a_test() -> None:
    sources = "".join(file.read_text() for file in Path(__file__).parents[1].rglob("test_*.py"))
    marked = {name for mark in re.findall(r"mark\.fault\(([^)]*)\)", sources) for name in re.findall(r"F\d+", mark)}
    assert marked == set(FAULTS) and len(FAULTS) == 32


def test_a_fault_has_passed_when_its_tests_ran_and_none_failed() -> None:
    board = Scoreboard(
        {
            "passed": [report("call", ("fault", "F1")), report("call", ("fault", "F2"))],
            "failed": [report("call", ("fault", "F2"))],
            "skipped": [report("call", ("fault", "F3")), report("call", ("fault", "F1"))],
        }
    )
    found = board.figures()
    assert (board.passed(), found["failed"]) == (["F1"], ["F2"])
    assert found["not_run"] == [name for name in FAULTS if name not in ("F1", "F2")]
    assert board.line().startswith("chaos: faults 1/32 (not run: F3 ")


def test_what_was_measured_is_counted_once_a_test() -> None:
    told = [("fault", "F16"), ("zombie_writes", 2), ("takeover_s", 1.5), ("resume", "a"), ("lost_jobs", 0)]
    board = Scoreboard({"passed": [report("call", *told)], "": [report("setup", *told[:1]), report("teardown", *told)]})
    found = board.figures()
    assert (found["zombie_writes"], found["lost_jobs"], found["resumes"]) == (2, 0, [1, 1])
    assert found["takeover_s"] == {"median": 1.5, "max": 1.5, "n": 1}
    assert "identical resumes 1/1" in board.line() and "zombie writes 2" in board.line()


def test_a_run_without_faults_has_nothing_to_say() -> None:
    assert not Scoreboard({"passed": [report("call")]})
