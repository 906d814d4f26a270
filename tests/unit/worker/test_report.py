"""From a verdict to what users read."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from core.science import conflicts
from core.science.findings import Transitions, Verdict
from core.science.verdict import judge
from core.spec import AuditSpec, DatasetFacts
from core.store.likeliest import unpacked
from core.store.scores import COLUMNS
from core.summary import Summary
from core.training.plan import resolve
from tests.unit.science import make
from tests.unit.science.make import World
from worker import report
from worker.report import Table


def table(classes: int, samples: int = 200) -> Table:
    """The judgement on a noisy world, as a worker has it before it writes anything."""
    world = make.world(samples, make.channel(classes, 0.2))
    verdict = judged_on(world)
    found = conflicts.find(np.arange(samples) // 2, world.given, verdict)  # each picture is there twice
    verdict = conflicts.noted(verdict, found, world.given)
    columns = {name: np.arange(samples) / 7 for name in ("iam", "hm_weight", "aum", "tkum", "loss")}
    return Table(np.arange(samples) * 3, world.given, verdict, columns, found, names(classes))


def judged_on(world: World) -> Verdict:
    return judge(make.evidence(world), world.given)


def names(classes: int) -> tuple[str, ...]:
    return tuple(f"class {k}" for k in range(classes))


@dataclass(frozen=True)
class Outcome:
    """What the summary asks of a training's result."""

    test_accuracy_best: float | None = None
    test_accuracy_last: float | None = None


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


def test_transition_probabilities_say_how_each_class_was_labelled() -> None:
    channel = make.channel(4, 0.2)
    said = report._transitions(judged_on(make.world(2000, channel, sureness=8)).transitions, tuple("abcd"))
    assert said.labels == list("abcd")
    assert np.array(said.probabilities) == pytest.approx(channel, abs=0.08)
    assert np.sum(said.probabilities, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert np.diag(said.counts).tolist() == [0, 0, 0, 0]


def test_counts_have_given_classes_in_rows_and_probabilities_true_ones() -> None:
    said = report._transitions(moves([1], [0], [3.0], 2, right=9.0), ("a", "b"))
    assert said.counts == [[0.0, 0.0], [3.0, 0.0]]
    assert said.probabilities == [[0.75, 0.25], [0.0, 1.0]]


def moves(given: list[int], true: list[int], count: list[float], classes: int, right: float) -> Transitions:
    ends = np.array([given, true], dtype=np.int64)
    total = np.full(classes, right) + np.bincount(ends[1], count, classes)
    return Transitions(*ends, np.array(count), np.full(classes, right), total)


def test_a_class_without_samples_has_no_probabilities() -> None:
    said = report._transitions(moves([2], [0], [3.0], 4, right=0.0), tuple("abcd"))
    assert (said.labels, said.counts) == (["a", "c"], [[0.0, 0.0], [3.0, 0.0]])
    assert said.probabilities == [[0.0, 1.0], None]


def test_without_wrong_labels_there_is_nothing_to_show() -> None:
    said = report._transitions(moves([], [], [], 4, right=9.0), tuple("abcd"))
    assert (said.labels, said.counts, said.probabilities) == ([], [], [])


def test_of_very_many_classes_the_most_mixed_up_are_shown() -> None:
    classes = 3 * report.MIXED_UP
    pairs = classes // 2
    given, true = list(range(pairs)), list(range(pairs, 2 * pairs))
    said = report._transitions(moves(given, true, [float(k + 1) for k in range(pairs)], classes, 1.0), names(classes))
    assert len(said.labels) == len(said.counts) == len(said.probabilities) == report.MIXED_UP
    assert names(classes)[pairs - 1] in said.labels and names(classes)[0] not in said.labels
    assert np.sum(said.counts) == sum(range(pairs, pairs - report.MIXED_UP // 2, -1))


@pytest.mark.parametrize("classes", [2, 8, 80])
def test_the_summary_counts_every_sample_and_is_json(classes: int) -> None:
    judged = table(classes)
    plan = resolve(AuditSpec(), DatasetFacts(samples={"": 200}, classes=classes, median_side=8, grey=True), "cpu", 1)
    said = report.summary(judged, Outcome(), plan)
    assert Summary.model_validate_json(json.dumps(said.model_dump())) == said
    assert said.samples == 200 == sum(said.verdicts.values()) == sum(row.samples for row in said.classes)
    assert said.flagged == sum(row.flagged for row in said.classes)
    assert said.conflicts.groups == len(list(report.conflict_rows(judged, 1)))
    assert (said.degenerate is None) == (judged.verdict.degenerate is None)
    assert said.model.test_accuracy_last is None


def test_a_run_that_says_nothing_says_why() -> None:
    judged = table(8)
    broken = replace(judged, verdict=replace(judged.verdict, degenerate="collapsed"))
    plan = resolve(AuditSpec(), DatasetFacts(samples={"": 200}, classes=8, median_side=8, grey=True), "cpu", 1)
    said = report.summary(broken, Outcome(), plan)  # type: ignore[arg-type]
    assert said.degenerate is not None
    assert said.degenerate.code == "collapsed"
    assert "Audit again" in said.degenerate.detail


def test_conflicts_are_counted_and_listed_as_their_samples_have_them() -> None:
    judged = table(3)
    size = Counter(row[COLUMNS.index("conflict")] for row in report.rows(judged, 1))
    told = list(report.conflict_rows(judged, 1))
    assert [number for _, number, _, _ in told] == list(range(1, len(told) + 1))
    assert all(size[number] == 2 for _, number, _, _ in told)
    assert len(told) == len(size) - 1


def test_votes_are_told_by_sample_and_class_and_those_for_no_class_are_not() -> None:
    column = pa.chunked_array([[None, '{"dog": 1, "cat": 2}'], [None, '{"emu": 3}', '{"cat": 4}']])
    said = report.votes_of(column, ("cat", "dog"))
    assert said is not None
    assert [said.sample.tolist(), said.label.tolist(), said.count.tolist()] == [[1, 1, 4], [1, 0, 0], [1, 2, 4]]
    assert report.votes_of(column[:1], ("cat", "dog")) is None
