"""Datasets, their samples and what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from core.errors import Problem
from core.ids import new_id
from core.spec import DatasetFacts
from core.store import jobs
from core.store.db import copy_rows, now
from core.store.tables import ENDED, Dataset, Finding, Job, LeftOut, Sample, Upload
from core.words import FindingKind, Layout

SAMPLE_COLUMNS = (
    "dataset_pk", "n", "path", "label", "split", "shard", "offset", "length", "width", "height", "format", "sha256",
    "votes", "extra",
)  # fmt: skip
FINDING_COLUMNS = ("dataset_pk", "n", "kind", "group", "sample", "across")
LEFT_OUT_COLUMNS = ("dataset_pk", "n", "path", "outcome", "code", "detail", "sha256")


def create(
    session: Session,
    upload: Upload,
    *,
    name: str,
    format: str,
    size: int,
    sha256: str,
    request_id: str,
    layout: Layout | None = None,
) -> tuple[Dataset, Job]:
    """A dataset of a finished upload, and the job that will read it, as that layout if one is given."""
    values = {"id": new_id(), "name": name, "format": format, "size": size, "sha256": sha256, "asked_layout": layout}
    dataset = session.execute(
        insert(Dataset).values(**values, upload_pk=upload.pk, created_at=now()).returning(Dataset)
    ).scalar_one()
    return dataset, jobs.submit(session, "ingest", dataset.pk, {"layout": layout} if layout else {}, request_id)


def folder_of(dataset: Dataset) -> str:
    """The prefix of the keys of a dataset's blobs."""
    return f"datasets/{dataset.folder or dataset.id}"


def manifest_of(dataset: Dataset) -> str:
    """The key of the list of a dataset's samples: versions share their images, but not their lists."""
    return f"{folder_of(dataset) if dataset.version == 1 else f'datasets/{dataset.id}'}/manifest.parquet"


def find(session: Session, id: str) -> tuple[Dataset, Job] | None:
    """A dataset and its ingest job."""
    row = session.execute(_with_ingest().where(Dataset.id == id)).one_or_none()
    return row and (row[0], row[1])


def page(session: Session, before: str | None, limit: int) -> list[tuple[Dataset, Job]]:
    """The newest datasets, or those older than the id `before`."""
    query = _with_ingest().order_by(Dataset.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Dataset.id < before)
    return [(dataset, job) for dataset, job in session.execute(query)]


def _with_ingest() -> Any:
    return (
        select(Dataset, Job)
        .join(Job, (Job.dataset_pk == Dataset.pk) & (Job.kind == "ingest"))
        .where(Dataset.deleted_at.is_(None))
    )


def status(dataset: Dataset, ingest: Job) -> str:
    """What the world calls the state of a dataset."""
    if ingest.state == "queued":
        return "ingesting" if ingest.attempt else "received"
    if ingest.state == "running":
        return "ingesting"
    if ingest.state == "succeeded":
        return "rejected" if dataset.rejection else "ready"
    return "failed"


def list_early(session: Session, dataset_pk: int, left_outs: Sequence[Sequence[Any]]) -> None:
    """Show members that are left out before the ingest has ended; those that an earlier attempt listed stay."""
    listed = session.execute(select(func.max(LeftOut.n)).where(LeftOut.dataset_pk == dataset_pk)).scalar_one()
    n = LEFT_OUT_COLUMNS.index("n")
    copy_rows(session, LeftOut, LEFT_OUT_COLUMNS, [row for row in left_outs if listed is None or row[n] > listed])


def store(
    session: Session,
    dataset_pk: int,
    found: dict[str, Any],
    samples: Iterable[Sequence[Any]],
    left_outs: Iterable[Sequence[Any]],
    findings: Iterable[Sequence[Any]] = (),
) -> None:
    """Write what ingest found, in the transaction of `jobs.finish`."""
    session.execute(update(Dataset).where(Dataset.pk == dataset_pk).values(**found))
    copy_rows(session, Sample, SAMPLE_COLUMNS, samples)
    _list(session, dataset_pk, left_outs)
    copy_rows(session, Finding, FINDING_COLUMNS, findings)


def reject(session: Session, dataset_pk: int, problem: Problem, left_outs: Iterable[Sequence[Any]]) -> None:
    """Write why the data cannot be used, with the members that were found wanting; nothing else of it is kept."""
    values = {"rejection": problem.as_record(), "counts": problem.extra.get("counts")}
    session.execute(update(Dataset).where(Dataset.pk == dataset_pk).values(**values))
    _list(session, dataset_pk, left_outs)


