"""Tables as CSV and as JSON lines. CSV is safe to open in a spreadsheet, JSON lines are exact."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.csv

BLOCK = 65_536
FORMULA = ("=", "+", "-", "@", "\t", "\r", "|")  # what a spreadsheet would run


def csv(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Batches of one schema, the names of its columns first."""
    header = True
    for batch in batches:
        columns = [
            column
            if not (pa.types.is_string(column.type) or pa.types.is_list(column.type))
            else pa.array([harmless(_joined(value)) for value in column.to_pylist()], pa.string())
            for column in batch.columns
        ]
        block = io.BytesIO()
        options = pyarrow.csv.WriteOptions(include_header=header, quoting_style="needed")
        pyarrow.csv.write_csv(pa.record_batch(columns, batch.schema.names), block, options)
        yield block.getvalue()
        header = False


def jsonl(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """An object a row."""
    for batch in batches:
        yield "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist()).encode()


def harmless(text: str | None) -> str | None:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text and text.startswith(FORMULA) else text


def _joined(value: str | list[Any] | None) -> str | None:
    return "|".join(map(str, value)) if isinstance(value, list) else value
