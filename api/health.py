"""Is it alive, is it ready, how is it doing."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from api.deps import PartsDep
from core.store import jobs, migrate

router = APIRouter(tags=["service"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """This process answers."""
    return {"status": "alive"}


@router.get("/readyz")
def ready(parts: PartsDep) -> dict[str, str]:
    """The database and the blob store answer, and the database is migrated."""
    migrate.check(parts.db)
    parts.blobs.ping()
    return {"status": "ready"}


@router.get("/metrics", response_class=Response)
def metrics(parts: PartsDep) -> Response:
    """Figures for Prometheus: this process's requests and bells, and everybody's jobs."""
    registry = CollectorRegistry()
    gauge = Gauge("labelaudit_jobs", "Jobs, by kind and state.", ["kind", "state"], registry=registry)
    with parts.db.read() as session:
        for kind, state, count in jobs.census(session):
            gauge.labels(kind, state).set(count)
    return Response(generate_latest() + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
