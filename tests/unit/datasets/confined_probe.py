"""A child that confines itself as a decoder does, tries to do harm, and reports what happened."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from core.datasets import frames, images
from core.datasets.bounds import Bounds
from core.datasets.confine import confine, pipes
from core.datasets.warmup import warm
from tests.unit.datasets.pictures import FORMATS, pictures

libc = ctypes.CDLL(None, use_errno=True)


def system_call(number: int, *arguments: int) -> None:
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


HARM: dict[str, Callable[[], object]] = {
    "read a file": lambda: Path("/etc/passwd").read_bytes(),
    "write a file": lambda: Path("/tmp/labelaudit-probe").write_bytes(b"x"),
    "look at a folder": lambda: os.listdir("/tmp"),
    "make a folder": lambda: os.mkdir("/tmp/labelaudit-probe"),
    "delete": lambda: os.unlink("/tmp/labelaudit-probe"),
    "rename": lambda: os.rename("/tmp/labelaudit-a", "/tmp/labelaudit-b"),
    "link": lambda: os.symlink("/etc/passwd", "/tmp/labelaudit-probe"),
    "change a mode": lambda: os.chmod("/tmp", 0o777),
    "open a socket": lambda: socket.socket(),
    "open a local socket": lambda: socket.socketpair(),
    "fork": lambda: os.fork(),
    "run a program": lambda: subprocess.run(["/bin/true"]),
    "become a program": lambda: os.execv("/bin/true", ["true"]),
    "signal another": lambda: os.kill(os.getppid(), 0),
    "stop another": lambda: os.kill(os.getppid(), signal.SIGSTOP),
    "trace another": lambda: system_call(101 if os.uname().machine == "x86_64" else 117, 16, os.getppid(), 0, 0),
    "set up io_uring": lambda: system_call(425, 4, 0),
    "raise a limit": lambda: __import__("resource").setrlimit(7, (1024, 1024)),
}


def main() -> None:
    reader, writer = pipes()
    order = frames.receive(reader, 0)
    assert order is not None
    limits = Bounds(**order.header["limits"])
    environment = sorted(os.environ)
    files = {f"{kind} {mode}": data for kind in FORMATS for mode, data in pictures(kind)}
    warm(limits)
    frames.send(writer, {"kind": "ready", "confinement": confine(limits.sandbox_memory_bytes)})
    refused = {}
    for name, harm in HARM.items():
        try:
            harm()
            refused[name] = "done"
        except OSError as error:
            refused[name] = errno.errorcode.get(error.errno or 0, str(error))
        except ValueError:
            refused[name] = "EPERM"
    decoded = {}
    for name, data in files.items():
        facts = images.check(data, limits)[0]
        images.to_array(data, 5, 1, limits)
        decoded[name] = (facts.width, images.thumbnail(data, 5, limits)[:4] == b"\x89PNG")
    try:
        bytearray(2 * limits.sandbox_memory_bytes)
        memory = "given"
    except MemoryError:
        memory = "refused"
    answer = {"kind": "report", "refused": refused, "decoded": decoded, "memory": memory, "environment": environment}
    frames.send(writer, {**answer, "modules": [name for name in ("numpy", "pydantic") if name in sys.modules]})


if __name__ == "__main__":
    main()
