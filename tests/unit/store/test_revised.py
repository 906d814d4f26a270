"""What decisions make of a dataset is said twice, by the database and by the worker. They say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from core.datasets.exports.content import Decided
from core.spec import SPLITS, Split
from core.store import datasets, versions
from core.store.db import Database
from core.store.tables import Dataset, Judgement
from core.words import DECISIONS, Decision
from tests.unit.datasets.exports.make import content, rows
from tests.unit.store import make

CLASSES: tuple[str, ...] = tuple(make.FOUND["classes"])
Label = st.integers(0, len(CLASSES) - 1)
Sample = tuple[Split | None, int, tuple[Decision, int] | None, bool]
SAMPLES = st.lists(
    st.tuples(
        st.sampled_from((*SPLITS, None)), Label, st.none() | st.tuples(st.sampled_from(DECISIONS), Label), st.booleans()
    ),
    min_size=1,
    max_size=40,
)  # split, label, what was decided, whether the audit looked at it


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SAMPLES, st.none() | st.sets(st.sampled_from(SPLITS), min_size=1).map(tuple), st.booleans())
def test_the_database_and_the_worker_make_the_same_of_decisions(
    db: Database, samples: list[Sample], splits: tuple[Split, ...] | None, change: bool
) -> None:
    dataset = stored(db, samples)
    with db.read() as session:
        told = versions.revised(session, dataset, splits, change)
        to_say = versions.revised(session, dataset, splits, False).held_out_untouched
    made = replace(
        content(splits=splits, change_held_out=change),
        classes=CLASSES,
        samples=listed(samples),
        decided=decided(samples),
        scores=lambda: ranked(samples),
    )
    assert made.counts(audited=False) == told
    audited = made.counts(audited=True)
    assert audited.held_out_untouched == told.held_out_untouched == (0 if change else to_say)
    assert audited.samples + audited.excluded == len(made.audited) <= told.samples + told.excluded


def stored(db: Database, samples: list[Sample]) -> Dataset:
    """A dataset with these samples, and what counts of them."""
    facts = {
        "samples": Counter(split or "all" for split, *_ in samples),
        "classes": 3,
        "median_side": 32,
        "grey": False,
    }
    with db.write() as session:
        dataset, _ = make.dataset(session)
        lines = (
            make.sample_row(dataset.pk, n, split=split, label=label) for n, (split, label, *_) in enumerate(samples)
        )
        datasets.store(session, dataset.pk, make.FOUND | {"facts": facts}, lines, [])
        said = [
            {
                "dataset_pk": dataset.pk, "sample": n, "seq": n + 1, "decision": DECISIONS.index(word[0]),
                "label": word[1] if word[0] == "relabel" else None, "reviewer": "ann", "source": "list", "at": 1.0,
                "disputed": False,
            }
            for n, (_, _, word, _) in enumerate(samples)
            if word is not None
        ]  # fmt: skip
        if said:
            session.execute(insert(Judgement), said)
    with db.read() as session:
        return session.get_one(Dataset, dataset.pk)


def decided(samples: list[Sample]) -> Decided:
    """What counts of these samples, as the worker holds it."""
    found = Decided.nothing(len(samples))
    for n, (_, _, word, _) in enumerate(samples):
        if word is not None:
            found.decision[n], found.reviewer[n], found.at[n] = DECISIONS.index(word[0]), 0, 1.0
            found.label[n] = word[1] if word[0] == "relabel" else -1
    return replace(found, reviewers=["ann"])


def listed(samples: list[Sample]) -> pa.Table:
    """The samples, as a manifest lists them."""
    plain = rows()[0]
    told = [plain | {"n": n, "split": split, "label": CLASSES[label]} for n, (split, label, *_) in enumerate(samples)]
    return pa.Table.from_pylist(told)


def ranked(samples: list[Sample]) -> Iterator[pa.RecordBatch]:
    """What an audit says of those that it looked at."""
    there = [n for n, (*_, audited) in enumerate(samples) if audited]
    if there:
        yield pa.RecordBatch.from_pylist([
            {
                "sample": n, "rank": rank, "score": 0.5, "is_issue": False, "suggested_label": CLASSES[0],
                "suggested_confidence": 0.5,
            }
            for rank, n in enumerate(there, 1)
        ])  # fmt: skip
