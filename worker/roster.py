"""Says for as long as a worker lives that it is there, for which queues and with which devices. Never imports torch."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

from core import logs
from core.settings import Settings
from core.store import workers
from core.store.db import Away, Database

log = logs.get(__name__)
GPUS = Path("/proc/driver/nvidia/gpus")


def devices(settings: Settings) -> list[dict[str, Any]]:
    """The devices that jobs of a worker on this machine may use, the one that they take by themselves first."""
    cpu = {"kind": "cpu", "name": "cpu"}
    if settings.device == "cpu" or (settings.device == "auto" and os.environ.get("CUDA_VISIBLE_DEVICES") == ""):
        return [cpu]
    return [*({"kind": "cuda", "name": name} for name in _gpus()), cpu]


def kinds(settings: Settings) -> tuple[str, ...]:
    """The same, each kind once."""
    return tuple(dict.fromkeys(device["kind"] for device in devices(settings)))


def _gpus() -> list[str]:
    found = []
    for about in sorted(GPUS.glob("*/information")):
        lines = dict(line.split(":", 1) for line in about.read_text().splitlines() if ":" in line)
        found.append(lines.get("Model", "GPU").strip())
    return found


class Roster:
    """Shows one worker, from a thread of its own."""

    def __init__(self, settings: Settings, db: Database, queues: list[str]) -> None:
        self._settings, self._db, self._queues = settings, db, queues
        self.id = f"{socket.gethostname()}:{os.getpid()}"
        self._devices = devices(settings)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="roster", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """The worker ends."""
        self._stop.set()
        self._thread.join(5)
        try:
            with self._db.write() as session:
                workers.leave(session, self.id)
        except Away:
            return  # the others forget it by themselves

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._db.write() as session:
                    workers.show(session, self.id, self._queues, self._devices)
            except Away as error:
                log.warning("the database does not answer", error=type(error).__name__)
            self._stop.wait(self._settings.beat_s)
