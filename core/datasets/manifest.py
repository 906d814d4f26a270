"""The list of everything that was in an upload, as Parquet: one row a member, samples and left-outs alike.

Each shard has a side file of this schema for its own members; the manifest is all of them in order. With the same
version of Arrow, the same rows are the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_A_GROUP = 16_384
SCHEMA = pa.schema(
    [
        ("member", pa.int64()),  # position in the upload, from 0
        ("outcome", pa.string()),  # accepted, rejected or ignored
        ("n", pa.int64()),  # sample number, from 0; null for left-outs, as all that follows but path, code and detail
        ("path", pa.string()),
        ("label", pa.string()),
        ("split", pa.string()),  # train, val, test or null
        ("shard", pa.string()),
        ("offset", pa.int64()),  # of the image's bytes in its shard
        ("length", pa.int64()),
        ("sha256", pa.string()),  # rejected members have it when they could be read
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("mode", pa.string()),
        ("format", pa.string()),
        ("grey", pa.bool_()),
        ("votes", pa.string()),  # of several people, as JSON; null when there was one label
        ("extra", pa.string()),  # other columns of a table in the upload, as JSON
        ("look", pa.binary()),  # hash, coarse picture, entropy and spread, see core.datasets.look
        ("code", pa.string()),  # why a member is left out
        ("detail", pa.string()),
    ]
)
SAMPLE_COLUMNS = tuple(name for name in SCHEMA.names if name not in ("member", "outcome", "look", "code", "detail"))
LEFT_OUT_COLUMNS = ("member", "path", "outcome", "code", "detail", "sha256")


class Row(NamedTuple):
    """One member, column by column."""

    member: int
    outcome: str
    n: int | None = None
    path: str | None = None
    label: str | None = None
    split: str | None = None
    shard: str | None = None
    offset: int | None = None
    length: int | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    mode: str | None = None
    format: str | None = None
    grey: bool | None = None
    votes: str | None = None
    extra: str | None = None
    look: bytes | None = None
    code: str | None = None
    detail: str | None = None


class Writer:
    """Rows into a Parquet file, a row group at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._parquet = pq.ParquetWriter(file, SCHEMA, compression="zstd")
        self._rows: list[Row] = []
        self.rows = 0

    def add(self, row: Row) -> None:
        self._rows.append(row)
        self.rows += 1
        if self.rows % ROWS_A_GROUP == 0:
            self._flush()

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """A batch as it was read from another file of this schema; not to be mixed with `add`."""
        self._parquet.write_batch(batch, row_group_size=ROWS_A_GROUP)
        self.rows += batch.num_rows

    def close(self) -> None:
        """Write what is left and the footer, once; before the file is closed."""
        if self._parquet.is_open:
            if self._rows:
                self._flush()
            self._parquet.close()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)]
        self._parquet.write_batch(pa.record_batch(arrays, schema=SCHEMA))
        self._rows = []


def rows(parquet: bytes | BinaryIO, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Everything in a manifest or side file, in batches."""
    file = pa.BufferReader(parquet) if isinstance(parquet, bytes) else parquet
    yield from pq.ParquetFile(file).iter_batches(ROWS_A_GROUP, columns=None if columns is None else list(columns))


def samples(parquet: bytes | BinaryIO, columns: Sequence[str] = SAMPLE_COLUMNS) -> Iterator[pa.RecordBatch]:
    """The accepted members, in order of `n`."""
    return _where(parquet, columns, ("accepted",))


def left_outs(parquet: bytes | BinaryIO) -> Iterator[pa.RecordBatch]:
    """The rejected and the ignored members, in order of `member`."""
    return _where(parquet, LEFT_OUT_COLUMNS, ("rejected", "ignored"))


def _where(parquet: bytes | BinaryIO, columns: Sequence[str], outcomes: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow.compute as pc

    wanted = pa.array(outcomes)
    for batch in rows(parquet, list(dict.fromkeys(("outcome", *columns)))):
        kept = batch.filter(pc.is_in(batch["outcome"], wanted)).select(list(columns))
        if kept.num_rows:
            yield kept
