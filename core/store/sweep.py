"""Removes the bytes that nothing points to any more. Idempotent: it may be run by everybody, and die anywhere.

Rows are hidden first (`deleted_at`), then their objects go, then the rows. A hidden job that a worker still holds is
left alone until its lease is over, and a hidden upload while somebody writes to it, so that nothing is written behind
the sweep's back.
"""

from __future__ import annotations

from sqlalchemy import delete, exists, or_, select, update

from core import failpoints
from core.store import curves, datasets, once, twins
from core.store.blobs import Blobs
from core.store.db import Database, now
from core.store.tables import ENDED, Change, Dataset, Job, Score, Upload, UploadPart

MOST = 20
PROBES_KEPT_S = 3600.0
WRITER_S = 60.0
TOLD_S = 86400.0


def sweep(db: Database, blobs: Blobs, upload_expiry_s: float, upload_kept_s: float = 0.0) -> int:
    """One round; the number of things removed."""
    return (
        _expire_uploads(db, upload_expiry_s)
        + _release_uploads(db, upload_kept_s)
        + _sweep_uploads(db, blobs)
        + _forget_uploads(db)
        + _forget_answers(db)
        + _sweep_ended_jobs(db, blobs)
        + _hide_late_jobs(db)
        + _hide_old_probes(db)
        + _sweep_removed_jobs(db, blobs)
        + _sweep_datasets(db, blobs)
    )


def _expire_uploads(db: Database, expiry_s: float) -> int:
    """An upload that nobody went on with."""
    with db.write() as session:
        used = exists().where(Dataset.upload_pk == Upload.pk)
        expired = session.execute(
            update(Upload)
            .where(Upload.touched_at < now() - expiry_s, Upload.deleted_at.is_(None), ~used)
            .values(deleted_at=now())
            .returning(Upload.pk)
        )
        return len(expired.all())


def _release_uploads(db: Database, kept_s: float) -> int:
    """An upload that was read, and was kept for long enough since."""
    with db.write() as session:
        read = select(Dataset.pk).join(Job, Job.dataset_pk == Dataset.pk).where(Dataset.upload_pk == Upload.pk)
        read = read.where(Job.kind == "ingest", Job.state == "succeeded", Job.finished_at <= now() - kept_s)
        released = session.execute(
            update(Upload)
            .where(Upload.deleted_at.is_(None), read.exists())
            .values(deleted_at=now())
            .returning(Upload.pk)
        )
        return len(released.all())


def _sweep_uploads(db: Database, blobs: Blobs) -> int:
    """The row of one that came in turns stays for a while: whoever asks for it is told that it is gone."""
    with db.read() as session:
        idle = or_(Upload.written_at.is_(None), Upload.written_at < now() - WRITER_S)
        query = select(Upload.pk, Upload.id, Upload.length).where(Upload.deleted_at.is_not(None), idle)
        uploads = session.execute(query.where(Upload.swept.is_(False)).limit(MOST)).all()
    for pk, id, length in uploads:
        blobs.delete_all(f"uploads/{id}")
        with db.write() as session:
            session.execute(update(Dataset).where(Dataset.upload_pk == pk).values(upload_pk=None))
            session.execute(delete(UploadPart).where(UploadPart.upload_pk == pk))
            if length is None:
                session.execute(delete(Upload).where(Upload.pk == pk))
            else:
                session.execute(update(Upload).where(Upload.pk == pk).values(swept=True))
    return len(uploads)


def _forget_uploads(db: Database) -> int:
    with db.write() as session:
        old = delete(Upload).where(Upload.swept, Upload.deleted_at < now() - TOLD_S).returning(Upload.pk)
        return len(session.execute(old).all())


def _forget_answers(db: Database) -> int:
    with db.write() as session:
        return once.forget(session)


