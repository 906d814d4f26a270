"""The dataset as a tar that WebDataset streams: of each sample its image, the number of its class (`cls`), the class
itself (`txt`) and the rest (`json`). Where it comes from stands in the comment of the tar."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator

from core.datasets.exports.content import Content, Entry
from core.datasets.exports.names import ENDINGS
from core.datasets.shards import BLOCK, header


def write(content: Content) -> Iterator[bytes]:
    """Sample by sample, in their order."""
    number = {name: k for k, name in enumerate(content.classes_left)}
    about = {"comment": content.about.line()}
    yield tarfile.TarInfo.create_pax_global_header(about)
    for entry in content.entries(content.left):
        key = f"{entry.split}/{entry.n:09d}" if entry.split else f"{entry.n:09d}"
        yield _member(f"{key}.{ENDINGS[entry.kind]}", content.images.read(entry))
        yield _member(f"{key}.cls", str(number[entry.label]).encode())
        yield _member(f"{key}.txt", entry.label.encode())
        yield _member(f"{key}.json", _rest(entry))
    yield bytes(2 * BLOCK)


def _rest(entry: Entry) -> bytes:
    row = {
        "sample": entry.n, "path": entry.path, "split": entry.split, "label": entry.label,
        "given_label": entry.given, "decision": entry.decision, "sha256": entry.sha256,
    }  # fmt: skip
    return json.dumps(row, ensure_ascii=False).encode()


def _member(name: str, data: bytes) -> bytes:
    return b"".join((header(name.encode(), len(data)), data, bytes(-len(data) % BLOCK)))
