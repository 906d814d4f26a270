"""Items that are made ahead are the same items, and nothing is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from core.training.ahead import ahead


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_the_same_items_come_in_the_same_order() -> None:
    assert list(ahead(iter(range(1, 100)))) == list(range(1, 100))
    assert threads() == []


def test_the_next_item_is_made_while_the_last_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for k, event in enumerate(made):
            event.set()
            yield k + 1

    with closing(ahead(items())) as coming:
        assert next(coming) == 1
        assert made[1].wait(60)


def test_an_iterator_that_is_left_early_leaves_no_thread() -> None:
    coming = ahead(iter(range(1, 100)))
    next(coming)
    assert len(threads()) == 1
    coming.close()
    assert threads() == []


def test_an_error_comes_out_where_its_item_would_have() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    coming = ahead(items())
    assert next(coming) == 1
    with pytest.raises(ValueError, match="broken"):
        next(coming)
    assert threads() == []
