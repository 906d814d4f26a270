"""Switches each guard off, in a copy of the source, and requires that its cases then fail: `python -m tests.hostile.prove`.

With words, only the guards whose names hold all of them. It ends with 1 when a guard can be switched off unnoticed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.hostile import guards_archives, guards_content
from tests.hostile.cases import TOPIC_OF
from tests.hostile.guard import ROOT, Guard

GUARDS: tuple[Guard, ...] = (*guards_archives.GUARDS, *guards_content.GUARDS)
COPIED = ("api", "core", "labelaudit", "migrations", "tests", "worker", "pyproject.toml")
TEST = "tests/hostile/test_{topic}.py::test_nothing_bad_gets_through[{case}]"
TOLD = re.compile(r"^(PASSED|FAILED|ERROR) \S+\[(\S+)\]", re.MULTILINE)
OUTPUT = "output.txt"
AT_ONCE = 2
SHARED = ("alembic", "fastapi", "httpx2", "hypothesis", "numpy", "pyarrow.parquet", "psycopg", "sqlalchemy", "uvicorn")


@dataclass(frozen=True)
class Proof:
    """What became of the cases of a guard that was switched off."""

    guard: Guard
    caught: frozenset[str]
    output: str

    @property
    def survived(self) -> list[str]:
        return [case for case in self.guard.cases if case not in self.caught]


def prove(guard: Guard) -> Proof:
    """Run the guard's cases against a copy of the source without it."""
    (proof,) = proofs([guard])
    return proof


def proofs(guards: Iterable[Guard]) -> Iterator[Proof]:
    """Proofs as they come, a few at once, each in a fork of this process: what all need is imported once. A process
    that has used a blob store cannot be forked so: the threads that write are not in the fork."""
    for name in SHARED:
        importlib.import_module(name)
    waiting = list(guards)[::-1]
    running: dict[int, tuple[Guard, Path]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                guard = waiting.pop()
                copy = _copy(guard)
                sys.stdout.flush()
                if not (pid := os.fork()):
                    _run(copy, guard)
                running[pid] = (guard, copy)
            pid, _ = os.wait()
            guard, copy = running.pop(pid)
            output = (copy / OUTPUT).read_text()
            shutil.rmtree(copy)
            caught = frozenset(case for outcome, case in TOLD.findall(output) if outcome == "FAILED")
            yield Proof(guard, caught, output)
    finally:
        for pid, (_, copy) in running.items():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            shutil.rmtree(copy)


def _copy(guard: Guard) -> Path:
    """The source without the guard; what was compiled stays good for all files but that."""
    copy = Path(tempfile.mkdtemp(prefix="labelaudit-guard-"))
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name)
        else:
            shutil.copy2(ROOT / name, copy / name)
    for edit in guard.edits:
        edit.apply(copy)
    return copy


def _run(copy: Path, guard: Guard) -> NoReturn:
    """In the fork: forget our own modules, and run the cases on those of the copy."""
    status = 1
    try:
        output = os.open(copy / OUTPUT, os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(output, stream)
        sys.stdout = sys.stderr = os.fdopen(os.dup(output), "w", buffering=1)  # not where a test run collects its own
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        # Our figures are registered with prometheus_client, which would know those of the forgotten modules too.
        for name in [name for name in sys.modules if name.partition(".")[0] in (*COPIED, "prometheus_client")]:
            del sys.modules[name]
        os.environ |= {"HOSTILE_ON_SQLITE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        for name in [name for name in os.environ if name.startswith(("COV", "PYTEST_XDIST"))]:
            del os.environ[name]
        options = ("-q", "-rA", "--tb=short", "--no-header", "-p", "no:cacheprovider", f"--basetemp={copy / 'tmp'}")
        cases = [TEST.format(topic=TOPIC_OF[case], case=case) for case in guard.cases]
        status = int(pytest.main([*options, *cases]))
    finally:
        sys.stdout.flush()
        os._exit(status)


def report(found: Iterable[Proof]) -> int:
    """Print a line for each case, and how many guards are proven; the exit status."""
    proven = total = 0
    for proof in found:
        total += 1
        proven += not proof.survived
        for case in proof.guard.cases:
            caught = "caught" if case in proof.caught else "SURVIVED"
            sys.stdout.write(f"{proof.guard.name:<48} · {case:<64} · {caught}\n")
        if proof.survived:
            sys.stdout.write(proof.output[-2000:] + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"guards proven {proven}/{total}\n")
    return 0 if proven == total > 0 else 1


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.hostile.prove", description=__doc__)
    parser.add_argument("words", nargs="*", help="only guards whose names hold all of these")
    wanted = parser.parse_args(words).words
    chosen = [guard for guard in GUARDS if all(word in guard.name for word in wanted)]
    return report(proofs(chosen))


if __name__ == "__main__":
    sys.exit(main())
