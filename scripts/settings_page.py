"""Prints docs/settings.md from the settings: `.venv/bin/python scripts/settings_page.py > docs/settings.md`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from core.settings import Settings

HEAD = """\
# Settings

Every setting is an environment variable. None is needed: the defaults are the embedded service, which keeps all it
writes under `LABELAUDIT_HOME`. `labelaudit doctor` shows what is set and finds misspelt names.

| variable | default | what it is |
|---|---|---|
"""


def page() -> str:
    """The page's text."""
    rows = [
        f"| `LABELAUDIT_{name.upper()}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return HEAD + "\n".join(rows) + "\n"


def _default(value: Any) -> str:
    if value is None or value in ("", ()):
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1 << 20 and value % (1 << 20) == 0:
        return f"`{value}` ({_size(value)})"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _size(value: int) -> str:
    for unit in ("MiB", "GiB", "TiB"):
        value >>= 20 if unit == "MiB" else 10
        if value < 1024:
            return f"{value} {unit}"
    return f"{value} TiB"


if __name__ == "__main__":
    sys.stdout.write(page())
