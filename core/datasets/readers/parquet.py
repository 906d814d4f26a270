"""Parquet files of images, as Hugging Face writes them: a column of images with their bytes, and one of labels.

1. The column of images is called `image` or `img`, or is the only one that holds images; its values are bytes, or
   records of bytes and path. Labels are in `label` or a column that the tables of images call so too.
2. Whole numbers get the names that the file's own description gives its classes (`ClassLabel`); −1 is no label.
3. In an archive, the split is what the folder or the file is called (`train-00000-of-00002.parquet`). There may be
   several files; all their rows are members, one after the other.
4. Other columns of text and numbers are kept with the sample.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from core.datasets.bounds import Bounds
from core.datasets.readers import imagefolder, rows
from core.datasets.readers.container import Container
from core.datasets.readers.folders import printable, too_long
from core.datasets.readers.member import Archive, LeftOut, Member
from core.datasets.readers.streams import Lent
from core.datasets.readers.table import LABELS
from core.datasets.sniff import too_many_members
from core.errors import Problem, shown

IMAGES = ("image", "img")
BATCH = 32  # rows in memory at once
SMALL = 16 << 20  # bytes that the rows of any file may hold
SPLIT_NAME = re.compile(r"^(train|validation|valid|val|test)(?![a-z])", re.IGNORECASE)
# What Arrow, and Python where it takes over, raise for bytes that are not what they are said to be.
BROKEN = (pa.ArrowException, OSError, ValueError, TypeError, ArithmeticError, LookupError)
CODECS = ("none", "snappy", "gzip", "zstd", "lz4", "brotli")


def read(file: BinaryIO, size: int, limits: Bounds) -> Archive:
    """One file by itself; its samples have no split."""
    return _archive([_File.of("", lambda: file, size, limits)], [], limits)


def read_all(container: Container, positions: list[int], limits: Bounds) -> Archive:
    """All Parquet files of an archive; what else lies there is listed first."""
    files = []
    for position in positions:
        entry = container.open(position)

        def opened(position: int = position) -> BinaryIO:
            return container.file(container.open(position))

        files.append(_File.of(entry.name, opened, entry.size, limits))
    held = set(positions)
    others = []
    for n, entry in enumerate(container.entries()):
        if n not in held:
            out = imagefolder.left_out(entry.name, entry.size, limits)
            if out is None or out.outcome == "rejected":
                out = LeftOut("ignored", "beside-parquet", "A file beside the Parquet files; the images are in those.")
            others.append((printable(entry.name), out))
    return _archive(files, others, limits)


def warm() -> None:
    """Have everything imported and allocated that reading a file needs."""
    table = pa.table({"image": [{"bytes": b"x", "path": "x"}] * 3, "label": [0, 1, 2], "text": ["a", "b", None]})
    for codec in CODECS:
        file = io.BytesIO()
        pq.write_table(table, file, compression=codec, use_dictionary=["text"])
        for batch in pq.ParquetFile(_lent(file)).iter_batches(2, use_threads=False):
            batch.to_pylist()


@dataclass(slots=True)
class _File:
    """One Parquet file: what its footer says."""

    name: str
    open: Callable[[], BinaryIO]
    size: int
    groups: list[int]  # rows of each row group
    image: str
    label: str
    names: list[str] | None  # of the classes
    split: str | None
    extra: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, opened: Callable[[], BinaryIO], size: int, limits: Bounds) -> _File:
        where = f"The Parquet file {shown(name)}" if name else "The Parquet file"
        footer = _parquet(opened(), where)
        schema = footer.schema_arrow
        if footer.metadata.num_rows > limits.max_members:
            raise too_many_members(footer.metadata.num_rows, limits.max_members)
        images = [column.name for column in schema if _holds_bytes(column.type)]
        image = next((column for column in IMAGES if column in images), images[0] if len(images) == 1 else None)
        label = next((column for column in LABELS if column in schema.names and column != image), None)
        if image is None or label is None:
            raise Problem(
                "columns-missing",
                f"{where} has the columns {shown(', '.join(schema.names))}; it needs one called image, with "
                "the bytes of images, and one called label.",
            )
        groups = [footer.metadata.row_group(n).num_rows for n in range(footer.metadata.num_row_groups)]
        if any(rows < 0 for rows in groups) or sum(groups) != footer.metadata.num_rows:
            raise _miscounts(where)
        plain = [column.name for column in schema if column.name not in (image, label) and _is_plain(column.type)]
        return cls(name, opened, size, groups, image, label, _class_names(schema, label), _split(name), plain)

    def members(self, skip: int, limits: Bounds) -> Iterator[Member]:
        """Its rows but for the first `skip`, a few in memory at a time."""
        first = 0
        while first < len(self.groups) and skip >= self.groups[first]:
            skip -= self.groups[first]
            first += 1
        n = sum(self.groups[:first])
        left = limits.max_expansion * self.size + SMALL
        parquet = _parquet(self.open(), "The Parquet file")
        batches = parquet.iter_batches(
            BATCH,
            row_groups=list(range(first, len(self.groups))),
            columns=[self.image, self.label, *self.extra],
            use_threads=False,
        )
        try:
            for batch in batches:
                left -= batch.nbytes
                if left < 0:
                    raise _expands()
                if n + batch.num_rows > sum(self.groups):
                    raise _miscounts("The Parquet file")
                for row in batch.to_pylist():
                    if skip:
                        skip -= 1
                    else:
                        yield self._member(n, row, limits)
                    n += 1
            if n != sum(self.groups):  # Arrow does not mind pages that hold less than the footer says
                raise _miscounts("The Parquet file")
        except MemoryError as error:
            raise _expands() from error
        except BROKEN as error:
            raise Problem("table-damaged", "The Parquet file is damaged and cannot be read; write it anew.") from error

    def _member(self, n: int, row: dict[str, Any], limits: Bounds) -> Member:
        held = row[self.image]
        data, path = (held.get("bytes"), held.get("path")) if isinstance(held, dict) else (held, None)
        name = printable(rows.text(path)) if isinstance(path, str) and path else f"row {n}"
        if self.name:
            name = f"{printable(self.name)}/{name}"
        out, label = None, None
        try:
            label = self._label(row[self.label])
            out = None if label is None else too_long(label, limits)
        except Problem as problem:
            out = LeftOut("rejected", problem.code, problem.detail)
        if not isinstance(data, bytes) or not data:
            out = LeftOut(
                "rejected", "image-missing", "The row holds no bytes of an image; write the image itself into it."
            )
        elif len(data) > limits.max_member_bytes:
            most = limits.max_member_bytes
            out = LeftOut("rejected", "member-too-large", f"The image has {len(data)} bytes; at most {most} are read.")
        elif out is None and label is None:
            out = LeftOut("rejected", "label-missing", "The row has no label.")
        extra = {rows.text(column): rows.text(row[column]) for column in self.extra if row[column] not in (None, "")}
        if out is None and len(name.encode()) > limits.max_path_bytes:
            detail = f"The path in the row is longer than {limits.max_path_bytes} bytes; rename the file."
            out = LeftOut("rejected", "name-too-long", detail)
        if out is None and sum(rows.weight(key) + rows.weight(told) for key, told in extra.items()) > rows.MOST_EXTRA:
            detail = f"The row holds more than {rows.MOST_EXTRA} bytes besides the image; leave columns out."
            out = LeftOut("rejected", "row-too-large", detail)
        return Member(name, self.split, label, out, partial(bytes, data or b""), None, extra or None)

    def _label(self, value: Any) -> str | None:
        if self.names is None or not isinstance(value, int) or isinstance(value, bool):
            return rows.label(value)
        if value == -1:
            return None
        if not 0 <= value < len(self.names):
            raise Problem("label-unknown", f"The label {value} is none of the {len(self.names)} classes of the file.")
        return self.names[value] or None


def _archive(files: list[_File], others: list[tuple[str, LeftOut]], limits: Bounds) -> Archive:
    held = [sum(file.groups) for file in files]
    if sum(held) > limits.max_members:
        raise too_many_members(sum(held), limits.max_members)

    def members(skip: int) -> Iterator[Member]:
        for name, out in others[skip:]:
            yield Member(name, None, None, out, bytes)
        skip = max(0, skip - len(others))
        for file, count in zip(files, held, strict=True):
            if skip < count:
                yield from file.members(skip, limits)
            skip = max(0, skip - count)

    return Archive("parquet", len(others) + sum(held), sum(held), members)


def _parquet(file: BinaryIO, where: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(_lent(file), memory_map=False, pre_buffer=False)
    except MemoryError as error:
        raise _expands() from error
    except BROKEN as error:
        raise Problem("table-damaged", f"{where} is damaged or cut off and cannot be read; write it anew.") from error


def _lent(file: BinaryIO) -> pa.PythonFile:
    return pa.PythonFile(Lent(file), mode="r")


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _holds_bytes(kind.field("bytes").type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_plain(kind: pa.DataType) -> bool:
    of = pa.types
    tests = (of.is_string, of.is_large_string, of.is_integer, of.is_floating, of.is_boolean)
    return any(test(kind) for test in tests)


def _class_names(schema: pa.Schema, label: str) -> list[str] | None:
    """The names in the description that the library `datasets` leaves in a file."""
    try:
        info = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = info["info"]["features"][label]["names"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) and rows.text(name) == name for name in names):
        return None
    return names


def _split(name: str) -> str | None:
    """What a file's own name says, else the nearest folder that is called like a split."""
    parts = name.split("/")
    found = SPLIT_NAME.match(parts[-1])
    words = [found.group(1)] if found else [part for part in parts[:-1] if part.lower() in imagefolder.SPLITS][-1:]
    return imagefolder.SPLITS[words[0].lower()] if words else None


def _miscounts(where: str) -> Problem:
    return Problem("table-damaged", f"{where} counts its rows wrongly; write it anew.")


def _expands() -> Problem:
    return Problem("table-expansion-limit", "The rows of the Parquet file unpack to too many bytes for its size.")
