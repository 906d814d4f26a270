"""A storm over a whole installation, with people in it: `python -m tests.storm [--minutes 20] [--seed 1]`.

Ends with what was done, which faults there were and which promises were broken: there must be none.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from bench.record import record
from tests.storm.storm import storm


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--unrecorded", action="store_true", help="print only")
    args = parser.parse_args()
    sys.stdout.write(f"storm with seed {args.seed}, {args.minutes:g} minutes\n")
    with tempfile.TemporaryDirectory(prefix="la-storm-") as home:
        found = storm(Path(home), 60.0 * args.minutes, args.seed)
        if found["violations"]:
            sys.stdout.write((Path(home) / "house" / "log").read_text(errors="replace")[-5000:])
    for name, figure in found.items():
        sys.stdout.write(f"{name.replace('_', ' '):<14} {figure}\n")
    if not args.unrecorded:
        record("storm", {"minutes": args.minutes, "seed": args.seed}, found)
    return 1 if found["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
