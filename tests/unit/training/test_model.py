from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.spec import MODEL_FILES
from core.training.loop import Run
from core.training.model import model_files
from core.training.networks import build
from tests.unit.training.make import CLASSES, CPU, data, finished, plan


def test_the_card_alone_rebuilds_the_model(tmp_path: Path) -> None:
    made = data(30)
    run = Run(made, plan(epochs=2), CPU)
    finished(run)
    files = model_files(run.result(), plan(epochs=2), CLASSES)
    assert tuple(file.name for file in files) == MODEL_FILES
    for file in files:
        (tmp_path / file.name).write_bytes(file.content)
    np.save(tmp_path / "images.npy", made.images[:5])

    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    code += '\nprint(json.dumps(logits_of(np.load("images.npy")).tolist()))\n'
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    names, logits = ran.stdout.splitlines()
    assert set(re.findall(r"\w+", names)) <= set(CLASSES)

    run.network.eval()
    x = torch.cat([x for _, x, _ in run.audited.in_order(512)])[:5]
    with torch.no_grad():
        expected, _ = run.network(x)
    assert np.allclose(json.loads(logits), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize("test", [0, 20])
def test_the_card_says_how_accurate_the_model_is_only_when_it_was_measured(test: int) -> None:
    run = Run(data(30, test=test), plan(epochs=2), CPU)
    finished(run)
    card = model_files(run.result(), plan(epochs=2), CLASSES)[-1].content.decode()
    assert ("not measured" in card) == (test == 0)


def test_the_small_network_is_small_and_its_classifier_has_no_bias() -> None:
    network = build("small", 10, 3)
    assert 70_000 < sum(parameter.numel() for parameter in network.parameters()) < 90_000
    assert network.classifier.bias is None
    logits, features = network(torch.zeros(2, 3, 32, 32))
    assert torch.allclose(logits, features @ network.classifier.weight.T)
