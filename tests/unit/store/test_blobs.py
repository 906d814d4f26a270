"""Blobs: whole or not at all, durable when `put` returns, and the same on a disk and in S3."""

from __future__ import annotations

import hashlib
import os
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import Problem
from core.settings import Settings
from core.store.blobs import CHUNK, MULTIPART, Blobs, Stored

DATA = bytes(range(256)) * 40


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("as_type", [bytes, bytearray, memoryview])
def test_what_is_put_is_what_is_got(blobs: Blobs, as_type: type) -> None:
    stored = blobs.put("datasets/a/manifest.parquet", as_type(DATA))
    assert stored == Stored("datasets/a/manifest.parquet", len(DATA), sha256(DATA))
    assert stored.as_record() == {"key": stored.key, "size": len(DATA), "sha256": sha256(DATA)}
    assert blobs.get(stored.key) == DATA
    assert blobs.size(stored.key) == len(DATA)


def test_an_iterator_is_put_whole(blobs: Blobs) -> None:
    stored = blobs.put("a/b", (DATA[k : k + 1000] for k in range(0, len(DATA), 1000)))
    assert stored == Stored("a/b", len(DATA), sha256(DATA))
    assert blobs.get("a/b", sha256(DATA)) == DATA


@pytest.mark.parametrize("data", [b"", iter(())], ids=["bytes", "iterator"])
def test_an_empty_object_is_an_object(blobs: Blobs, data: bytes) -> None:
    assert blobs.put("a/empty", data) == Stored("a/empty", 0, sha256(b""))
    assert blobs.get("a/empty", sha256(b"")) == b""
    assert list(blobs.stream("a/empty")) == []
    assert list(blobs.names("a")) == ["a/empty"]


def test_bytes_of_more_than_one_part_arrive_whole(blobs: Blobs) -> None:
    data = os.urandom(MULTIPART + 12345)
    stored = blobs.put("big", data)
    assert (stored.size, stored.sha256) == (len(data), sha256(data))
    assert blobs.get("big", stored.sha256) == data


def test_a_harmed_object_is_not_given_out(blobs: Blobs) -> None:
    stored = blobs.put("audits/a/1/model.safetensors", DATA)
    blobs.put(stored.key, DATA[:-1] + b"!")
    with pytest.raises(Problem, match="no longer what was written") as caught:
        blobs.get(stored.key, stored.sha256)
    assert caught.value.code == "blob-corrupt"


def test_a_missing_object_is_a_problem_with_a_name(blobs: Blobs) -> None:
    reads = [
        lambda: blobs.get("no/such"),
        lambda: blobs.get("no/such", sha256(b"")),
        lambda: blobs.size("no/such"),
        lambda: blobs.read("no/such", 0, 1),
        lambda: list(blobs.stream("no/such")),
    ]
    for read in reads:
        with pytest.raises(Problem, match="no/such") as caught:
            read()
        assert caught.value.code == "blob-missing"


@pytest.mark.parametrize(("offset", "length"), [(0, 1), (0, 10240), (100, 0), (5000, 240), (10239, 1)])
def test_a_range_is_exactly_those_bytes(blobs: Blobs, offset: int, length: int) -> None:
    blobs.put("a/b", DATA)
    assert blobs.read("a/b", offset, length) == DATA[offset : offset + length]


@pytest.mark.parametrize(("start", "end"), [(0, None), (7, None), (7, 8), (0, 0), (CHUNK - 1, CHUNK + 1)])
def test_a_stream_is_the_bytes_from_start_to_end(blobs: Blobs, start: int, end: int | None) -> None:
    data = os.urandom(2 * CHUNK + 77)
    blobs.put("a/b", data)
    assert b"".join(blobs.stream("a/b", start, end)) == data[start:end]


def test_the_names_below_a_folder_are_those_and_no_others(blobs: Blobs) -> None:
    keys = {"uploads/1/0", "uploads/1/8", "uploads/10/0", "audits/1/1/scores.parquet"}
    for key in keys:
        blobs.put(key, b"x")
    assert set(blobs.names("uploads/1")) == {"uploads/1/0", "uploads/1/8"}
    assert set(blobs.names("")) == keys
    assert list(blobs.names("nothing")) == []


def test_a_deleted_object_is_gone_and_may_be_deleted_again(blobs: Blobs) -> None:
    blobs.put("a/b", b"x")
    blobs.put("a/c", b"y")
    blobs.delete("a/b")
    blobs.delete("a/b")
    assert list(blobs.names("a")) == ["a/c"]