def _sweep_ended_jobs(db: Database, blobs: Blobs) -> int:
    """What earlier attempts left behind, and the checkpoints that nobody needs after the end."""
    with db.read() as session:
        query = select(Job).where(Job.state.in_(ENDED), Job.swept.is_(False), Job.deleted_at.is_(None)).limit(MOST)
        ended = list(session.execute(query).scalars())
    for job in ended:
        if job.kind == "audit":
            kept = {file["key"] for file in (job.result or {}).get("files", {}).values()}
            if job.state == "succeeded":
                with db.read() as session:
                    kept |= set(curves.keys(session, job.pk))
            for key in list(blobs.names(f"audits/{job.id}")):
                if key not in kept:
                    blobs.delete(key)
                    failpoints.at("sweep.blobs")
        elif job.kind == "export":
            # By folders: what a killed attempt had begun to write is a file that no list of objects shows.
            kept = ((job.result or {}).get("file") or {}).get("key", "")
            for folder in (f"exports/{job.id}/{attempt}" for attempt in range(1, job.attempt + 1)):
                if not kept.startswith(f"{folder}/"):
                    blobs.delete_all(folder)
        elif job.kind == "ingest":
            with db.read() as session:
                dataset = session.get(Dataset, job.dataset_pk)
            if dataset is not None and (datasets.status(dataset, job) != "ready" or twins.is_guest(dataset)):
                blobs.delete_all(f"datasets/{dataset.id}")
        with db.write() as session:
            session.execute(update(Job).where(Job.pk == job.pk).values(swept=True, checkpoints=None))
        failpoints.at("sweep.rows")
    return len(ended)


def _hide_late_jobs(db: Database) -> int:
    """A job that was submitted while its dataset was being removed."""
    with db.write() as session:
        removed = select(Dataset.pk).where(Dataset.deleted_at.is_not(None))
        late = session.execute(
            update(Job)
            .where(Job.dataset_pk.in_(removed), Job.deleted_at.is_(None))
            .values(deleted_at=now(), cancel_requested=True)
            .returning(Job.pk)
        )
        return len(late.all())


def _hide_old_probes(db: Database) -> int:
    """What a worker's pace was an hour ago says little; whoever asked has had the answer, or gave up."""
    with db.write() as session:
        old = session.execute(
            update(Job)
            .where(Job.kind == "probe", Job.created_at < now() - PROBES_KEPT_S, Job.deleted_at.is_(None))
            .values(deleted_at=now(), cancel_requested=True)
            .returning(Job.pk)
        )
        return len(old.all())


def _sweep_removed_jobs(db: Database, blobs: Blobs) -> int:
    with db.read() as session:
        query = select(Job.pk, Job.id).where(Job.deleted_at.is_not(None), Job.state != "running").limit(MOST)
        removed = session.execute(query).all()
    for pk, id in removed:
        for kind in ("audits", "exports"):
            blobs.delete_all(f"{kind}/{id}")
        with db.write() as session:
            session.execute(delete(Score).where(Score.audit_pk == pk))
            session.execute(delete(Job).where(Job.pk == pk))
    return len(removed)


def _sweep_datasets(db: Database, blobs: Blobs) -> int:
    """Others may sweep at the same time, so each is looked at anew. Nobody can join the folder of one that is removed
    and the last there."""
    with db.read() as session:
        held = exists().where(Job.dataset_pk == Dataset.pk)
        query = select(Dataset.pk, Dataset.id, Dataset.folder).where(Dataset.deleted_at.is_not(None), ~held)
        removed = session.execute(query.limit(MOST)).all()
    for pk, id, guest_of in removed:
        if guest_of is not None:
            blobs.delete_all(f"datasets/{id}")  # a version's own manifest: nobody else points there
        with db.write() as session:
            folder = twins.leave(session, pk)
        if folder is not None:
            blobs.delete_all(f"datasets/{folder}")
            with db.write() as session:
                session.execute(delete(Change).where(Change.folder == folder))
                datasets.purge(session, pk)
    return len(removed)
