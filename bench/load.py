"""How the service bears load: many who poll, many who watch, submits, a large write, far too much, and a long time.

    python -m bench.load [--only pollers,streams,…] [--database sqlite|postgres|both] [--minutes 60] [--quick]

Requests go out by a schedule, and each counts from the moment it was due. The service, and its database, run on all
cores but the last, and the load on that, except where a load says otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from bench import submit
from bench.loads import overload, pollers, soak, streams, writes
from bench.loads.stage import Found
from bench.record import record

LOADS: dict[str, Callable[..., Found]] = {
    "pollers": pollers.measure,
    "streams": streams.measure,
    "submits": submit.measure,
    "writes": writes.measure,
    "overload": overload.measure,
    "soak": soak.measure,
}
QUICK: dict[str, dict[str, float]] = {
    "pollers": {"clients": 40, "seconds": 3.0},
    "streams": {"clients": 40, "seconds": 3.0},
    "submits": {"posts": 20},
    "writes": {"rows": 20_000, "seconds": 3.0},
    "overload": {"connections": 100, "seconds": 2.0},
    "soak": {"minutes": 2.0},
}
DATABASES = ("sqlite", "postgres")


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
            found = LOADS[name](database, **options)
            found.tell(f"{name}, {database}")
            if not args.unrecorded:
                record("load", {"check": f"{name} {database}", "quick": args.quick}, found.as_record())
    return 0


if __name__ == "__main__":
    sys.exit(main())
