"""The targets of `make fuzz`, over their seeds and over changes of them that need no fuzzer."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.datasets.readers.member import Archive
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS, check, run, table

CHANGES = st.lists(st.tuples(st.integers(0, 1 << 16), st.sampled_from(("set", "cut", "twice")), st.binary(max_size=9)))


def changed(data: bytes, changes: list[tuple[int, str, bytes]]) -> bytes:
    for place, how, other in changes:
        at = place % (len(data) + 1)
        match how:
            case "set":
                data = data[:at] + other + data[at + len(other) :]
            case "cut":
                data = data[:at] + data[at + len(other) :]
            case _:
                data = data[:at] + other + data[at:]
    return data


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_seeds_are_read_or_refused(name: str) -> None:
    found = seeds(name)
    assert found
    for data in found:
        run(TARGETS[name], data)


@pytest.mark.parametrize("name", sorted(TARGETS))
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_changed_inputs_are_read_or_refused(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(seeds(name)))
    run(TARGETS[name], changed(seed, data.draw(CHANGES)))


def test_a_target_finds_what_it_is_there_to_find() -> None:
    with pytest.raises(AssertionError):
        check(Archive("folders", 2, 1, lambda _skip: iter(())))  # as of a reader that loses its members


NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30)
FIELDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(FIELDS, FIELDS), max_size=8),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(("\n", "\r\n")),
)
def test_a_table_of_any_words_adds_up(rows: list[tuple[str, str]], delimiter: str, end: str) -> None:
    quoted = [delimiter.join('"' + field.replace('"', '""') + '"' for field in row) for row in rows]
    run(table, b"\0" + end.join([f"path{delimiter}label", *quoted]).encode())
