"""What users type."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from core import settings as core_settings
from core.errors import Problem
from core.settings import Settings

EX_CONFIG = 78
app = typer.Typer(
    name="labelaudit",
    help="Find the wrong labels in an image dataset.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
say = Console(stderr=True, highlight=False)


def main() -> None:
    """Run a command; a problem is one clear line."""
    try:
        app()
    except Problem as problem:
        say.print(f"[bold red]labelaudit:[/] {escape(problem.detail)}", soft_wrap=True)
        sys.exit(EX_CONFIG if problem.code in ("api-key-required", "invalid-setting") else 1)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 lets the system choose.")] = None,
    workers: Annotated[bool, typer.Option(help="Also start a worker for each queue.")] = True,
) -> None:
    """Run the service: the API, and its workers beside it."""
    settings = core_settings.load(host=host, port=port)
    settings.refuse_if_open()
    from labelaudit import serve as serving

    raise typer.Exit(serving.serve(settings, workers=workers))


@app.command()
def worker(
    queues: Annotated[str, typer.Option(help="Queues to serve, comma-separated.")] = "ingest,audits",
) -> None:
    """Run a worker alone, for a service on other machines."""
    known = {"ingest", "audits"}
    if not set(queues.split(",")) <= known:
        raise Problem("unknown-queue", f"The queues are {', '.join(sorted(known))}.")
    import os

    core_settings.load()
    os.execv(sys.executable, [sys.executable, "-m", "worker.main", "--queues", queues])  # noqa: S606  our own program


@app.command()
def migrate(
    down: Annotated[str | None, typer.Option(help="Go back to this revision instead, e.g. -1.")] = None,
) -> None:
    """Bring the database to the newest revision. A SQLite file is copied first."""
    from core.store import migrate as migration
    from core.store.db import Database

    settings = core_settings.load()
    db = Database(settings.database)
    before = migration.current(db)
    copy = migration.downgrade(db, down) if down else migration.upgrade(db)
    after = migration.current(db)
    if copy:
        say.print(f"Copied the database to {escape(str(copy))} first.", soft_wrap=True)
    say.print(f"The database is at revision {after}." if before == after else f"Revision {before} → {after}.")


@app.command()
def doctor() -> None:
    """Say what is configured, what answers, how full the disk is, and which device will be used."""
    from labelaudit.doctor import examine

    ill = 0
    with say.status("looking …"):
        for finding in examine(core_settings.load()):
            ill += not finding.good
            mark = "[green]✓[/]" if finding.good else "[red]✗[/]"
            Console(highlight=False).print(
                f"{mark} [bold]{finding.about:<9}[/] {escape(finding.words)}", soft_wrap=True
            )
    if ill:
        raise typer.Exit(1)


@app.command()
def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Folder for what the demo writes.")] = None,
) -> None:
    """Audit a small dataset with planted wrong labels through the real service, and show what was found."""
    say.print("[bold]labelaudit demo[/]: 1,797 digits, 8 % of them with a wrong label on purpose")
    from labelaudit import demo as demonstration

    outcome = demonstration.run(_demo_settings(keep), interactive=sys.stdout.isatty() and not as_json)
    if as_json:
        print(json.dumps(outcome, indent=2, ensure_ascii=False))
    if outcome["found_share"] < demonstration.GOOD:
        raise typer.Exit(1)


def _demo_settings(keep: Path | None) -> Settings:
    """The embedded service, whatever the environment says of databases and brokers, in a folder of its own."""
    return core_settings.load(
        home=keep or core_settings.load().home / "demo",
        host="127.0.0.1",
        port=0,
        database_url="",
        broker_url="",
        blobs_url="",
    )
