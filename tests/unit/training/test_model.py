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
        ("vgg19-bn", 32, 3),
        ("torchvision:shufflenet_v2_x0_5", 32, 1),
        ("frozen:squeezenet1_1", 32, 3),
        ("frozen-mlp:squeezenet1_1", 32, 3),
    ],
)
def test_the_card_alone_rebuilds_the_model_with_the_accuracy_that_was_reported(
    tmp_path: Path, network: str, side: int, channels: int
) -> None:
    made = data(30, test=30, channels=channels)
    assert made.test_images is not None and made.test_labels is not None
    images, test_images = (x.repeat(side // 8, 1).repeat(side // 8, 2) for x in (made.images, made.test_images))
    made = replace(made, images=images, test_images=test_images)
    frozen = {"pad": 0, "flip": False} if network.startswith("frozen") else {}
    asked = plan(network=network, resolution=side, channels=channels, epochs=2, **frozen)
    run = Run(made, asked, CPU)
    test = run.test
    assert test is not None
    finished(run)
    files = model_files(run.result(), asked, CLASSES)
    assert tuple(file.name for file in files) == MODEL_FILES
    for file in files:
        (tmp_path / file.name).write_bytes(file.content)
    np.save(tmp_path / "images.npy", test_images)

    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert ("`torchvision`" in card) == (":" in network)
    (code,) = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    code += '\nprint(json.dumps(logits_of(np.load("images.npy")).tolist()))\n'
    (tmp_path / "card.py").write_text(code, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-I", "-c", ALONE], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240
    )
    assert ran.returncode == 0, ran.stderr
    names, logits = ran.stdout.splitlines()
    assert set(re.findall(r"\w+", names)) <= set(CLASSES)
    alone = np.array(json.loads(logits))
    assert np.mean(alone.argmax(1) == made.test_labels) == run.result().test_accuracy_last

    run.network.eval()
    x = torch.cat([x for _, x, _ in test.in_order(512)])
    with torch.no_grad():
        expected, _ = run.network(x)
    assert np.allclose(alone, expected.numpy(), atol=1e-4)


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
