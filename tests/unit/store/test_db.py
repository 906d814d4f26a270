"""Transactions of one process do not get in each other's way."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.store import db as store
from core.store import uploads
from core.store.db import Database


def test_writers_of_one_process_never_find_the_file_locked(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as hasty:
        hasty.setattr(store, "BUSY_S", 0.0)  # a connection that finds the file locked fails at once
        db = Database(sqlite_url)

    def write(_: int) -> str:
        with db.write() as session:
            return uploads.begin(session).id

    with contextlib.closing(db), ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(write, range(200)))) == 200
