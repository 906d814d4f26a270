"""The real service as a child process with a home of its own, and what the kernel says of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

START_S = 30.0
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Service:
    """A running `labelaudit serve`."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU time it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Measure the peak of memory from here on."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak_bytes(self) -> int:
        """The most memory it held since `forget_peak`."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024


@contextmanager
def service(home: Path, **settings: str) -> Iterator[Service]:
    """Serve without workers on a free port until the block ends."""
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LABELAUDIT_")}
    environment |= {"LABELAUDIT_HOME": str(home), "LABELAUDIT_LOG_LEVEL": "warning"}
    environment |= {f"LABELAUDIT_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "labelaudit", "serve", "--no-workers", "--port", str(port)]
    process = subprocess.Popen(command, env=environment)
    try:
        _wait(port, process)
        yield Service(port, process.pid)
    finally:
        process.terminate()
        process.wait(START_S)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=2):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service does not start") from None
            time.sleep(0.1)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def apart() -> Iterator[None]:
    """Children started inside the block get all cores but the last, which is left to this process afterwards."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        yield
        return
    os.sched_setaffinity(0, cores[:-1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores[-1:])
