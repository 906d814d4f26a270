"""How fast the published run trains: alone, in larger batches, beside others; against the ceiling of the GPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from multiprocessing import get_context
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bench.gpu_cells import Figures, Scale
from bench.gpu_checks import CLASSES, SIDE, short, synthetic
from bench.overhead import Blind
from core.spec import Plan
from core.training.host import autocast, has_fast_bf16, settle
from core.training.loop import Run, Tick
from core.training.networks import build

TARGET, FLOOR, MOST_OVERHEAD = 40_000, 15_000, 3.0  # images/s, images/s, %
WARM_UP = 2  # turns before the clock counts
LARGER = (512, 1024)  # batches
TIMED_S = 6.0  # of a training alone in larger batches, or beside others
PRODUCTS = 10  # of matrices
LATE_S = 60.0  # after which a process that should be ready is not waited for


def speed(device: torch.device, scale: Scale) -> Figures:
    """images/s of training in bf16, the share of the ceiling that it reaches, and what HMW and sharing cost."""
    figures: Figures = {"bf16": has_fast_bf16(device)}
    turns = _in_turns(device, scale)
    alone = scale.batch / statistics.median(turns["hmw"])
    ceiling, work = _ceiling(device, scale.side), _work(scale.network)
    figures |= {
        "images_per_s": round(alone),
        "images_per_s bare network": round(scale.batch / statistics.median(turns["bare"])),
        "HMW's overhead %": round(100 * (_ratio(turns["hmw"], turns["cce"]) - 1), 1),
        "of the bare throughput %": round(100 * _ratio(turns["bare"], turns["hmw"]), 1),
        "ceiling TFLOP/s": round(ceiling / 1e12, 3),
        "GFLOP an image": round(work / 1e9, 3),
        "share of the ceiling %": round(100 * alone * work / ceiling, 1),
    }
    for batch in LARGER if scale.sharing else ():
        figures[f"images_per_s batch {batch}"] = round(_pace(scale, device, batch, TIMED_S))
    together = {"1": round(_pace(scale, device, scale.batch, TIMED_S) if scale.sharing else alone)}
    together |= {str(count): round(_shared(count, device, scale)) for count in scale.sharing}
    best = max(together.values())
    return figures | {
        "images_per_s together": together,
        "target 40,000 images/s met": best >= TARGET,
        "floor of 15,000 images/s met": alone >= FLOOR,
        "overhead ≤ 3 % met": figures["HMW's overhead %"] <= MOST_OVERHEAD,
    }


def best_together(figures: Figures) -> int:
    """The fewest trainings at once that reach nearly the most images/s."""
    paces = {int(count): pace for count, pace in figures["images_per_s together"].items()}
    return min(count for count, pace in paces.items() if pace >= 0.95 * max(paces.values()))


def _in_turns(device: torch.device, scale: Scale) -> dict[str, list[float]]:
    """Seconds of a step of three trainings that take turns, so that whatever else happens meets all of them."""
    plan = _plan(scale, device, scale.batch)
    data = synthetic(scale.batch * scale.steps * (scale.turns + WARM_UP + 1))
    without = plan.model_copy(update={"weigher": "none"})
    trainings: dict[str, Iterator[Any]] = {
        "bare": _bare(plan, device),
        "cce": iter(Blind(data, without, device)),
        "hmw": iter(Run(data, plan, device)),
    }
    taken: dict[str, list[float]] = {name: [] for name in trainings}
    for turn in range(WARM_UP + scale.turns):
        for name, steps in trainings.items():
            began = time.perf_counter()
            for _ in range(scale.steps):
                next(steps)
            _wait(device)
            if turn >= WARM_UP:
                taken[name].append((time.perf_counter() - began) / scale.steps)
    return taken


def _plan(scale: Scale, device: torch.device, batch: int) -> Plan:
    return short(scale, device, epochs=1000, batch=batch, warmup_epochs=0)


def _bare(plan: Plan, device: torch.device) -> Iterator[None]:
    """The network and its optimiser on one batch, over and over."""
    run = Run(synthetic(plan.batch), plan, device)
    x = torch.randn(plan.batch, 3, SIDE, SIDE, device=device).to(memory_format=torch.channels_last)
    y = torch.arange(plan.batch, device=device) % CLASSES
    run.network.train()
    while True:
        run.optimizer.zero_grad()
        with autocast(device, plan.precision):
            logits, _ = run.network(x)
        torch.autograd.backward(cross_entropy(logits.float(), y))
        run.optimizer.step(0.01)
        yield


def _pace(scale: Scale, device: torch.device, batch: int, seconds: float, ready: Any = None) -> float:
    """images/s of a run within some seconds, ends of epochs included; `ready` is a barrier to wait for others at."""
    run = Run(synthetic(scale.synthetic), _plan(scale, device, batch), device)
    ticks = (event for event in run if isinstance(event, Tick))
    for _ in range(WARM_UP * scale.steps):
        next(ticks)
    _wait(device)
    if ready is not None:
        ready.wait(LATE_S)
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(scale.steps):
            next(ticks)
        _wait(device)
        steps += scale.steps
    return steps * batch / (time.perf_counter() - began)


def _shared(count: int, device: torch.device, scale: Scale) -> float:
    """images/s of several trainings beside each other, all together."""
    context = get_context("spawn")
    ready, told = context.Barrier(count), context.SimpleQueue()
    arguments = (scale, str(device), ready, told)
    processes = [context.Process(target=_one_of_many, args=arguments) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return float(sum(told.get() for process in processes if process.exitcode == 0))


def _one_of_many(scale: Scale, on: str, ready: Any, told: Any) -> None:
    device = torch.device(on)
    settle(device, 1)
    told.put(_pace(scale, device, scale.batch, TIMED_S, ready))


def _ceiling(device: torch.device, side: int) -> float:
    """Operations a second of a product of two square matrices of random numbers, in the precision of the training."""
    kind = torch.bfloat16 if has_fast_bf16(device) else torch.float32
    a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    taken = []
    for _ in range(WARM_UP + PRODUCTS):
        _wait(device)
        began = time.perf_counter()
        a @ b
        _wait(device)
        taken.append(time.perf_counter() - began)
    return 2.0 * side**3 / statistics.median(taken[WARM_UP:])


def _work(network: str) -> float:
    """Operations of training for each image: of the convolutions and the classifier, forward and twice that backward.

    The first convolution has no gradient to hand on.
    """
    counts: list[int] = []

    def count(layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer.weight, Tensor)
        counts.append(2 * output.numel() * layer.weight[0].numel())

    model = build(network, CLASSES, 3).eval()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    with torch.no_grad():
        model(torch.zeros(1, 3, SIDE, SIDE))
    return float(3 * sum(counts) - counts[0])


def _ratio(these: list[float], those: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(these, those, strict=True))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
