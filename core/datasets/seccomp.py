"""A system call filter in forty lines of BPF: what is not on the list fails with EPERM.

The list holds what a decoder needs once all its code is loaded: memory, the pipes it already has, clocks, signals to
itself, its own end. Opening, connecting, starting and signalling are not on it, nor is anything a future kernel adds.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
RETURN_ALLOW = 0x7FFF0000
RETURN_EPERM = 0x00050000 | errno.EPERM

LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER_OFFSET, ARCH_OFFSET = 0, 4

# name: (x86_64, aarch64)
ALLOWED: dict[str, tuple[int, int]] = {
    "read": (0, 63),
    "write": (1, 64),
    "setitimer": (38, 103),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "futex": (202, 98),
    "readv": (19, 65),
    "writev": (20, 66),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "close": (3, 57),
    "poll": (7, 73),
    "ppoll": (271, 73),
    "mprotect": (10, 226),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "getitimer": (36, 102),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "sysinfo": (99, 179),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "restart_syscall": (219, 128),
    "rseq": (334, 293),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def supported() -> bool:
    """Whether we know the system call numbers of this machine."""
    return sys.platform == "linux" and os.uname().machine in ARCHITECTURES


def instructions(machine: str) -> bytes:
    """The filter for one machine, as an array of `struct sock_filter`."""
    architecture, column = ARCHITECTURES[machine]
    numbers = [pair[column] for pair in ALLOWED.values()]
    code = [
        (LOAD_WORD, 0, 0, ARCH_OFFSET),
        (JUMP_IF_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, RETURN_EPERM),
        (LOAD_WORD, 0, 0, NUMBER_OFFSET),
    ]
    for position, number in enumerate(numbers):
        code.append((JUMP_IF_EQUAL, len(numbers) - position, 0, number))
    code += [(RETURN, 0, 0, RETURN_EPERM), (RETURN, 0, 0, RETURN_ALLOW)]
    return b"".join(struct.pack("=HBBI", *one) for one in code)


def install(libc: ctypes.CDLL) -> bool:
    """Filter this process from now on; it needs no_new_privs. False where the kernel cannot."""
    if not supported():
        return False
    code = instructions(os.uname().machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)
