"""The service for the time of one command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import Problem
from core.settings import Settings


@contextmanager
def service(settings: Settings, *, fresh: bool = False) -> Iterator[str]:
    """The real service as a process of its own, as the environment configures it; its log goes to a file.

    A fresh one knows only its home: everything else is the default, whatever the environment says, and the usual port.
    """
    port = _free_port((8484,) if fresh else ())
    environment = {name: value for name, value in os.environ.items() if not (fresh and name.startswith("LABELAUDIT_"))}
    environment |= {
        "LABELAUDIT_HOME": str(settings.home),
        "LABELAUDIT_HOST": "127.0.0.1",
        "LABELAUDIT_PORT": str(port),
    }
    if fresh:
        environment["LABELAUDIT_MIN_FREE_BYTES"] = "0"
    log = settings.home / "service.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "labelaudit", "serve"],
            env=environment,
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, log)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def or_running(settings: Settings, server: str | None) -> Iterator[str]:
    """The service that was named, or one of our own for as long as it takes."""
    if server is not None:
        yield server.rstrip("/")
        return
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with service(settings) as url:
        yield url


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    import httpx2

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Problem("service-ended", f"The service ended at its start; its log is {log}.")
        try:
            if httpx2.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise Problem("service-not-ready", f"The service was not ready within a minute; its log is {log}.")


def _free_port(usual: tuple[int, ...]) -> int:
    """The usual port if it is free, else any."""
    for port in (*usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Problem("no-port", "There is no free port on this machine.")
