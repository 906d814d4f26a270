"""Signs of life beside a piece of work that gives none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

Answer = TypeVar("Answer")
EVERY_S = 0.2


def beside(work: Callable[[], Answer], tick: Callable[[], object]) -> Answer:
    """What the work answers or raises; `tick` is called meanwhile, and when it raises nobody waits for the work."""
    answer: Future[Answer] = Future()

    def do() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=do, name="beside", daemon=True).start()  # a daemon, so that the process may end without it
    while not wait([answer], EVERY_S).done:
        tick()
    return answer.result()
