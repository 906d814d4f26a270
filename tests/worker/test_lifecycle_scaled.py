"""The whole walk on PostgreSQL and Redis, with a worker of its own."""

from __future__ import annotations

from tests.worker.lifecycle import Lifecycle, walked

__all__ = ["walked"]


class TestScaled(Lifecycle):
    apart = True
