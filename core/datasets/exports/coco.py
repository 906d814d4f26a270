"""The dataset as COCO writes annotations: images, and a JSON a split with one annotation of the whole image each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from core.datasets.exports import names
from core.datasets.exports.content import Content, Entry
from core.datasets.exports.imagefolder import labels
from core.datasets.exports.zips import Zip

LINES = 4096
SPLITS = ("train", "val", "test", "")


def write(content: Content) -> Iterator[bytes]:
    """Images first, `annotations/instances_<split>.json` last."""
    archive = Zip()
    for entry in content.entries(content.left):
        yield from archive.member(f"images/{_file(entry)}", content.images.read(entry))
    there = set(np.unique(content.split[content.left]).tolist())
    for split in SPLITS:
        if split in there:
            name = f"annotations/instances_{split or 'all'}.json"
            yield from archive.long_member(name, partial(_annotations, content, split))
    yield from archive.member("labels.json", labels(names.folders(content.classes_left)))
    yield from archive.member("dataset.json", content.about.line().encode() + b"\n")
    yield from archive.end()


def _file(entry: Entry) -> str:
    name = names.file(entry.n, entry.path, entry.kind)
    return f"{entry.split}/{name}" if entry.split else name


def _annotations(content: Content, split: str) -> Iterator[bytes]:
    number = {name: k for k, name in enumerate(content.classes_left, 1)}
    categories = [{"id": k, "name": name, "supercategory": ""} for name, k in number.items()]
    info = {"description": content.about.line(), "version": str(content.about.dataset_version)}
    yield f'{{"info": {json.dumps(info)}, "licenses": [],\n'.encode()
    yield f'"categories": {json.dumps(categories)},\n"images": ['.encode()
    yield from _rows(content, split, lambda entry: {
        "id": entry.n, "file_name": f"images/{_file(entry)}", "width": entry.width, "height": entry.height,
    })  # fmt: skip
    yield b'],\n"annotations": ['
    yield from _rows(content, split, lambda entry: {
        "id": entry.n, "image_id": entry.n, "category_id": number[entry.label], "iscrowd": 0,
        "bbox": [0, 0, entry.width, entry.height], "area": entry.width * entry.height,
        "attributes": {"given_label": entry.given, "decision": entry.decision, "path": entry.path},
    })  # fmt: skip
    yield b"]}\n"


def _rows(content: Content, split: str, told: Callable[[Entry], dict[str, Any]]) -> Iterator[bytes]:
    lines: list[str] = []
    before = "\n"
    for entry in content.entries(content.left, (split,)):
        lines.append(json.dumps(told(entry)))
        if len(lines) == LINES:
            yield (before + ",\n".join(lines)).encode()
            lines, before = [], ",\n"
    if lines:
        yield (before + ",\n".join(lines)).encode()
