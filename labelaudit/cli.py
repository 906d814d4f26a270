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
        if problem.code in ("api-key-required", "invalid-setting"):
            sys.exit(EX_CONFIG)
        sys.exit(2 if problem.extra.get("ours") else 1)  # 1: the data or the request is at fault, 2: we are


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
def audit(
    path: Annotated[Path, typer.Argument(help="A folder of images, or an archive of them.")],
    server: Annotated[str | None, typer.Option(help="Address of a running service; else one runs meanwhile.")] = None,
    name: Annotated[str | None, typer.Option(help="What the dataset is called.")] = None,
    layout: Annotated[str | None, typer.Option(help="What the archive is laid out as, if not recognised.")] = None,
    recipe: Annotated[str, typer.Option(help="auto, fast, thorough or paper.")] = "auto",
    budget: Annotated[int | None, typer.Option(help="Seconds that the audit may take.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything that is drawn by lot.")] = None,
    top: Annotated[int, typer.Option(help="How many suspects are shown.", min=0, max=10_000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Audit a folder or an archive, and show the labels that are worth looking at."""
    from labelaudit import audit as auditing

    asked = {"recipe": recipe, "budget_s": budget, "seed": seed}
    spec = {key: value for key, value in asked.items() if value is not None}
    settings = core_settings.load()
    found = auditing.run(settings, path, server=server, name=name, layout=layout, top=top, spec=spec)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        auditing.show(found, Console(highlight=False))


@app.command()
def export(
    audit: Annotated[str, typer.Argument(help="Id of a finished audit.")],
    format: Annotated[str, typer.Argument(help="csv, jsonl or parquet: a row for each sample; model: its files.")],
    out: Annotated[Path, typer.Argument(help="File to write; for a model a folder.")],
    server: Annotated[str | None, typer.Option(help="Address of a running service; else one runs meanwhile.")] = None,
) -> None:
    """Write what an audit found, or the model it trained, to files."""
    from labelaudit import export as exporting

    for path in exporting.run(core_settings.load(), audit, format, out, server=server):
        say.print(f"Wrote {escape(str(path))} ({path.stat().st_size:,} bytes).", soft_wrap=True)


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
