"""The broker made of files loses no message and gives none out twice, whoever is quick or dies."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from pathlib import Path
from queue import Empty
from typing import Any

from kombu import Connection

from worker import fsbroker

MESSAGES, PRODUCERS, CONSUMERS = 400, 2, 3


def _channel(folder: Path) -> Any:
    options = fsbroker.install(folder)
    return Connection("filesystem://localhost", transport_options=options).channel()


def _produce(folder: Path, first: int) -> None:
    channel = _channel(folder)
    for n in range(first, first + MESSAGES):
        channel._put("audits", {"n": n})


def _consume(folder: Path, taken: Any, done: Any) -> None:
    channel = _channel(folder)
    while True:
        over = done.is_set()
        try:
            taken.put(channel._get("audits")["n"])
        except Empty:
            if over:
                return


def test_quick_consumers_get_every_message_once_and_never_half_of_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    taken, done = context.Manager().Queue(), context.Event()
    consumers = [context.Process(target=_consume, args=(tmp_path, taken, done)) for _ in range(CONSUMERS)]
    producers = [context.Process(target=_produce, args=(tmp_path, k * MESSAGES)) for k in range(PRODUCERS)]
    for process in consumers + producers:
        process.start()
    for process in producers:
        process.join()
    done.set()
    for process in consumers:
        process.join()
    assert [process.exitcode for process in consumers + producers] == [0] * (CONSUMERS + PRODUCERS)
    seen = Counter(taken.get() for _ in range(taken.qsize()))
    assert seen == Counter(range(PRODUCERS * MESSAGES))


def test_messages_come_in_the_order_they_were_put(tmp_path: Path) -> None:
    channel = _channel(tmp_path)
    for n in range(20):
        channel._put("audits", {"n": n})
        channel._put("ingest", {"n": -n})
    assert [channel._get("audits")["n"] for _ in range(20)] == list(range(20))
    assert [channel._get("ingest")["n"] for _ in range(20)] == [-n for n in range(20)]


def test_a_draft_whose_writer_died_is_no_message(tmp_path: Path) -> None:
    channel = _channel(tmp_path)
    (tmp_path / "aside" / "left-behind.draft").write_text('{"n":')
    channel._put("audits", {"n": 1})
    assert channel._get("audits") == {"n": 1}
    assert list((tmp_path / "messages").iterdir()) == []


def test_binding_a_queue_twice_writes_it_once_and_keeps_the_others(tmp_path: Path) -> None:
    channel = _channel(tmp_path)
    for _ in range(2):
        channel._queue_bind("celery", "audits", "", "audits")
        channel._queue_bind("celery", "ingest", "", "ingest")
    assert sorted(entry.queue for entry in channel.get_table("celery")) == ["audits", "ingest"]


def test_everything_lies_under_the_given_folder(tmp_path: Path) -> None:
    options = fsbroker.install(tmp_path / "broker")
    assert all(Path(folder).is_relative_to(tmp_path / "broker") for folder in options.values())
