"""From a verdict to what users read."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from core.science.verdict import judge
from core.store.likeliest import unpacked
from core.store.scores import COLUMNS
from tests.unit.science import make
from worker import report
from worker.report import Table


def table(classes: int, samples: int = 200) -> Table:
    """The judgement on a noisy world, as a worker has it before it writes anything."""
    world = make.world(samples, make.channel(classes, 0.2))
    columns = {name: np.arange(samples) / 7 for name in ("iam", "hm_weight", "aum", "tkum", "loss")}
    names = tuple(f"class {k}" for k in range(classes))
    return Table(np.arange(samples) * 3, world.given, judge(make.evidence(world), world.given), columns, names)


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
    for row, said in zip(report.rows(judged, 1), exact, strict=True):
        top = list(unpacked(row[COLUMNS.index("top")]))
        assert len(top) == kept
        assert [judged.classes[k] for k, _ in top] == said["top_labels"]
        assert [p for _, p in top] == said["top_p"]
