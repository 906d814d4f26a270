"""Exports and versions through the Python client and the commands."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from core.errors import Problem
from core.store.tables import Job
from labelaudit import export
from labelaudit.client import Client
from tests.api.conftest import Service
from tests.api.revising import (
    ALL,
    AUDITED,
    beside,
    decided,
    hold_out,
)


@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
def test_the_client_exports_and_makes_versions(service: Service, work: Callable[[str], Job], tmp_path: Path) -> None:
    data = service.ready()
    audit = service.finished(data).id
    _, relabelled, excluded, _ = decided(service, audit)
    with Client(service.url) as client:
        asked = client.export(audit, "jsonl", splits=["train"])
        done = beside(lambda: client.wait_for_export(asked["id"]), service, work)
        assert (done["splits"], done["counts"]["samples"]) == (["train"], AUDITED - 1)
        file = client.download(f"/v1/exports/{done['id']}/file", tmp_path / "scores.jsonl")
        assert len(file.read_text().splitlines()) == AUDITED
        assert client.new_version(data.id, dry_run=True)["counts"]["excluded"] == 1
        made = client.new_version(data.id, "better", audit_id=audit)
        version = beside(lambda: client.wait_for_dataset(made["id"]), service, work)
        assert [one["name"] for one in client.versions(version["id"])] == ["pictures", "better"]
        assert {row["sample"] for row in client.version_diff(data.id, version["id"])["data"]} == {relabelled, excluded}
        with pytest.raises(Problem) as raised:
            client.export(audit, "csv", change_held_out=5)
        assert raised.value.code == "count-differs"


@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
def test_the_commands_write_the_file_and_say_what_was_changed_in_eighty_columns(
    service: Service, work: Callable[[str], Job], tmp_path: Path
) -> None:
    data = service.ready()
    audit = service.finished(data).id
    _, relabelled, _, _ = decided(service, audit)
    hold_out(service, data, relabelled)
    written = io.StringIO()
    console = Console(file=written, width=80, highlight=False)
    out = tmp_path / "made" / "cleaned.zip"
    asked: dict[str, Any] = {"server": service.url}
    paths, counts = beside(lambda: export.run(service.settings, audit, "imagefolder", out, **asked), service, work)
    assert paths == [out] and zipfile.is_zipfile(out)
    assert [file.name for file in out.parent.iterdir()] == ["cleaned.zip"]
    with pytest.raises(Problem) as raised:
        beside(lambda: export.run(service.settings, audit, "csv", out / "no folder", **asked), service, work)
    assert raised.value.code == "cannot-write"
    assert service.http.get("/v1/exports").json()["data"] == [], "whoever has the file leaves none in the service"
    export.show_counts(counts, console)
    plan = export.version(service.settings, data.id, dry_run=True, **asked)
    assert plan["dataset"] is None
    export.show_version(plan, console)
    made = beside(lambda: export.version(service.settings, data.id, change_held_out=1, **asked), service, work)
    export.show_version(made, console)
    told = written.getvalue()
    assert max(map(len, told.splitlines())) <= 80
    assert f"{ALL - 1} samples; 1 label corrected, 1 sample taken out" in told
    assert "Of val and test, 1 that would change stay as they are." in told
    assert "--change-held-out 1" in told.replace("\n", " ")
    assert len(made["diff"]["data"]) == 1 < sum(move["count"] for move in made["diff"]["moves"]), "one page is enough"
    assert made["dataset"]["id"] in told and "taken out" in told and "→" in told
    for wrong, code in (((audit, "xls", out), "unknown-format"), (("x", "csv", out), "not-found")):
        with pytest.raises(Problem) as raised:
            export.run(service.settings, *wrong, **asked)
        assert raised.value.code == code
