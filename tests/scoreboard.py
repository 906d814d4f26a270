"""What was tried, and how it came out: every fault of the matrix, every failpoint, and what the tests measured.

A test says `@pytest.mark.fault("F16")` for the faults that it lets happen, and `record_property(name, figure)` for what
it measures. A fault has passed when its tests ran and none of them failed.
"""

from __future__ import annotations

import os
import statistics
import sys
from typing import Any

import pytest

from bench.record import record

FAULTS = {
    "F1": "a training child is killed in the middle of an epoch",
    "F2": "a worker is killed with all its children",
    "F3": "memory runs out on the device",
    "F4": "memory runs out on the host",
    "F5": "the disk fills up in the middle of an upload",
    "F6": "the disk fills up at a checkpoint",
    "F7": "the disk fills up under the database",
    "F8": "Redis is killed and loses its queue",
    "F9": "Redis is gone, or never answers, at a submit",
    "F10": "PostgreSQL crashes in the middle of an epoch",
    "F11": "PostgreSQL is away for longer than a lease",
    "F12": "the API is killed in the middle of an upload",
    "F13": "a process dies just after anything that became durable",
    "F14": "the clock of one process is an hour off, or jumps",
    "F15": "a bell rings many times, for many workers",
    "F16": "a worker is cut off, replaced, and comes back",
    "F17": "a cancel meets the end of the audit",
    "F18": "an audit is cancelled at any moment",
    "F19": "the loss is no number any more",
    "F20": "a dataset is deleted under its job",
    "F21": "a worker is told to end, as at a deploy",
    "F22": "a checkpoint is cut off, flipped, empty, or gone",
    "F23": "all checkpoints are harmed",
    "F24": "a disk says EIO",
    "F25": "a decoding child is killed",
    "F26": "a stored image changed on the disk",
    "F27": "a job kills every worker that it gets",
    "F28": "a child hangs and does not die",
    "F29": "other code finds an old checkpoint",
    "F30": "the API is restarted while clients watch",
    "F31": "many write to SQLite, and some are killed",
    "F32": "the receiver of a webhook is not there, or slow",
}
COUNTED = ("lost_jobs", "duplicate_results", "zombie_writes")  # sums that must be 0
RECORD = "LABELAUDIT_TEST_RECORD"  # with it, the figures go to bench/results


def told(item: pytest.Item) -> None:
    """Let a test's report say which faults it is about; reports travel between processes, items do not."""
    for mark in item.iter_markers("fault"):
        item.user_properties += [("fault", name) for name in mark.args]


class Scoreboard:
    """All outcomes of a run."""

    def __init__(self, stats: dict[str, list[Any]]) -> None:
        self._values: dict[str, list[Any]] = {}
        self._faults: dict[str, set[str]] = {}
        self._good: dict[str, list[bool]] = {"failpoint": [], "resume": []}
        for outcome in ("passed", "failed", "error", "skipped"):
            for report in stats.get(outcome, []):
                for name, value in getattr(report, "user_properties", []):
                    if name == "fault":
                        self._faults.setdefault(value, set()).add(outcome)
                    elif name in self._good:
                        self._good[name].append(outcome == "passed")
        # What a fixture measures after the test stands in the report of its end.
        for report in stats.get("", []) + stats.get("error", []):
            for name, value in report.user_properties if report.when == "teardown" else ():
                if name != "fault" and name not in self._good:
                    self._values.setdefault(name, []).append(value)

    def __bool__(self) -> bool:
        return bool(self._faults)

    def passed(self) -> list[str]:
        return [name for name in FAULTS if self._faults.get(name, set()) & {"passed"} and not self.failed(name)]

    def failed(self, name: str) -> bool:
        return bool(self._faults.get(name, set()) & {"failed", "error"})

    def figures(self) -> dict[str, Any]:
        """All of it as numbers."""
        seconds = {name: values for name, values in self._values.items() if name.endswith("_s")}
        return {
            "faults": len(self.passed()),
            "faults_of": len(FAULTS),
            "not_run": [name for name in FAULTS if not self._faults.get(name, set()) - {"skipped"}],
            "failed": [name for name in FAULTS if self.failed(name)],
            **{f"{name}s": [sum(good), len(good)] for name, good in self._good.items()},
            **{name: sum(self._values.get(name, [])) for name in COUNTED},
            **{
                name: {"median": round(statistics.median(values), 2), "max": round(max(values), 2), "n": len(values)}
                for name, values in sorted(seconds.items())
            },
        }

    def line(self, whole: bool = True) -> str:
        """What `make chaos` ends with; of less than the whole it does not say what was not run."""
        found = self.figures()
        away = {"not run": found["not_run"] if whole else [], "failed": found["failed"]}
        notes = "".join(f" ({what}: {' '.join(names)})" for what, names in away.items() if names)
        parts = [f"faults {found['faults']}/{found['faults_of']}{notes}"]
        parts += [f"{name}s {good}/{of}" for name in ("failpoint", "resume") for good, of in [found[f"{name}s"]]]
        parts += [f"{name.replace('_', ' ')} {found[name]}" for name in COUNTED]
        for name, value in found.items():
            if name.endswith("_s"):
                parts.append(f"{name.removesuffix('_s').replace('_', ' ')} {value['median']} s, at most {value['max']}")
        return "chaos: " + ", ".join(parts).replace("resumes", "identical resumes")

    def tell(self) -> None:
        """Say the line; of `make chaos`, keep the figures with the other benches'."""
        whole = bool(os.environ.get(RECORD))
        sys.stdout.write(self.line(whole) + "\n")
        if whole:
            record("chaos", {}, self.figures())
