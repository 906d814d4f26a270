"""Objects of a bucket become one tar, or are taken as they are."""

from __future__ import annotations

import io
import tarfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import obstore
import pytest
from obstore.store import S3Store

from core.errors import Problem
from core.settings import Settings
from core.sources import Objects
from core.store.blobs import s3_store
from core.store.bucket import Bucket, Object
from tests.servers import S3
from worker.fetching import bucket
from worker.fetching.stream import Kept, Stream

FILES = {"a/1.png": b"one", "a/2.png": bytes(600), "b c/ü%20#?.png": b"odd", "z.txt": b"z"}


@pytest.fixture
def store(s3_settings: Settings, s3_server: S3) -> S3Store:
    store = s3_store(s3_settings, s3_settings.blobs_url)
    for name, content in FILES.items():
        obstore.put(store, f"sets/cat/{name}", content)
    obstore.put(store, "sets/cats/secret.png", b"not to be read")
    obstore.put(store, "sets/one.zip", b"0123456789")
    obstore.put(store, "sets/none.zip", b"")
    return store


@contextmanager
def opened(settings: Settings, prefix: str, kept: Kept | None = None) -> Iterator[Stream]:
    wanted = Objects(settings.blobs_url.removeprefix("s3://"), prefix)
    with bucket.opened(wanted, kept or Kept(), settings, lambda: None) as stream:
        yield stream


def refusal(settings: Settings, prefix: str) -> str:
    with pytest.raises(Problem) as caught, opened(settings, prefix) as stream:
        b"".join(stream.chunks)
    return caught.value.code


def test_what_lies_below_a_prefix_is_a_tar(s3_settings: Settings, store: S3Store) -> None:
    with opened(s3_settings, "sets/cat") as stream:
        content = b"".join(stream.chunks)
    assert stream.size == len(content)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        found = {member.name: file.read() for member in tar if (file := tar.extractfile(member))}
    assert found == FILES
    assert list(found) == sorted(FILES, key=str.encode)


def test_a_whole_bucket_can_be_read(s3_settings: Settings, store: S3Store) -> None:
    with opened(s3_settings, "") as stream, tarfile.open(fileobj=io.BytesIO(b"".join(stream.chunks))) as tar:
        assert len(tar.getnames()) == len(FILES) + 3


def test_a_fetch_goes_on_where_it_stopped_as_long_as_nothing_changed(s3_settings: Settings, store: S3Store) -> None:
    with opened(s3_settings, "sets/cat") as stream:
        whole = b"".join(stream.chunks)
    for start in (1, 511, 512, 600, 1600, len(whole)):
        with opened(s3_settings, "sets/cat", Kept(start, stream.version)) as later:
            assert (later.start, b"".join(later.chunks)) == (start, whole[start:])
    obstore.put(store, "sets/cat/a/1.png", b"eno")
    with opened(s3_settings, "sets/cat", Kept(600, stream.version)) as later:
        assert later.start == 0


def test_one_object_is_taken_as_it_is_and_gone_on_with(s3_settings: Settings, store: S3Store) -> None:
    with opened(s3_settings, "sets/one.zip") as stream:
        assert (stream.size, b"".join(stream.chunks)) == (10, b"0123456789")
    with opened(s3_settings, "sets/one.zip", Kept(4, stream.version)) as later:
        assert (later.start, b"".join(later.chunks)) == (4, b"456789")


def test_many_objects_are_asked_for_at_once_and_none_that_is_skipped(
    s3_settings: Settings, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{n:03d}.png": bytes([n]) * (n * 97) for n in range(60)} | {"020-large.bin": bytes(bucket.SMALL + 1)}
    for name, content in files.items():
        obstore.put(store, f"many/{name}", content)
    asked: list[str] = []
    real = Bucket.read

    def read(self: Bucket, wanted: Object, start: int = 0) -> Iterator[bytes]:
        asked.append(wanted.key)
        return real(self, wanted, start)

    monkeypatch.setattr(Bucket, "read", read)
    with opened(s3_settings, "many") as stream:
        whole = b"".join(stream.chunks)
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        assert {m.name: tar.extractfile(m).read() for m in tar} == files
        middle = tar.getmember("050.png").offset_data + 100
    assert sorted(asked) == sorted(f"many/{name}" for name in files if files[name])
    asked.clear()
    with opened(s3_settings, "many", Kept(middle, stream.version)) as later:
        assert b"".join(later.chunks) == whole[middle:]
    assert sorted(asked) == [f"many/{n:03d}.png" for n in range(50, 60)]


@pytest.mark.parametrize("key", ["sets/cat/z.txt", "sets/cat/a/0.png"])
def test_objects_that_change_while_they_are_read_are_noticed(s3_settings: Settings, store: S3Store, key: str) -> None:
    with opened(s3_settings, "sets/cat") as stream:
        obstore.put(store, key, b"new")
        with pytest.raises(Problem) as caught:
            b"".join(stream.chunks)
    assert caught.value.code == "source-changed"


def test_an_object_that_goes_while_it_is_read_is_noticed(s3_settings: Settings, store: S3Store) -> None:
    with opened(s3_settings, "sets/one.zip") as stream:
        obstore.delete(store, "sets/one.zip")
        with pytest.raises(Problem) as caught:
            b"".join(stream.chunks)
    assert caught.value.code == "source-changed"


def test_what_only_stands_for_a_folder_is_no_file(s3_settings: Settings, store: S3Store, s3_server: S3) -> None:
    put(s3_server, s3_settings, "marked/", b"")
    put(s3_server, s3_settings, "marked/cat/", b"")
    assert refusal(s3_settings, "marked/cat") == "source-empty"
    put(s3_server, s3_settings, "marked/cat/1.png", b"one")
    put(s3_server, s3_settings, "marked/empty.png", b"")
    with opened(s3_settings, "marked") as stream, tarfile.open(fileobj=io.BytesIO(b"".join(stream.chunks))) as tar:
        assert tar.getnames() == ["cat/1.png", "empty.png"]


@pytest.mark.parametrize("key", ["odd/a//1.png", "odd/../1.png"])
def test_a_name_that_is_no_path_is_refused(s3_settings: Settings, store: S3Store, s3_server: S3, key: str) -> None:
    put(s3_server, s3_settings, key, b"one")
    assert refusal(s3_settings, "odd") == "unsafe-path"


def put(server: S3, settings: Settings, key: str, content: bytes) -> None:
    """Store an object under a name that our own client would not use."""
    bucket = settings.blobs_url.removeprefix("s3://")
    request = urllib.request.Request(f"{server.url}/{bucket}/{key}", data=content, method="PUT")
    urllib.request.urlopen(request, timeout=10).close()


def test_what_is_not_there_is_missing(s3_settings: Settings, store: S3Store) -> None:
    assert refusal(s3_settings, "sets/ca") == "source-missing"
    assert refusal(s3_settings, "gone") == "source-missing"
    assert refusal(s3_settings, "sets/none.zip") == "source-empty"


def test_a_bucket_that_is_not_there_is_not_the_datas_fault(s3_settings: Settings) -> None:
    wanted = Objects("labelaudit-there-is-none", "x")
    with pytest.raises(Problem) as caught, bucket.opened(wanted, Kept(), s3_settings, lambda: None):
        pass
    assert (caught.value.code, caught.value.retryable) == ("source-unreachable", True)
