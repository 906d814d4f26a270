"""Versions of a dataset: each has rows and a list of samples of its own, and shares the images of the first.

A version says what it changed of its parent in `changes`, by the numbers that samples have in the first version. So two
of a family can be compared without a look at all samples, and also when versions between them are gone.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, insert, literal, or_, select
from sqlalchemy.orm import Session

from core.ids import new_id
from core.spec import Revised, VersionSpec
from core.store import jobs, reviews
from core.store.db import now
from core.store.tables import Change, Dataset, Job, Judgement, Review, Sample
from core.words import EXCLUDE, HELD_OUT, RELABEL, UNSURE

BLOCK = 2000
COLUMNS = ("version_id", "sample", "folder", "before", "after")


class Differing(NamedTuple):
    """A sample of which two versions say different things; a label that is null: it is not in that version."""

    sample: int  # in the first version
    before: str | None
    after: str | None


def parent_of(dataset: Dataset) -> str | None:
    """The id of the version that this one was made of."""
    return dataset.lineage[-1] if dataset.lineage else None


def family_of(dataset: Dataset) -> str:
    """The id of the first version."""
    return dataset.family or dataset.id


def create(
    session: Session,
    parent: Dataset,
    *,
    name: str,
    reviews: int,
    change_held_out: bool,
    from_audit: str | None,
    request_id: str,
) -> tuple[Dataset, Job]:
    """A new version, and the job that will write it. The parent's row must be held: then the images stay."""
    values = {
        "id": new_id(),
        "name": name,
        "format": parent.format,
        "size": 0,
        "sha256": "",
        "layout": parent.layout,
        "folder": parent.folder or parent.id,
        "version": parent.version + 1,
        "lineage": [*(parent.lineage or []), parent.id],
        "family": family_of(parent),
        "from_audit": from_audit,
        "from_reviews": reviews,
        "created_at": now(),
    }
    dataset = session.execute(insert(Dataset).values(**values).returning(Dataset)).scalar_one()
    spec = VersionSpec(parent_id=parent.id, change_held_out=change_held_out, reviews=reviews)
    return dataset, jobs.submit(session, "ingest", dataset.pk, {"version": spec.model_dump()}, request_id)


def hold(session: Session, dataset_pk: int) -> Dataset | None:
    """A dataset that nobody removes before this transaction ends."""
    query = select(Dataset).where(Dataset.pk == dataset_pk, Dataset.deleted_at.is_(None)).with_for_update()
    return session.execute(query).scalar_one_or_none()


def page(session: Session, dataset: Dataset, after: str | None, limit: int) -> list[tuple[Dataset, Job]]:
    """All versions of a dataset's family, the oldest first."""
    first = family_of(dataset)
    query = (
        select(Dataset, Job)
        .join(Job, (Job.dataset_pk == Dataset.pk) & (Job.kind == "ingest"))
        .where(Dataset.deleted_at.is_(None), or_(Dataset.id == first, Dataset.family == first))
        .order_by(Dataset.id)
        .limit(limit)
    )
    return [(found, job) for found, job in session.execute(query if after is None else query.where(Dataset.id > after))]


def last_audit(session: Session, dataset_pk: int, reviews: int) -> str | None:
    """The audit whose list the last review was said of."""
    query = select(Job.id).join(Review, Review.audit_pk == Job.pk)
    return session.execute(query.where(Review.dataset_pk == dataset_pk, Review.seq == reviews)).scalar_one_or_none()


def revised(session: Session, dataset: Dataset, splits: Collection[str] | None, change_held_out: bool) -> Revised:
    """What the decisions as they stand make of a dataset, or of some of its splits."""
    held = case((Sample.split.in_(HELD_OUT), literal(1)), else_=literal(0))
    other = case((Judgement.label != Sample.label, literal(1)), else_=literal(0))
    chosen: list[ColumnElement[bool]] = [] if splits is None else [Sample.split.in_(list(splits))]
    query = (
        select(Judgement.decision, held, other, func.count())
        .join(Sample, (Sample.dataset_pk == Judgement.dataset_pk) & (Sample.n == Judgement.sample))
        .where(Judgement.dataset_pk == dataset.pk, *chosen)
        .group_by(Judgement.decision, held, other)
    )
    found: Counter[str] = Counter()
    for decision, is_held, is_other, count in session.execute(query):
        changes = decision == EXCLUDE or (decision == RELABEL and is_other)
        if decision == UNSURE:
            found["unsure_kept"] += count
        elif changes and is_held and not change_held_out:
            found["held_out_untouched"] += count
        elif changes:
            found["excluded" if decision == EXCLUDE else "relabelled"] += count
    counts = (dataset.facts or {}).get("samples", {})
    total = sum(count for split, count in counts.items() if splits is None or split in splits)
    names = ("relabelled", "excluded", "unsure_kept", "held_out_untouched")
    return Revised(samples=total - found["excluded"], **{name: found[name] for name in names})


def related(one: Dataset, other: Dataset) -> bool:
    """Whether two datasets are versions of the same."""
    return family_of(one) == family_of(other)


