"""`labelaudit serve`: the API in this process, and its workers as supervised child processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import uvicorn

from api.main import create_app
from api.protocol import BoundedProtocol
from core import logs
from core.errors import Problem
from core.processes import adopt_orphans, reap_orphans, wait_for_orphans
from core.settings import Settings
from core.store import migrate
from core.store.db import Away, Database
from worker.app import QUEUES

log = logs.get(__name__)
STOP_S = 22.0
STEADY_S = 30.0


def serve(settings: Settings, *, workers: bool = True) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    settings.refuse_if_open()
    prepare(settings)
    adopt_orphans()
    logs.set_up(settings)
    crew = Crew(list(dict.fromkeys(QUEUES.values())) if workers else [])
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host.strip("[]"),
        port=settings.port,
        http=BoundedProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    # The server catches these, ends, and raises them once more: they must not end us before our workers have ended.
    for polite in (signal.SIGTERM, signal.SIGINT):
        signal.signal(polite, lambda *_: setattr(server, "should_exit", True))
    crew.start()
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_run(server, settings))
    finally:
        crew.close()
        settle(settings)
    return 0 if server.started else 1


async def _run(server: uvicorn.Server, settings: Settings) -> None:
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # uvicorn has no event for this
        await asyncio.wait({serving}, timeout=0.02)
    if server.started:
        port = server.servers[0].sockets[0].getsockname()[1]
        log.info("labelaudit is serving", url=f"http://{settings.host}:{port}", home=str(settings.home))
    await serving


def prepare(settings: Settings) -> None:
    """Make the home folder; migrate SQLite, which nobody else looks after."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Problem("home-unusable", f"LABELAUDIT_HOME cannot be made: {error.strerror}.") from None
    os.umask(0o077)
    db = Database(settings.database)
    try:
        if db.is_sqlite:
            migrate.upgrade(db)
        migrate.check(db)
    finally:
        db.close()


def settle(settings: Settings) -> None:
    """Be the last to use SQLite: whoever closes it last takes its log into the file, so that a copy of that has all. A
    worker that is told to end while it works closes nothing."""
    db = Database(settings.database)
    if db.is_sqlite:
        with suppress(*Away):
            db.ping()
    db.close()


class Crew:
    """The workers: one process a queue, started again with growing pauses when one ends."""

    def __init__(self, queues: list[str]) -> None:
        self._queues = queues
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        # Daemon threads: each starts and waits for one worker, and lives as long as this process does, because
        # a child may be told of its parent's death when the *thread* that started it ends.
        self._threads = [threading.Thread(target=self._keep, args=(queue,), daemon=True) for queue in queues]

    def start(self) -> None:
        """Start all workers."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Ask all workers to end, wait for the jobs they give back, and end whatever remains."""
        self._stop.set()
        with self._lock:
            running = list(self._running.values())
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_S
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        for process in running:
            with suppress(ProcessLookupError):
                process.kill()
        if not wait_for_orphans(deadline - time.monotonic()):
            log.warning("leaving children behind that did not end in time")

    def _keep(self, queue: str) -> None:
        pause = 0.5
        while not self._stop.is_set():
            began = time.monotonic()
            command = [sys.executable, "-m", "worker.main", "--queues", queue, "--parent", str(os.getpid())]
            with self._lock:
                if self._stop.is_set():
                    return
                process = self._running[queue] = subprocess.Popen(command)
            while (status := process.poll()) is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(2)
                with self._lock:
                    reap_orphans({running.pid for running in self._running.values()})
            if self._stop.is_set():
                return
            pause = 0.5 if time.monotonic() - began > STEADY_S else min(30.0, pause * 2)
            log.warning("a worker ended, starting it again", queue=queue, status=status, pause_s=pause)
            self._stop.wait(pause)
