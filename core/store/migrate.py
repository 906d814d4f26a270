"""Brings a database to the newest revision, and says whether it is there."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from core.errors import Problem
from core.store.db import Database


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "migrations:")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def newest() -> str | None:
    """The revision this code is written for."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(db: Database) -> str | None:
    """The revision the database is at; None for an empty one."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check(db: Database) -> None:
    """Raise unless the database is at the newest revision."""
    at, wanted = current(db), newest()
    if at is not None and at not in {
        script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()
    }:
        raise Problem(
            "database-not-migrated",
            f"The database is at revision {at}, which is newer than this version of labelaudit: use the newer version.",
        )
    if at != wanted:
        raise Problem(
            "database-not-migrated",
            f"The database is at revision {at or 'none'}, this version needs {wanted}: run `labelaudit migrate`.",
        )


def upgrade(db: Database, revision: str = "head") -> Path | None:
    """Bring the database to `revision`. A SQLite file with data is copied first; the copy's path is returned."""
    at = current(db)
    if at == newest() and revision == "head":
        return None
    copy = _copy_of(db, at) if at else None
    _run(db, "upgrade", revision)
    return copy


def downgrade(db: Database, revision: str) -> Path | None:
    """Go back to an older revision; copies first, like `upgrade`."""
    copy = _copy_of(db, current(db))
    _run(db, "downgrade", revision)
    return copy


def _run(db: Database, direction: str, revision: str) -> None:
    # One process at a time, whoever starts first: the other one has to find the work done when its turn comes.
    with db.engine.execution_options(immediate=True).connect() as connection:
        if db.is_sqlite:
            connection.begin()  # around all of it: between two transactions the other one would read half of the way
        else:
            connection.exec_driver_sql("SELECT pg_advisory_lock(4284710513)")  # it goes with the connection
            connection.exec_driver_sql("SET lock_timeout = '5s'")
            connection.commit()
        getattr(command, direction)(_config(connection), revision)
        connection.commit()
        connection.invalidate()


def _copy_of(db: Database, at: str | None) -> Path | None:
    if not db.is_sqlite or not db.url.database:
        return None
    file = Path(db.url.database)
    copy = file.with_name(f"{file.stem}-{at or 'empty'}-{time.strftime('%Y%m%d-%H%M%S')}.bak.db")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy
