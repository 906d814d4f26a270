"""The real service on a real port, with a database of either kind, and what a worker would have left in it."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import secrets
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import delete, event, select, update

from api.main import create_app
from api.rankings import Rankings
from core import logs
from core.settings import Settings
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Base, Dataset, Job, Judgement, Review
from tests.api.make import Store
from tests.servers import Postgres
from worker import run

GUARD_S = 60.0
PART = 1 << 12


@dataclass(frozen=True)
class Service(Store):
    """A running service, a client for it, and its store."""

    settings: Settings
    app: FastAPI
    url: str
    http: httpx2.Client


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Service]:
    """The service of these settings, on a port of its own, until the block ends."""
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        port=0,
        http="h11",
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + GUARD_S
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the service does not start"
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with contextlib.closing(Database(settings.database)) as db, httpx2.Client(base_url=url, timeout=GUARD_S) as http:
        try:
            yield Service(db, Blobs(settings), settings, app, url, http)
        finally:
            server.should_exit = True
            thread.join(GUARD_S)


def settings_for(home: Path, database_url: str, **more: Any) -> Settings:
    """Settings of a service that is left alone by its own reaper, and cuts uploads into many small parts."""
    given: dict[str, Any] = {
        "home": home,
        "database_url": database_url,
        "part_bytes": PART,
        "reaper_s": 3600,
        "probe_s": 0.05,
    }
    return Settings(**given | more)


@pytest.fixture(scope="session", autouse=True)
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[io.StringIO]:
    """What all services of the tests log, as JSON."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    logs.set_up(Settings(home=tmp_path_factory.mktemp("log"), log_format="json"), stream)
    yield stream
    root.handlers, root.level = handlers, level


@pytest.fixture
def start(tmp_path: Path, sqlite_url: str) -> Iterator[Callable[..., Service]]:
    """Starts a service on SQLite with settings of one's own."""
    with contextlib.ExitStack() as stack:
        yield lambda **more: stack.enter_context(running(settings_for(tmp_path / "home", sqlite_url, **more)))


@dataclass(frozen=True)
class Library(Service):
    """A service with one ready dataset and one finished audit, which tests only read."""

    data: Dataset
    audit: Job


def _stocked(service: Service) -> Library:
    data = service.ready()
    return Library(**vars(service), data=data, audit=service.finished(data))


@pytest.fixture(scope="session")
def new_sqlite(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Makes migrated SQLite databases."""
    return lambda: f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path_factory.mktemp('database') / 'labelaudit.db')}"


@pytest.fixture(scope="session")
def new_postgresql(postgres_server: Postgres, migrated_postgres: str, run_token: str) -> Iterator[Callable[[], str]]:
    """Makes migrated PostgreSQL databases."""
    made: list[str] = []

    def make() -> str:
        made.append(postgres_server.create_database(f"la_{run_token}_{secrets.token_hex(4)}", migrated_postgres))
        return made[-1]

    yield make
    for url in made:
        postgres_server.drop_database(url)


@pytest.fixture(scope="session")
def service_on_sqlite(new_sqlite: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service that tests on SQLite share."""
    with running(settings_for(tmp_path_factory.mktemp("service"), new_sqlite())) as service:
        yield service


@pytest.fixture(scope="session")
def service_on_postgresql(
    new_postgresql: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The service that tests on PostgreSQL share."""
    with running(settings_for(tmp_path_factory.mktemp("service"), new_postgresql())) as service:
        yield service


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest) -> Service:
    """A running service with nothing in it, on either database."""
    service: Service = request.getfixturevalue(f"service_on_{request.param}")
    with service.db.write() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
    for folder in ("uploads", "datasets", "audits", "exports"):
        service.blobs.delete_all(folder)
    return service


@pytest.fixture(scope="session")
def library_on_sqlite(new_sqlite: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """One ready dataset and one finished audit, on SQLite."""
    with running(settings_for(tmp_path_factory.mktemp("library"), new_sqlite())) as service:
        yield _stocked(service)


@pytest.fixture(scope="session")
def library_on_postgresql(
    new_postgresql: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    """One ready dataset and one finished audit, on PostgreSQL."""
    with running(settings_for(tmp_path_factory.mktemp("library"), new_postgresql())) as service:
        yield _stocked(service)


@pytest.fixture(params=["sqlite", "postgresql"])
def library(request: pytest.FixtureRequest) -> Library:
    """One ready dataset and one finished audit, for tests that only read, on either database."""
    found: Library = request.getfixturevalue(f"library_on_{request.param}")
    return found


def check_problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """A response is the problem that it should be, in the form that all problems have; its body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"] == f"urn:labelaudit:problem:{code}"
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["title"] and body["detail"] and body["instance"]
    assert isinstance(body["retryable"], bool)
    return body


@contextlib.contextmanager
def most_held(service: Service) -> Iterator[list[int]]:
    """Grows by how many connections of the database a thread of the service has, each time that it takes one."""
    pool, held, counts = service.app.state.parts.db.engine, list[int](), Counter[int]()

    def taken(*_: object) -> None:
        counts[threading.get_ident()] += 1
        held.append(counts[threading.get_ident()])

    def given_back(*_: object) -> None:
        counts[threading.get_ident()] -= 1

    listeners = (("checkout", taken), ("checkin", given_back))
    for name, listener in listeners:
        event.listen(pool, name, listener)
    yield held
    for name, listener in listeners:
        event.remove(pool, name, listener)


@pytest.fixture
def fresh(library: Library) -> Iterator[Library]:
    """A library of which nobody has said anything, and of which afterwards nobody has."""
    yield library
    with library.db.write() as session:
        for table in (Review, Judgement):
            session.execute(delete(table))
        session.execute(update(Dataset).values(reviews=0))
    library.app.state.parts = replace(library.app.state.parts, rankings=Rankings())  # numbers begin anew


@pytest.fixture
def work(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Job]]:
    """Does a job as a worker does, and says how it stands then."""
    monkeypatch.setenv("LABELAUDIT_HOME", str(service.settings.home))
    monkeypatch.setenv("LABELAUDIT_DATABASE_URL", service.settings.database)
    before, mask = signal.getsignal(signal.SIGTERM), os.umask(0o077)

    def do(job: str) -> Job:
        run.main([job])
        with service.db.read() as session:
            return session.execute(select(Job).where(Job.id == job)).scalar_one()

    yield do
    os.umask(mask)
    signal.alarm(0)
    signal.signal(signal.SIGTERM, before)
