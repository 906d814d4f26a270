"""A real service in real processes, that a test may kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from labelaudit.client import Client

PATIENCE_S = 120.0  # a guard against deadlock, not a measurement

QUICK = {
    "LABELAUDIT_BEAT_S": "0.5",
    "LABELAUDIT_LEASE_S": "20",
    "LABELAUDIT_START_S": "60",
    "LABELAUDIT_REAPER_S": "0.5",
    "LABELAUDIT_WATCH_S": "0.2",
    "LABELAUDIT_CHECKPOINT_S": "0.3",
    "LABELAUDIT_MAX_ATTEMPTS": "9",
    "LABELAUDIT_THREADS": "1",
    "LABELAUDIT_MIN_FREE_BYTES": "0",
    "LABELAUDIT_LOG_FORMAT": "json",
}


def eventually(look: Callable[[], Any], what: str) -> Any:
    """The first true answer of `look`."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"it never came to this: {what}")


@dataclass
class Service:
    """API and workers, together (`labelaudit serve`) or apart."""

    home: Path
    apart: bool
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    api: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def client(self) -> Client:
        return Client(f"http://127.0.0.1:{self.port}")

    @property
    def log(self) -> str:
        return (self.home / "service.log").read_text(errors="replace")

    def start(self) -> None:
        self.start_api()
        if self.apart:
            self.start_worker()

    def start_api(self) -> None:
        self.port = self.port or free_port()
        options = ["--no-workers"] if self.apart else []
        self.api = self._run("labelaudit", "serve", "--port", str(self.port), *options)
        eventually(self.ready, "the API is ready")

    def start_worker(self) -> None:
        self.workers.append(self._run("labelaudit", "worker"))

    def ready(self) -> bool:
        assert self.api is not None and self.api.poll() is None, f"the API ended: {self.log[-3000:]}"
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    def processes(self, *words: str) -> list[psutil.Process]:
        """The running programs of this service whose command line has all the words."""
        found = []
        for process in psutil.process_iter():
            try:
                line = process.cmdline()
                if all(word in line for word in words) and process.environ().get("LABELAUDIT_HOME") == str(self.home):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def kill(self, *words: str) -> int:
        """kill -9; how many were hit."""
        hit = self.processes(*words)
        for process in hit:
            process.kill()
        return len(hit)

    def stop(self) -> int | None:
        """A polite end; the API's exit status."""
        running = [process for process in [self.api, *self.workers] if process is not None and process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(PATIENCE_S)
        return None if self.api is None else self.api.returncode

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        # Coverage would slow whole services down; tests/worker/test_run*.py do the same jobs in their own process.
        around = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
        environment = {**around, **QUICK, "LABELAUDIT_HOME": str(self.home), **self.environment}
        with (self.home / "service.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
