"""What a child program does to itself before it touches hostile bytes.

It imports and warms up everything first and is confined afterwards, so that it never needs a file again.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from typing import BinaryIO, Self

from core.datasets import seccomp

PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38
OPEN_FILES = 16


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
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123  pathlib is slow to import
            pages = int(statm.read().split()[0])
    except OSError:
        return 1 << 30
    return pages * resource.getpagesize()


class CpuTime:
    """Die by SIGPROF after so much processor time: a handler would wait for a decoder that never returns."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._armed = seconds, 0.0

    def renew(self) -> None:
        """Within it: what follows has all the time again, or at least nine tenths; to say so each time takes long."""
        if self._armed and time.monotonic() - self._armed > self._seconds / 10:
            self.__enter__()

    def __enter__(self) -> Self:
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        self._armed = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._armed = 0.0
