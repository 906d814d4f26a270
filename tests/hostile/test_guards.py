"""Every case is there because of a guard, and every guard is where we say."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.hostile import prove
from tests.hostile.cases import CASES, TOPIC_OF
from tests.hostile.guard import ROOT, Edit, Guard

SAMPLE = ("links", "one part of a zip", "NUL in a table")
NOTHING = Guard(
    "nothing",
    (Edit("core/errors.py", "from typing import Any", "from typing import Any  # all"),),
    ("T13-no-bytes",),
)


def test_every_guard_stands_where_it_is_said_to_stand() -> None:
    missing = [(guard.name, edit.text) for guard in prove.GUARDS for edit in guard.edits if edit.times_found() != 1]
    assert missing == []
    assert len({guard.name for guard in prove.GUARDS}) == len(prove.GUARDS)


def test_every_case_has_a_name_of_its_own() -> None:
    assert len(TOPIC_OF) == len(CASES)


def test_every_case_is_caught_by_a_guard_and_every_pattern_names_a_case() -> None:
    assert set(TOPIC_OF) - {case for guard in prove.GUARDS for case in guard.cases} == set()
    idle = [
        (guard.name, pattern)
        for guard in prove.GUARDS
        for pattern in guard.patterns
        if not Guard("", (), (pattern,)).cases
    ]
    assert idle == []


@pytest.fixture(scope="module")
def told() -> str:
    """What is told of a few guards, in a process that has done nothing yet: a fork of this one would have its blob store
    without the threads that write, and every case would fail of that."""
    done = subprocess.run([sys.executable, "-m", "tests.hostile.test_guards"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SAMPLE)
def test_a_guard_that_is_switched_off_is_missed(told: str, name: str) -> None:
    (guard,) = (guard for guard in prove.GUARDS if guard.name == name)
    for case in guard.cases:
        assert re.search(rf"^{re.escape(name)} +· {re.escape(case)} +· caught$", told, re.MULTILINE), told


def test_what_changes_nothing_survives(told: str) -> None:
    assert re.search(r"^nothing +· T13-no-bytes +· SURVIVED$", told, re.MULTILINE), told
    assert told.endswith(f"guards proven {len(SAMPLE)}/{len(SAMPLE) + 1}\n")


if __name__ == "__main__":
    sys.exit(prove.report(prove.proofs([*(guard for guard in prove.GUARDS if guard.name in SAMPLE), NOTHING])))
