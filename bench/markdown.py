"""Figures as rows of a Markdown table."""

from __future__ import annotations

from bench.record import figure


def flat(value: object, path: str = "") -> list[tuple[str, str]]:
    """Nested figures as rows."""
    if isinstance(value, dict):
        return [row for key, inner in value.items() for row in flat(inner, f"{path} · {key}" if path else str(key))]
    if isinstance(value, list):
        if any(isinstance(inner, dict) for inner in value):
            return [row for k, inner in enumerate(value) for row in flat(inner, f"{path} {k}")]
        return [(path, ", ".join(map(figure, value)))]
    return [(path, figure(value))]
