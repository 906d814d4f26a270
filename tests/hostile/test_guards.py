"""Every case is there because of a guard, and every guard is where we say."""

from __future__ import annotations

import pytest

from tests.hostile import prove
from tests.hostile.cases import CASES, TOPIC_OF
from tests.hostile.guard import Edit, Guard

SAMPLE = ("links", "one part of a zip", "NUL in a table")


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


@pytest.mark.parametrize("name", SAMPLE)
def test_a_guard_that_is_switched_off_is_missed(name: str) -> None:
    (guard,) = (guard for guard in prove.GUARDS if guard.name == name)
    proof = prove.prove(guard)
    assert proof.survived == [], proof.output


def test_what_changes_nothing_survives(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Guard(
        "nothing",
        (Edit("core/errors.py", "from typing import Any", "from typing import Any  # all"),),
        ("T13-no-bytes",),
    )
    assert prove.report([prove.prove(nothing)]) == 1
    assert "SURVIVED" in (told := capsys.readouterr().out)
    assert told.endswith("guards proven 0/1\n")
