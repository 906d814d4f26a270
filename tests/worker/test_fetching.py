"""Imports: what the worker fetches is read like what somebody uploaded, however often it is killed on the way."""

from __future__ import annotations

import hashlib
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import obstore
import pytest
from sqlalchemy import func, select

from core import fetch, wire
from core import settings as core_settings
from core.store import datasets, imports, jobs
from core.store.blobs import Blobs, s3_store
from core.store.db import Database
from core.store.sweep import sweep
from core.store.tables import Dataset, Job, Upload, UploadPart
from tests.servers import S3
from tests.tls import PUBLIC, Web, breaking, ranged, sends, web
from tests.worker.digits import plant_few
from worker import run
from worker.progress import Voice

PART = 1500
URL = "https://data.example.org/few.zip"


@pytest.fixture
def home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "DATABASE_URL": database_url,
        "BEAT_S": "0.05",
        "PART_BYTES": str(PART),
        "IMPORT_FROM": str(tmp_path / "open"),
        "IMPORT_HTTPS": "true",
        "MIN_FREE_BYTES": "0",
    }.items():
        monkeypatch.setenv(f"LABELAUDIT_{name}", value)
    before, mask = signal.getsignal(signal.SIGTERM), os.umask(0o077)
    yield tmp_path
    os.umask(mask)
    signal.alarm(0)
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def archive(home: Path) -> Path:
    """An archive in the folder that may be imported from, and its members as files beside it."""
    (home / "open").mkdir()
    planted = plant_few(home / "open" / "few.zip", samples=40).archive
    with zipfile.ZipFile(planted) as members:
        members.extractall(home / "open" / "tree")
    return planted


