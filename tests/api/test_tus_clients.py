"""Clients that go on where they stopped: a stock one, and ours, through lines that break and services that die."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tusclient import client as tus
from tusclient.exceptions import TusCommunicationError

from core.errors import Problem
from core.store.uploads import UploadReader
from labelaudit import client as ours
from labelaudit import sending
from labelaudit.bookmarks import Bookmark
from labelaudit.client import Client
from labelaudit.sources import Archive, Folder
from tests.api.conftest import Service
from tests.api.make import zip_of
from tests.api.sending import eventually, row, stored
from tests.lines import Line


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive that is sent in several pieces, with nothing in it that could be mistaken for something else in it."""
    monkeypatch.setattr(ours, "SMALL", 1000)
    monkeypatch.setattr(sending, "PIECE", 50_000)
    file = tmp_path / "pictures.zip"
    file.write_bytes(zip_of({"a/1.png": random.Random(7).randbytes(300_000), "b/1.png": b"x"}))
    return file


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LONGEST_PAUSE_S", 0.1)


def bytes_of(service: Service, dataset_id: str) -> bytes:
    dataset, _ = service.dataset(dataset_id)
    assert dataset.upload_pk is not None
    with service.db.read() as session:
        reader = UploadReader(session, service.blobs, dataset.upload_pk)
    return reader.read(0, reader.size)


@pytest.mark.parametrize("checksum", [False, True])
def test_a_stock_client_uploads_and_goes_on(service: Service, large: Path, checksum: bool) -> None:
    stock = tus.TusClient(f"{service.url}/v1/uploads")
    first = stock.uploader(str(large), chunk_size=70_000, upload_checksum=checksum, metadata={"filename": "ž.zip"})
    first.upload(stop_at=140_000)
    assert first.url.startswith(f"{service.url}/v1/uploads/")
    second = stock.uploader(str(large), url=first.url, chunk_size=70_000, upload_checksum=checksum)
    assert second.offset == 140_000
    second.upload()
    assert stored(service, first.url) == large.read_bytes()
    made = service.http.post("/v1/datasets", json={"upload_id": first.url.rpartition("/")[2]})
    assert made.status_code == 202
    with pytest.raises(TusCommunicationError):
        stock.uploader(file_stream=io.BytesIO(b"x" * 10), url=f"{service.url}/v1/uploads/nothing").upload()


def test_two_stock_clients_at_one_upload_store_every_byte_once(service: Service, large: Path) -> None:
    stock = tus.TusClient(f"{service.url}/v1/uploads")
    first = stock.uploader(str(large), chunk_size=30_000)
    first.upload_chunk()
    second = stock.uploader(str(large), url=first.url, chunk_size=30_000)
    second.upload_chunk()
    with pytest.raises(TusCommunicationError):
        first.upload_chunk()  # it believes that the upload ends where it left it
    second.upload()
    assert stored(service, first.url) == large.read_bytes()


def test_our_client_goes_on_over_a_line_that_breaks(service: Service, large: Path) -> None:
    content, progress = large.read_bytes(), []
    with closing(Line(service.url, cut_after=[90_000, 60_000, 10, 70_000])) as line:
        with Client(line.url) as client:
            dataset = client.upload(large, watch=lambda sent, size: progress.append((sent, size)))
        assert line.cuts == 4
    assert (dataset["name"], dataset["size"]) == ("pictures", len(content))
    assert bytes_of(service, dataset["id"]) == content
    assert progress[-1] == (len(content), len(content))


def test_a_later_call_goes_on_where_an_earlier_one_stopped(service: Service, large: Path, tmp_path: Path) -> None:
    class Stopped(Exception):
        """Whoever sends has had enough."""

    def stop(sent: int, size: int) -> None:
        if sent > size / 2:
            raise Stopped

    went_on = []
    with Client(service.url) as client:
        with pytest.raises(Stopped):
            client.upload(large, watch=stop, home=tmp_path)
        bookmark = Bookmark.of(tmp_path, service.url, Archive(large))
        url = bookmark.read()
        assert url is not None
        dataset = client.upload(large, going_on=lambda *at: went_on.append(at), home=tmp_path)
        assert [0 < sent < size for sent, size in went_on] == [True]
        assert row(service, url).dataset_id == dataset["id"]
        assert bytes_of(service, dataset["id"]) == large.read_bytes()
        assert bookmark.read() is None and not list((tmp_path / "sending").iterdir())


def test_what_changed_meanwhile_is_sent_from_its_beginning(service: Service, large: Path, tmp_path: Path) -> None:
    with Client(service.url) as client:
        with pytest.raises(KeyboardInterrupt):
            client.upload(large, watch=_interrupt, home=tmp_path)
        large.write_bytes(zip_of({"c/1.png": random.Random(8).randbytes(310_000)}))
        went_on: list[int] = []
        dataset = client.upload(large, going_on=lambda sent, _: went_on.append(sent), home=tmp_path)
        assert went_on == []
        assert bytes_of(service, dataset["id"]) == large.read_bytes()


