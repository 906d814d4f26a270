"""Migrations: one history that ends in the same tables on both databases, and that nobody's data is lost to."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, inspect, text

from core.errors import Problem
from core.store import migrate
from core.store.db import Database
from core.store.tables import Base
from tests.unit.store import make

UPGRADER = """
import sys
from core.store import migrate
from core.store.db import Database

db = Database(sys.argv[1])
db.ping()
print("ready", flush=True)
sys.stdin.readline()
migrate.upgrade(db)
migrate.check(db)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    on_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'empty.db'}" if on_sqlite else request.getfixturevalue("postgres_empty_url")
    with contextlib.closing(Database(url)) as db:
        yield db


ONLY_SQLITE = {"fk_scores_audit_pk"}  # see `Score`


def belongs(db: Database, name: str | None) -> bool:
    return db.is_sqlite or name not in ONLY_SQLITE


def tables(db: Database) -> set[str]:
    return set(inspect(db.engine).get_table_names())


def drift(db: Database) -> list[Any]:
    with db.engine.connect() as connection:
        options = {"compare_type": True, "include_object": lambda _, name, *__: belongs(db, name)}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, Base.metadata))


def copies(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.bak.db"))


def test_an_empty_database_gets_all_tables(empty: Database) -> None:
    assert migrate.current(empty) is None
    assert migrate.upgrade(empty) is None
    assert tables(empty) == {*Base.metadata.tables, "alembic_version"}
    assert migrate.current(empty) == migrate.newest()
    migrate.check(empty)


def test_the_migrations_build_exactly_the_tables_of_the_code(db: Database) -> None:
    assert drift(db) == []


def test_every_constraint_of_the_code_is_in_the_database_under_its_name(db: Database) -> None:
    found = inspect(db.engine)
    for table in Base.metadata.tables.values():
        names = {str(check["name"]) for check in found.get_check_constraints(table.name)}
        names |= {str(index["name"]) for index in found.get_indexes(table.name)}
        names |= {str(unique["name"]) for unique in found.get_unique_constraints(table.name)}
        names |= {str(key["name"]) for key in found.get_foreign_keys(table.name)}
        names |= {str(found.get_pk_constraint(table.name)["name"])}
        wanted = {str(constraint.name) for constraint in table.constraints}
        wanted |= {str(index.name) for index in table.indexes}
        assert {name for name in wanted if belongs(db, name)} <= names, table.name
        assert db.is_sqlite or not ONLY_SQLITE & names


def test_a_step_back_and_a_step_forward_again_end_at_the_same_tables(empty: Database) -> None:
    migrate.upgrade(empty)
    migrate.downgrade(empty, "-1")
    assert migrate.current(empty) != migrate.newest()
    migrate.upgrade(empty)
    assert drift(empty) == []


def test_all_steps_back_leave_nothing(empty: Database) -> None:
    migrate.upgrade(empty)
    migrate.downgrade(empty, "base")
    assert tables(empty) == {"alembic_version"}


@pytest.mark.fault("F29")
def test_a_database_that_is_behind_says_what_to_run(empty: Database) -> None:
    with pytest.raises(Problem, match=r"at revision none.*labelaudit migrate") as caught:
        migrate.check(empty)
    assert caught.value.code == "database-not-migrated"


def test_a_sqlite_file_is_copied_before_it_is_changed(sqlite_url: str, tmp_path: Path) -> None:
    with contextlib.closing(Database(sqlite_url)) as db:
        with db.write() as session:
            make.dataset(session, name="precious")
        back = migrate.downgrade(db, "base")
        assert back is not None and back.parent == tmp_path and str(migrate.newest()) in back.name
        assert "datasets" not in tables(db)
    with contextlib.closing(sqlite3.connect(back)) as copy:
        assert copy.execute("SELECT name FROM datasets").fetchall() == [("precious",)]
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_old_sqlite_file_with_rows_is_copied_before_it_is_upgraded(sqlite_url: str, tmp_path: Path) -> None:
    with contextlib.closing(Database(sqlite_url)) as db:
        with db.write() as session:
            make.dataset(session, name="precious")
            session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        # There is no older revision to come from yet; what matters is that the copy is made before the attempt.
        with pytest.raises(Exception, match="0000"):
            migrate.upgrade(db)
    (copy,) = copies(tmp_path)
    assert "-0000-" in copy.name
    with contextlib.closing(sqlite3.connect(copy)) as rows:
        assert rows.execute("SELECT name FROM datasets").fetchall() == [("precious",)]


def test_rows_that_are_only_in_the_write_ahead_log_are_in_the_copy(sqlite_url: str) -> None:
    with contextlib.closing(Database(sqlite_url)) as db, db.engine.connect() as reader:
        reader.execute(text("SELECT 1 FROM datasets")).all()  # keeps the log from being written back
        with db.write() as session:
            make.dataset(session, name="precious")
        reader.close()
        copy = migrate.downgrade(db, "-1")
    assert copy is not None
    with contextlib.closing(sqlite3.connect(copy)) as rows:
        assert rows.execute("SELECT name FROM datasets").fetchall() == [("precious",)]


def test_nothing_is_copied_when_there_is_nothing_to_do(sqlite_url: str, tmp_path: Path) -> None:
    with contextlib.closing(Database(sqlite_url)) as db:
        assert migrate.upgrade(db) is None
    assert copies(tmp_path) == []


def test_an_empty_file_is_not_copied(tmp_path: Path) -> None:
    with contextlib.closing(Database(f"sqlite:///{tmp_path / 'new' / 'labelaudit.db'}")) as db:
        assert migrate.upgrade(db) is None
    assert copies(tmp_path / "new") == []


def test_two_processes_that_upgrade_at_once_both_succeed(empty: Database) -> None:
    command = [sys.executable, "-c", UPGRADER, empty.url.render_as_string(hide_password=False)]
    programs = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(2)
    ]
    for program in programs:
        assert program.stdout and program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin
        program.stdin.write("go\n")
    said = [program.communicate(timeout=60)[1] for program in programs]
    assert [program.returncode for program in programs] == [0, 0], said
    assert drift(empty) == []


def test_nobody_sees_a_file_half_way_between_revisions(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/db.sqlite")
    migrate.current(db)  # which connects, and so sets the file up
    commits = []
    event.listen(db.engine, "commit", commits.append)
    migrate.upgrade(db)
    assert len(commits) == 1
    assert migrate.current(db) == migrate.newest()
    db.close()


def test_a_migration_that_breaks_off_changes_nothing(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with empty.engine.begin() as connection:
        connection.execute(text("CREATE TABLE scores (pk INTEGER)"))  # the last table of the first revision
    with pytest.raises(Exception, match="scores"):
        migrate.upgrade(empty)
    assert tables(empty) - {"alembic_version"} == {"scores"}
    assert migrate.current(empty) is None
