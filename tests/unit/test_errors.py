"""Problems: what a person reads, what a row keeps."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from core.errors import Problem, shown

names = st.text("abcdefgh_", min_size=1).filter(
    lambda name: name not in {"code", "detail", "retryable", "self"}
)  # fmt: skip
values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())


@given(code=st.text(), detail=st.text(), retryable=st.booleans(), extra=st.dictionaries(names, values))
def test_a_problem_survives_being_written_down(
    code: str, detail: str, retryable: bool, extra: dict[str, object]
) -> None:
    problem = Problem(code, detail, retryable=retryable, **extra)
    again = Problem.from_record(json.loads(json.dumps(problem.as_record())))
    assert (again.code, again.detail, again.retryable, again.extra) == (code, detail, retryable, extra)


def test_reading_a_record_leaves_it_as_it_is() -> None:
    record = Problem("a", "b.", member="c").as_record()
    Problem.from_record(record)
    assert record == {"code": "a", "detail": "b.", "retryable": False, "member": "c"}


def test_a_problem_reads_as_its_detail() -> None:
    assert str(Problem("disk-full", "The disk is full.")) == "The disk is full."


@given(text=st.text(st.characters(codec=None)), limit=st.integers(1, 50))
def test_a_users_text_is_shown_short_and_without_anything_invisible(text: str, limit: int) -> None:
    seen = shown(text, limit)
    assert seen.isprintable()
    seen.encode("utf-8")
    # An escape takes at most ten characters: a backslash, a U and eight digits.
    assert len(seen) <= 10 * limit


def test_plain_text_is_shown_as_it_is() -> None:
    assert shown("Straße 中 🛑") == "Straße 中 🛑"


def test_long_text_is_cut_with_a_mark() -> None:
    assert shown("x" * 120) == "x" * 120
    assert shown("x" * 121) == "x" * 119 + "…"


def test_control_and_direction_characters_are_escaped() -> None:
    assert shown("a\nb\x00c\u202ed") == "a\\nb\\x00c\\u202ed"
