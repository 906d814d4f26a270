"""Imports: datasets whose bytes a worker fetches. They become an upload of the dataset's, part by part.

How far an upload is, is what the database says; what it is the beginning of, is kept as its `version` with the job. An
upload is never gone on with unless the source still has that version, so two attempts that both think they may write
write the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.ids import new_id
from core.store import jobs, uploads
from core.store.db import now
from core.store.jobs import Claim
from core.store.tables import Dataset, Job, Upload, UploadPart
from core.words import Layout


@dataclass(frozen=True, slots=True)
class Held:
    """What earlier attempts have fetched."""

    upload: Upload
    version: str


def create(session: Session, *, name: str, source: str, layout: Layout | None, request_id: str) -> tuple[Dataset, Job]:
    """A dataset of bytes that are still to be fetched, and the job that will fetch and read them."""
    unknown = {"format": "", "size": 0, "sha256": "", "asked_layout": layout}
    dataset = session.execute(
        insert(Dataset).values(id=new_id(), name=name, created_at=now(), **unknown).returning(Dataset)
    ).scalar_one()
    spec = {"source": source} | ({"layout": layout} if layout else {})
    return dataset, jobs.submit(session, "ingest", dataset.pk, spec, request_id)


def is_whole(session: Session, claim: Claim) -> bool:
    """Whether everything was fetched."""
    return session.execute(select(Dataset.sha256).where(Dataset.pk == claim.dataset_pk)).scalar_one() != ""


def held(session: Session, claim: Claim) -> Held | None:
    """What there is to go on with."""
    of_dataset = select(Dataset.upload_pk).where(Dataset.pk == claim.dataset_pk).scalar_subquery()
    upload = session.execute(select(Upload).where(Upload.pk == of_dataset)).scalar_one_or_none()
    return Held(upload, claim.checkpoints[-1]["version"]) if upload is not None and claim.checkpoints else None


def begin(session: Session, claim: Claim, before: Held | None, version: str) -> Upload:
    """A new upload for bytes of this version; the one before is given up."""
    if before is not None:
        uploads.remove(session, before.upload)
    upload = uploads.begin(session)
    session.execute(update(Dataset).where(Dataset.pk == claim.dataset_pk).values(upload_pk=upload.pk))
    jobs.remember(session, claim, checkpoints=[{"version": version}])
    return upload


def add(session: Session, upload_pk: int, offset: int, size: int) -> None:
    """Make the next part count."""
    session.execute(insert(UploadPart).values(upload_pk=upload_pk, offset=offset, size=size))
    values = {"size": offset + size, "touched_at": now()}
    session.execute(update(Upload).where(Upload.pk == upload_pk).values(**values))


def is_gone(session: Session, upload_id: str) -> bool:
    """Whether nobody will ever look for the parts of an upload again."""
    alive = select(Upload.pk).where(Upload.id == upload_id, Upload.deleted_at.is_(None))
    return session.execute(alive).scalar_one_or_none() is None


def finish(session: Session, claim: Claim, upload_pk: int, *, format: str, size: int, sha256: str) -> None:
    """Everything is there; what the dataset's row could not say before."""
    session.execute(update(Upload).where(Upload.pk == upload_pk).values(sha256=sha256, touched_at=now()))
    values = {"format": format, "size": size, "sha256": sha256}
    session.execute(update(Dataset).where(Dataset.pk == claim.dataset_pk).values(**values))
