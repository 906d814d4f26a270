"""Arrays and Parquet files that run programs, explode, or stop early (T16, T24, T27)."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile.case import CAT, DOG, Case, Ready, image, ready, refused, rejected, tar_of, zip_of
from tests.unit.datasets.dataset_makers import parquet_of

GREY = np.random.default_rng(0).integers(0, 256, (5, 6, 7), dtype=np.uint8)
FIVE = np.arange(5) % 2


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(text: str) -> bytes:
    """An array whose header says anything."""
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode()


def arrays(images: bytes, labels: bytes) -> bytes:
    return zip_of({"images.npy": images, "labels.npy": labels})


def idx(count: int = 5, side: int = 6, held: int = 5) -> dict[str, bytes]:
    return {
        "train-images-idx3-ubyte": struct.pack(">4I", 0x803, count, side, 7) + GREY.tobytes()[: held * 42],
        "train-labels-idx1-ubyte": struct.pack(">2I", 0x801, count) + bytes(count % 1000),
    }


def cifar(classes: bytes) -> bytes:
    one = bytes([0]) + bytes(3072) + bytes([1]) + bytes(3072)
    return zip_of({"data_batch_1.bin": one, "batches.meta.txt": classes})


def held(count: int, path: str = "{n}.png") -> list[dict[str, Any]]:
    return [{"bytes": image(seed=n), "path": path.format(n=n)} for n in range(count)]


def no_text() -> bytes:
    """A column of text whose bytes are no text."""
    bad = pa.Array.from_buffers(pa.string(), 2, pa.array([b"ok", b"\xff\xfe"], pa.binary()).buffers())
    return parquet_of({"image": held(2), "label": [0, 1], "text": bad})


def dictionary() -> bytes:
    """A text that stands there once and is meant three thousand times."""
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array(["x" * 100_000]))
    nothing = pa.array([None] * 3000, pa.binary())
    return parquet_of({"image": nothing, "label": [1] * 3000, "text": column.cast(pa.string())})


def pictured() -> bytes:
    """An image that stands there once and is meant forty times."""
    large = b"\x89PNG" + bytes(10 << 20)
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 40, pa.int32()), pa.array([large], pa.binary()))
    return parquet_of({"image": column.cast(pa.binary()), "label": [1] * 40}, compression="zstd")


FILE = parquet_of({"image": held(3), "label": [0, 1, 0]})


def fewer_rows() -> bytes:
    """A footer that counts three rows, over a page that says that it holds others."""
    for at in (at for at in range(len(FILE)) if FILE[at] == 6):  # a three, as it is written there
        changed = FILE[:at] + b"\5" + FILE[at + 1 :]
        try:
            file = pq.ParquetFile(io.BytesIO(changed))
            told = [file.metadata.num_rows, file.metadata.row_group(0).num_rows]
            if told == [3, 3] and sum(batch.num_rows for batch in file.iter_batches()) < 3:
                return changed
        except (pa.ArrowException, OSError):
            continue
    raise AssertionError("no byte of the file counts the rows of a page")


LONG = "x" * 70_000

PARQUET = [
    rejected("T16", "more rows than are read", "too-many-members", FILE, max_members=2),
    rejected("T16", "five million rows", "too-many-members",
             lambda: parquet_of({"image": pa.nulls(5_000_000, pa.binary()), "label": pa.nulls(5_000_000, pa.int8())})),
    rejected("T16", "a dictionary that explodes", "table-expansion-limit", dictionary),
    rejected("T16", "an image that stands there forty times", "table-expansion-limit", pictured),
    refused("T12", "a Parquet file without its end", "archive-truncated", FILE[:-4]),
    rejected("T12", "a Parquet file with another footer", "table-damaged", FILE[:-20] + b"x" * 16 + FILE[-4:]),
    rejected("T12", "a Parquet file with zeros in its pages", "table-damaged",
             FILE[:4] + bytes(len(FILE) // 2) + FILE[len(FILE) // 2 + 4 :]),
    rejected("T12", "a Parquet file in a tar, cut", "table-damaged", lambda: tar_of({"a.parquet": FILE[:-9]})),
    rejected("T16", "fewer rows than the footer counts", "table-damaged", fewer_rows),
    rejected("T16", "a text that is no text", "table-damaged", no_text),
    rejected("T24", "a Parquet file without labels", "columns-missing", lambda: parquet_of({"image": held(2)})),
    ready("T16", "bad rows", lambda: parquet_of(
        {"image": [*held(2), None, {"bytes": b"no", "path": None}, {"bytes": CAT, "path": "6.png"}], "label": [0, 7, 0, 0, -1]}, ["cat", "dog"]),
        Ready(accepted=1, left_out={"1.png": "label-unknown", "row 2": "image-missing", "row 3": "image-format", "6.png": "label-missing"})),
    rejected("T27", "labels with a point, and none, in Parquet", "too-many-rejects",
             lambda: parquet_of({"image": held(3), "label": [1.0, float("nan"), float("inf")]}), max_reject_fraction=0.05),
    rejected("T27", "labels of bytes", "too-many-rejects",
             lambda: parquet_of({"image": held(2), "label": pa.array([b"a", b"b"], pa.binary())}), max_reject_fraction=0.05),
    ready("T24", "a class without a name in Parquet", lambda: parquet_of({"image": held(2), "label": [0, 1]}, ["", "dog"]),
          Ready(accepted=1, left_out={"0.png": "label-missing"})),
    ready("T10", "a path of 70 kB in Parquet",
          lambda: parquet_of({"image": [*held(1), {"bytes": CAT, "path": LONG}], "label": [0, 0]}),
          Ready(accepted=1, left_out={LONG[: (1 << 15) - 1] + "…": "name-too-long"})),
    ready("T16", "a text of two million letters beside an image",
          lambda: parquet_of({"image": held(2), "label": [0, 1], "text": ["x" * 2_000_000, "y"]}, compression="none"),
          Ready(accepted=1, left_out={"0.png": "row-too-large"})),
]  # fmt: skip

RAW = [
    rejected("T27", "an array of objects", "pickle-refused",
             lambda: npz(images=GREY, labels=np.array([1, None, 2, 3, 4], dtype=object))),
    rejected("T44", "the Python version of CIFAR", "pickle-refused",
             lambda: tar_of({"c/data_batch_1": pickle.dumps({"data": GREY}), "c/batches.meta": b""})),
    rejected("T44", "a checkpoint", "pickle-refused", lambda: zip_of({"model/data.pkl": b"\x80\x02}", "model/version": b"3"})),
    rejected("T27", "a header that is a program", "arrays-damaged",
             lambda: arrays(header("__import__('os').system('touch /tmp/escaped-hostile')"), npy(FIVE))),
    rejected("T27", "a header of brackets", "arrays-damaged", lambda: arrays(header("(" * 60_000), npy(FIVE))),
    rejected("T27", "a header of minus signs", "arrays-damaged", lambda: arrays(header("-" * 60_000 + "1"), npy(FIVE))),
    rejected("T27", "a header of the wrong shape", "arrays-damaged", lambda: arrays(header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 2)}"), npy(FIVE))),
    rejected("T27", "an array as large as the world", "archive-truncated",
             lambda: arrays(header("{'descr': '|u1', 'fortran_order': False, 'shape': (5, 1099511627775, 7)}"), npy(FIVE))),
    rejected("T27", "labels of ten thousand bytes each", "array-shape",
             lambda: arrays(npy(GREY), header("{'descr': '<i9999', 'fortran_order': False, 'shape': (5,)}") + b"\x7f" * 50_000)),
    rejected("T12", "labels that end too early", "archive-truncated", lambda: arrays(npy(GREY), npy(FIVE)[:-9])),
    rejected("T12", "pictures that end too early", "archive-truncated", lambda: arrays(npy(GREY)[:-1], npy(FIVE))),
    rejected("T27", "fewer labels than pictures", "array-shape", lambda: npz(images=GREY, labels=FIVE[:4])),
    rejected("T27", "labels with a point in an array", "array-shape", lambda: npz(images=GREY, labels=FIVE / 2)),
    rejected("T22", "pictures of floats", "array-shape", lambda: npz(images=GREY / 255, labels=FIVE)),
    rejected("T14", "two million and one pictures", "too-many-members",
             lambda: npz(images=np.zeros((2_000_001, 1, 1), np.uint8), labels=np.zeros(2_000_001, np.uint8))),
    ready("T24", "control characters in an array of labels",
          lambda: npz(images=GREY[:2], labels=np.array(["a", "b\n"])),
          Ready(accepted=1, left_out={"images.npy": "array", "labels.npy": "array", "images.npy/000001": "label-invalid"})),
    rejected("T29", "IDX of another number of labels", "arrays-damaged",
             lambda: zip_of({**idx(), "train-labels-idx1-ubyte": struct.pack(">2I", 0x801, 4) + bytes(4)})),
    rejected("T12", "IDX that ends too early", "archive-truncated", lambda: zip_of(idx(held=4))),
    rejected("T14", "IDX of four thousand million pictures", "too-many-members", lambda: zip_of(idx(count=0xFFFFFFFF))),
    rejected("T12", "IDX in a gzip that was cut", "archive-truncated",
             lambda: zip_of({f"{name}.gz": gzip.compress(data)[:-9] for name, data in idx().items()})),
    rejected("T12", "half a picture of CIFAR", "arrays-damaged", lambda: zip_of({"data_batch_1.bin": bytes(3000)})),
    ready("T24", "a NUL in the name of a class of CIFAR", lambda: cifar(b"cat\0\ndog\n"),
          Ready(accepted=1, left_out={"data_batch_1.bin": "array", "batches.meta.txt": "beside-arrays", "data_batch_1.bin/000000": "label-invalid"})),
    ready("T27", "a label beyond the classes of CIFAR", lambda: cifar(b"cat\n"),
          Ready(accepted=1, left_out={"data_batch_1.bin": "array", "batches.meta.txt": "beside-arrays", "data_batch_1.bin/000001": "label-unknown"})),
    ready("T44", "a checkpoint among images", lambda: zip_of({"cat/1.png": image(seed=3, size=(40, 40)), "dog/1.png": DOG, "model.pt": b"\x80\x04."}),
          Ready(left_out={"model.pt": "image-format"})),
]  # fmt: skip

CASES: list[Case] = [*PARQUET, *RAW]
