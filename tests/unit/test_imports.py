"""What is imported, and from where: the service and the command line start without torch, and `core` is ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "torchvision", "sklearn")


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "module",
    ["api.main", "worker.app", "labelaudit", "labelaudit.cli", "core.training.plan", "core.store.sweep"],
)
def test_a_module_loads_no_torch(module: str) -> None:
    loaded = run(f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))")
    assert loaded == "", f"import {module} loads {loaded}"


@pytest.mark.parametrize("package", ["core", "api", "worker", "labelaudit", "migrations"])
def test_no_foreign_package_shadows_ours(package: str) -> None:
    file = Path(run(f"import {package}; print({package}.__file__)"))
    assert file == ROOT / package / "__init__.py"
