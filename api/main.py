"""Builds the service: its parts, its routes, its manners."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from api import (
    access,
    audits,
    datasets,
    events,
    exports,
    health,
    images,
    likeness,
    limits,
    openapi,
    orders,
    page,
    problems,
    results,
    reviewers,
    reviews,
    tus,
    versions,
    webhooks,
    workers,
)
from api.deps import Parts
from api.middleware import Doorway
from api.shedding import Crowd, Shedding
from api.tail import Tail
from core import settings as core_settings
from core.datasets.pixels import Renderer
from core.settings import Settings
from core.store.blobs import Blobs
from core.store.db import Database
from worker.app import build
from worker.bells import Bells
from worker.postman import Postman
from worker.reaper import Reaper


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service for these settings, or for the environment's."""
    settings = settings or core_settings.load()
    settings.refuse_if_open()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        db, blobs = Database(settings.database), Blobs(settings)
        bells, renderer, tail = Bells(build(settings)), Renderer(settings.limits), Tail(db)
        reaper, postman = Reaper(settings, db, blobs, bells), Postman(settings, db)
        app.state.parts = Parts(settings, db, blobs, bells, renderer, tail)
        reaper.start()
        postman.start()
        tail.start()
        gc.freeze()  # what was imported stays for good; looking through it again would hold requests up
        try:
            yield
        finally:
            await tail.close()
            postman.close()
            reaper.close()
            bells.close()
            renderer.close()
            db.close()

    app = FastAPI(
        title="labelaudit",
        version=version("labelaudit"),
        description="Finds the wrong labels in image datasets.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        responses=openapi.PROBLEM,
        generate_unique_id_function=lambda route: f"{route.tags[0]}_{route.name}",
    )
    app.state.settings = settings
    problems.install(app)
    for module in (
        results,
        health,
        limits,
        access,
        openapi,
        tus,
        datasets,
        images,
        versions,
        audits,
        events,
        reviews,
        reviewers,
        orders,
        likeness,
        exports,
        workers,
        webhooks,
    ):
        app.include_router(module.router)
    app.include_router(page.router(settings.page or page.BUILT))
    app.add_middleware(Doorway, settings=settings)
    app.state.crowd = Crowd(settings.max_in_flight)
    app.add_middleware(Shedding, crowd=app.state.crowd)
    return app
