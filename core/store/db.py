"""The database: one synchronous SQLAlchemy stack for SQLite and PostgreSQL.

Work is done in short transactions: `with db.read() as session` or `with db.write() as session`. On SQLite a write
begins with `BEGIN IMMEDIATE`, because a transaction that reads first and writes later can fail in a way that waiting
does not cure.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Double,
    Engine,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

Away = (OperationalError, PoolTimeout)
"""What is raised when the database does not answer: worth trying again."""
BUSY_S = 15.0  # for which a writer of SQLite waits for others


class now(FunctionElement[float]):  # noqa: N801  reads as the SQL function it is
    """The database's clock in seconds since 1970: the only clock that leases and rows are measured with."""

    type = Double()
    inherit_cache = True
    name = "now_s"


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: Any, **_: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: Any, **_: Any) -> str:
    # julianday keeps a fraction on every SQLite; unixepoch('subsec') needs 3.42.
    return "((julianday('now') - 2440587.5) * 86400.0)"


class Database:
    """An engine and the two kinds of transaction."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(self.url.database) if self.is_sqlite else _postgresql(url)
        self._writing = Lock()
        self._writer = self.engine.execution_options(immediate=True)
        # On PostgreSQL a read is its statements and nothing around them: BEGIN and ROLLBACK are trips to the server.
        self._reader = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A look that changes nothing. Every statement sees what is committed when it begins."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that is committed when the block ends well, and otherwise never was."""
        with self._turn(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Writers of SQLite in one process wait for each other here: the file's own lock is tried again after pauses,
        by whoever wakes first, and some wait for seconds. Who waits too long tries the file's lock nevertheless."""
        took = self.is_sqlite and self._writing.acquire(timeout=BUSY_S)
        try:
            yield
        finally:
            if took:
                self._writing.release()

    def ping(self) -> None:
        """Raise unless the database answers."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _sqlite(path: str | None) -> Engine:
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The pool's threads may differ from call to call; SQLite itself is built thread-safe.
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": BUSY_S}, pool_size=10, max_overflow=40
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(
            "BEGIN IMMEDIATE" if connection.get_execution_options().get("immediate") else "BEGIN"
        )

    return engine


def _postgresql(url: str) -> Engine:
    return create_engine(
        url,
        pool_size=10,
        max_overflow=30,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 5,
            "application_name": "labelaudit",
            "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s",
        },
    )


_BINARY: dict[type[TypeEngine[Any]], str] = {
    Boolean: "bool",
    Double: "float8",
    SmallInteger: "int2",
    Integer: "int4",
    BigInteger: "int8",
    LargeBinary: "bytea",
    String: "varchar",
    Text: "text",
}
"""The columns' types in PostgreSQL. Sent as they are, numbers cost neither side their digits."""


def copy_rows(
    session: Session, kind: type[DeclarativeBase], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert many rows the fastest way the database has: COPY on PostgreSQL, `executemany` on SQLite.

    They belong to the session's transaction: all of them become visible with its commit, or none.
    """
    connection = session.connection()
    driver = connection.connection.driver_connection
    names = ", ".join(f'"{name}"' for name in columns)
    if isinstance(driver, sqlite3.Connection):
        marks = ", ".join("?" * len(columns))
        driver.executemany(f"INSERT INTO {kind.__tablename__} ({names}) VALUES ({marks})", rows)  # noqa: S608  our own names
        return
    assert driver is not None
    command = f"COPY {kind.__tablename__} ({names}) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(command) as copy:
        copy.set_types([_BINARY[type(kind.__table__.c[name].type)] for name in columns])
        for row in rows:
            copy.write_row(row)
