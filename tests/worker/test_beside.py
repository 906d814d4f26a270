"""Work that gives no signs of life has somebody beside it who does."""

from __future__ import annotations

import threading

import pytest

from worker.beside import beside


def test_somebody_ticks_while_the_work_goes_on() -> None:
    ticked = threading.Event()
    assert beside(lambda: ticked.wait(30), ticked.set)


def test_what_the_work_raises_is_raised() -> None:
    def fail() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        beside(fail, lambda: None)


def test_nobody_waits_for_work_that_is_no_longer_wanted() -> None:
    def cancel() -> None:
        raise KeyboardInterrupt

    ended = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        beside(lambda: ended.wait(60), cancel)
    assert not ended.is_set()
    ended.set()
