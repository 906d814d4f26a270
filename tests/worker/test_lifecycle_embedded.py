"""The whole walk on the embedded service: SQLite, a broker of files, workers of its own."""

from __future__ import annotations

from tests.worker.lifecycle import Lifecycle, walked

__all__ = ["walked"]


class TestEmbedded(Lifecycle):
    apart = False
