"""Where a load is put on: a database, the service on it, datasets and audits as workers would have left them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.record import figure, show
from bench.service import Service, apart, service
from core.store import datasets, jobs, migrate, uploads
from core.store.db import Database
from core.store.jobs import Claim
from core.store.tables import Dataset
from tests.servers import postgres

LEASE_S = 86_400.0
SAMPLES = 100


@dataclass(frozen=True)
class Target:
    """What a figure is held to."""

    what: str
    figure: float
    most: float

    @property
    def met(self) -> bool:
        return self.figure <= self.most


@dataclass(frozen=True)
class Found:
    """What a load came to."""

    figures: dict[str, Any]
    targets: Sequence[Target]

    def as_record(self) -> dict[str, Any]:
        """For the file of results."""
        held = [{"what": t.what, "figure": round(t.figure, 2), "most": t.most, "met": t.met} for t in self.targets]
        return {"figures": self.figures, "targets": held}

    def tell(self, title: str) -> None:
        """Print both tables."""
        show(title, ("what", "figure"), list(_flat(self.figures)))
        rows = [(t.what, t.figure, f"≤ {figure(t.most)}", t.met) for t in self.targets]
        show(f"{title}: targets", ("what", "figure", "target", "met"), rows)


@dataclass(frozen=True)
class Stage:
    """A running service and its database."""

    home: Path
    url: str
    db: Database
    server: Service


@contextmanager
def stage(database: str, *, pinned: bool = True, **settings: str) -> Iterator[Stage]:
    """A service on a fresh database of a kind; `pinned` keeps both off the core that the load runs on."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="la-load-")))
        with ExitStack() as start:
            if pinned:
                start.enter_context(apart())
            url = database_url(stack, database, home)
            server = stack.enter_context(service(home, database_url=url, reaper_s="3600", **settings))
        db = Database(url)
        stack.callback(db.close)
        yield Stage(home, url, db, server)


def database_url(stack: ExitStack, database: str, home: Path) -> str:
    """A fresh, migrated database."""
    url = f"sqlite:///{home / 'labelaudit.db'}"
    if database == "postgres":
        url = stack.enter_context(postgres()).create_database()
    db = Database(url)
    migrate.upgrade(db)
    db.close()
    return url


def ready_dataset(db: Database) -> Dataset:
    """A dataset that audits may be started on, without a single sample."""
    with db.write() as session:
        upload = uploads.begin(session)
        dataset, job = datasets.create(
            session, upload, name="bench", format="zip", size=0, sha256="0" * 64, request_id="bench"
        )
        claim = jobs.claim(session, job.id, "bench", LEASE_S)
        assert claim is not None
        facts = {"samples": {"": SAMPLES}, "classes": 2, "median_side": 8, "grey": True}
        counts = {"seen": SAMPLES, "accepted": SAMPLES, "rejected": 0, "ignored": 0}
        datasets.store(session, dataset.pk, {"classes": ["a", "b"], "counts": counts, "facts": facts}, (), ())
        jobs.finish(session, claim, {})
    return dataset


def running_audits(db: Database, dataset: Dataset, count: int) -> list[Claim]:
    """Audits at work, each as the worker sees it that has it."""
    claims = []
    with db.write() as session:
        for _ in range(count):
            claim = jobs.claim(session, jobs.submit(session, "audit", dataset.pk, {}).id, "bench", LEASE_S)
            assert claim is not None
            claims.append(claim)
    return claims


def _flat(figures: dict[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{name} · ")
        else:
            yield f"{path}{name}", ", ".join(map(figure, value)) if isinstance(value, list) else value
