"""Fuzz one target: `python -m tests.fuzz.one TARGET CORPUS FINDINGS SECONDS`; needs atheris."""

from __future__ import annotations

import atexit
import sys
from pathlib import Path

import atheris


def main() -> None:
    name, corpus, findings, seconds = sys.argv[1:]
    with atheris.instrument_imports(include=["core.datasets"]):
        from tests.fuzz.seeds import LARGEST, seeds
        from tests.fuzz.targets import TARGETS, run
    for n, data in enumerate(seeds(name)):
        (Path(corpus) / f"seed-{n}").write_bytes(data)
    options = [f"-max_total_time={seconds}", f"-max_len={LARGEST}", f"-artifact_prefix={findings}/{name}-"]
    options += ["-rss_limit_mb=2500", "-timeout=20", "-print_final_stats=1", corpus]
    last = Path(findings) / f"{name}-last"
    with last.open("wb", buffering=0) as kept:  # a library that ends the process leaves its input here

        def one(data: bytes) -> None:
            kept.seek(0)
            kept.truncate()
            kept.write(data)
            run(TARGETS[name], data)

        atexit.register(last.unlink)
        atheris.Setup([sys.argv[0], *options], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