def test_a_deleted_folder_takes_no_neighbour_along(blobs: Blobs) -> None:
    for key in ("uploads/1/0", "uploads/1/deep/er", "uploads/10/0"):
        blobs.put(key, b"x")
    blobs.delete_all("uploads/1")
    blobs.delete_all("uploads/1")
    assert list(blobs.names("uploads")) == ["uploads/10/0"]


def test_more_objects_than_are_deleted_at_once_are_all_deleted(
    s3_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.blobs.DELETED_AT_ONCE", 3)
    blobs = Blobs(s3_settings)
    for k in range(7):
        blobs.put(f"many/{k}", b"")
    blobs.put("one", b"")
    blobs.delete_all("many")
    assert list(blobs.names("")) == ["one"]


@pytest.mark.parametrize("before", [0, 100, MULTIPART + 100], ids=["at-once", "early", "after-a-part"])
def test_data_that_breaks_off_leaves_no_object(blobs: Blobs, tmp_path: Path, before: int) -> None:
    def breaks_off() -> Iterator[bytes]:
        for _ in range(0, before, 1 << 16):
            yield bytes(1 << 16)
        raise OSError("the client is gone")

    with pytest.raises(Exception, match="the client is gone"):
        blobs.put("a/b", breaks_off())
    assert list(blobs.names("")) == []
    assert files_below(tmp_path) == [], "nothing half-written stays on the disk"
    with pytest.raises(Problem):
        blobs.get("a/b")


def test_an_object_is_replaced_whole(blobs: Blobs) -> None:
    blobs.put("a/b", DATA)
    blobs.put("a/b", b"short")
    assert blobs.get("a/b") == b"short"


def test_a_reader_never_sees_half_an_object(blobs: Blobs) -> None:
    size = MULTIPART + 1
    versions = {bytes([k]) * size for k in (1, 2)}
    blobs.put("a/b", min(versions))
    done = threading.Event()

    def write() -> None:
        for data in [*sorted(versions), *sorted(versions)]:
            blobs.put("a/b", (data[k : k + CHUNK] for k in range(0, size, CHUNK)))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert blobs.get("a/b") in versions
    writer.join()


def test_a_large_object_needs_little_memory(blobs: Blobs) -> None:
    size = 20 << 20

    def chunks() -> Iterator[bytes]:
        for _ in range(0, size, 1 << 16):
            yield os.urandom(1 << 16)

    before = peak_resident()
    tracemalloc.start()
    stored = blobs.put("large", chunks())
    digest = hashlib.sha256()
    for chunk in blobs.stream("large"):
        digest.update(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (stored.size, stored.sha256) == (size, digest.hexdigest())
    assert peak < 3 * MULTIPART
    assert peak_resident() - before < 8 * MULTIPART


def peak_resident() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Synced:
    """Which paths were made durable, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[Path] = []
        real = os.fsync

        def fsync(handle: int) -> None:
            self.paths.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)


def test_a_local_object_and_every_folder_made_for_it_are_durable(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = Blobs(settings)
    root = Path(settings.blobs)
    made = {"uploads/1/0": 3, "uploads/1/8": 1, "uploads/2/0": 2, "audits/a/1/epochs/3": 5}
    for key, folders in made.items():
        synced = Synced(monkeypatch)
        blobs.put(key, b"x")
        monkeypatch.undo()
        path = root / key
        wanted = [path, *list(path.parents)[:folders]]
        assert synced.paths == wanted, "the object first, then the folders that name it or a new folder on its way"


def test_a_folder_that_was_removed_is_made_durable_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs(settings)
    blobs.put("uploads/1/0", b"x")
    blobs.delete_all("uploads")
    synced = Synced(monkeypatch)
    blobs.put("uploads/1/0", b"x")
    assert Path(settings.blobs) in synced.paths


def test_the_stores_own_folder_is_durable_from_the_start(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = Synced(monkeypatch)
    Blobs(settings)
    assert set(synced.paths) == {tmp_path, tmp_path / "home"}


def test_nobody_else_on_the_machine_can_look_into_a_local_store(settings: Settings) -> None:
    Blobs(settings)
    assert Path(settings.blobs).stat().st_mode & 0o077 == 0


def test_a_local_store_knows_its_free_space_and_s3_has_no_such_limit(settings: Settings, s3_settings: Settings) -> None:
    assert (Blobs(settings).free_bytes() or 0) > 0
    assert Blobs(s3_settings).free_bytes() is None


def test_a_store_that_answers_can_be_pinged(blobs: Blobs) -> None:
    blobs.ping()
    blobs.put("a/b", b"x")
    blobs.ping()