def differences(session: Session, one: Dataset, other: Dataset, after: int = -1) -> Iterator[Differing]:
    """The samples of which two versions say different things, in order of their numbers in the first version."""
    chains = _chain(one), _chain(other)
    changes = heapq.merge(*(_changes(session, id, after) for id in {*chains[0], *chains[1]}), key=itemgetter(0))
    for n, of_sample in groupby(changes, key=itemgetter(0)):
        found = {id: (before, label) for _, id, before, label in of_sample}
        labels = [_label(chain, found, chains) for chain in chains]
        if labels[0] != labels[1]:
            yield Differing(n, *labels)


def _changes(session: Session, version_id: str, after: int) -> Iterator[tuple[int, str, str, str | None]]:
    """What a version changed, as sample, version, label before and label after, in the order of its key."""
    query = select(Change.sample, Change.version_id, Change.before, Change.after).order_by(Change.sample).limit(BLOCK)
    query = query.where(Change.version_id == version_id)
    while rows := session.execute(query.where(Change.sample > after)).all():
        yield from rows
        after = rows[-1][0]


@dataclass(frozen=True)
class Moves:
    """How many samples went from one label to another. It is the same for ever, for versions never change."""

    counts: Counter[tuple[str | None, str | None]]

    @property
    def nbytes(self) -> int:
        """What it takes in memory, about."""
        return 300 * len(self.counts)


def moves(session: Session, one: Dataset, other: Dataset) -> Moves:
    """All that differs between two versions, counted."""
    return Moves(Counter((row.before, row.after) for row in differences(session, one, other)))


def places(session: Session, version: Dataset, samples: Sequence[int]) -> dict[int, int]:
    """The numbers in a version of samples that it has, which are given by their numbers in the first version."""
    if not samples:
        return {}
    out = _out(version)
    before = session.execute(out.where(Change.sample < samples[0]).with_only_columns(func.count())).scalar_one()
    between = out.where(Change.sample >= samples[0], Change.sample <= samples[-1])
    gone = set(session.execute(between).scalars())
    rest = sorted(gone)
    found: dict[int, int] = {}
    k = 0
    for n in samples:
        while k < len(rest) and rest[k] < n:
            k += 1
        if n not in gone:
            found[n] = n - before - k
    return found


def origin(session: Session, version: Dataset, n: int) -> int:
    """The number in the first version of a sample that is given by its number in another."""
    place = func.row_number().over(order_by=Change.sample)
    stayed = Change.sample - place + 1  # how many of those before one that was lost
    lost = _out(version).with_only_columns(stayed.label("stayed")).subquery()
    return n + session.execute(select(func.count()).where(lost.c.stayed <= n)).scalar_one()


def said_before(session: Session, version: Dataset, n: int) -> list[tuple[Dataset, list[Review]]]:
    """What was said of a sample in those earlier versions that are still here, the oldest first."""
    if not version.lineage:
        return []
    here = select(Dataset).where(Dataset.id.in_(version.lineage), Dataset.deleted_at.is_(None), Dataset.reviews > 0)
    earlier = session.execute(here.order_by(Dataset.version)).scalars().all()
    first = origin(session, version, n) if earlier else 0
    found = [(one, reviews.of_sample(session, one.pk, places(session, one, [first])[first])) for one in earlier]
    return [(one, said) for one, said in found if said]


def paths(session: Session, version: Dataset, numbers: Collection[int]) -> dict[int, str]:
    """What samples of a version are called."""
    query = select(Sample).where(Sample.dataset_pk == version.pk, Sample.n.in_(list(numbers)))
    return {sample.n: sample.path for sample in session.execute(query).scalars()}


def readers(session: Session, dataset: Dataset) -> list[Job]:
    """The jobs that are still making a version of this dataset."""
    query = (
        select(Job)
        .join(Dataset, Dataset.pk == Job.dataset_pk)
        .where(Dataset.family == family_of(dataset), Job.kind == "ingest", Job.state.in_(("queued", "running")))
        .where(Job.deleted_at.is_(None), Dataset.deleted_at.is_(None))
    )
    found = session.execute(query.order_by(Job.pk)).scalars()
    return [job for job in found if (job.spec.get("version") or {}).get("parent_id") == dataset.id]


def _chain(version: Dataset) -> list[str]:
    """The versions that a version's labels come from, itself first. The first one of all changed nothing."""
    return [version.id, *reversed(version.lineage or [])]


def _out(version: Dataset) -> Select[int]:
    """The samples that a version lost on its way from the first one."""
    return select(Change.sample).where(Change.version_id.in_(_chain(version)), Change.after.is_(None))


def _label(
    chain: list[str], changes: dict[str, tuple[str, str | None]], chains: tuple[list[str], list[str]]
) -> str | None:
    """The label of a sample at the end of a chain: what the nearest change made of it, or what the first one found."""
    for id in chain:
        if id in changes:
            return changes[id][1]
    oldest_first: Any = (id for one in chains for id in reversed(one) if id in changes)
    return changes[next(oldest_first)][0]
