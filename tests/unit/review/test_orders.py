"""Orders that stay as they are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.review import orders


def test_chance_is_the_same_everywhere() -> None:
    order = orders.by_chance(np.arange(1, 13, dtype=np.uint32), "an audit")
    assert order.tolist() == [8, 7, 6, 2, 10, 12, 11, 4, 5, 9, 1, 3]


@given(st.sets(st.integers(1, 5000), max_size=200), st.text(max_size=5))
def test_what_else_there_is_does_not_change_which_comes_first(some: set[int], seed: str) -> None:
    every = orders.by_chance(np.arange(1, 5001, dtype=np.uint32), seed)
    chosen = orders.by_chance(np.array(sorted(some), np.uint32), seed)
    assert chosen.tolist() == [rank for rank in every.tolist() if rank in some]


def test_chance_has_nothing_to_do_with_ranks_or_with_other_audits() -> None:
    ranks = np.arange(1, 20_001, dtype=np.uint32)
    one, other = orders.by_chance(ranks, "one"), orders.by_chance(ranks, "other")
    assert sorted(one.tolist()) == ranks.tolist()
    for order in (one, other):
        assert abs(np.corrcoef(order, ranks)[0, 1]) < 0.03
        assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.03
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


@given(st.lists(st.floats(-20, 20).map(lambda value: round(value, 6)), max_size=50))
def test_falling_is_by_value_and_equals_keep_their_ranks(values: list[float]) -> None:
    wanted = sorted(range(1, len(values) + 1), key=lambda rank: (-values[rank - 1], rank))
    assert orders.falling(np.array(values), 20.0).tolist() == wanted
