"""Turns at an upload: whoever comes when, every byte is counted once and by the one who may."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.errors import Problem
from core.store import uploads
from core.store.db import Database, now
from core.store.tables import Upload, UploadPart
from core.store.uploads import Turn

IDLE_S, WEEK = 10.0, 7 * 86400.0
LENGTH = 100


def begin(db: Database) -> Upload:
    with db.write() as session:
        return uploads.begin(session, LENGTH)


def take(db: Database, upload: Upload, offset: int) -> Turn:
    with db.write() as session:
        return uploads.take_turn(session, upload.id, offset, IDLE_S, WEEK)


def count(db: Database, turn: Turn, offset: int, size: int) -> None:
    with db.write() as session:
        uploads.count(session, turn, [(offset, size)])


def end(db: Database, turn: Turn) -> Upload | None:
    with db.write() as session:
        return uploads.end_turn(session, turn, None)


def silent(db: Database, upload: Upload) -> None:
    """Time passes without a sign of life."""
    with db.write() as session:
        aged = update(Upload).where(Upload.pk == upload.pk, Upload.written_at.is_not(None))
        session.execute(aged.values(written_at=now() - IDLE_S - 1))


def refused(code: str, call: Callable[[], object]) -> None:
    with pytest.raises(Problem) as raised:
        call()
    assert raised.value.code == code


STEPS = st.tuples(st.sampled_from(["take", "count", "end", "silent", "keep"]), st.integers(0, 2), st.integers(1, 30))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=30))
def test_only_the_last_turn_counts_and_only_where_the_upload_ends(
    db: Database, steps: list[tuple[str, int, int]]
) -> None:
    upload = begin(db)
    turns: dict[int, Turn] = {}  # each writer's last one
    holder: int | None = None
    idle, wrote = True, [0]
    for step, writer, size in steps:
        at = wrote[-1]
        turn = turns.get(writer)
        if step == "silent":
            silent(db, upload)
            idle = True
        elif step == "take":
            if at == LENGTH:
                refused("upload-complete", lambda: take(db, upload, at))  # noqa: B023
            elif holder is not None and not idle:
                refused("upload-locked", lambda: take(db, upload, at))  # noqa: B023
            else:
                refused("upload-offset-mismatch", lambda: take(db, upload, at + 1))  # noqa: B023
                turns[writer] = take(db, upload, at)
                assert turns[writer].number == max(turn.number for turn in turns.values())
                holder, idle = writer, False
        elif turn is None:
            continue
        elif step == "count":
            last = turn.number == max(turn.number for turn in turns.values())
            size = min(size, LENGTH - at)
            if not last:
                refused("upload-locked", lambda: count(db, turn, at, max(1, size)))  # noqa: B023
            elif size:
                refused("upload-locked", lambda: count(db, turn, at - 1, size))  # noqa: B023
                count(db, turn, at, size)
                wrote.append(at + size)
                idle = False
                holder = writer
        elif step == "keep":
            with db.write() as session:
                kept = uploads.keep_turn(session, turn)
            assert kept == (turn.number == max(turn.number for turn in turns.values()))
            if kept:
                holder, idle = writer, False
        elif end(db, turn) is not None:
            holder = None
    with db.read() as session:
        found = uploads.find(session, upload.id, WEEK)
        parts = session.execute(
            select(UploadPart.offset, UploadPart.size)
            .where(UploadPart.upload_pk == upload.pk)
            .order_by(UploadPart.offset)
        ).all()
    assert [part.offset for part in parts] == wrote[:-1]
    assert list(accumulate((part.size for part in parts), initial=0)) == wrote
    assert found.size == wrote[-1]


def test_of_many_who_want_a_turn_at_once_one_gets_it(db: Database) -> None:
    for _ in range(5):
        upload, together = begin(db), Barrier(8)

        def want(_: int) -> str:
            together.wait()  # noqa: B023
            try:
                return f"turn {take(db, upload, 0).number}"  # noqa: B023
            except Problem as problem:
                return problem.code

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(want, range(8))) == ["turn 1", *["upload-locked"] * 7]


def test_a_part_of_a_later_turn_is_not_mixed_up_with_one_of_an_earlier_turn() -> None:
    keys = [uploads.part_key("id", 8, turn) for turn in (0, 1, 2, 10)]
    assert len(set(keys)) == 4
    assert keys[0] == uploads.part_key("id", 8)


def test_a_removed_upload_takes_no_more_parts(db: Database) -> None:
    upload = begin(db)
    turn = take(db, upload, 0)
    with db.write() as session:
        uploads.give_up(session, upload.id, WEEK)
    refused("upload-expired", lambda: count(db, turn, 0, 5))
    refused("upload-expired", lambda: take(db, upload, 0))
    ended = end(db, turn)
    assert ended is not None and ended.written_at is None
