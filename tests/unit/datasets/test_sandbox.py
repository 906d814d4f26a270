from __future__ import annotations

import io
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dataset_makers import limits
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datasets import frames, seccomp
from core.datasets.sandbox import CODE_ROOT, Child, ChildDied, confinement

PROBE = "tests.unit.datasets.confined_probe"
PIXELS = "core.datasets.pixels"
ORDER = {"limits": limits().model_dump()}
linux = pytest.mark.skipif(sys.platform != "linux", reason="other kernels have no such filter")


@linux
def test_a_confined_child_can_decode_everything_and_do_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with Child(PROBE, ORDER, 1 << 20) as child:
        report = child.receive().header
    assert set(report["refused"].values()) <= {"EPERM", "EACCES"}, report["refused"]
    assert len(report["decoded"]) > 30
    assert all(png for _, png in report["decoded"].values())
    assert report["memory"] == "refused"
    assert set(report["environment"]) <= {
        "PYTHONPATH",
        "PYTHONUTF8",
        "OPENBLAS_NUM_THREADS",
        "ARROW_DEFAULT_MEMORY_POOL",
        "LC_CTYPE",
    }
    assert report["modules"] == []


@linux
def test_what_is_confined_here_can_be_asked() -> None:
    assert confinement().endswith("no new privileges, system calls")


@linux
def test_a_child_ends_with_its_parent_however_that_dies() -> None:
    script = (
        "import time; from core.datasets.pixels import start; from core.spec import Limits\n"
        "child = start(Limits()); print(child.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=CODE_ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_a_dead_child_is_a_problem_that_names_its_signal() -> None:
    with Child(PIXELS, ORDER, 1 << 20) as child:
        os.kill(child.process.pid, signal.SIGKILL)
        with pytest.raises(ChildDied, match="SIGKILL") as caught:
            child.receive()
    assert caught.value.code == "sandbox-died"
    assert caught.value.retryable


def test_a_child_that_fails_by_itself_leaves_its_last_words() -> None:
    with Child(PIXELS, {"limits": {}}, 1 << 20) as child, pytest.raises(ChildDied, match="TypeError"):
        child.receive()


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), st.binary())
def test_a_frame_arrives_as_it_was_sent(header: dict[str, object], payload: bytes) -> None:
    pipe = io.BytesIO()
    frames.send(pipe, header, payload)
    pipe.seek(0)
    assert frames.receive(pipe, len(payload)) == (header, payload)
    assert frames.receive(pipe, 0) is None


@pytest.mark.parametrize(
    "sent",
    [
        b"\0",
        frames.PREFIX.pack(1 << 30, 0),
        frames.PREFIX.pack(2, 1 << 60) + b"{}",
        frames.PREFIX.pack(2, 9) + b"{}abc",
        frames.PREFIX.pack(2, 0) + b"[]",
        frames.PREFIX.pack(2, 0) + b"\xff\xff",
    ],
)
def test_a_frame_that_is_not_one_is_refused_before_anything_is_allocated(sent: bytes) -> None:
    with pytest.raises(frames.BrokenFrame):
        frames.receive(io.BytesIO(sent), 16)


def filtered(program: bytes, architecture: int, number: int) -> int:
    """What the kernel would answer: an interpreter of the three instructions that the filter uses."""
    code = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    at, word = 0, 0
    while True:
        operation, if_equal, otherwise, operand = code[at]
        at += 1
        if operation == seccomp.LOAD_WORD:
            word = architecture if operand == seccomp.ARCH_OFFSET else number
        elif operation == seccomp.JUMP_IF_EQUAL:
            at += if_equal if word == operand else otherwise
        else:
            return operand


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_the_filter_lets_through_the_list_and_nothing_else(machine: str) -> None:
    program = seccomp.instructions(machine)
    architecture, column = seccomp.ARCHITECTURES[machine]
    allowed = {pair[column] for pair in seccomp.ALLOWED.values()}
    for number in range(600):
        answer = seccomp.RETURN_ALLOW if number in allowed else seccomp.RETURN_EPERM
        assert filtered(program, architecture, number) == answer
        assert filtered(program, architecture ^ 1, number) == seccomp.RETURN_EPERM
        assert filtered(program, architecture, number | 0x40000000) == seccomp.RETURN_EPERM  # the x32 numbers
