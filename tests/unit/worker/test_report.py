"""From a verdict to what users read."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from core.science import conflicts
from core.science.verdict import judge
from core.store.likeliest import unpacked
from core.store.scores import COLUMNS
from tests.unit.science import make
from worker import report
from worker.report import Table


def table(classes: int, samples: int = 200) -> Table:
    """The judgement on a noisy world, as a worker has it before it writes anything."""
    world = make.world(samples, make.channel(classes, 0.2))
    verdict = judge(make.evidence(world), world.given)
    found = conflicts.find(np.arange(samples) // 2, world.given, verdict)  # each picture is there twice
    verdict = conflicts.noted(verdict, found, world.given)
    columns = {name: np.arange(samples) / 7 for name in ("iam", "hm_weight", "aum", "tkum", "loss")}
    names = tuple(f"class {k}" for k in range(classes))
    return Table(np.arange(samples) * 3, world.given, verdict, columns, found, names)


def listed(table: Table) -> pa.Table:
    """The manifest's rows of the audited samples."""
    return pa.table({"path": [f"{n}.png" for n in table.sample], "split": pa.nulls(len(table.sample), pa.string())})


@pytest.mark.parametrize(("classes", "kept"), [(2, 2), (8, 5)])
def test_rows_and_files_name_the_same_likeliest_classes(classes: int, kept: int) -> None:
    judged = table(classes)
    files = {
        name: b"".join(chunks) for name, chunks in report.score_files(judged, listed(judged), list(judged.classes))
    }
    exact = pyarrow.parquet.read_table(io.BytesIO(files["scores.parquet"])).to_pylist()
    assert 0 < sum(said["conflict"] is not None for said in exact) < len(exact)
    for row, said in zip(report.rows(judged, 1), exact, strict=True):
        top = list(unpacked(row[COLUMNS.index("top")]))
        assert len(top) == kept
        assert [judged.classes[k] for k, _ in top] == said["top_labels"]
        assert [p for _, p in top] == said["top_p"]
        assert row[COLUMNS.index("conflict")] == said["conflict"]


def test_conflicts_are_counted_and_listed_as_their_samples_have_them() -> None:
    judged = table(3)
    size = Counter(row[COLUMNS.index("conflict")] for row in report.rows(judged, 1))
    told = list(report.conflict_rows(judged, 1))
    assert [number for _, number, _, _ in told] == list(range(1, len(told) + 1))
    assert all(size[number] == 2 for _, number, _, _ in told)
    assert len(told) == len(size) - 1
