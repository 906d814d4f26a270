"""Uploads: what a client sent in parts reads as one."""

from __future__ import annotations

import hashlib
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Problem
from core.store import uploads
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Upload
from tests.unit.store import make


def store(db: Database, blobs: Blobs, sizes: list[int]) -> tuple[Upload, bytes]:
    """An upload in parts of these sizes."""
    data = bytes(k % 251 for k in range(sum(sizes)))
    with db.write() as session:
        upload = uploads.begin(session)
    offsets = list(accumulate(sizes, initial=0))[:-1]
    parts = list(zip(offsets, sizes, strict=True))
    for offset, size in parts:
        blobs.put(uploads.part_key(upload.id, offset), data[offset : offset + size])
    with db.write() as session:
        uploads.complete(session, upload, parts, hashlib.sha256(data).hexdigest())
    return upload, data


def reader_of(db: Database, blobs: Blobs, upload: Upload) -> uploads.UploadReader:
    with db.read() as session:
        return uploads.UploadReader(session, blobs, upload.pk)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 40), max_size=8),
    reads=st.lists(st.tuples(st.integers(0, 350), st.integers(0, 350)), max_size=20),
)
def test_any_read_across_any_parts_is_those_bytes(
    db: Database, tmp_path: Path, sizes: list[int], reads: list[tuple[int, int]]
) -> None:
    from core.settings import Settings

    blobs = Blobs(Settings(home=tmp_path / "home"))
    upload, data = store(db, blobs, sizes)
    reader = reader_of(db, blobs, upload)
    assert reader.size == len(data)
    assert reader.read(0, len(data)) == data
    for offset, length in reads:
        assert reader.read(offset, length) == data[offset : offset + length]


def test_an_upload_reads_the_same_from_any_store(blobs: Blobs, sqlite_db: Database) -> None:
    upload, data = store(sqlite_db, blobs, [1000, 1, 4096, 77])
    reader = reader_of(sqlite_db, blobs, upload)
    assert reader.read(0, 10_000) == data
    assert reader.read(999, 3) == data[999:1002]


def test_an_empty_upload_has_no_bytes(blobs: Blobs, sqlite_db: Database) -> None:
    upload, _ = store(sqlite_db, blobs, [])
    reader = reader_of(sqlite_db, blobs, upload)
    assert (reader.size, reader.read(0, 100)) == (0, b"")


def test_parts_that_were_never_counted_are_not_read(blobs: Blobs, sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        upload = uploads.begin(session)
    blobs.put(uploads.part_key(upload.id, 0), b"not yet")
    assert reader_of(sqlite_db, blobs, upload).read(0, 100) == b""


def test_a_lost_part_is_a_problem_that_names_it(blobs: Blobs, sqlite_db: Database) -> None:
    upload, data = store(sqlite_db, blobs, [10, 10])
    blobs.delete(uploads.part_key(upload.id, 10))
    reader = reader_of(sqlite_db, blobs, upload)
    assert reader.read(0, 10) == data[:10]
    with pytest.raises(Problem) as caught:
        reader.read(5, 10)
    assert caught.value.code == "blob-missing"


def test_the_parts_of_an_upload_are_listed_in_order() -> None:
    offsets = [0, 5, 8 << 20, 80 << 20, 1 << 40]
    keys = [uploads.part_key("id", offset) for offset in offsets]
    assert keys == sorted(keys)


def test_a_removed_upload_is_no_longer_there_for_the_world(db: Database) -> None:
    with db.write() as session:
        upload = uploads.begin(session)
        uploads.remove(session, upload)
    with db.read() as session:
        assert session.get_one(Upload, upload.pk).deleted_at is not None


def test_a_dataset_points_to_the_upload_it_was_made_of(db: Database) -> None:
    with db.write() as session:
        dataset, _ = make.dataset(session)
        assert make.upload_of(session, dataset).pk == dataset.upload_pk
