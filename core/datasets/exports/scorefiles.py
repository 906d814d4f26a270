"""The scores of an audit with what people decided beside them, a row for each audited sample, the most suspicious
first: as CSV, JSON lines and Parquet, and with the names that cleanlab's users know."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.datasets.exports import tables
from core.datasets.exports.content import Content
from core.words import DECISIONS, RELABEL

DECIDED = ("label", "decision", "decided_label", "reviewer", "decided_at", "disputed")


def csv(content: Content) -> Iterator[bytes]:
    """Text in it is safe to open in a spreadsheet."""
    return tables.csv(_rows(content))


def jsonl(content: Content) -> Iterator[bytes]:
    """Exact."""
    return tables.jsonl(_rows(content))


def parquet(content: Content) -> Iterator[bytes]:
    """Exact; where it comes from stands in the schema's metadata."""
    file = io.BytesIO()
    writer: pq.ParquetWriter | None = None
    for batch in _rows(content):
        if writer is None:
            schema = batch.schema.with_metadata({"labelaudit": content.about.line()})
            writer = pq.ParquetWriter(file, schema, compression="zstd")
        writer.write_batch(batch.cast(writer.schema))
        yield _taken(file)
    if writer is not None:
        writer.close()
        yield _taken(file)


def cleanlab(content: Content) -> Iterator[bytes]:
    """The columns of `cleanlab.classification.CleanLearning.get_label_issues`, and the sample that each row is of.

    Its `label_quality` and `label_score` are the probability that a label is right.
    """
    return tables.csv(_as_cleanlab(batch) for batch in _rows(content))


def _rows(content: Content) -> Iterator[pa.RecordBatch]:
    """The audit's score file, batch by batch, with the decisions."""
    decided, names = content.decided, pa.array(content.classes)
    reviewers, words = pa.array(decided.reviewers, pa.string()), pa.array(DECISIONS)
    seen = 0
    for scores in content.scores():
        batch = scores.filter(pa.array(content.chosen[scores["sample"].to_numpy()]))
        at = batch["sample"].to_numpy()
        label, decision = content.label[at], decided.decision[at].astype(np.int32)
        time = decided.at[at]
        columns = (
            _named(names, label),
            _named(words, decision),
            _named(names, np.where(decision == RELABEL, decided.label[at], -1)),
            _named(reviewers, decided.reviewer[at]),
            pa.array(np.nan_to_num(time * 1000).astype(np.int64), mask=np.isnan(time)).cast(pa.timestamp("ms", "UTC")),
            pa.array(decided.disputed[at]),
        )
        for name, column in zip(DECIDED, columns, strict=True):
            text = pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ") if name == "decided_at" else column
            batch = batch.append_column(name, text)
        seen += len(at)
        content.heed(seen)
        yield batch


def _named(names: pa.Array, numbers: np.ndarray[tuple[int], np.dtype[np.int32]]) -> pa.Array:
    return names.take(pa.array(numbers, mask=numbers < 0))


def _as_cleanlab(batch: pa.RecordBatch) -> pa.RecordBatch:
    right = pc.subtract(pa.scalar(1.0), batch["score"])
    columns = {
        "is_label_issue": batch["is_issue"],
        "label_quality": right,
        "label_score": right,
        "given_label": batch["given_label"],
        "predicted_label": pc.coalesce(batch["suggested_label"], batch["given_label"]),
        **{name: batch[name] for name in ("sample", "path", "split", *DECIDED)},
    }
    return pa.record_batch(list(columns.values()), names=list(columns))


def _taken(file: io.BytesIO) -> bytes:
    """What was written since the last time. The writer counts its bytes itself, and never goes back."""
    data = file.getvalue()
    file.seek(0)
    file.truncate()
    return data
