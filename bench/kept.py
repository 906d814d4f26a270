"""Finished cells of a grid, kept so that an interrupted grid goes on where it stopped.

A cell is known by everything that it depends on: the sources that it imports, the plan, the data, the device and torch.
So a change of what computes it makes it anew, and a change of the table that shows it does not.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.record import ROOT
from bench.runs import Said, Task

OURS = ("bench", "core")
ARRAYS = ("score", "flagged", "suggested")


def default_folder() -> Path:
    """Where cells are kept when nothing is said: the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "labelaudit" / "bench-detection"


def key(kind: str, module: str, task: Task) -> str:
    """The name of a cell."""
    device = torch.cuda.get_device_name(task.device) if task.device.type == "cuda" else task.device.type
    facts = [
        kind, sources(module), torch.__version__, device, task.folds, len(task.data.classes),
        task.plan.model_dump_json(exclude={"reasons"}),
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(facts).encode())
    data = task.data
    for array in (data.images, data.labels, data.test_images, data.test_labels):
        if array is not None:
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return f"{kind}-{digest.hexdigest()[:32]}"


@cache
def sources(module: str) -> str:
    """A digest of a module's file and of all of ours that it imports, one through another."""
    waiting, found = [module], set[Path]()
    while waiting:
        file = _file(waiting.pop())
        if file is not None and file not in found:
            found.add(file)
            waiting += _imported(ast.parse(file.read_text()))
    digest = hashlib.sha256()
    for file in sorted(found):
        digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def load(file: Path) -> list[Said] | None:
    """What a cell said, or None when it has not been done."""
    if not file.exists():
        return None
    with np.load(file) as stored:
        rows: list[dict[str, Any]] = json.loads(str(stored["rows"]))
        for k, row in enumerate(rows):
            row.update({name: stored[f"{k}.{name}"] for name in ARRAYS if f"{k}.{name}" in stored})
    return [Said(**row) for row in rows]


def save(file: Path, said: list[Said]) -> None:
    """Keep a cell, whole or not at all."""
    arrays: dict[str, Any] = {}
    rows = []
    for k, row in enumerate(said):
        values = {field.name: getattr(row, field.name) for field in fields(row)}
        arrays |= {f"{k}.{name}": values.pop(name) for name in ARRAYS if values[name] is not None}
        rows.append({name: value for name, value in values.items() if name not in ARRAYS})
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.stem}.{os.getpid()}.part")
    with part.open("wb") as into:
        np.savez_compressed(into, rows=json.dumps(rows), **arrays)
    part.replace(file)


def _file(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.exists()), None)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in OURS)
