"""Fixtures that every test may ask for: settings, databases, blobs and brokers, each the real thing and each its own.

With pytest-xdist the controller starts one server of each kind and its workers share them; without it a server starts
when a test first asks for one. They end with the run, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest
from pydantic import SecretStr

from core.settings import Settings
from core.store import migrate
from core.store.blobs import Blobs
from core.store.db import Database
from tests import scoreboard
from tests.servers import S3, Postgres, Redis, Server, ServerError

pytest.register_assert_rewrite("tests.worker.lifecycle", "tests.worker.service")
AnyServer = TypeVar("AnyServer", bound=Server)

KINDS: dict[str, Callable[[], Server]] = {"postgres": Postgres.prepared, "redis": Redis.prepared, "s3": S3.prepared}

hypothesis.settings.register_profile("labelaudit", deadline=None, print_blob=True)
hypothesis.settings.load_profile("labelaudit")


class Shared:
    """The servers of a test run, and the token that its databases are named by."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(4)
        self.servers: dict[str, Server] = {}

    def start(self, kind: str) -> Server:
        """The run's server of a kind, which may still be on its way up."""
        if kind not in self.servers:
            server = KINDS[kind]()
            server.start()
            self.servers[kind] = server
        return self.servers[kind]

    def addresses(self) -> dict[str, str]:
        """What a worker needs to know: a server's URL, or why there is none."""
        known = {}
        for kind in KINDS:
            try:
                known[kind] = self.start(kind).url
            except ServerError as error:
                known[kind] = f"!{error}"
        return known

    def stop(self) -> None:
        """End what was started here; leave nothing in a server that was there before."""
        for server in self.servers.values():
            if isinstance(server, Postgres) and not server.is_ours:
                names = server.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", f"la_{self.token}_%")
                for (name,) in names:
                    server.drop_database(server.url_of(name))
            server.stop()


SHARED = pytest.StashKey[Shared]()
BOARD = pytest.StashKey[scoreboard.Scoreboard]()


def pytest_configure(config: pytest.Config) -> None:
    # What somebody has set for a service of their own must not change what a test sees, nor its child programs.
    for name in [name for name in os.environ if name.startswith("LABELAUDIT_")]:
        if not name.startswith("LABELAUDIT_TEST_"):
            del os.environ[name]
    config.stash[SHARED] = Shared()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    shared = node.config.stash[SHARED]
    node.workerinput["servers"] = shared.addresses()
    node.workerinput["token"] = shared.token


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long walks first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: "test_lifecycle" not in item.nodeid)


def pytest_runtest_setup(item: pytest.Item) -> None:
    scoreboard.told(item)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    config.stash[BOARD] = scoreboard.Scoreboard(terminalreporter.stats)


def pytest_unconfigure(config: pytest.Config) -> None:
    if shared := config.stash.get(SHARED, None):
        shared.stop()
    board = config.stash.get(BOARD, None)
    if board and not hasattr(config, "workerinput"):
        board.tell()


def _server(config: pytest.Config, kind: str, type: type[AnyServer]) -> AnyServer:
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is None:
        server = config.stash[SHARED].start(kind)
    else:
        address = given["servers"][kind]
        if address.startswith("!"):
            raise ServerError(address[1:])
        server = type(address)
    assert isinstance(server, type)
    server.wait()
    return server


@pytest.fixture(scope="session")
def run_token(request: pytest.FixtureRequest) -> str:
    """The same in all workers of a run, and in no other run."""
    given: dict[str, Any] | None = getattr(request.config, "workerinput", None)
    return given["token"] if given else request.config.stash[SHARED].token


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Postgres:
    """The run's PostgreSQL."""
    return _server(request.config, "postgres", Postgres)


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> Redis:
    """The run's Redis."""
    return _server(request.config, "redis", Redis)


@pytest.fixture(scope="session")
def s3_server(request: pytest.FixtureRequest) -> S3:
    """The run's S3."""
    return _server(request.config, "s3", S3)


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Postgres, run_token: str) -> str:
    """The name of a migrated database that others are copied from; made by the worker that needs it first."""
    import psycopg

    name = f"la_{run_token}_migrated"
    with psycopg.connect(postgres_server.url.replace("+psycopg", ""), autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(hashtext(%s))", (name,))
        if not postgres_server.execute("SELECT 1 FROM pg_database WHERE datname = %s", name):
            db = Database(postgres_server.create_database(f"{name}_soon"))
            migrate.upgrade(db)
            db.close()
            postgres_server.execute(f'ALTER DATABASE "{name}_soon" RENAME TO "{name}"')
    return name


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that others are copied from."""
    file = tmp_path_factory.mktemp("migrated") / "labelaudit.db"
    db = Database(f"sqlite:///{file}")
    migrate.upgrade(db)
    db.close()
    return file


@pytest.fixture
def postgres_empty_url(postgres_server: Postgres, run_token: str) -> Iterator[str]:
    """A fresh PostgreSQL database without tables."""
    url = postgres_server.create_database(f"la_{run_token}_{secrets.token_hex(4)}")
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def postgres_url(postgres_server: Postgres, migrated_postgres: str, run_token: str) -> Iterator[str]:
    """A fresh migrated PostgreSQL database."""
    url = postgres_server.create_database(f"la_{run_token}_{secrets.token_hex(4)}", migrated_postgres)
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A fresh migrated SQLite database."""
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'labelaudit.db')}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh migrated database of either kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A fresh migrated database of either kind, open."""
    with contextlib.closing(Database(database_url)) as db:
        yield db


@pytest.fixture
def sqlite_db(sqlite_url: str) -> Iterator[Database]:
    """A fresh migrated SQLite database, open: for tests that are not about databases."""
    with contextlib.closing(Database(sqlite_url)) as db:
        yield db


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """An empty Redis database; every worker of a run has its own."""
    import redis

    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")
    url = redis_server.url_of(int(worker) + 1)
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        client.flushdb()
    return url


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The embedded service's settings, with a home of their own."""
    return Settings(home=tmp_path / "home")


@pytest.fixture
def s3_settings(tmp_path: Path, s3_server: S3) -> Settings:
    """Settings whose blobs lie in a fresh S3 bucket."""
    return Settings(
        home=tmp_path / "home",
        blobs_url=s3_server.create_bucket(),
        s3_endpoint=s3_server.url,
        s3_access_key_id=SecretStr(s3_server.key_id),
        s3_secret_access_key=SecretStr(s3_server.secret),
    )


@pytest.fixture(params=["local", "s3"])
def blobs(request: pytest.FixtureRequest) -> Blobs:
    """An empty blob store of either kind."""
    return Blobs(request.getfixturevalue("settings" if request.param == "local" else "s3_settings"))
