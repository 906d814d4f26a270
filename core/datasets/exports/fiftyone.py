"""The dataset as FiftyOne reads image classification: `data/`, and `labels.json` with a label for each file. The
confidence is how likely a label is to be right: as somebody decided, 1 or 0, else what the audit says."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from core.datasets.exports import names
from core.datasets.exports.content import Content, Entry
from core.datasets.exports.lines import joined
from core.datasets.exports.zips import Zip


def write(content: Content) -> Iterator[bytes]:
    """Images first, labels last."""
    archive = Zip()
    for entry in content.entries(content.left):
        name = names.file(entry.n, entry.path, entry.kind)
        yield from archive.member(f"data/{name}", content.images.read(entry))
    yield from archive.long_member("labels.json", lambda: _labels(content))
    yield from archive.member("dataset.json", content.about.line().encode() + b"\n")
    yield from archive.end()


def _labels(content: Content) -> Iterator[bytes]:
    number = {name: k for k, name in enumerate(content.classes_left)}
    yield f'{{"classes": {json.dumps(list(number), ensure_ascii=False)},\n"labels": {{\n'.encode()
    yield from joined((_line(content, entry, number) for entry in content.entries(content.left)), ",\n")
    yield b"\n}}\n"


def _line(content: Content, entry: Entry, number: dict[str, int]) -> str:
    stem = names.file(entry.n, entry.path, entry.kind).rpartition(".")[0]
    row = {"label": number[entry.label], "confidence": _confidence(content, entry.n)}
    return f"{json.dumps(stem, ensure_ascii=False)}: {json.dumps(row)}"


def _confidence(content: Content, n: int) -> float | None:
    upheld, score = int(content.upheld[n]), float(content.ranked.score[n])
    if upheld >= 0:
        return float(upheld)
    return None if math.isnan(score) else 1 - score
