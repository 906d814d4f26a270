"""What is kept in memory is made once, however many ask for it at the same time, and leaves when there is no room."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from api.kept import Kept

Bytes = NDArray[np.uint8]


def test_who_asks_for_the_same_waits_for_the_one_who_makes_it_and_others_do_not() -> None:
    kept: Kept[str, Bytes] = Kept(100)
    began, go_on, made = threading.Event(), threading.Event(), list[str]()

    def make() -> Bytes:
        began.set()
        assert go_on.wait(30)
        made.append("slow")
        return np.zeros(1, np.uint8)

    with ThreadPoolExecutor(4) as pool:
        same = [pool.submit(kept.get, "slow", make) for _ in range(4)]
        assert began.wait(30)
        kept.get("other", lambda: np.ones(1, np.uint8))
        go_on.set()
        assert len({id(one.result()) for one in same}) == 1
    assert made == ["slow"]


def test_what_fails_to_be_made_is_made_by_the_next_who_asks() -> None:
    kept: Kept[str, Bytes] = Kept(100)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: np.zeros(1 // 0, np.uint8))
    assert len(kept.get("a", lambda: np.zeros(3, np.uint8))) == 3


def test_what_no_longer_fits_is_made_anew_of_what_it_was() -> None:
    kept: Kept[str, Bytes] = Kept(100)

    def at_least(length: int) -> int:
        return len(
            kept.renewed(
                "a",
                lambda found: len(found) >= length,
                lambda old: np.zeros(length + (0 if old is None else 1), np.uint8),
            )
        )

    assert [at_least(2), at_least(1), at_least(5), at_least(6)] == [2, 2, 6, 6]


def test_what_was_not_asked_for_longest_goes_first() -> None:
    kept: Kept[str, Bytes] = Kept(100)
    made: list[str] = []

    def get(key: str, size: int) -> None:
        kept.get(key, lambda: (made.append(key), np.zeros(size, np.uint8))[1])

    for key, size in (("a", 40), ("b", 40), ("a", 40), ("c", 40), ("a", 40), ("b", 40)):
        get(key, size)
    assert made == ["a", "b", "c", "b"]
    get("large", 1000)
    get("large", 1000)
    assert made[4:] == ["large"]
