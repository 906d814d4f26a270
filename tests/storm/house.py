"""A whole installation: PostgreSQL, Redis, two API processes, two workers, and who starts what ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil

from core.store import migrate
from core.store.db import Database
from tests.servers import Postgres, Redis, postgres, redis
from tests.worker.service import QUICK, eventually, free_port

APIS, WORKERS = 2, 2
LEASE_S = 6.0
KEEP_S = 0.5
SETTINGS = {
    **QUICK,
    "LABELAUDIT_LEASE_S": f"{LEASE_S}",
    "LABELAUDIT_MAX_ATTEMPTS": "100",  # a storm is nobody's fault, and strikes are another test's matter
}


@dataclass
class Slot:
    """A program that is started again whenever it has ended, as systemd would."""

    name: str
    words: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def family(self) -> list[psutil.Process]:
        """It and all that it started."""
        try:
            me = psutil.Process(self.process.pid) if self.process is not None else None
            return [] if me is None else [me, *me.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def signal(self, number: signal.Signals, family: list[psutil.Process] | None = None) -> int:
        """Send a signal to all of them; how many were hit."""
        hit = 0
        for process in self.family() if family is None else family:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
                hit += 1
        return hit


@dataclass
class House:
    """All of it."""

    home: Path
    database: Postgres
    broker: Redis
    url: str
    apis: list[Slot]
    workers: list[Slot]
    ports: list[int]
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def slots(self) -> list[Slot]:
        return [*self.apis, *self.workers]

    @property
    def environment(self) -> dict[str, str]:
        """What its programs are told."""
        around = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "LABELAUDIT"))}
        where = {"LABELAUDIT_HOME": str(self.home), "LABELAUDIT_BROKER_URL": self.broker.url}
        return {**around, **SETTINGS, **where, "LABELAUDIT_DATABASE_URL": self.url}

    def keep(self) -> None:
        """Start what is not there, until the house is left."""
        while not self._over.wait(KEEP_S):
            for slot in self.slots:
                if slot.process is None or slot.process.poll() is not None:
                    self._start(slot)

    def children(self) -> list[psutil.Process]:
        """Children that train."""
        return [one for slot in self.workers for one in slot.family() if _is_run(one)]

    def ready(self) -> bool:
        """Whether every process of the API answers, and all workers are there."""
        try:
            return all(httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5).is_success for port in self.ports)
        except httpx2.TransportError:
            return False

    def leave(self) -> None:
        """A polite end."""
        self._over.set()
        for number in (signal.SIGCONT, signal.SIGTERM):
            for slot in self.slots:
                if slot.process is not None:
                    slot.signal(number, slot.family()[:1] if number == signal.SIGTERM else None)
        deadline = time.monotonic() + 40.0
        for slot in self.slots:
            if slot.process is not None:
                with suppress(subprocess.TimeoutExpired):
                    slot.process.wait(max(0.1, deadline - time.monotonic()))
                slot.signal(signal.SIGKILL)

    def _start(self, slot: Slot) -> None:
        with (self.home / "log").open("ab") as log:
            words = [sys.executable, "-m", "labelaudit", *slot.words]
            slot.process = subprocess.Popen(
                words, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        slot.starts += 1


@contextmanager
def house(home: Path) -> Iterator[House]:
    """One that is ready; everything of it is gone afterwards."""
    home.mkdir(parents=True, exist_ok=True)
    with postgres() as database, redis() as broker:
        url = database.create_database("storm")
        # A crash of the server must not take back what it has acknowledged: the test servers are set up for speed.
        database.execute("ALTER DATABASE storm SET synchronous_commit = on")
        db = Database(url)
        migrate.upgrade(db)
        db.close()
        ports = [free_port() for _ in range(APIS)]
        apis = [Slot(f"api {k}", ("serve", "--no-workers", "--port", str(port))) for k, port in enumerate(ports)]
        workers = [Slot(f"worker {k}", ("worker",)) for k in range(WORKERS)]
        made = House(home, database, broker, url, apis, workers, ports)
        keeper = threading.Thread(target=made.keep, daemon=True)
        keeper.start()
        try:
            try:
                eventually(made.ready, "the house is ready")
            except AssertionError as error:
                raise AssertionError((home / "log").read_text(errors="replace")[-3000:]) from error
            yield made
        finally:
            made.leave()
            keeper.join()


def _is_run(process: psutil.Process) -> bool:
    try:
        return "worker.run" in process.cmdline()
    except psutil.Error:
        return False
