"""Where hostile bytes are parsed: a child program without files, network, credentials or much memory.

A child imports and warms up everything first and is confined afterwards, so that it never needs a file again. It has
three descriptors, its pipes. When the parent goes, however it goes, the pipes close and the child ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO

from core.datasets import frames, seccomp
from core.datasets.frames import BrokenFrame, Frame
from core.errors import Problem

PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38
OPEN_FILES = 16
GRACE_SECONDS = 10.0
CODE_ROOT = Path(__file__).resolve().parents[2]


class ChildDied(Problem):
    """The child ended before it answered; `by` is the signal that ended it, or None."""

    def __init__(self, detail: str, by: int | None) -> None:
        super().__init__("sandbox-died", detail, retryable=True)
        self.by = by


# In the child


def pipes() -> tuple[BinaryIO, BinaryIO]:
    """The child's ends of its pipes. Whatever a library prints to standard output goes to standard error instead."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return reader, writer


def confine(memory_bytes: int) -> str:
    """Give up everything that decoding does not need, for good; says what could be given up here.

    Call it after everything is imported and warmed up. `memory_bytes` is what the process may map on top of what it
    has mapped now. It works for root and for ordinary users and needs no privileges.
    """
    os.umask(0o077)
    held = ["umask"]
    bounds = {
        "core": (resource.RLIMIT_CORE, 0),
        "memory": (resource.RLIMIT_AS, _mapped_bytes() + memory_bytes),
        "file size": (resource.RLIMIT_FSIZE, 0),
        "open files": (resource.RLIMIT_NOFILE, OPEN_FILES),
    }
    for name, (which, bound) in bounds.items():
        with contextlib.suppress(ValueError, OSError):  # macOS has no bound on mapped memory
            resource.setrlimit(which, (bound, bound))
            held.append(name)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            held.append("no new privileges")
            if seccomp.install(libc):
                held.append("system calls")
    return ", ".join(held)


def _mapped_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 1 << 30
    return pages * resource.getpagesize()


@contextlib.contextmanager
def cpu_time(seconds: float) -> Iterator[None]:
    """Die by SIGPROF after so much processor time: a handler would wait for a decoder that never returns."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


# In the parent


class Child:
    """A running child program; killed on close."""

    def __init__(self, module: str, order: Mapping[str, Any], max_payload: int) -> None:
        self.max_payload = max_payload
        self.confinement = "unknown"
        self._errors, errors_end = os.pipe()
        os.set_blocking(errors_end, False)  # a child that complains without end loses its words, not our memory
        os.set_blocking(self._errors, False)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-m", module],
                env={"PYTHONPATH": str(CODE_ROOT), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors_end,
            )
        except OSError:
            os.close(self._errors)
            raise
        finally:
            os.close(errors_end)
        assert self.process.stdin is not None and self.process.stdout is not None
        self._to: IO[bytes] = self.process.stdin
        self._from: IO[bytes] = self.process.stdout
        self.send(dict(order))

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
