from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.spec import MODEL_FILES
from core.training.catalogue import NETWORKS
from core.training.loop import Run
from core.training.model import model_files
from core.training.networks import blueprint
from tests.unit.training.make import CLASSES, CPU, data, finished, plan

ALONE = "import runpy, sys; sys.modules['core'] = None; runpy.run_path('card.py')"


@pytest.mark.parametrize(
    ("network", "side", "channels"),
    [
        ("small", 8, 3),
        ("fast", 16, 3),
        ("preact-resnet18", 8, 1),
        ("torchvision:shufflenet_v2_x0_5", 32, 1),
    ],
)
def test_the_card_alone_rebuilds_the_model(tmp_path: Path, network: str, side: int, channels: int) -> None:
    small = data(30, test=0, channels=channels)
    made = replace(small, images=small.images.repeat(side // 8, axis=1).repeat(side // 8, axis=2))
    asked = plan(network=network, resolution=side, channels=channels, epochs=2)
    run = Run(made, asked, CPU)
    finished(run)
    files = model_files(run.result(), asked, CLASSES)
    assert tuple(file.name for file in files) == MODEL_FILES
    for file in files:
        (tmp_path / file.name).write_bytes(file.content)
    np.save(tmp_path / "images.npy", made.images[:5])

    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert ("`torchvision`" in card) == network.startswith("torchvision:")
    (code,) = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    code += '\nprint(json.dumps(logits_of(np.load("images.npy")).tolist()))\n'
    (tmp_path / "card.py").write_text(code, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-I", "-c", ALONE], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    names, logits = ran.stdout.splitlines()
    assert set(re.findall(r"\w+", names)) <= set(CLASSES)

    run.network.eval()
    x = torch.cat([x for _, x, _ in run.audited.in_order(512)])[:5]
    with torch.no_grad():
        expected, _ = run.network(x)
    assert np.allclose(json.loads(logits), expected.numpy(), atol=1e-4)


def test_every_network_can_be_rebuilt_from_its_config() -> None:
    for network in NETWORKS:
        kind, arguments = blueprint(network, 3, 1)
        assert json.loads(json.dumps(arguments)).keys() == inspect.signature(kind).parameters.keys()


@pytest.mark.parametrize("test", [0, 20])
def test_the_card_says_how_accurate_the_model_is_only_when_it_was_measured(test: int) -> None:
    run = Run(data(30, test=test), plan(epochs=2), CPU)
    finished(run)
    card = model_files(run.result(), plan(epochs=2), CLASSES)[-1].content.decode()
    assert ("not measured" in card) == (test == 0)
