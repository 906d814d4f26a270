"""Our few lines of SGD do what torch's do."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from core.training.sgd import SGD


@pytest.mark.parametrize("nesterov", [True, False])
def test_steps_are_those_of_torch(nesterov: bool) -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    mine = SGD(ours.named_parameters(), momentum=0.9, weight_decay=5e-4, nesterov=nesterov)
    reference = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=nesterov)
    for step in range(20):
        rate = 0.1 / (1 + step)
        for group in reference.param_groups:
            group["lr"] = rate
        x = torch.randn(8, 5)
        for network, optimizer in ((ours, mine), (theirs, reference)):
            optimizer.zero_grad()
            network(x).square().mean().backward()
        mine.step(rate)
        reference.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_frozen_parameter_does_not_even_decay() -> None:
    layer = nn.Linear(3, 2)
    layer.bias.requires_grad_(False)
    before = layer.bias.clone()
    sgd = SGD(layer.named_parameters(), momentum=0.9, weight_decay=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    sgd.step(0.1)
    assert torch.equal(layer.bias, before)
    assert list(sgd.velocity) == ["weight"]


def test_a_run_does_not_import_torchs_compiler() -> None:
    code = (
        "import sys, torch, numpy as np; from core.spec import *; from core.training.loop import Run; "
        "from core.training.loader import TrainingData; from core.training.plan import resolve; "
        "facts = DatasetFacts(samples={'': 40}, classes=2, median_side=8, grey=True); "
        "data = TrainingData(np.zeros((40, 8, 8, 1), np.uint8), np.arange(40) % 2, ('a', 'b')); "
        "run = Run(data, resolve(AuditSpec(epochs=2), facts, 'cpu', 1), torch.device('cpu')); "
        "print(sum(1 for _ in run), 'torch._dynamo' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert int(found[0]) > 2
    assert found[1] == "False"
