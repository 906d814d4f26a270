"""From a finished run to what users read: the score table in its three formats, the rows, the summary."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from core.science.verdict import SCORE_VERSION, Verdict
from core.science.verdict import judge as judge_evidence
from core.spec import VERDICTS, Plan
from core.training.loader import TrainingData
from core.training.loop import Result

__all__ = ["SCORE_VERSION", "Table", "judge", "rows", "score_files", "summary"]

BLOCK = 65_536
FORMULA = ("=", "+", "-", "@", "\t", "\r", "|")  # what a spreadsheet would run


@dataclass(frozen=True)
class Table:
    """Everything known about the audited samples; all arrays in order of sample number."""

    sample: NDArray[np.int64]  # numbers in the dataset
    given: NDArray[np.int64]
    suggested: NDArray[np.int64]
    verdict: Verdict
    evidence: dict[str, NDArray[np.float64]]  # iam, hm_weight, aum, tkum, loss
    classes: tuple[str, ...]

    @property
    def order(self) -> NDArray[np.int64]:
        """Positions in rank order."""
        return np.argsort(self.verdict.rank)


def judge(result: Result, data: TrainingData, numbers: NDArray[np.int64]) -> Table:
    """The verdict on every audited sample."""
    ledger = result.ledger
    columns = {
        "iam": ledger.iam(),
        "hm_weight": ledger.hm_weight(),
        "aum": ledger.aum(),
        "tkum": ledger.tkum(),
        "loss": ledger.last_loss,
    }
    evidence = {name: tensor.double().cpu().numpy() for name, tensor in columns.items()}
    suggested = result.answers.suggested
    verdict = judge_evidence(evidence["iam"], data.labels, suggested, len(data.classes))
    return Table(numbers, data.labels, suggested, verdict, evidence, data.classes)


def rows(table: Table, audit_pk: int) -> Iterator[tuple[Any, ...]]:
    """Rows for `core.store.scores`, in rank order."""
    verdict = table.verdict
    codes = np.array([VERDICTS.index(word) for word in verdict.verdict.tolist()])
    columns = [verdict.rank, table.sample, table.given, table.suggested, verdict.score, verdict.is_issue, codes]
    columns += list(table.evidence.values())
    order = table.order
    for start in range(0, len(order), BLOCK):
        block = order[start : start + BLOCK]
        yield from zip([audit_pk] * len(block), *(column[block].tolist() for column in columns), strict=True)


def score_files(table: Table, listed: pa.Table, classes: list[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The score table as Parquet and JSON lines, exact, and as CSV that is safe to open in a spreadsheet."""
    ranked = _ranked(table, listed, classes)
    parquet = io.BytesIO()
    pyarrow.parquet.write_table(ranked, parquet, compression="zstd", row_group_size=BLOCK)
    yield "scores.parquet", iter([parquet.getvalue()])
    yield "scores.csv", _csv(ranked)
    yield "scores.jsonl", _jsonl(ranked)


def _ranked(table: Table, listed: pa.Table, classes: list[str]) -> pa.Table:
    order = table.order
    names = pa.array(classes)
    verdict = table.verdict
    columns: dict[str, Any] = {
        "sample": table.sample[order],
        "path": listed["path"].take(pa.array(order)),
        "split": listed["split"].take(pa.array(order)),
        "given_label": names.take(pa.array(table.given[order])),
        "suggested_label": names.take(pa.array(table.suggested[order])),
        "score": verdict.score[order],
        "is_issue": verdict.is_issue[order],
        "verdict": pa.array(verdict.verdict[order].tolist()),
        "rank": verdict.rank[order],
        **{name: values[order] for name, values in table.evidence.items()},
    }
    metadata = {"score_version": SCORE_VERSION}
    return pa.table(columns).replace_schema_metadata(metadata)


def _csv(ranked: pa.Table) -> Iterator[bytes]:
    header = True
    for batch in ranked.to_batches(max_chunksize=BLOCK):
        columns = [
            pa.array([_harmless(text) for text in column.to_pylist()], pa.string())
            if pa.types.is_string(column.type)
            else column
            for column in batch.columns
        ]
        block = io.BytesIO()
        options = pyarrow.csv.WriteOptions(include_header=header, quoting_style="needed")
        pyarrow.csv.write_csv(pa.record_batch(columns, batch.schema.names), block, options)
        yield block.getvalue()
        header = False


def _jsonl(ranked: pa.Table) -> Iterator[bytes]:
    for batch in ranked.to_batches(max_chunksize=BLOCK):
        yield "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist()).encode()


def _harmless(text: str | None) -> str | None:
    return f"'{text}" if text and text.startswith(FORMULA) else text


def summary(table: Table, result: Result, plan: Plan) -> dict[str, Any]:
    """How many, how sure, where. An interval needs calibration, so its ends are unknown for now."""
    verdict, classes = table.verdict, table.classes
    moves = verdict.transitions
    present = sorted({*moves.given.tolist(), *moves.suggested.tolist()})
    place = {k: at for at, k in enumerate(present)}
    counts = np.zeros((len(present), len(present)), dtype=np.int64)
    for given, suggested, count in zip(moves.given, moves.suggested, moves.count, strict=True):
        counts[place[int(given)], place[int(suggested)]] = count
    return {
        "samples": len(table.sample),
        "flagged": int(verdict.is_issue.sum()),
        "noise_rate": {"estimate": verdict.noise_rate, "low": None, "high": None, "level": None},
        "expected": {"precision": verdict.expected_precision, "recall": verdict.expected_recall},
        "classes": [
            {"label": name, "samples": samples, "flagged": flagged, "noise_rate": rate}
            for name, samples, flagged, rate in zip(
                classes,
                verdict.classes.samples.tolist(),
                verdict.classes.flagged.tolist(),
                verdict.classes.noise_rate.tolist(),
                strict=True,
            )
        ],
        "transitions": {"labels": [classes[k] for k in present], "counts": counts.tolist()},
        "verdicts": {word: int((verdict.verdict == word).sum()) for word in VERDICTS},
        "model": {
            "network": plan.network,
            "epochs": plan.epochs,
            "test_accuracy_best": result.test_accuracy_best,
            "test_accuracy_last": result.test_accuracy_last,
        },
        "score_version": SCORE_VERSION,
    }
