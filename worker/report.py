"""From a finished run to what users read: the score table in its three formats, the rows, the summary."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from core.datasets.exports import tables
from core.datasets.exports.tables import BLOCK
from core.science import conflicts
from core.science.conflicts import Conflicts
from core.science.findings import Transitions, Verdict
from core.science.verdict import SCORE_VERSION, Wish
from core.science.verdict import judge as judge_evidence
from core.science.votes import Votes
from core.spec import AuditSpec, Plan, Record
from core.store.likeliest import packed
from core.summary import (
    ConflictCounts,
    CutMade,
    DecoyCheck,
    Expected,
    Moves,
    NoiseRate,
    OfClass,
    Summary,
    TrainedModel,
    WhyNothing,
)
from core.training.loader import TrainingData
from core.training.loop import Result
from core.words import VERDICTS, Degenerate, reasons_of

__all__ = ["SCORE_VERSION", "Table", "conflict_rows", "judge", "rows", "score_files", "summary", "votes_of"]

MIXED_UP = 256  # classes of the transition matrices, at most


@dataclass(frozen=True)
class Table:
    """Everything known about the audited samples; all arrays in order of sample number."""

    sample: NDArray[np.int64]  # numbers in the dataset
    given: NDArray[np.int64]
    verdict: Verdict
    evidence: dict[str, NDArray[np.float64]]  # iam, hm_weight, aum, tkum, loss
    conflicts: Conflicts
    classes: tuple[str, ...]

    @property
    def order(self) -> NDArray[np.int64]:
        """Positions in rank order."""
        return np.argsort(self.verdict.rank)


def judge(result: Result, data: TrainingData, numbers: NDArray[np.int64], listed: pa.Table, spec: AuditSpec) -> Table:
    """The verdict on every audited sample; `listed` are their rows of the manifest."""
    ledger = result.ledger
    columns = {
        "iam": ledger.iam(),
        "hm_weight": ledger.hm_weight(),
        "aum": ledger.aum(),
        "tkum": ledger.tkum(),
        "loss": ledger.last_loss,
    }
    evidence = {name: tensor.double().cpu().numpy() for name, tensor in columns.items()}
    wish = Wish(target_precision=spec.target_precision, review_budget=spec.review_budget)
    verdict = judge_evidence(result.evidence(), data.labels, wish, votes_of(listed["votes"], data.classes))
    content = listed["sha256"].combine_chunks().dictionary_encode().indices.to_numpy()
    found = conflicts.find(content, data.labels, verdict)
    return Table(numbers, data.labels, conflicts.noted(verdict, found, data.labels), evidence, found, data.classes)


def votes_of(column: pa.ChunkedArray, classes: tuple[str, ...]) -> Votes | None:
    """What people said of samples that several of them were asked about; classes that no sample has do not count."""
    number = {name: k for k, name in enumerate(classes)}
    voted = np.flatnonzero(column.is_valid().to_numpy())
    said = [
        (sample, number[label], count)
        for sample, votes in zip(voted.tolist(), column.drop_null().to_pylist(), strict=True)
        for label, count in json.loads(votes).items()
        if label in number
    ]
    return Votes(*np.array(said, dtype=np.int64).T) if said else None


def rows(table: Table, audit_pk: int) -> Iterator[tuple[Any, ...]]:
    """Rows for `core.store.scores`, in rank order."""
    verdict = table.verdict
    columns: list[NDArray[Any]] = [verdict.rank, table.sample, table.given, verdict.suggested, verdict.score]
    columns += [verdict.is_issue, verdict.verdict, *table.evidence.values()]
    columns += [_or_none(verdict.confidence, np.isnan(verdict.confidence)), verdict.reasons]
    group = table.conflicts.group
    conflict = _or_none(group, group == 0)
    order = table.order
    for start in range(0, len(order), BLOCK):
        block = order[start : start + BLOCK]
        plain = (column[block].tolist() for column in columns)
        top = packed(verdict.top[block], verdict.top_p[block])
        yield from zip([audit_pk] * len(block), *plain, top, conflict[block].tolist(), strict=True)


def conflict_rows(table: Table, audit_pk: int) -> Iterator[tuple[int, ...]]:
    """Rows for `core.store.conflicts`, in order."""
    found = table.conflicts
    for k, (favoured, size) in enumerate(zip(found.favoured.tolist(), found.sizes.tolist(), strict=True), 1):
        yield audit_pk, k, favoured, size


def _or_none(values: NDArray[Any], absent: NDArray[np.bool_]) -> NDArray[Any]:
    boxed = values.astype(object)
    boxed[absent] = None
    return boxed


def score_files(
    table: Table, listed: pa.Table, classes: list[str], record: Record | None = None
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The score table as Parquet and JSON lines, exact, and as CSV that is safe to open in a spreadsheet."""
    ranked = _ranked(table, listed, classes)
    if record is not None:
        about = record.model_dump(exclude={"attempts"})  # how often it was interrupted changes no byte
        ranked = ranked.replace_schema_metadata({"score_version": SCORE_VERSION, "record": json.dumps(about)})
    parquet = io.BytesIO()
    pyarrow.parquet.write_table(ranked, parquet, compression="zstd", row_group_size=BLOCK)
    yield "scores.parquet", iter([parquet.getvalue()])
    yield "scores.csv", tables.csv(ranked.to_batches(max_chunksize=BLOCK))
    yield "scores.jsonl", tables.jsonl(ranked.to_batches(max_chunksize=BLOCK))


