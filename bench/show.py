"""Prints what was measured last as Markdown tables, the way `docs/benchmarks.md` shows them.

python -m bench.show [--write]      # --write puts them into docs/benchmarks.md, between its two markers
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from bench import gpu_page
from bench.markdown import flat, put, table
from bench.record import RESULTS, ROOT, figure, lines

DOCS = ROOT / "docs" / "benchmarks.md"
BEGIN = "<!-- figures: python -m bench.show --write -->"
SHOWN = (  # columns of the detection bench; all of them are in its results
    *("auroc", "ap", "p_at_100", "p_at_n", "f1", "f1_best", "flagged", "noise_rate", "noise_error", "ece"),
    *("ece_flagged", "hard_auroc", "suggestion_accuracy", "suggestion_coverage", "accuracy_last", "seconds"),
)


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
    put(DOCS, BEGIN, text)
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
    figures = (
        ranked(line["result"]) if line["bench"] == "detection" else table(("what", "figure"), flat(line["result"]))
    )
    return f"### {title}\n\n{line['when'][:10]}, commit `{line['commit']}`, {', '.join(where)}; {options}.\n\n{figures}"


def ranked(result: dict[str, Any]) -> str:
    """The rows of the detection bench beside each other; columns that are empty throughout are left out."""
    named = {name: values for name, values in result.items() if name not in ("realised", "columns")}
    rows = {name: dict(zip(result["columns"], values, strict=True)) for name, values in named.items()}
    columns = [name for name in SHOWN if any(row[name] is not None for row in rows.values())]
    led = any(row["ap lead mean"] is not None for row in rows.values())
    shown = table(
        ("", *(name.replace("_", " ") for name in columns), *(("AP of ours less this",) if led else ())),
        [(name, *(row[k] for k in columns), *((_lead(row),) if led else ())) for name, row in rows.items()],
    )
    return f"{', '.join(f'{rate:.1%}' for rate in result['realised'])} of the labels are wrong.\n\n{shown}"


def _lead(row: dict[str, float | None]) -> str:
    """A difference of means and, of several seeds, its 95 % interval."""
    mean, low, high = (row[f"ap lead {name}"] for name in ("mean", "low", "high"))
    if mean is None:
        return "–"
    return f"{mean:+.3f}" if low is None or high is None else f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    sys.exit(main())
