"""Objects that are written while they are made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import Problem
from core.settings import Settings
from core.store.blobs import Blobs
from worker import piped


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(Settings(home=tmp_path))


def test_all_of_it_is_written_and_other_objects_can_be_read_meanwhile(blobs: Blobs) -> None:
    blobs.write("other", b"x" * 10)

    def chunks() -> Iterator[bytes]:
        for k in range(300):
            yield blobs.read("other", 0, 10) * 2000
            yield bytes([k % 256])

    stored = piped.put(blobs, "made", chunks())
    assert blobs.get("made", stored.sha256) == b"".join(chunks())
    assert stored.size == 300 * 20_001


def test_nothing_appears_when_it_cannot_be_made(blobs: Blobs) -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(3 << 20)
        raise Problem("blob-corrupt", "An image is not what it was.")

    with pytest.raises(Problem, match="not what it was"):
        piped.put(blobs, "made", chunks())
    assert list(blobs.names("")) == []


def test_making_ends_when_it_cannot_be_written(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_key: str, chunks: Iterator[bytes]) -> None:
        next(chunks)
        raise Problem("insufficient-storage", "The disk is full.", retryable=True)

    monkeypatch.setattr(blobs, "put", full)
    made = []

    def chunks() -> Iterator[bytes]:
        for k in range(10_000):
            made.append(k)
            yield bytes(1 << 20)

    with pytest.raises(Problem, match="full"):
        piped.put(blobs, "made", chunks())
    assert len(made) < 100
    assert not [thread for thread in threading.enumerate() if thread.name == "writer" and thread.is_alive()]