@pytest.fixture
def internet(home: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with web(home / "web") as made:
        made.names["data.example.org"] = [[PUBLIC]]
        made.pages["/few.zip"] = ranged(archive.read_bytes(), '"v1"')
        monkeypatch.setattr(fetch, "INTERNET", made.network())
        yield made


def order(db: Database, source: str) -> str:
    """A job that will import a source."""
    with db.write() as session:
        return imports.create(session, name="few", source=source, layout=None, request_id="r")[1].id


def found(db: Database, job: str) -> tuple[Dataset, Job]:
    with db.read() as session:
        row = session.execute(select(Job).where(Job.id == job)).scalar_one()
        return session.get_one(Dataset, row.dataset_pk), row


def imported(db: Database, source: str) -> Dataset:
    job = order(db, source)
    assert run.main([job]) == 0
    dataset, row = found(db, job)
    assert datasets.status(dataset, row) == "ready", (row.problem, dataset.rejection)
    return dataset


def rejection(db: Database, source: str) -> dict[str, Any]:
    job = order(db, source)
    assert run.main([job]) == 0
    dataset, row = found(db, job)
    assert datasets.status(dataset, row) == "rejected", row.problem
    assert dataset.rejection is not None
    return dataset.rejection


def parts(db: Database) -> int:
    with db.read() as session:
        return session.execute(select(func.count()).select_from(UploadPart)).scalar_one()


def stop_after(monkeypatch: pytest.MonkeyPatch, stored: int, db: Database, then: Callable[[], None]) -> None:
    """Do something once so many parts are stored."""
    real = Voice.tick

    def tick(voice: Voice, **progress: Any) -> None:
        if voice.progress.phase == "fetching" and parts(db) >= stored:
            then()
        real(voice, **progress)

    monkeypatch.setattr(Voice, "tick", tick)


def stopped(monkeypatch: pytest.MonkeyPatch, db: Database, job: str, stored: int = 3) -> None:
    """Run a job that is told to stop in the middle of its fetch."""
    with monkeypatch.context() as patch:
        stop_after(patch, stored, db, lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert run.main([job]) == 0
    signal.alarm(0)  # the grace that a process has to end, for this one goes on
    dataset, row = found(db, job)
    assert (row.state, dataset.sha256) == ("queued", "")
    assert parts(db) >= stored


def test_a_folder_is_imported(db: Database, home: Path, archive: Path) -> None:
    dataset = imported(db, f"{home}/open/tree")
    assert (dataset.format, dataset.layout) == ("tar", "folders")
    assert dataset.counts == {"seen": 42, "accepted": 40, "rejected": 1, "ignored": 1}
    assert dataset.size > sum(file.stat().st_size for file in (home / "open" / "tree").rglob("*") if file.is_file())
    with db.read() as session:
        rows = datasets.samples(session, dataset.pk, -1, 100)
    assert [row.path for row in rows] == sorted(row.path for row in rows)
    assert rows[0].path.startswith("few/0/")


def test_a_file_is_imported_as_if_it_had_been_sent(db: Database, home: Path, archive: Path) -> None:
    dataset = imported(db, f"{home}/open/few.zip")
    assert (dataset.format, dataset.size) == ("zip", archive.stat().st_size)
    assert dataset.sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert dataset.counts == {"seen": 42, "accepted": 40, "rejected": 1, "ignored": 1}


def test_a_prefix_of_a_bucket_is_imported(
    db: Database, home: Path, archive: Path, s3_server: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_server.create_bucket()
    for name, value in {
        "S3_ENDPOINT": s3_server.url, "S3_ACCESS_KEY_ID": s3_server.key_id, "S3_SECRET_ACCESS_KEY": s3_server.secret,
        "IMPORT_FROM": f"{bucket}/sets",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"LABELAUDIT_{name}", value)
    store = s3_store(core_settings.load(), bucket)
    for file in (home / "open" / "tree").rglob("*.png"):
        obstore.put(store, f"sets/{file.relative_to(home / 'open' / 'tree')}", file.read_bytes())
    dataset = imported(db, f"{bucket}/sets/few")
    assert dataset.counts == {"seen": 41, "accepted": 40, "rejected": 1, "ignored": 0}
    assert rejection(db, f"{bucket}/other")["code"] == "import-not-allowed"


def test_an_address_is_imported(db: Database, internet: Web, archive: Path) -> None:
    dataset = imported(db, URL)
    assert (dataset.format, dataset.size) == ("zip", archive.stat().st_size)
    assert dataset.sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()


@pytest.mark.parametrize("source", ["tree", "few.zip", URL])
def test_a_fetch_that_was_stopped_goes_on(
    db: Database, home: Path, internet: Web, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    # Chunks smaller than parts, so that a fetch can be stopped anywhere.
    monkeypatch.setattr("worker.fetching.folder.CHUNK", 900)
    monkeypatch.setattr(wire, "CHUNK", 900)
    where = source if source == URL else f"{home}/open/{source}"
    undisturbed = imported(db, where)
    before = parts(db)
    job = order(db, where)
    stopped(monkeypatch, db, job, before + 3)
    stopped(monkeypatch, db, job, before + 5)
    upload = found(db, job)[0].upload_pk
    assert run.main([job]) == 0
    dataset, row = found(db, job)
    assert datasets.status(dataset, row) == "ready"
    assert (dataset.upload_pk, row.attempt) == (upload, 3)
    assert (dataset.sha256, dataset.size) == (undisturbed.sha256, undisturbed.size)
    assert dataset.content_hash == undisturbed.content_hash
    if source == URL:
        starts = [int(asked["Range"][6:-1]) for _, asked in internet.asked if "Range" in asked]
        assert starts[0] >= 3 * PART and starts[1] >= 5 * PART and not any(start % PART for start in starts)


@pytest.fixture
def broken(internet: Web, archive: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a server break off, so many times, after so many bytes."""
    monkeypatch.setattr("worker.fetching.address.PAUSES_S", (0.01, 0.01, 0.01))

    def breaks(times: int, tag: str = '"v1"', after: int = 2 * PART + 100) -> None:
        internet.pages["/few.zip"] = breaking(ranged(archive.read_bytes(), tag), after, times)

    return breaks


def test_a_fetch_that_its_server_breaks_off_goes_on_at_once(
    db: Database, internet: Web, archive: Path, broken: Callable[..., None]
) -> None:
    broken(2)
    dataset = imported(db, URL)
    assert dataset.sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()
    starts = [int(asked.get("Range", "bytes=0-")[6:-1]) for _, asked in internet.asked]
    assert len(starts) == 3 and starts == sorted(set(starts))


@pytest.mark.parametrize(
    ("times", "tag", "after", "asked"),
    [(1, 'W/"v1"', 2 * PART, 1), (99, '"v1"', 0, 4)],
    ids=["no word of its version", "not a byte more"],
)
def test_a_fetch_is_not_tried_for_ever(
    db: Database, internet: Web, broken: Callable[..., None], times: int, tag: str, after: int, asked: int
) -> None:
    broken(times, tag, after)
    assert rejection(db, URL)["code"] == "url-fetch-failed"
    assert len(internet.asked) == asked


def test_a_file_that_changes_while_its_server_breaks_off_is_no_mixture(
    db: Database, internet: Web, archive: Path, broken: Callable[..., None]
) -> None:
    broken(1)
    first = internet.pages["/few.zip"]

    def changing(handler: BaseHTTPRequestHandler) -> None:
        first(handler)
        internet.pages["/few.zip"] = ranged(archive.read_bytes()[::-1], '"v2"')

    internet.pages["/few.zip"] = changing
    assert rejection(db, URL)["code"] == "source-changed"


def test_a_fetch_that_had_everything_but_the_last_word_ends_well(
    db: Database, internet: Web, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = -(-archive.stat().st_size // PART)
    job = order(db, URL)
    with monkeypatch.context() as patch:
        real = imports.finish

        def finish(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        patch.setattr(imports, "finish", finish)
        with pytest.raises(KeyboardInterrupt):
            run.main([job])
        patch.setattr(imports, "finish", real)
    assert parts(db) == whole
    with db.write() as session:
        session.execute(Job.__table__.update().values(lease_until=0))  # type: ignore[attr-defined]
        jobs.reap(session, 3, 0)
    assert run.main([job]) == 0
    assert datasets.status(*found(db, job)) == "ready"


@pytest.mark.parametrize("source", ["tree", "few.zip", URL])
def test_a_source_that_changed_in_between_is_fetched_anew(
    db: Database, home: Path, internet: Web, archive: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setattr("worker.fetching.folder.CHUNK", 900)
    monkeypatch.setattr(wire, "CHUNK", 900)
    where = source if source == URL else f"{home}/open/{source}"
    job = order(db, where)
    stopped(monkeypatch, db, job)
    first = found(db, job)[0].upload_pk
    plant_few(archive, samples=30)
    (home / "open" / "tree" / "few" / "README.txt").write_text("other digits")
    internet.pages["/few.zip"] = ranged(archive.read_bytes(), '"v2"')
    assert run.main([job]) == 0
    dataset, row = found(db, job)
    assert datasets.status(dataset, row) == "ready"
    assert dataset.upload_pk != first
    blobs = Blobs(core_settings.load())
    sweep(db, blobs, 1e9)
    assert list(blobs.names("uploads")) == []
    if source != "tree":
        assert dataset.sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()


def test_a_server_that_does_not_tell_versions_is_asked_for_everything_again(
    db: Database, internet: Web, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CHUNK", 900)
    internet.pages["/few.zip"] = sends(archive.read_bytes(), ETag='W/"v1"')
    job = order(db, URL)
    stopped(monkeypatch, db, job)
    assert run.main([job]) == 0
    assert datasets.status(*found(db, job)) == "ready"
    assert not any("Range" in asked for _, asked in internet.asked)


def test_a_dataset_that_is_removed_while_it_is_fetched_leaves_nothing_behind(
    db: Database, home: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.fetching.folder.CHUNK", 900)
    blobs = Blobs(core_settings.load())
    job = order(db, f"{home}/open/tree")
    real = Blobs.write

    def write(self: Blobs, key: str, data: bytes) -> None:
        with db.write() as session:  # at the worst moment: after the look whether the job is still ours
            dataset = session.execute(select(Dataset)).scalar_one()
            datasets.remove(session, dataset)
        sweep(db, blobs, 1e9)
        real(self, key, data)

    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "write", write)
        assert run.main([job]) == run.NOT_OURS
    assert list(blobs.names("uploads")) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%PDF-1.7 and so on", "unsupported-archive"),
        (b"\x80\x04 a pickle", "pickle-refused"),
        (b"PAR1 cut", "archive-truncated"),
        (b"", "source-empty"),
    ],
)
def test_what_an_upload_would_be_refused_for_rejects_an_import(
    db: Database, home: Path, archive: Path, content: bytes, code: str
) -> None:
    (home / "open" / "it").write_bytes(content)
    assert rejection(db, f"{home}/open/it")["code"] == code
    sweep(db, Blobs(core_settings.load()), 1e9)
    with db.read() as session:
        assert session.execute(select(func.count()).select_from(Upload)).scalar_one() == 0


@pytest.mark.parametrize("source", ["gone", "tree/../few.zip", "../home", "link"])
def test_a_source_that_cannot_be_had_rejects_the_dataset(db: Database, home: Path, archive: Path, source: str) -> None:
    (home / "open" / "link").symlink_to("/etc")
    problem = rejection(db, f"{home}/open/{source}")
    assert problem["code"] in ("source-missing", "import-not-allowed", "link-member")
    assert str(home) not in problem["detail"]


def test_the_worker_asks_again_whether_a_source_is_allowed(
    db: Database, home: Path, internet: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELAUDIT_IMPORT_FROM", "")
    monkeypatch.setenv("LABELAUDIT_IMPORT_HTTPS", "false")
    assert rejection(db, f"{home}/open/tree")["code"] == "import-not-allowed"
    assert rejection(db, URL)["code"] == "url-not-allowed"
    assert internet.resolved == []


@pytest.mark.parametrize("status", [403, 404, 500, 503, 204])
def test_of_a_servers_refusal_only_its_kind_is_told(db: Database, internet: Web, status: int) -> None:
    internet.pages["/few.zip"] = sends(b"" if status == 204 else b"token=hunter2", status, X_Secret="hunter2")
    problem = rejection(db, URL)
    assert problem["code"] == "url-fetch-failed"
    assert f"{status // 100}xx" in problem["detail"]
    for told in ("hunter2", str(status), "example.org", PUBLIC):
        assert told not in str(problem)


def test_an_endless_body_ends_at_the_size_of_an_upload(
    db: Database, internet: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            handler.wfile.write(bytes(10_000))

    monkeypatch.setenv("LABELAUDIT_MAX_UPLOAD_BYTES", "100000")
    internet.pages["/few.zip"] = endless
    assert rejection(db, URL)["code"] == "upload-too-large"
    assert parts(db) <= 100_000 // PART
    internet.pages["/few.zip"] = sends(bytes(100_001))
    assert rejection(db, URL)["code"] == "upload-too-large"


def test_an_import_has_its_time(db: Database, home: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELAUDIT_IMPORT_SECONDS", "0.000001")
    assert rejection(db, f"{home}/open/tree")["code"] == "source-too-slow"


def test_a_full_disk_is_not_the_datas_fault(
    db: Database, home: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELAUDIT_MIN_FREE_BYTES", str(1 << 60))
    job = order(db, f"{home}/open/tree")
    assert run.main([job]) == 0
    dataset, row = found(db, job)
    assert datasets.status(dataset, row) == "failed"
    assert row.problem is not None and row.problem["code"] == "insufficient-storage"
