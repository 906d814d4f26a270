"""What the documents say is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from core import summary
from core.settings import Settings
from core.spec import AuditSpec, Frozen, MethodName, RecipeName, WeigherName
from core.training.catalogue import OWN
from core.words import REASONS, VERDICTS, CutBy, Degenerate
from labelaudit.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_the_settings_page_is_what_the_settings_are() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "settings_page.py")]
    page = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs" / "settings.md").read_text() == page, "run scripts/settings_page.py > docs/settings.md"


def test_the_client_of_the_page_is_made_from_what_the_service_is() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "openapi.py")]
    described = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "web" / "openapi.json").read_text() == described, "run scripts/openapi.py > web/openapi.json"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_settings_and_files_that_exist(page: Path) -> None:
    text = page.read_text()
    known = {f"LABELAUDIT_{name.upper()}" for name in Settings.model_fields}
    tests_only = {"LABELAUDIT_TEST_POSTGRES", "LABELAUDIT_TEST_REDIS", "LABELAUDIT_TEST_S3"}
    assert set(re.findall(r"LABELAUDIT_[A-Z0-9_]*[A-Z0-9]", text)) <= known | tests_only
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target
    for path in re.findall(r"`((?:api|worker|core|labelaudit|tests|docs|bench|scripts|migrations)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


def test_every_command_of_the_readme_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert set(re.findall(r"make ([a-z]+)", readme)) <= targets
    assert set(re.findall(r"^(?:\.venv/bin/)?labelaudit ([a-z]+)", readme, re.MULTILINE)) <= commands


def test_every_route_is_in_the_api_guide() -> None:
    from api.main import create_app

    guide = (ROOT / "docs" / "api.md").read_text()
    wildcard = re.compile(r"\{\w+\}")
    known = {wildcard.sub("{}", path) for path in re.findall(r"/[\w/{}.\-]+", guide)}
    for path in create_app(Settings()).openapi()["paths"]:
        plain = (
            wildcard.sub("{}", path)
            .replace("/scores.{}", "/scores.parquet")
            .replace("/model/{}", "/model/model.safetensors")
        )
        assert plain in known, path


def test_every_field_and_word_of_an_audit_is_in_the_api_guide() -> None:
    from api.likeness import Copy, Map, MapColumn, Neighbour, Neighbours
    from api.results import SuspectsQuery
    from api.schemas import Estimate
    from api.suspects import ConflictOut, Curves, Evidence, Likely

    guide = set(re.findall(r"[\w-]+", (ROOT / "docs" / "api.md").read_text()))
    models = (AuditSpec, SuspectsQuery, Evidence, Curves, Likely, ConflictOut, Estimate)
    likeness = (Neighbours, Neighbour, Copy, Map, MapColumn)
    of_summary = [model for model in vars(summary).values() if isinstance(model, type) and issubclass(model, Frozen)]
    for model in (*models, *likeness, *of_summary):
        assert set(model.model_fields) <= guide, model.__name__
    for words in (VERDICTS, REASONS, OWN, *map(get_args, (RecipeName, MethodName, WeigherName, CutBy, Degenerate))):
        assert set(words) <= guide


def test_help_is_there_for_every_command() -> None:
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        result = CliRunner().invoke(app, [name, "--help"])
        assert result.exit_code == 0
        assert (command.callback.__doc__ or "").splitlines()[0].rstrip(".") in " ".join(result.output.split())
