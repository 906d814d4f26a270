"""Lines as chunks of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.datasets.exports.lines import joined


@given(st.lists(st.text(max_size=9), max_size=40), st.sampled_from(("", ",\n")), st.integers(1, 60))
def test_chunks_are_of_the_size_that_was_asked_for_and_nothing_is_lost(
    lines: list[str], between: str, size: int
) -> None:
    chunks = list(joined(lines, between, size))
    assert b"".join(chunks) == between.join(lines).encode()
    longest = max((len(line.encode()) for line in lines), default=0)
    for chunk in chunks:
        assert len(chunk) < size + longest + len(between) * len(lines)
    assert all(len(chunk) >= size for chunk in chunks[:-1])