def _ranked(table: Table, listed: pa.Table, classes: list[str]) -> pa.Table:
    order = table.order
    names = pa.array(classes)
    verdict, group = table.verdict, table.conflicts.group[order]
    columns: dict[str, Any] = {
        "sample": table.sample[order],
        "path": listed["path"].take(pa.array(order)),
        "split": listed["split"].take(pa.array(order)),
        "given_label": names.take(pa.array(table.given[order])),
        "suggested_label": names.take(pa.array(verdict.suggested[order], mask=verdict.suggested[order] < 0)),
        "suggested_confidence": pa.array(verdict.confidence[order], from_pandas=True),
        "score": verdict.score[order],
        "is_issue": verdict.is_issue[order],
        "verdict": pa.array(VERDICTS).take(pa.array(verdict.verdict[order])),
        "reasons": pa.array([reasons_of(mask) for mask in verdict.reasons[order].tolist()], pa.list_(pa.string())),
        "conflict": pa.array(group, mask=group == 0),
        "top_labels": _lists(names, verdict.top[order]),
        "top_p": _lists(None, verdict.top_p[order]),
        "rank": verdict.rank[order],
        **{name: values[order] for name, values in table.evidence.items()},
    }
    return pa.table(columns).replace_schema_metadata({"score_version": SCORE_VERSION})


def _lists(names: pa.Array | None, values: NDArray[Any]) -> pa.Array:
    """A list a row, of names or of numbers."""
    flat = pa.array(values.ravel())
    ends = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(pa.array(ends), flat if names is None else names.take(flat))


DEGENERATE: dict[Degenerate, str] = {
    "nothing-learned": (
        "The network recognises labels that it was not shown no better than chance, so nothing can be said of them. "
        "Audit longer or with a larger network, and see that the classes can be told apart in the images."
    ),
    "collapsed": (
        "The network gives nearly all images one class, so nothing can be said of the labels. Audit again with another "
        "seed, and see that no class holds nearly all samples."
    ),
    "memorised": (
        "The network learned by heart even the labels that were planted wrong, so its evidence says nothing. "
        "Audit with fewer epochs or a smaller network."
    ),
}


def summary(table: Table, result: Result, plan: Plan) -> Summary:
    """How many, how sure, where."""
    verdict = table.verdict
    found, columns = verdict.degenerate, (column.tolist() for column in vars(verdict.classes).values())
    return Summary(
        samples=len(table.sample),
        flagged=int(verdict.is_issue.sum()),
        noise_rate=NoiseRate(**asdict(verdict.noise_rate)),
        expected=Expected(precision=verdict.expected_precision, recall=verdict.expected_recall),
        cut=CutMade(**asdict(verdict.cut)),
        classes=[
            OfClass(label=label, samples=samples, flagged=flagged, noise_rate=rate, low=low, high=high)
            for label, samples, flagged, rate, low, high in zip(table.classes, *columns, strict=True)
        ],
        transitions=_transitions(verdict.transitions, table.classes),
        verdicts=dict(zip(VERDICTS, np.bincount(verdict.verdict, minlength=len(VERDICTS)).tolist(), strict=True)),
        conflicts=ConflictCounts(groups=len(table.conflicts.favoured), samples=int(table.conflicts.sizes.sum())),
        degenerate=None if found is None else WhyNothing(code=found, detail=DEGENERATE[found]),
        calibration=DecoyCheck(**asdict(verdict.calibration)),
        model=TrainedModel(
            network=plan.network,
            epochs=plan.epochs,
            test_accuracy_best=result.test_accuracy_best,
            test_accuracy_last=result.test_accuracy_last,
        ),
        score_version=SCORE_VERSION,
    )


def _transitions(moves: Transitions, classes: tuple[str, ...]) -> Moves:
    """The expected moves between classes as matrices, of the classes that take part or of those that do most."""
    lost, won = (np.bincount(ends, moves.count, len(classes)) for ends in (moves.true, moves.given))
    part = lost + won
    most = np.argsort(-part, kind="stable")[:MIXED_UP]
    shown = np.sort(most[part[most] > 0])
    inside = np.isin(moves.given, shown) & np.isin(moves.true, shown)
    given, true = np.searchsorted(shown, moves.given[inside]), np.searchsorted(shown, moves.true[inside])
    counts = np.zeros((len(shown), len(shown)))
    counts[given, true] = moves.count[inside]
    total = moves.total[shown]
    shares = (counts + np.diag(moves.right[shown])).T / np.maximum(total, 0.5)[:, None]
    return Moves(
        labels=[classes[k] for k in shown.tolist()],
        counts=counts.round(2).tolist(),
        probabilities=[
            row if size >= 0.5 else None for row, size in zip(shares.round(6).tolist(), total.tolist(), strict=True)
        ],
    )
