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
from pathlib import Path

START_S = 30.0
HOST = "127.0.0.1"


class Service:
    """A `labelaudit serve` without workers, always on the same port."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.port = _free_port()
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("LABELAUDIT_")}
        self._environment |= {"LABELAUDIT_HOME": str(home), "LABELAUDIT_LOG_LEVEL": "warning"}
        self._environment |= {f"LABELAUDIT_{name.upper()}": value for name, value in settings.items()}
        self._cores = os.sched_getaffinity(0)
        self.start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def start(self) -> None:
        """Start, or start again after `kill`; returns when it is ready."""
        command = [sys.executable, "-m", "labelaudit", "serve", "--no-workers", "--port", str(self.port)]
        self._process = subprocess.Popen(command, env=self._environment)
        os.sched_setaffinity(self.pid, self._cores)
        self._wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end."""
        self._process.terminate()
        self._process.wait(START_S)

    def cpu_s(self) -> float:
        """CPU time it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Measure the peak of memory from here on."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak_bytes(self) -> int:
        """The most memory it held since `forget_peak`."""
        return self._status("VmHWM")

    def rss_bytes(self) -> int:
        """The memory it holds."""
        return self._status("VmRSS")

    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def _status(self, name: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) * 1024

    def _wait(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(f"http://{HOST}:{self.port}/readyz", timeout=2):
                    return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError("the service does not start") from None
                time.sleep(0.1)


@contextmanager
def service(home: Path, **settings: str) -> Iterator[Service]:
    """Serve without workers on a free port until the block ends."""
    running = Service(home, **settings)
    try:
        yield running
    finally:
        running.stop()


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
