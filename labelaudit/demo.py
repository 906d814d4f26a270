"""`labelaudit demo`: digits with planted wrong labels go through the real service, and what it finds is shown."""

from __future__ import annotations

import io
import signal
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from core.settings import Settings
from core.spec import MODEL_FILES
from labelaudit import embedded
from labelaudit.bars import Bars
from labelaudit.client import Client

GOOD = 0.95
RATE, SEED, SHOWN = 0.08, 0, 20
say = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Planted:
    """The sample dataset: where it lies, and which of its paths have a wrong label on purpose."""

    archive: Path
    truth: dict[str, str]  # path of a wrong label -> the right one
    samples: int


def run(settings: Settings, *, interactive: bool) -> dict[str, Any]:
    """The whole demonstration; returns its figures."""
    began = time.monotonic()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    planted = plant(settings.home / "digits.zip")
    say.print(
        f"  {len(planted.truth)} of {planted.samples} labels are wrong now: {_near(planted.archive)}", soft_wrap=True
    )
    with embedded.service(settings, fresh=True) as url, Client(url) as service:
        say.print(f"  the service runs at {url}")
        dataset, audit = _audit(service, planted)
        outcome = _outcome(service, planted, dataset, audit)
        folder = settings.home / "model"
        folder.mkdir(exist_ok=True)
        for name in MODEL_FILES:
            service.download(f"/v1/audits/{audit['id']}/model/{name}", folder / name)
        scores = service.download(f"/v1/audits/{audit['id']}/scores.csv", settings.home / "scores.csv")
        outcome |= {
            "seconds": round(time.monotonic() - began, 1),
            "url": url,
            "files": {"model": str(folder), "scores": str(scores), "archive": str(planted.archive)},
        }
        show(outcome)
        if interactive:
            say.print("\nThe service keeps running; end it with Ctrl-C.")
            _until_interrupted()
    return outcome


def plant(archive: Path) -> Planted:
    """Write scikit-learn's digits as a zip of PNG images, one folder per (sometimes wrong) class."""
    from PIL import Image
    from sklearn.datasets import load_digits

    from core.science.noise import symmetric

    digits = load_digits()
    noise = symmetric(digits.target, classes=10, rate=RATE, seed=SEED)
    truth = {}
    draft = archive.with_suffix(".draft")
    with zipfile.ZipFile(draft, "w") as out:
        for n, (pixels, label) in enumerate(zip(digits.images, noise.labels, strict=True)):
            path = f"digits/{label}/{n:04d}.png"
            if noise.flipped[n]:
                truth[path] = str(digits.target[n])
            image = io.BytesIO()
            Image.fromarray((pixels * 255 / 16).round().astype("uint8")).save(image, "PNG")
            out.writestr(zipfile.ZipInfo(path), image.getvalue())
    draft.replace(archive)
    return Planted(archive, truth, len(digits.target))


def _audit(service: Client, planted: Planted) -> tuple[dict[str, Any], dict[str, Any]]:
    with Bars(say) as bars:
        reading = bars.add("upload and check every image")
        dataset = service.upload(planted.archive, name="digits")
        dataset = service.wait_for_dataset(dataset["id"], bars.dataset(reading), timeout_s=300)
        training = bars.add("train and watch every margin")
        audit = service.start_audit(dataset["id"], seed=SEED)
        return dataset, service.wait_for_audit(audit["id"], bars.audit(training), timeout_s=1800)


def _outcome(service: Client, planted: Planted, dataset: dict[str, Any], audit: dict[str, Any]) -> dict[str, Any]:
    summary = service.summary(audit["id"])
    worst = list(service.suspects(audit["id"], limit=len(planted.truth)))
    found = sum(suspect["path"] in planted.truth for suspect in worst)
    fields = ("rank", "path", "given_label", "suggested_label", "score")
    return {
        "samples": summary["samples"],
        "planted": len(planted.truth),
        "found_at_planted": found,
        "found_share": round(found / len(planted.truth), 4),
        "flagged": summary["flagged"],
        "planted_rate": round(len(planted.truth) / planted.samples, 4),
        "noise_rate_estimate": round(summary["noise_rate"]["estimate"], 4),
        "noise_rate_interval": [round(summary["noise_rate"][end], 4) for end in ("low", "high")],
        "expected": summary["expected"],
        "verdicts": summary["verdicts"],
        "degenerate": summary["degenerate"],
        "suspects": [
            {**{name: row[name] for name in fields}, "true_label": planted.truth.get(row["path"], row["given_label"])}
            for row in worst[:SHOWN]
        ],
        "dataset_id": dataset["id"],
        "audit_id": audit["id"],
    }


def show(outcome: dict[str, Any]) -> None:
    """The outcome for people."""
    table = Table(title=f"The {SHOWN} most suspicious labels", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("rank", "sample"):
        table.add_column(name, justify="right" if name == "rank" else "left")
    table.add_column("given → suggested")
    table.add_column("P(wrong)", justify="right")
    table.add_column("in truth")
    for row in outcome["suspects"]:
        planted = row["true_label"] != row["given_label"]
        table.add_row(
            str(row["rank"]),
            row["path"],
            f"{row['given_label']} → {row['suggested_label'] or '–'}",
            f"{row['score']:.5f}",
            f"[green]wrong: {row['true_label']}[/]" if planted else "right",
        )
    say.print()
    say.print(table)
    share = outcome["found_share"]
    colour = "green" if share >= GOOD else "red"
    say.print(
        f"\n[{colour}]{outcome['found_at_planted']} of {outcome['planted']}[/] planted errors stand in the first "
        f"{outcome['planted']} ranks ({share:.1%})."
    )
    low, high = outcome["noise_rate_interval"]
    say.print(
        f"Estimated share of wrong labels: {outcome['noise_rate_estimate']:.1%}, between {low:.1%} and {high:.1%} "
        f"(planted: {outcome['planted_rate']:.1%})."
    )
    expected = outcome["expected"]
    if outcome["flagged"]:
        say.print(
            f"{outcome['flagged']} labels are flagged: {expected['precision']:.0%} of them are expected to be wrong, "
            f"which are {expected['recall']:.0%} of all wrong ones."
        )
    say.print("Verdicts: " + ", ".join(f"{count} {word}" for word, count in outcome["verdicts"].items()) + ".")
    if outcome["degenerate"]:
        say.print(f"[red]{outcome['degenerate']['detail']}[/]")
    for name, place in outcome["files"].items():
        say.print(f"  {name:<8} {_near(Path(place))}", soft_wrap=True)
    say.print(f"  {'results':<8} {outcome['url']}/v1/audits/{outcome['audit_id']}/suspects", soft_wrap=True)
    say.print(f"  {'review':<8} {outcome['url']}/audits/{outcome['audit_id']}", soft_wrap=True)
    say.print(f"Done in {outcome['seconds']} s.")


def _until_interrupted() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        say.print()


def _near(path: Path) -> str:
    """A path as one would type it from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
