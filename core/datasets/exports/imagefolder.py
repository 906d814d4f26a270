"""The dataset as a zip of images in one folder per class, as torchvision, Keras and labelaudit itself read it.

What the folders stand for is in `labels.json`, what each file was in `manifest-00000.jsonl` and so on, by which
labelaudit itself reads the zip with its exact labels; where all of it comes from is in `dataset.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from core.datasets.exports import names
from core.datasets.exports.content import Content, Entry
from core.datasets.exports.lines import joined
from core.datasets.exports.zips import Zip

MANIFEST = 32 << 20  # bytes of one manifest, and a line more: our own reader passes over tables of more than 256 MB


def write(content: Content) -> Iterator[bytes]:
    """Images first, lists last."""
    archive, folder = Zip(), names.folders(content.classes_left)

    def place(entry: Entry) -> str:
        above = f"{entry.split}/" if entry.split else ""
        return f"{above}{folder[entry.label]}/{names.file(entry.n, entry.path, entry.kind)}"

    for entry in content.entries(content.left):
        yield from archive.member(place(entry), content.images.read(entry))
    yield from archive.member("labels.json", names.labels(folder))
    for k, lines in enumerate(joined(_manifest(content, place), size=MANIFEST)):
        yield from archive.member(f"manifest-{k:05d}.jsonl", lines)
    yield from archive.member("dataset.json", content.about.line().encode() + b"\n")
    yield from archive.end()


def _manifest(content: Content, place: Callable[[Entry], str]) -> Iterator[str]:
    """A line for each file: what it was called, and what happened to its label."""
    for entry in content.entries(content.left):
        row = {
            "path": place(entry), "label": entry.label, "split": entry.split, "sample": entry.n,
            "uploaded_as": entry.path, "given_label": entry.given, "decision": entry.decision, "sha256": entry.sha256,
        }  # fmt: skip
        yield json.dumps(row, ensure_ascii=False) + "\n"
