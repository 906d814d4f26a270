"""Where hostile bytes are parsed: a child program without files, network, credentials or much memory.

A child has four descriptors, its pipes and its place, and an environment that says only where our code is. When the
parent goes, however it goes, the pipes close and the child ends. What it gives up by itself is in `confine`.

The place is a file that can only be read, and of which only the position counts: the child moves it to say at which
member it is, so that its death tells where it died without a message for each member.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from core.datasets import frames
from core.datasets.frames import BrokenFrame, Frame
from core.errors import Problem

GRACE_SECONDS = 10.0
PIPE_BYTES = 1 << 20
CODE_ROOT = Path(__file__).resolve().parents[2]
IMPORT_PATH = os.pathsep.join(dict.fromkeys((str(CODE_ROOT), *map(sysconfig.get_path, ("platlib", "purelib")))))
# Without `site`: no start-up hooks of other packages run in the child, and it starts faster.
PYTHON = (sys.executable, "-S", "-s", "-P", "-m")

ENVIRONMENT = {
    "PYTHONPATH": IMPORT_PATH,
    "PYTHONUTF8": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Arrow's own allocator maps a gigabyte before the child is confined, and could fill it afterwards.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


class ChildDied(Problem):
    """The child ended before it answered; `by` is the signal that ended it, or None."""

    def __init__(self, detail: str, by: int | None) -> None:
        super().__init__("sandbox-died", detail, retryable=True)
        self.by = by


class Child:
    """A running child program; killed on close."""

    def __init__(self, module: str, order: Mapping[str, Any], max_payload: int, place: int = 0) -> None:
        self.max_payload = max_payload
        self.confinement = "unknown"
        self._errors, errors_end = os.pipe()
        os.set_blocking(errors_end, False)  # a child that complains without end loses its words, not our memory
        os.set_blocking(self._errors, False)
        self._place = os.open(__file__, os.O_RDONLY)
        os.lseek(self._place, place, os.SEEK_SET)
        try:
            self.process = subprocess.Popen(
                [*PYTHON, module],
                env=ENVIRONMENT,
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors_end,
                pass_fds=(self._place,),
            )
        except OSError:
            os.close(self._errors)
            os.close(self._place)
            raise
        finally:
            os.close(errors_end)
        assert self.process.stdin is not None and self.process.stdout is not None
        self._to: IO[bytes] = self.process.stdin
        self._from: IO[bytes] = self.process.stdout
        _widen(self._to, self._from)
        self.send({**order, "place": self._place})

    def send(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        try:
            frames.send(self._to, header, payload)
        except OSError:
            raise self._died() from None

    def receive(self) -> Frame:
        """The child's next frame. A problem that the child reports is raised here."""
        try:
            frame = frames.receive(self._from, self.max_payload)
            if frame is not None and frame.header.get("kind") == "ready":
                self.confinement = str(frame.header.get("confinement"))
                frame = frames.receive(self._from, self.max_payload)
        except (OSError, BrokenFrame):
            frame = None
        if frame is None:
            raise self._died()
        if frame.header.get("kind") == "problem":
            raise _problem(frame.header.get("problem"))
        return frame

    @property
    def place(self) -> int:
        """Where the child says that it is, or was when it died."""
        return os.lseek(self._place, 0, os.SEEK_CUR)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End the child from any thread; a `receive` that waits raises `ChildDied`."""
        self.process.kill()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self._to, self._from):
            with contextlib.suppress(OSError):  # bytes nobody will read any more
                stream.close()
        if self._errors >= 0:
            os.close(self._errors)
            os.close(self._place)
            self._errors = -1

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _died(self) -> ChildDied:
        try:
            status = self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if status < 0:
            return ChildDied(f"The process that reads uploads was ended by {signal.Signals(-status).name}.", -status)
        last = self._last_words()
        return ChildDied(
            f"The process that reads uploads ended with status {status}{': ' if last else '.'}{last}", None
        )

    def _last_words(self) -> str:
        """The last line on standard error, which for a Python program is its exception."""
        try:
            text = os.read(self._errors, 1 << 16).decode("utf-8", "replace")
        except (BlockingIOError, OSError):
            return ""
        lines = text.strip().splitlines()
        return lines[-1][:200] if lines else ""


def _widen(*pipes: IO[bytes]) -> None:
    """Room for a whole batch in a pipe, where the system grants it: a narrow one wakes both ends at each filling."""
    if sys.platform == "linux":
        for pipe in pipes:
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _problem(record: object) -> Problem:
    """The problem in a frame, believed only as far as its shape goes."""
    if not isinstance(record, dict):
        return Problem("sandbox-died", "The process that reads uploads sent a frame that it may not send.")
    code, detail = str(record.get("code"))[:64], str(record.get("detail"))[:1000]
    return Problem(code, detail, retryable=record.get("retryable") is True)


def confinement() -> str:
    """What a decoding child gives up on this machine, asked of a real one."""
    from core.spec import Limits

    limits = Limits()
    with Child("core.datasets.pixels", {"limits": limits.model_dump()}, 1 << 16) as child:
        child.send({"kind": "hello"})
        child.receive()
        return child.confinement