def _list(session: Session, dataset_pk: int, left_outs: Iterable[Sequence[Any]]) -> None:
    """All members that are left out, in the place of those that were listed early."""
    session.execute(delete(LeftOut).where(LeftOut.dataset_pk == dataset_pk))
    copy_rows(session, LeftOut, LEFT_OUT_COLUMNS, left_outs)


def unfinished(session: Session, dataset_pk: int) -> list[Job]:
    """The jobs that still work on a dataset."""
    query = select(Job).where(Job.dataset_pk == dataset_pk, Job.state.not_in(ENDED), Job.deleted_at.is_(None))
    query = query.where(Job.kind != "probe")
    return list(session.execute(query.order_by(Job.pk)).scalars())


def remove(session: Session, dataset: Dataset) -> None:
    """Take a dataset and its audits out of the world's sight; `sweep` removes the bytes."""
    session.execute(
        update(Job)
        .where(Job.dataset_pk == dataset.pk, Job.deleted_at.is_(None))
        .values(deleted_at=now(), cancel_requested=True)
    )
    session.execute(update(Dataset).where(Dataset.pk == dataset.pk).values(deleted_at=now()))
    session.execute(update(Upload).where(Upload.pk == dataset.upload_pk).values(deleted_at=now()))


def samples(session: Session, dataset_pk: int, after: int, limit: int) -> list[Sample]:
    """The samples that follow number `after`."""
    query = select(Sample).where(Sample.dataset_pk == dataset_pk, Sample.n > after).order_by(Sample.n).limit(limit)
    return list(session.execute(query).scalars())


def sample(session: Session, dataset_pk: int, n: int) -> Sample | None:
    """One sample."""
    return session.get(Sample, (dataset_pk, n))


def among(session: Session, dataset_pk: int, wanted: Iterable[int]) -> dict[int, Sample]:
    """Those of these samples that there are; a statement has room for some hundreds."""
    query = select(Sample).where(Sample.dataset_pk == dataset_pk, Sample.n.in_(list(wanted)))
    return {sample.n: sample for sample in session.execute(query).scalars()}


def facts(dataset: Dataset) -> DatasetFacts:
    """What a plan needs to know of a ready dataset."""
    assert dataset.facts is not None
    return DatasetFacts(**dataset.facts | {"version": dataset.version})


def left_outs(session: Session, dataset_pk: int, outcome: str, after: int, limit: int) -> list[LeftOut]:
    """The members that became no sample, after number `after`."""
    query = select(LeftOut).where(LeftOut.dataset_pk == dataset_pk, LeftOut.outcome == outcome, LeftOut.n > after)
    return list(session.execute(query.order_by(LeftOut.n).limit(limit)).scalars())


def findings(
    session: Session, dataset_pk: int, kind: FindingKind | None, across: bool | None, after: int, limit: int
) -> list[tuple[Finding, Sample]]:
    """What was found in the images, after row `after`, each with its sample."""
    query = (
        select(Finding, Sample)
        .join(Sample, (Sample.dataset_pk == Finding.dataset_pk) & (Sample.n == Finding.sample))
        .where(Finding.dataset_pk == dataset_pk, Finding.n > after)
        .order_by(Finding.n)
        .limit(limit)
    )
    if kind is not None:
        query = query.where(Finding.kind == kind)
    if across is not None:
        query = query.where(Finding.across == across)
    return [(finding, sample) for finding, sample in session.execute(query)]


def copies(session: Session, dataset_pk: int, n: int, kinds: Sequence[FindingKind], most: int) -> list[Sample]:
    """The other samples that are in groups of these kinds with one sample; rows of a group follow each other, and of a
    large one the nearest are taken, about `most`."""
    mine = (Finding.dataset_pk == dataset_pk, Finding.kind.in_(kinds))
    others: set[int] = set()
    for found in session.execute(select(Finding).where(*mine, Finding.sample == n)).scalars().all():
        near = Finding.n.between(found.n - most, found.n + most)
        same = (Finding.kind == found.kind, Finding.group == found.group, Finding.sample != n)
        others |= set(session.execute(select(Finding.sample).where(*mine, near, *same)).scalars())
    query = select(Sample).where(Sample.dataset_pk == dataset_pk, Sample.n.in_(sorted(others)[:most]))
    return list(session.execute(query.order_by(Sample.n)).scalars())


def purge(session: Session, dataset_pk: int) -> None:
    """Remove a dataset's rows, its jobs' and its samples' with them."""
    session.execute(delete(Dataset).where(Dataset.pk == dataset_pk))
