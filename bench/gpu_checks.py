"""Whether a GPU computes what the CPU does, and ends with the same bits when a run is repeated or resumed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.gpu_cells import Figures, Scale, Training, plan_of
from bench.gpu_training import PlainLook
from core.science.ledger import Ledger
from core.science.noise import symmetric
from core.spec import Plan
from core.training.augment import Draws
from core.training.host import has_fast_bf16
from core.training.loader import TrainingData
from core.training.loop import Result, Run
from core.training.networks import build

SIDE, CLASSES = 32, 10
SLACK = 2e-3  # largest difference of a float32 gradient, relative to the largest gradient of its tensor
EPOCHS = 3  # of the ledgers that are compared


def ledger(device: torch.device, scale: Scale) -> Figures:
    """The ledger's columns, the crops, and one forward and backward pass in float32, against the CPU."""
    cpu = torch.device("cpu")
    tf32 = torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    x = torch.randn(64, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    y = torch.arange(64) % CLASSES
    here, there = (_one_pass(scale.network, x, y, on) for on in (cpu, device))
    torch.backends.cudnn.allow_tf32 = tf32
    passes = {name: float((there[name] - value).abs().max() / _size(value)) for name, value in here.items()}
    index = torch.arange(scale.synthetic)
    draws = [Draws.of(index.to(on), seed=3, epoch=2, pad=4, flip=True) for on in (cpu, device)]
    crops = [drawn.window(slice(None), (SIDE, SIDE)) for drawn in draws]
    same_crops = all(torch.equal(a, b.cpu()) for a, b in zip(*crops, strict=True))
    ours, theirs = (_columns(scale.synthetic, on) for on in (cpu, device))
    columns = {name: float((theirs[name] - value).abs().max() / _size(value)) for name, value in ours.items()}
    return {
        "largest relative difference of a gradient": max(passes.values()),
        "same crops": same_crops,
        "largest relative difference": columns,
        "ok": max(passes.values()) < SLACK and same_crops and max(columns.values()) < 1e-9,
    }


def _size(value: Tensor) -> Tensor:
    return value.abs().max().clamp_min(1e-12)


def _one_pass(network: str, x: Tensor, y: Tensor, device: torch.device) -> dict[str, Tensor]:
    torch.manual_seed(0)
    model = build(network, CLASSES, 3).to(device)
    logits, _ = model(x.to(device))
    torch.autograd.backward(torch.nn.functional.cross_entropy(logits, y.to(device)))
    gradients = {name: p.grad.cpu() for name, p in model.named_parameters() if p.grad is not None}
    return {"logits": logits.detach().cpu(), **gradients}


def _columns(samples: int, device: torch.device) -> dict[str, Tensor]:
    dice = torch.Generator().manual_seed(2)
    book = Ledger(samples, EPOCHS, alpha=100.0, beta=100.0, device=device)
    label = (torch.arange(samples) % CLASSES).to(device)
    for epoch in range(EPOCHS):
        logits, features = torch.randn(samples, CLASSES, generator=dice), torch.rand(samples, 64, generator=dice)
        weights, loss = torch.randn(CLASSES, 64, generator=dice), torch.rand(samples, generator=dice)
        for index in torch.split(torch.randperm(samples, generator=dice), 10_000):
            parts = (t.to(device) for t in (logits[index], features[index], weights, loss[index]))
            book.observe(epoch, index.to(device), label[index.to(device)], *parts)
        book.close_epoch()
    columns = {"IAM": book.iam(), "HM weight": book.hm_weight(), "AUM": book.aum(), "TKUM": book.tkum()}
    return {name: column.cpu() for name, column in columns.items()} | {"last loss": book.last_loss.cpu()}


def resume(device: torch.device, scale: Scale) -> Figures:
    """The published run twice, and once stopped in its middle epoch and gone on with, bit by bit."""
    data, plan = synthetic(scale.synthetic), short(scale, device, epochs=3)
    data = replace(data, test_images=data.images[::10], test_labels=data.labels[::10])
    one, two = (_finished(PlainLook(data, plan, device)) for _ in range(2))
    stopped = PlainLook(data, plan, device)
    for _ in stopped:
        if stopped.epoch == 1 and stopped.step == stopped.steps // 2:
            break
    resumed = _finished(PlainLook(data, plan, device, resume=stopped.checkpoint()))
    found = {"repeated": _compared(one, two), "resumed": _compared(one, resumed)}
    return {**found, "ok": all(value is True for told in found.values() for value in told.values())}


def _compared(one: Result, two: Result) -> dict[str, bool]:
    states = one.ledger.state(), two.ledger.state()
    return {
        "same weights": all(torch.equal(tensor, two.weights[name]) for name, tensor in one.weights.items()),
        "same ledger": all(torch.equal(column, states[1][name]) for name, column in states[0].items()),
        "same accuracy": one.test_accuracy_last == two.test_accuracy_last,
    }


def _finished(run: Run) -> Result:
    for _ in run:
        pass
    return run.result()


def short(scale: Scale, device: torch.device, epochs: int, variant: str = "hmw-norm", **changes: Any) -> Plan:
    """The published run with fewer epochs, weighing from the second on."""
    training = Training("sym:0.5", variant, 0)
    plan = plan_of(training, scale, scale.synthetic, SIDE, device.type, bf16=has_fast_bf16(device))
    return plan.model_copy(update={"epochs": epochs, "warmup_epochs": 1, **changes})


def synthetic(samples: int) -> TrainingData:
    """Ten classes of noisy images, each with a bright band of its own, and a tenth of the labels wrong."""
    dice = np.random.default_rng(0)
    labels = np.arange(samples, dtype=np.int64) % CLASSES
    images = dice.integers(0, 160, (samples, SIDE, SIDE, 3), dtype=np.uint8)
    for label in range(CLASSES):
        images[label::CLASSES, 3 * label + 1 : 3 * label + 4] += 60
    return TrainingData(images, symmetric(labels, CLASSES, 0.1, seed=0).labels, tuple("0123456789"))
