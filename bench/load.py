"""How the service bears load: who polls, who watches, submits, a large write, far too much, who judges, a long time.

    python -m bench.load [--only pollers,streams,…] [--database sqlite|postgres|both] [--minutes 60] [--quick]

Requests go out by a schedule, and each counts from the moment it was due. The service, and its database, run on all
cores but the last, and the load on that, except where a load says otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import submit
from bench.loads import overload, pollers, reviewers, soak, streams, writes
from bench.loads.stage import Found
from bench.record import record

LOADS: dict[str, Callable[..., Found]] = {
    "pollers": pollers.measure,
    "streams": streams.measure,
    "submits": submit.measure,
    "writes": writes.measure,
    "overload": overload.measure,
    "reviews": reviewers.measure,
    "soak": soak.measure,
}
QUICK: dict[str, dict[str, float]] = {
    "pollers": {"clients": 40, "seconds": 3.0},
    "streams": {"clients": 40, "seconds": 3.0},
    "submits": {"posts": 20},
    "writes": {"rows": 20_000, "seconds": 3.0},
    "overload": {"connections": 100, "seconds": 2.0},
    "reviews": {"rows": 2_000, "seconds": 3.0},
    "soak": {"minutes": 2.0},
}
DATABASES = ("sqlite", "postgres")
TOLERABLE = 0.1


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default=",".join(LOADS), help="these loads, separated by commas")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--minutes", type=float, help="length of the soak; 60, or 2 with --quick")
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it works")
    parser.add_argument("--unrecorded", action="store_true", help="print only")
    args = parser.parse_args(argv)
    names = args.only.split(",")
    if unknown := [name for name in names if name not in LOADS]:
        parser.error(f"there is no load {unknown[0]}; there are {', '.join(LOADS)}")
    for name in names:
        for database in DATABASES if args.database == "both" else (args.database,):
            options = QUICK[name] if args.quick else {}
            if name == "soak" and args.minutes:
                options = {"minutes": args.minutes}
            others = Others()
            found = LOADS[name](database, **options)
            found.tell(f"{name}, {database}")
            if (share := others.share()) > TOLERABLE:
                print(f"Other programs had {share:.0%} of the machine's cores meanwhile: these figures say little.")
            if not args.unrecorded:
                said = {"others_cpu": round(share, 2), **found.as_record()}
                record("load", {"check": f"{name} {database}", "quick": args.quick}, said)
    return 0


class Others:
    """What the rest of the machine does, from now on."""

    def __init__(self) -> None:
        self._busy, self._ours, self._at = _busy_s(), _ours_s(), time.monotonic()

    def share(self) -> float:
        """Their share of all cores. Of our children, only those count as ours that have ended."""
        wall = (time.monotonic() - self._at) * (os.cpu_count() or 1)
        return max(0.0, _busy_s() - self._busy - (_ours_s() - self._ours)) / wall


def _busy_s() -> float:
    """CPU time of all processes since the machine started: user, nice, system, interrupts."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return sum(ticks[k] for k in (0, 1, 2, 5, 6)) / os.sysconf("SC_CLK_TCK")


def _ours_s() -> float:
    return sum(os.times()[:4])


if __name__ == "__main__":
    sys.exit(main())
