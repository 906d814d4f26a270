"""Good inputs to begin with, and what the hostile table holds of each kind."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Sequence

import numpy as np

from tests.fuzz.targets import FOLDERS, npy
from tests.hostile import arrays, images, tables, tars, zips
from tests.hostile.case import Case
from tests.unit.datasets.dataset_makers import image, parquet_of, tar_of, zip_of

LARGEST = 1 << 16


def seeds(name: str) -> list[bytes]:
    """Inputs of one target, none of them large."""
    return [data for data in _SEEDS[name]() if len(data) <= LARGEST]


def _built(cases: Sequence[Case]) -> list[bytes]:
    return [case.build() for case in cases if "T1-" not in case.id and "T19-" not in case.id and "T16-" not in case.id]


def _tables() -> list[bytes]:
    csv = b"path,label,split,x\n0.png,cat,train,1\n1.png,dog,,2\na/0.png,cat,test,\n"
    lines = b'{"file_name": "0.png", "label": 3, "x": [1, {"y": null}]}\n{"file_name": "1.png", "label": 4}\n'
    return [
        b"\0" + csv,
        b"\1" + csv.replace(b",", b"\t"),
        b"\2" + lines,
        b"\0" + "\ufeffpath;label\né.png;ü\n".encode(),
    ]


def _coco() -> list[bytes]:
    told = {
        "images": [{"id": 1, "file_name": "0.png"}, {"id": 2, "file_name": "1.png"}],
        "annotations": [{"image_id": 1, "category_id": 7}, {"image_id": 2, "category_id": 8}],
        "categories": [{"id": 7, "name": "cat"}, {"id": 8, "name": "dog"}],
    }
    return [json.dumps(told).encode(), tables.coco()]


def _arrays() -> list[bytes]:
    idx = struct.pack(">2I", 0x801, 2) + b"\0\1"
    pictures = struct.pack(">4I", 0x803, 2, 1, 1)[:10]
    return [
        b"\0" + npy(np.zeros((3, 2, 2, 3), np.uint8)),
        b"\1" + npy(np.array(["a", "b", "c"])),
        b"\1" + npy(np.array([b"a", b"b", b"c"])),
        b"\1" + npy(np.array([1, -2, 3], np.int16)),
        b"\2" + idx + pictures,
        b"\3" + gzip.compress(idx, mtime=0),
        b"\4cat\ndog\n",
        *(bytes([n]) + arrays.header("{'descr': '|O', 'fortran_order': True, 'shape': (3, 2, 2)}") for n in (0, 1)),
    ]


_SEEDS = {
    "zip": lambda: [zip_of(FOLDERS), arrays.npz(images=arrays.GREY, labels=arrays.FIVE), *_built(zips.CASES)],
    "tar": lambda: [tar_of(FOLDERS), tar_of(FOLDERS, "gz"), tar_of(FOLDERS, "zst"), *_built(tars.CASES)],
    "table": _tables,
    "coco": _coco,
    "webdataset": lambda: [b"1.png\xffx\xff1.cls\xffcat", b"a/2.JPG\xffx\xffa/2.cls\xff7\n"],
    "parquet": lambda: [arrays.FILE, arrays.no_text(), parquet_of({"image": arrays.held(2), "label": [0, 1]}, ["a", "b"])],
    "arrays": _arrays,
    "images": lambda: [
        *(image(kind, size=(9, 7), mode=mode) for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF") for mode in ("L", "RGB")),
        *(images.frames(kind, 3) for kind in ("GIF", "WEBP", "PNG")), images.tiff_of(9), images.png(3, 3),
    ],
}  # fmt: skip
