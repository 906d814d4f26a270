"""What others read: one file a format, rows in, chunks of bytes out, never more of them in memory than one image or one
block of rows needs. The same content is always the same bytes.

To add a format: write a function of a `Content`, name it in `FORMATS` and in `core.words`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.datasets.exports import (
    coco,
    cvat,
    fiftyone,
    huggingface,
    imagefolder,
    labelstudio,
    page,
    scorefiles,
    webdataset,
)
from core.datasets.exports.content import Content
from core.words import ExportFormat


@dataclass(frozen=True, slots=True)
class Writer:
    """How a format is written, what its files are called, and whether it lists the audited samples only."""

    write: Callable[[Content], Iterator[bytes]]
    ending: str
    media_type: str
    audited: bool


FORMATS: dict[ExportFormat, Writer] = {
    "csv": Writer(scorefiles.csv, "csv", "text/csv; charset=utf-8", True),
    "jsonl": Writer(scorefiles.jsonl, "jsonl", "application/jsonl; charset=utf-8", True),
    "parquet": Writer(scorefiles.parquet, "parquet", "application/vnd.apache.parquet", True),
    "cleanlab": Writer(scorefiles.cleanlab, "csv", "text/csv; charset=utf-8", True),
    "imagefolder": Writer(imagefolder.write, "zip", "application/zip", False),
    "webdataset": Writer(webdataset.write, "tar", "application/x-tar", False),
    "huggingface": Writer(huggingface.write, "zip", "application/zip", False),
    "coco": Writer(coco.write, "zip", "application/zip", False),
    "fiftyone": Writer(fiftyone.write, "zip", "application/zip", False),
    "label-studio": Writer(labelstudio.write, "zip", "application/zip", True),
    "cvat": Writer(cvat.write, "xml", "application/xml; charset=utf-8", True),
    "html": Writer(page.write, "html", "text/html; charset=utf-8", True),
}
