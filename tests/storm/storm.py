"""The storm itself: a calm beginning, in which the undisturbed results are made; then clients and weather; then quiet,
and a look at everything."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.settings import Settings
from core.store import curves
from core.store.blobs import Blobs
from core.store.datasets import folder_of
from core.store.db import Database
from core.store.sweep import sweep
from core.store.tables import ENDED, Dataset, Event, Job, Upload
from labelaudit.client import Client
from tests.storm.clients import EPOCHS, Known, Visitor, archive_in, named
from tests.storm.history import End, History, Op, Truth, violations
from tests.storm.house import House, house
from tests.storm.weather import Weather
from tests.worker.digits import plant_few
from tests.worker.service import eventually

CLIENTS = 6
SIZES = (120, 150)  # samples of the archives
QUIET_S = 600.0
CARD = "README.md"  # names the audit, so it is another one each time


def storm(home: Path, seconds: float, seed: int) -> dict[str, Any]:
    """All of it, as figures."""
    archives = []
    for size in SIZES:
        archives.append(plant_few(home / f"{size}.zip", samples=size).archive.read_bytes())
    with house(home / "house") as place, closing(Database(place.url)) as db:
        settings = Settings(**_as_settings(place))
        blobs, history = Blobs(settings), History()
        wanted = _undisturbed(place, db, archives, history)
        known = Known(archives)
        known.datasets += [op.id for op in history.of("make", about="dataset") if op.id]
        began = time.monotonic()
        visitors = [Visitor(k, seed, place.ports, known, history) for k in range(CLIENTS)]
        weather = Weather(place, seed)
        for thread in (*visitors, weather):
            thread.start()
        time.sleep(seconds)
        weather.clear_up()
        for visitor in visitors:
            visitor.leave()
        for visitor in visitors:
            visitor.join(120)
        for thread in (*visitors, weather):
            if thread.broke is not None:
                raise thread.broke
        calm = time.monotonic()
        _quiet(place, db)
        truth = _truth(db, blobs, wanted)
        return {
            **history.tally(),
            "faults": sum(weather.struck.values()),
            **dict(sorted(weather.struck.items())),
            "minutes": round((calm - began) / 60, 1),
            "quiet_after_s": round(time.monotonic() - calm, 1),
            "audits": dict(Counter(end.status for end in truth.audits.values())),
            "attempts": _attempts(db),
            "identical": [
                sum(end.outcome == end.wanted for end in truth.audits.values() if end.status == "succeeded"),
                sum(end.status == "succeeded" for end in truth.audits.values()),
            ],
            "violations": violations(history, truth),
        }


def _as_settings(place: House) -> dict[str, Any]:
    return {"home": place.home, "database_url": place.url, "broker_url": place.broker.url}


def _undisturbed(place: House, db: Database, archives: list[bytes], history: History) -> dict[tuple[int, int], str]:
    """The results that every audit of an archive and a number of epochs must come to."""
    found = {}
    with Client(f"http://127.0.0.1:{place.ports[0]}") as client:
        for which, archive in enumerate(archives):
            sent = time.monotonic()
            name = named(0, which)
            answer = client._json("POST", "/v1/datasets", params={"name": name}, content=archive)
            history.add(Op(-1, "make", "dataset", name, sent, time.monotonic(), 202, id=answer["id"]))
            client.wait_for_dataset(answer["id"], timeout_s=120)
            for epochs in EPOCHS:
                mark = -(10 * which + epochs)
                spec = {"epochs": epochs, "seed": 1, "max_s": 100_000 + mark}
                sent = time.monotonic()
                id = client.start_audit(answer["id"], **spec)["id"]
                seen = {"dataset": answer["id"]}
                history.add(Op(-1, "make", "audit", str(mark), sent, time.monotonic(), 202, id=id, seen=seen))
                client.wait_for_audit(id, timeout_s=240)
                with db.read() as session:
                    job = session.execute(select(Job).where(Job.id == id)).scalar_one()
                found[which, epochs] = _outcome(job)
    return found


def _quiet(place: House, db: Database) -> None:
    """Everything is up again, whoever waits is let go on, and all work comes to its end."""
    eventually(place.ready, "every process of the API answers again")

    def ended() -> bool:
        with db.read() as session:
            alive = select(Job.id, Job.kind, Job.state).where(Job.state.not_in(ENDED), Job.deleted_at.is_(None))
            open = session.execute(alive).all()
        with Client(f"http://127.0.0.1:{place.ports[0]}") as client:
            for id, kind, state in open:
                if state == "paused" and kind == "audit":
                    client.resume(id)
        return not open

    deadline = time.monotonic() + QUIET_S
    while not ended() and time.monotonic() < deadline:
        time.sleep(1.0)


def _truth(db: Database, blobs: Blobs, wanted: dict[tuple[int, int], str]) -> Truth:
    """What the database and the blobs say, after the sweeper has been through."""
    while sweep(db, blobs, 1e9):
        time.sleep(0.1)
    with db.read() as session:
        datasets = {row.pk: row for row in session.execute(select(Dataset)).scalars()}
        jobs = list(session.execute(select(Job).where(Job.deleted_at.is_(None))).scalars())
        events: dict[int, list[Event]] = {job.pk: [] for job in jobs}
        for event in session.execute(select(Event).order_by(Event.seq)).scalars():
            events.get(event.job_pk, []).append(event)
        uploads = set(session.execute(select(Upload.id)).scalars())
        names = {key for job in jobs for key in curves.keys(session, job.pk)}
    truth = Truth()
    for job in jobs:
        dataset, told = datasets[job.dataset_pk], events[job.pk]
        if job.kind == "ingest":
            status = "ready" if job.state == "succeeded" else job.state
            if dataset.deleted_at is None:
                truth.datasets[dataset.id] = End(dataset.name, status)
        elif job.kind == "audit" and dataset.deleted_at is None:
            names |= {file["key"] for file in (job.result or {}).get("files", {}).values()}
            truth.audits[job.id] = End(
                mark=str(round(job.spec["max_s"]) - 100_000),
                status=job.state,
                dataset=dataset.id,
                events=tuple(event.seq for event in told),
                endings=sum(event.data.get("status") in ENDED for event in told if event.type == "state"),
                outcome=_outcome(job) if job.state == "succeeded" else None,
                wanted=wanted[archive_in(dataset.name), job.spec["epochs"]],
            )
    folders = {folder_of(row) for row in datasets.values()}
    stored = list(blobs.names("audits/")) + list(blobs.names("datasets/")) + list(blobs.names("uploads/"))
    for name in stored:
        folder, id = name.split("/")[:2]
        known = {"audits": name in names, "datasets": f"datasets/{id}" in folders, "uploads": id in uploads}[folder]
        if not known:
            truth.orphans.append(name)
    return truth


def _outcome(job: Job) -> str:
    """A hash of all files of a result."""
    files = {name: file["sha256"] for name, file in (job.result or {})["files"].items() if name != CARD}
    return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()


def _attempts(db: Database) -> dict[int, int]:
    """How many audits needed how many."""
    with db.read() as session:
        found = session.execute(select(Job.attempt).where(Job.kind == "audit", Job.state == "succeeded")).scalars()
        return dict(sorted(Counter(found).items()))
