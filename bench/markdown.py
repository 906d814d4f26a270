"""Figures as Markdown tables, and where a page keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.record import figure

END = "<!-- end of figures -->"


def flat(value: object, path: str = "") -> list[tuple[str, str]]:
    """Nested figures as rows."""
    if isinstance(value, dict):
        return [row for key, inner in value.items() for row in flat(inner, f"{path} · {key}" if path else str(key))]
    if isinstance(value, list):
        if any(isinstance(inner, dict) for inner in value):
            return [row for k, inner in enumerate(value) for row in flat(inner, f"{path} {k}")]
        return [(path, ", ".join(map(figure, value)))]
    return [(path, figure(value))]


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *([figure(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def put(page: Path, begin: str, text: str) -> None:
    """Replace what a page has between two markers."""
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
