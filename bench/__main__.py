"""`python -m bench`: lists the benches. `python -m bench NAME … [OPTION …]`: runs them, with these options for each."""

from __future__ import annotations

import sys
from importlib import import_module

BENCHES = {
    "listing": "latency of the ranked list over HTTP, first page against deepest, 1,000,000 rows",
    "upload": "upload through the service against dd on the same disk",
    "ingest": "reading an upload against a bare loop of Pillow and SHA-256, and its memory",
    "load": "pollers, streams of events, submits, a write of 1,000,000 scores, overload, a soak",
    "page": "the review page in a browser: decisions and scrolling at 50,000 samples",
    "review": "counts, orders and cuts of a review of 1,000,000 samples",
    "submit": "latency of POST /v1/audits while Redis is up, hanging, gone",
    "detection": "how well wrong labels are found, beside AUM, losses and cleanlab",
    "training": "seconds to train on digits, and how many planted wrong labels are found",
    "overhead": "what our training costs beside the network itself",
    "company": "whether several processes rank as one does, and what that costs",
    "likeness": "seconds and recall of the nearest neighbours, seconds of the map",
    "gpu": "the checks and figures that need a GPU",
}


def main() -> int:
    """Run what is named; the worst exit status."""
    words = sys.argv[1:]
    count = next((k for k, word in enumerate(words) if word.startswith("-")), len(words))
    names, options = words[:count], words[count:]
    unknown = [name for name in names if name not in BENCHES]
    if unknown or not names:
        for name, about in BENCHES.items():
            print(f"  {name:<10} {about}")
        print("Options of one: python -m bench NAME --help. What was measured: python -m bench.show")
        return 2 if unknown else 0
    statuses: list[int] = [import_module(f"bench.{name}").main(options) for name in names]
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
