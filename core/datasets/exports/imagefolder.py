"""The dataset as a zip of images in one folder per class, as torchvision, Keras and labelaudit itself read it.

What the folders stand for is in `labels.json`, what each file was in `manifest.jsonl`, by which labelaudit itself reads
the zip with its exact labels; where all of it comes from is in `dataset.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from core.datasets.exports import names
from core.datasets.exports.content import Content, Entry
from core.datasets.exports.zips import Zip

LINES = 4096


def write(content: Content) -> Iterator[bytes]:
    """Images first, lists last."""
    archive, folder = Zip(), names.folders(content.classes_left)

    def place(entry: Entry) -> str:
        above = f"{entry.split}/" if entry.split else ""
        return f"{above}{folder[entry.label]}/{names.file(entry.n, entry.path, entry.kind)}"

    for entry in content.entries(content.left):
        yield from archive.member(place(entry), content.images.read(entry))
    yield from archive.member("labels.json", labels(folder))
    yield from archive.long_member("manifest.jsonl", lambda: manifest(content, place))
    yield from archive.member("dataset.json", content.about.line().encode() + b"\n")
    yield from archive.end()


def labels(folder: dict[str, str]) -> bytes:
    """What the classes are called, exactly, and in which folder each of them is."""
    rows = [{"index": k, "label": name, "folder": folder[name]} for k, name in enumerate(folder)]
    return json.dumps({"classes": rows}, ensure_ascii=False, indent=1).encode() + b"\n"


def manifest(content: Content, place: Callable[[Entry], str]) -> Iterator[bytes]:
    """A line for each file: what it was called, and what happened to its label."""
    lines = []
    for entry in content.entries(content.left):
        row = {
            "path": place(entry), "label": entry.label, "split": entry.split, "sample": entry.n,
            "uploaded_as": entry.path, "given_label": entry.given, "decision": entry.decision, "sha256": entry.sha256,
        }  # fmt: skip
        lines.append(json.dumps(row, ensure_ascii=False))
        if len(lines) == LINES:
            yield "\n".join([*lines, ""]).encode()
            lines = []
    if lines:
        yield "\n".join([*lines, ""]).encode()
