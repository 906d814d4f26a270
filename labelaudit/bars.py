"""Progress on a terminal; nothing of it in a pipe."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Bars:
    """A bar for each thing that takes a while."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("  {task.description:<30}"),
            BarColumn(20),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
        )
        shown = console.is_terminal
        self._progress = Progress(*columns, console=console, transient=not shown, disable=not shown)

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def add(self, title: str) -> TaskID:
        """A new bar, at its beginning."""
        return self._progress.add_task(title, total=100, note="")

    def sent(self, bar: TaskID) -> Callable[[int, int], None]:
        """Follows bytes on their way."""

        def watch(done: int, total: int) -> None:
            self._progress.update(bar, completed=100 * done / max(1, total), note=f"{done / 1e6:.0f} MB")

        return watch

    def dataset(self, bar: TaskID) -> Callable[[dict[str, Any]], None]:
        """Follows a dataset that is being read."""

        def watch(found: dict[str, Any]) -> None:
            at = found["progress"] or {}
            done = 100 if found["status"] == "ready" else at.get("percent") or 0
            pace = at.get("images_per_s") if found["status"] == "ingesting" else None
            note = f"{found['status']}, {pace:,.0f} images/s" if pace else found["status"]
            self._progress.update(bar, completed=done, note=note)

        return watch

    def job(self, bar: TaskID) -> Callable[[dict[str, Any]], None]:
        """Follows a job that has only its percents to tell."""

        def watch(found: dict[str, Any]) -> None:
            done = 100 if found["status"] == "succeeded" else found["progress"]["percent"] or 0
            self._progress.update(bar, completed=done, note=found["status"])

        return watch

    def audit(self, bar: TaskID) -> Callable[[dict[str, Any]], None]:
        """Follows an audit."""

        def watch(found: dict[str, Any]) -> None:
            at = found["progress"]
            epoch = f"epoch {at['epoch']}/{at['epochs']}" if at["epoch"] else at["phase"]
            waiting = f"{epoch}, waiting: {at['waiting']}" if at.get("waiting") else epoch
            self._progress.update(bar, completed=at["percent"] or 0, note=waiting)

        return watch
