"""What the storm does: every few seconds it lets one of the faults of the matrix happen, and heals it after a while."""

from __future__ import annotations

import heapq
import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

from tests.storm.house import LEASE_S, House, Slot

EVERY_S = (5.0, 15.0)
Heal = Callable[[], None]


class Weather(threading.Thread):
    """One storm. `struck` counts the faults that really happened."""

    def __init__(self, house: House, seed: int) -> None:
        super().__init__(daemon=True, name="weather")
        self._house, self._dice = house, random.Random(f"weather {seed}")
        self._over = threading.Event()
        self._healing: list[tuple[float, int, Heal]] = []
        self._turn = itertools.count()
        self._hurt: set[str] = set()  # what has a fault now; it gets no second one
        self.struck: Counter[str] = Counter()
        self.broke: BaseException | None = None
        self._faults: dict[str, Callable[[], int]] = {
            "F1 child killed": self._kill_child,
            "F2 worker killed": self._kill_worker,
            "F8 Redis killed": self._kill_redis,
            "F9 Redis silent": self._stop_redis,
            "F10 PostgreSQL crashed": self._crash_database,
            "F12 API killed": self._kill_api,
            "F16 worker cut off": self._cut_worker_off,
            "F21 worker told to end": self._end_worker,
        }

    def clear_up(self) -> None:
        """No more faults; those that are there are healed."""
        self._over.set()
        self.join(120)

    def run(self) -> None:
        try:
            strike = time.monotonic() + self._dice.uniform(*EVERY_S)
            while not self._over.wait(0.1):
                self._heal(time.monotonic())
                if time.monotonic() >= strike:
                    name = self._dice.choice(list(self._faults))
                    self.struck[name] += self._faults[name]() > 0
                    strike = time.monotonic() + self._dice.uniform(*EVERY_S)
            self._heal(float("inf"))
        except BaseException as error:
            self.broke = error

    def _heal(self, now: float) -> None:
        while self._healing and self._healing[0][0] <= now:
            heapq.heappop(self._healing)[2]()

    def _after(self, seconds: tuple[float, float], what: str, heal: Heal) -> None:
        self._hurt.add(what)

        def healed() -> None:
            heal()
            self._hurt.discard(what)

        due = time.monotonic() + self._dice.uniform(*seconds)
        heapq.heappush(self._healing, (due, next(self._turn), healed))

    def _worker(self) -> Slot | None:
        well = [slot for slot in self._house.workers if slot.name not in self._hurt]
        return self._dice.choice(well) if well else None

    def _kill_child(self) -> int:
        children = self._house.children()
        if not children:
            return 0
        self._dice.choice(children).kill()
        return 1

    def _kill_worker(self) -> int:
        slot = self._worker()
        return 0 if slot is None else slot.signal(signal.SIGKILL)

    def _kill_api(self) -> int:
        return self._dice.choice(self._house.apis).signal(signal.SIGKILL)

    def _end_worker(self) -> int:
        slot = self._worker()
        return 0 if slot is None else slot.signal(signal.SIGTERM, slot.family()[:1])

    def _cut_worker_off(self) -> int:
        """It and its children stand still until somebody else must have had their work."""
        slot = self._worker()
        if slot is None:
            return 0
        family = slot.family()
        hit = slot.signal(signal.SIGSTOP, family)
        self._after((0.5 * LEASE_S, 2.5 * LEASE_S), slot.name, lambda: slot.signal(signal.SIGCONT, family))
        return hit

    def _kill_redis(self) -> int:
        if "redis" in self._hurt:
            return 0
        self._house.broker.kill()
        self._after((0.5, 8.0), "redis", self._house.broker.start)
        return 1

    def _stop_redis(self) -> int:
        if "redis" in self._hurt:
            return 0
        pid = self._house.broker.pid
        os.kill(pid, signal.SIGSTOP)
        self._after((2.0, 8.0), "redis", lambda: os.kill(pid, signal.SIGCONT))
        return 1

    def _crash_database(self) -> int:
        if "database" in self._hurt:
            return 0
        self._house.database.kill()
        self._after((0.5, 1.5 * LEASE_S), "database", self._house.database.start)
        return 1
