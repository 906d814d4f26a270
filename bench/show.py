"""Prints what was measured last as Markdown tables, the way `docs/benchmarks.md` shows them.

python -m bench.show [--write]      # --write puts them into docs/benchmarks.md, between its two markers
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from bench import gpu_page
from bench.markdown import flat
from bench.record import RESULTS, ROOT, figure, lines

DOCS = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: python -m bench.show --write -->", "<!-- end of figures -->"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.show", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    args = parser.parse_args(argv)
    sections = {bench: [section(line) for line in newest(bench)] for bench in recorded()}
    sections["gpu"] = [gpu_page.page()]
    text = "\n\n".join(section for bench in sorted(sections) for section in sections[bench])
    if not args.write:
        print(text)
        return 0
    page = DOCS.read_text()
    before, _, rest = page.partition(BEGIN)
    DOCS.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
    return 0


def recorded() -> list[str]:
    """The benches that have results."""
    return sorted(file.stem for file in RESULTS.glob("*.jsonl"))


def newest(bench: str) -> list[dict[str, Any]]:
    """The last run of a bench; of one that is made of checks, the last of each."""
    last = {line["args"].get("check", ""): line for line in lines(bench)}
    return list(last.values())


def section(line: dict[str, Any]) -> str:
    """A heading, where and when, and every figure."""
    machine = line["machine"]
    where = [
        f"{machine['cores']} cores of {machine['cpu']}",
        f"{machine['memory_gb']:g} GB",
        f"Python {machine['python']}",
    ]
    where += [f"torch {machine['torch']}"] if "torch" in machine else []
    where += [machine["gpu"]] if "gpu" in machine else []
    options = ", ".join(f"{name} {figure(value)}" for name, value in line["args"].items() if name != "check")
    title = " ".join(filter(None, (line["bench"], line["args"].get("check"))))
    rows = "\n".join(f"| {name} | {value} |" for name, value in flat(line["result"]))
    return (
        f"### {title}\n\n{line['when'][:10]}, commit `{line['commit']}`, {', '.join(where)}; {options}.\n\n"
        f"| what | figure |\n| --- | ---: |\n{rows}"
    )


if __name__ == "__main__":
    sys.exit(main())
