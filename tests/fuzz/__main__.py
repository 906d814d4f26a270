"""Fuzz all targets, two at a time, and say what was found: `python -m tests.fuzz [TARGET …]`.

FUZZ_SECONDS is the time of each (60). What is found stays in `.fuzz/findings`, and what was learned in `.fuzz/corpus`,
where the next run begins.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".fuzz"
AT_ONCE = 2
TAIL = 30  # lines of what a finding says


def fuzz(name: str) -> tuple[str, int, str]:
    """A target, how many inputs it took, and what it said when it ended too early."""
    corpus, findings = FOLDER / "corpus" / name, FOLDER / "findings"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    words = [name, str(corpus), str(findings), os.environ.get("FUZZ_SECONDS", "60")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.one", *words], cwd=ROOT, capture_output=True, text=True, errors="replace"
    )
    ran = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    ended = f"{name} ended with {done.returncode}: its last input is in {findings}\n"
    said = "" if done.returncode == 0 else "\n".join((done.stdout + done.stderr).splitlines()[-TAIL:]) + "\n" + ended
    return name, int(ran.group(1)) if ran else 0, said


def main() -> int:
    names = sys.argv[1:] or list(TARGETS)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        results = list(threads.map(fuzz, names))
    for name, inputs, said in results:
        sys.stdout.write(f"{name:<12} {inputs:>9} inputs · {'FOUND' if said else 'nothing found'}\n{said}")
    found = sum(bool(said) for _, _, said in results)
    sys.stdout.write(f"fuzzed {len(results)} parsers, {sum(n for _, n, _ in results)} inputs, {found} with findings\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
