"""Objects that are written while they are made."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from core.errors import Problem
from core.store.blobs import Blobs, Stored
from worker import piped


def quiet() -> None:
    """Nobody listens."""


def test_all_of_it_is_written_and_other_objects_can_be_read_meanwhile(blobs: Blobs) -> None:
    blobs.write("other", b"x" * 10)

    def chunks() -> Iterator[bytes]:
        for k in range(300):
            yield blobs.read("other", 0, 10) * 2000
            yield bytes([k % 256])

    stored = piped.put(blobs, "made", chunks(), quiet)
    assert blobs.get("made", stored.sha256) == b"".join(chunks())
    assert stored.size == 300 * 20_001


def test_nothing_appears_when_it_cannot_be_made(blobs: Blobs) -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(3 << 20)
        raise Problem("blob-corrupt", "An image is not what it was.")

    with pytest.raises(Problem, match="not what it was"):
        piped.put(blobs, "made", chunks(), quiet)
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
        piped.put(blobs, "made", chunks(), quiet)
    assert len(made) < 100
    assert not [thread for thread in threading.enumerate() if thread.name == "writer" and thread.is_alive()]


def slow(blobs: Blobs, monkeypatch: pytest.MonkeyPatch, before_s: float, after_s: float) -> threading.Event:
    """Let the store need so long before it takes anything, and once it has all, or until that is enough."""
    put, enough = blobs.put, threading.Event()

    def hesitate(key: str, chunks: Iterator[bytes]) -> Stored:
        enough.wait(before_s)
        stored = put(key, chunks)
        enough.wait(after_s)
        return stored

    monkeypatch.setattr(blobs, "put", hesitate)
    return enough


@pytest.mark.parametrize(("before_s", "after_s"), [(1.5, 0.0), (0.0, 1.5)])
def test_signs_of_life_are_given_while_the_store_is_slow(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, before_s: float, after_s: float
) -> None:
    slow(blobs, monkeypatch, before_s, after_s)
    signs = [time.monotonic()]
    piped.put(blobs, "made", (bytes(piped.PIECE) for _ in range(10)), lambda: signs.append(time.monotonic()))
    signs.append(time.monotonic())
    assert max(after - before for before, after in pairwise(signs)) < 1.0


@pytest.mark.parametrize(("before_s", "after_s"), [(1.0, 0.0), (0.0, 30.0)])
def test_a_job_that_is_to_stop_does_not_wait_for_the_store(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, before_s: float, after_s: float
) -> None:
    enough = slow(blobs, monkeypatch, before_s, after_s)
    monkeypatch.setattr(piped, "BROKEN_OFF_S", 2.0)
    began = time.monotonic()

    def alive() -> None:
        if time.monotonic() - began > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        piped.put(blobs, "made", (bytes(piped.PIECE) for _ in range(10)), alive)
    assert time.monotonic() - began < 10.0
    assert bool(list(blobs.names(""))) is (after_s > 0), "only what was whole already is there"
    enough.set()


def test_what_waits_to_be_written_is_bounded_in_bytes(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, put = list[int](), blobs.put

    def counting(key: str, chunks: Iterator[bytes]) -> Stored:
        def counted() -> Iterator[bytes]:
            for chunk in chunks:
                taken.append(len(chunk))
                yield chunk

        return put(key, counted())

    monkeypatch.setattr(blobs, "put", counting)
    chunks = [bytes([k]) * size for k, size in enumerate((5, 40 << 20, 0, 3, (1 << 20) + 1, 7))]
    stored = piped.put(blobs, "made", iter(chunks), quiet)
    assert blobs.get("made", stored.sha256) == b"".join(chunks)
    assert max(taken) < 2 * piped.PIECE
