"""The program that does one job, called as a function: uploads become datasets."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from PIL import Image

from core.settings import Settings
from core.store import datasets
from core.store.blobs import Blobs
from core.store.db import Database
from tests.worker.digits import uploaded
from tests.worker.inside import job_of, submitted
from worker import run


def test_an_upload_in_parts_becomes_shards_and_rows(db: Database, blobs: Blobs, dataset_id: str) -> None:
    with db.read() as session:
        found = datasets.find(session, dataset_id)
        assert found is not None
        dataset, job = found
        assert datasets.status(dataset, job) == "ready"
        assert dataset.counts == {"seen": 122, "accepted": 120, "rejected": 1, "ignored": 1}
        rows = datasets.samples(session, dataset.pk, -1, 1000)
    assert [row.n for row in rows] == list(range(120))
    assert len({row.shard for row in rows}) > 1
    for row in rows[::17]:
        image = blobs.read(f"datasets/{dataset_id}/shards/{row.shard:05d}.tar", row.offset, row.length)
        assert image.startswith(b"\x89PNG")


def test_the_same_bytes_are_kept_once(db: Database, blobs: Blobs, dataset_id: str, tmp_path: Path) -> None:
    again, job = uploaded(db, blobs, (tmp_path / "few.zip").read_bytes())
    assert run.main([job]) == 0
    with db.read() as session:
        first, second = (datasets.find(session, id) for id in (dataset_id, again))
        assert first is not None and second is not None
        assert [datasets.status(*found) for found in (first, second)] == ["ready", "ready"]
        a, b = (datasets.samples(session, found[0].pk, -1, 1000) for found in (first, second))
    assert [(row.path, row.offset, row.sha256) for row in a] == [(row.path, row.offset, row.sha256) for row in b]
    assert list(blobs.names(f"datasets/{again}")) == []
    audit = submitted(db, again)
    assert run.main([audit]) == 0
    assert job_of(db, audit).state == "succeeded"


def test_what_a_table_says_is_kept_with_the_samples(db: Database, blobs: Blobs) -> None:
    table = "path,label,who\n0.png,cat,X\n1.png,dog,Y\n1.png,cat,Z\n1.png,cat,Z\n"
    members = {"labels.csv": table.encode()}
    for n in range(2):
        picture = io.BytesIO()
        Image.new("L", (9, 9), 60 * n).save(picture, "PNG")
        members[f"{n}.png"] = picture.getvalue()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    dataset_id, ingest = uploaded(db, blobs, archive.getvalue())
    assert run.main([ingest]) == 0
    with db.read() as session:
        found = datasets.find(session, dataset_id)
        assert found is not None
        assert found[0].layout == "table"
        samples = datasets.samples(session, found[0].pk, -1, 9)
    assert [(one.votes, one.extra) for one in samples] == [
        (None, '{"who": "X"}'),
        ('{"dog": 1, "cat": 2}', '{"who": "Y"}'),
    ]


def test_data_that_cannot_be_used_is_refused_and_not_retried(db: Database, blobs: Blobs, settings: Settings) -> None:
    dataset_id, job = uploaded(db, blobs, b"PK\x03\x04 but no archive at all")
    assert run.main([job]) == 0
    with db.read() as session:
        found = datasets.find(session, dataset_id)
    assert found is not None
    assert datasets.status(*found) == "rejected"
    assert found[0].rejection is not None and found[0].rejection["code"] == "archive-truncated"
