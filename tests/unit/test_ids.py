"""Ids: UUIDv7 text that sorts by the time it was made."""

from __future__ import annotations

import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import is_id, new_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    id = uuid.UUID(new_id())
    assert (id.version, id.variant) == (7, uuid.RFC_4122)


def test_an_id_tells_the_millisecond_it_was_made_in() -> None:
    before = time.time_ns() // 1_000_000
    millis = uuid.UUID(new_id()).int >> 80
    assert before <= millis <= time.time_ns() // 1_000_000


def test_ids_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for millis in (1, 2, 1_000, 1 << 40, (1 << 48) - 1):
        monkeypatch.setattr(time, "time_ns", lambda millis=millis: millis * 1_000_000)
        made.append(new_id())
    assert made == sorted(made)


def test_no_two_ids_are_the_same() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_an_id_is_an_id() -> None:
    assert is_id(new_id())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "not-an-id",
        "{01890000-0000-7000-8000-000000000000}",
        "urn:uuid:01890000-0000-7000-8000-000000000000",
        "018900000000700080000000000000000",
        "01890000000070008000000000000000",
        "01890000-0000-7000-8000-00000000000A",
        " 01890000-0000-7000-8000-000000000000",
        "01890000-0000-7000-8000-000000000000\n",
        "０1890000-0000-7000-8000-000000000000",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_id(text)


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert is_id(text) in (True, False)
