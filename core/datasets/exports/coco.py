"""The dataset as COCO writes annotations: images, and a JSON a split with one annotation of the whole image each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import numpy as np

from core.datasets.exports import names
from core.datasets.exports.content import Content, Entry
from core.datasets.exports.lines import joined
from core.datasets.exports.zips import Zip

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
    yield from archive.member("labels.json", names.labels(names.folders(content.classes_left)))
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
    yield f'"categories": {json.dumps(categories)},\n"images": [\n'.encode()
    images = (
        {"id": entry.n, "file_name": f"images/{_file(entry)}", "width": entry.width, "height": entry.height}
        for entry in content.entries(content.left, (split,))
    )
    yield from joined(map(json.dumps, images), ",\n")
    yield b'],\n"annotations": [\n'
    annotations = (
        {
            "id": entry.n, "image_id": entry.n, "category_id": number[entry.label], "iscrowd": 0,
            "bbox": [0, 0, entry.width, entry.height], "area": entry.width * entry.height,
            "attributes": {"given_label": entry.given, "decision": entry.decision, "path": entry.path},
        }
        for entry in content.entries(content.left, (split,))
    )  # fmt: skip
    yield from joined(map(json.dumps, annotations), ",\n")
    yield b"]}\n"
