"""What tests of exports and versions do over and over: judge a few samples, ask for a file, make a version."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx2
from sqlalchemy import select, update

from core.store.tables import Dataset, Job, Sample
from tests.api.conftest import Service
from tests.api.make import CLASSES, TEST, TRAIN

AUDITED, ALL = 3 * TRAIN, 3 * (TRAIN + TEST)


def say(service: Service, audit: str, *reviews: dict[str, Any], reviewer: str = "ann") -> list[dict[str, Any]]:
    body = {"reviewer": reviewer, "reviews": [{"id": str(uuid4()), **one} for one in reviews]}
    answer = service.http.post(f"/v1/audits/{audit}/reviews", json=body)
    answer.raise_for_status()
    written: list[dict[str, Any]] = answer.json()["data"]
    return written


def samples_of(service: Service, dataset: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = service.http.get(f"/v1/datasets/{dataset}/samples", params={"limit": 1000}).json()[
        "data"
    ]
    return rows


def suspects_of(service: Service, audit: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = service.http.get(f"/v1/audits/{audit}/suspects", params={"limit": 1000}).json()["data"]
    return rows


def ask(service: Service, audit: str, format: str = "csv", **more: Any) -> httpx2.Response:
    return service.http.post("/v1/exports", json={"audit_id": audit, "format": format, **more})


def exported(service: Service, work: Callable[[str], Job], audit: str, format: str, **more: Any) -> tuple[Any, bytes]:
    asked = ask(service, audit, format, **more)
    assert asked.status_code == 202, asked.text
    assert work(asked.json()["id"]).state == "succeeded"
    told = service.http.get(asked.headers["location"]).json()
    return told, service.http.get(f"{asked.headers['location']}/file").content


def decided(service: Service, audit: str) -> tuple[int, int, int, int]:
    """One sample each that is kept, relabelled, taken out, and that somebody is unsure of."""
    kept, relabelled, excluded, unsure = (row["sample"] for row in suspects_of(service, audit)[:4])
    given = {row["sample"]: row["label"] for row in samples_of(service, dataset_of(service, audit))}
    label = next(name for name in CLASSES if name != given[relabelled])
    say(
        service, audit,
        {"sample": kept, "decision": "keep"}, {"sample": relabelled, "decision": "relabel", "label": label},
        {"sample": excluded, "decision": "exclude"}, {"sample": unsure, "decision": "unsure"},
    )  # fmt: skip
    return kept, relabelled, excluded, unsure


def dataset_of(service: Service, audit: str) -> str:
    return str(service.http.get(f"/v1/audits/{audit}").json()["dataset_id"])


def hold_out(service: Service, dataset: Dataset, *samples: int) -> None:
    """Let some of the audited samples be of a split that is held out."""
    with service.db.write() as session:
        where = (Sample.dataset_pk == dataset.pk, Sample.n.in_(samples))
        session.execute(update(Sample).where(*where).values(split="val"))


def make_version(service: Service, work: Callable[[str], Job], dataset: str, **body: Any) -> dict[str, Any]:
    asked = service.http.post(f"/v1/datasets/{dataset}/versions", json=body)
    assert asked.status_code == 202, asked.text
    id = asked.json()["id"]
    assert work(service.dataset(id)[1].id).state == "succeeded"
    told: dict[str, Any] = service.http.get(f"/v1/datasets/{id}").json()
    return told


def beside(act: Callable[[], Any], service: Service, work: Callable[[str], Job]) -> Any:
    """What somebody gets who waits, while we do the work that he makes."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(act)
        while not waiting.done():
            with service.db.read() as session:
                queued = select(Job.id).where(Job.state == "queued", Job.kind.in_(("export", "ingest")))
                for id in session.execute(queued).scalars().all():
                    work(id)
            time.sleep(0.05)
        return waiting.result()
