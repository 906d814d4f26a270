"""The dataset as Hugging Face keeps one: Parquet files with images and classes that `datasets.load_dataset` knows, and
a card. The files of a split hold about as many bytes each."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.datasets.exports import names
from core.datasets.exports.content import Content, Entry
from core.datasets.exports.zips import Zip

FILE_BYTES = 128 << 20
GROUP_ROWS = 256
SPLITS = {"train": ("train", ""), "validation": ("val",), "test": ("test",)}  # theirs, and ours
COLUMNS = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("label", pa.int64()),
        *((name, pa.string()) for name in ("given_label", "decision", "path", "split")),
        ("sample", pa.int64()),
    ]
)


def write(content: Content) -> Iterator[bytes]:
    """The files of every split, then the card."""
    archive, number = Zip(), {name: k for k, name in enumerate(content.classes_left)}
    schema = COLUMNS.with_metadata(_features(content))
    counts: dict[str, int] = {}
    for split, ours in SPLITS.items():
        which = content.left[np.isin(content.split[content.left], ours)]
        if not len(which):
            continue
        counts[split] = len(which)
        cuts = _cuts(content.samples["length"].take(pa.array(which)).to_numpy())
        for k, part in enumerate(np.split(which, cuts)):
            data = _file(content, part, schema, number)
            yield from archive.member(f"data/{split}-{k:05d}-of-{len(cuts) + 1:05d}.parquet", data)
    yield from archive.member("README.md", _card(content, counts).encode())
    yield from archive.end()


def _cuts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Before which rows a new file begins."""
    filled = np.cumsum(lengths) // FILE_BYTES
    return np.flatnonzero(np.diff(filled)) + 1


def _file(content: Content, which: NDArray[np.int64], schema: pa.Schema, number: dict[str, int]) -> bytes:
    file = io.BytesIO()
    rows: list[dict[str, Any]] = []
    # Images are compressed already, and a reader wants few of them at a time.
    with pq.ParquetWriter(file, schema, compression="none", use_dictionary=["given_label", "decision"]) as writer:
        for entry in content.entries(which):
            rows.append(_row(content, entry, number))
            if len(rows) == GROUP_ROWS:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema))
    return file.getvalue()


def _row(content: Content, entry: Entry, number: dict[str, int]) -> dict[str, Any]:
    return {
        "image": {"bytes": content.images.read(entry), "path": names.file(entry.n, entry.path, entry.kind)},
        "label": number[entry.label],
        "given_label": entry.given,
        "decision": entry.decision,
        "path": entry.path,
        "split": entry.split,
        "sample": entry.n,
    }


def _features(content: Content) -> dict[str, str]:
    """What `datasets` reads the types of columns from."""
    text = {name: {"dtype": "string", "_type": "Value"} for name in ("given_label", "decision", "path", "split")}
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(content.classes_left), "_type": "ClassLabel"},
        **text,
        "sample": {"dtype": "int64", "_type": "Value"},
    }
    return {"huggingface": json.dumps({"info": {"features": features}}), "labelaudit": content.about.line()}


def _card(content: Content, counts: dict[str, int]) -> str:
    about, said = content.about, content.counts(audited=False)
    title = "".join(c if c.isalnum() or c in " ._-" else " " for c in about.dataset_name).strip() or "dataset"
    files = "\n".join(f"  - split: {split}\n    path: data/{split}-*" for split in counts)
    rows = "\n".join(f"| {split} | {count:,} |" for split, count in counts.items())
    return f"""---
task_categories:
- image-classification
configs:
- config_name: default
  data_files:
{files}
---

# {title}

Version {about.dataset_version}, after an audit of its labels with labelaudit: {said.relabelled:,} labels were corrected
and {said.excluded:,} samples taken out by people; nothing was changed that nobody decided.

| split | samples |
|---|---|
{rows}

`label` is the label now, `given_label` what it was before, `decision` what was said of it (`keep`, `relabel`, `unsure`,
or nothing). `path` is the sample's path in the upload.

Labels of held-out splits (validation, test) were {"corrected too" if about.change_held_out else "left as they were"}.
Dataset {about.dataset_id}, audit {about.audit_id}, reviews up to number {about.reviews}.
"""