def test_what_changed_unseen_is_noticed_at_the_end(service: Service, large: Path, tmp_path: Path) -> None:
    import os

    state = large.stat()
    with Client(service.url) as client:
        with pytest.raises(KeyboardInterrupt):
            client.upload(large, watch=_interrupt, home=tmp_path)
        content = bytearray(large.read_bytes())
        content[1000] ^= 1
        large.write_bytes(content)
        os.utime(large, ns=(state.st_atime_ns, state.st_mtime_ns))
        with pytest.raises(Problem) as raised:
            client.upload(large, home=tmp_path)
        assert raised.value.code == "source-changed"
        assert service.http.get("/v1/datasets").json()["data"] == []
        assert client.upload(large, home=tmp_path)["status"] == "received"


def _interrupt(sent: int, size: int) -> None:
    if sent > size / 2:
        raise KeyboardInterrupt


def test_an_upload_that_the_service_forgot_is_begun_anew(service: Service, large: Path, tmp_path: Path) -> None:
    with Client(service.url) as client:
        with pytest.raises(KeyboardInterrupt):
            client.upload(large, watch=_interrupt, home=tmp_path)
        url = Bookmark.of(tmp_path, service.url, Archive(large)).read()
        service.http.delete(str(url), headers=sending.VERSION)
        dataset = client.upload(large, home=tmp_path)
        assert bytes_of(service, dataset["id"]) == large.read_bytes()


def test_a_lost_answer_makes_no_second_dataset(service: Service, large: Path, tmp_path: Path) -> None:
    with Client(service.url) as client:
        with pytest.raises(KeyboardInterrupt):
            client.upload(large, watch=_interrupt, home=tmp_path)
        url = str(Bookmark.of(tmp_path, service.url, Archive(large)).read())

        def rest_is_sent() -> bool:  # the service may not yet have noticed that the first line is gone
            at = row(service, url).size
            headers = {**sending.VERSION, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
            return service.http.patch(url, content=large.read_bytes()[at:], headers=headers).status_code == 204

        eventually(rest_is_sent)
        made = service.http.post("/v1/datasets", json={"upload_id": url.rpartition("/")[2], "name": "first"}).json()
        assert client.upload(large, home=tmp_path)["id"] == made["id"]
    assert len(service.http.get("/v1/datasets").json()["data"]) == 1


def test_what_is_no_dataset_is_refused_and_leaves_nothing(service: Service, large: Path, tmp_path: Path) -> None:
    large.write_bytes(b"Rar!" + bytes(300_000))
    with Client(service.url) as client, pytest.raises(Problem) as raised:
        client.upload(large, home=tmp_path)
    assert raised.value.code == "unsupported-archive"
    assert not list((tmp_path / "sending").iterdir())
    with service.db.read() as session:
        from core.store.tables import Upload

        assert session.query(Upload).one().deleted_at is not None


def test_a_service_that_never_answered_is_not_waited_for(large: Path) -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(Problem) as raised:
        client.upload(large)
    assert raised.value.code == "unreachable"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    for name, size in (("b/ü" + "x" * 150 + ".png", 511), ("a/1.png", 512), ("a/empty.png", 0), ("a/2.png", 513)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(random.Random(size).randbytes(size))
    return folder


def whole(folder: Folder) -> bytes:
    return b"".join(folder.chunks(0, folder.size))


def test_a_folder_is_sent_as_the_same_tar_every_time(folder: Path) -> None:
    source = Folder(folder)
    content = whole(source)
    assert len(content) == source.size
    (folder / "a" / "1.png").touch()
    assert whole(Folder(folder)) == content
    assert Folder(folder).fingerprint() != source.fingerprint()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        opened = {member.name: tar.extractfile(member) for member in tar}
        read = {name: file.read() for name, file in opened.items() if file is not None}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert read == {str(path.relative_to(folder)): path.read_bytes() for path in files}


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 8000), min_size=2, max_size=2))
def test_any_stretch_of_a_folder_is_those_bytes(folder: Path, cuts: list[int]) -> None:
    source = Folder(folder)
    start, end = sorted(min(cut, source.size) for cut in cuts)
    assert b"".join(source.chunks(start, end)) == whole(source)[start:end]


def test_a_folder_is_uploaded_as_it_is(service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = whole(Folder(folder))
    with Client(service.url) as client:
        for small in (0, 1 << 20):
            monkeypatch.setattr(ours, "SMALL", small)
            dataset = client.upload(folder)
            assert (dataset["name"], dataset["format"]) == ("folder", "tar")
            assert bytes_of(service, dataset["id"]) == content


def test_a_file_that_becomes_shorter_is_said_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Folder(folder)
    (folder / "a" / "2.png").write_bytes(b"")
    with pytest.raises(Problem) as raised:
        whole(source)
    assert raised.value.code == "source-changed"


def test_a_full_disk_is_said_at_once_and_what_was_sent_is_kept(
    start: Callable[..., Service], large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.store.blobs import Blobs

    service = start(min_free_bytes=1000)
    with Client(service.url) as client:
        with monkeypatch.context() as full, pytest.raises(Problem) as raised:
            free = iter([1 << 30] * 20)
            full.setattr(Blobs, "free_bytes", lambda self: next(free, 0))
            client.upload(large, home=tmp_path)
        assert (raised.value.code, raised.value.retryable) == ("insufficient-storage", True)
        went_on: list[int] = []
        dataset = client.upload(large, going_on=lambda sent, _: went_on.append(sent), home=tmp_path)
        assert len(went_on) == 1 and 0 < went_on[0] < large.stat().st_size
        assert bytes_of(service, dataset["id"]) == large.read_bytes()
