"""The checks and figures that need a GPU: it computes what the CPU does, repeats itself, resumes, and how fast.

    python -m bench.gpu [--device cuda] [--samples 10000] [--again] [--only NAME …]

Every check is recorded as soon as it is done, and one that is recorded for this commit on this device and size is not
done again without --again: a run that was cut off goes on where it stopped. It needs torch, numpy, safetensors,
scikit-learn and pydantic, nothing of the web. Where there is no git, BENCH_COMMIT says what is measured.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.record import commit, lines, record, show
from core.science.ledger import Ledger
from core.science.noise import symmetric
from core.spec import Plan, Precision
from core.training.augment import Draws
from core.training.host import has_fast_bf16, settle
from core.training.loader import TrainingData
from core.training.loop import Result, Run, Tick
from core.training.networks import build

SIDE, CLASSES = 32, 10
WARM_UP, STEPS = 5, 20  # steps before the clock starts, and how many there are at least
PRECISIONS: tuple[Precision, ...] = ("float32", "bf16")
SLACK = 2e-3  # largest difference of a float32 gradient, relative to the largest gradient of its tensor

Figures = dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cpu tries the checks themselves")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--again", action="store_true", help="also what is recorded for this commit")
    parser.add_argument("--only", nargs="*", choices=list(CHECKS), default=list(CHECKS))
    args = parser.parse_args(argv)
    device = torch.device(args.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("There is no GPU here, so there is nothing to check.")
        return 0
    settle(device, torch.get_num_threads())  # as a worker does
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    what = {"device": describe(device), "samples": args.samples}
    done = {
        line["args"]["check"]
        for line in lines("gpu")
        if line["commit"] == commit() and what.items() <= line["args"].items()
    }
    wrong = False
    for name in args.only:
        if name in done and not args.again:
            print(f"{name}: recorded already")
            continue
        figures = CHECKS[name](device, args.samples)
        record("gpu", {"check": name, **what}, figures)
        show(name, ("what", "figure"), list(figures.items()))
        wrong |= figures.get("ok") is False
    return int(wrong)


def describe(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def facts(device: torch.device, samples: int) -> Figures:
    """What kind of device this is."""
    if device.type != "cuda":
        return {"name": "cpu", "threads": torch.get_num_threads()}
    found = torch.cuda.get_device_properties(device)
    return {
        "name": found.name,
        "capability": f"{found.major}.{found.minor}",
        "memory_gb": round(found.total_memory / 1e9, 1),
        "processors": found.multi_processor_count,
        "bf16": has_fast_bf16(device),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }


def agreement(device: torch.device, samples: int) -> Figures:
    """One forward and backward pass in float32, the crops and the ledger, against the CPU."""
    x = torch.randn(64, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    y = torch.arange(64) % CLASSES
    here, there = _one_pass(x, y, torch.device("cpu")), _one_pass(x, y, device)
    differences = {
        name: float((there[name] - value).abs().max() / value.abs().max().clamp_min(1e-12))
        for name, value in here.items()
    }
    index = torch.arange(1000)
    draws = [Draws.of(index.to(on), seed=3, epoch=2, pad=4, flip=True) for on in ("cpu", device)]
    crops = [drawn.window(slice(None), (SIDE, SIDE)) for drawn in draws]
    same_crops = all(torch.equal(a, b.cpu()) for a, b in zip(*crops, strict=True))
    ours, theirs = _ledger(torch.device("cpu")), _ledger(device)
    ledger = float((ours - theirs.cpu()).abs().max())
    return {
        "largest_difference": max(differences.values()),
        "same_crops": same_crops,
        "ledger_difference": ledger,
        "ok": max(differences.values()) < SLACK and same_crops and ledger < 1e-9,
    }


def _one_pass(x: Tensor, y: Tensor, device: torch.device) -> dict[str, Tensor]:
    torch.manual_seed(0)
    network = build("small", CLASSES, 3).to(device)
    logits, _ = network(x.to(device))
    torch.nn.functional.cross_entropy(logits, y.to(device)).backward()  # type: ignore[no-untyped-call]
    gradients = {name: p.grad.cpu() for name, p in network.named_parameters() if p.grad is not None}
    return {"logits": logits.detach().cpu(), **gradients}


def _ledger(device: torch.device) -> Tensor:
    dice = torch.Generator().manual_seed(2)
    ledger = Ledger(100, 3, alpha=100.0, beta=100.0, device=device)
    label = (torch.arange(100) % CLASSES).to(device)
    for epoch in range(3):
        logits, features = torch.randn(100, CLASSES, generator=dice), torch.rand(100, 64, generator=dice)
        weights, loss = torch.randn(CLASSES, 64, generator=dice), torch.rand(100, generator=dice)
        index = torch.arange(100).to(device)
        ledger.observe(epoch, index, label, *(t.to(device) for t in (logits, features, weights, loss)))
        ledger.close_epoch()
    return ledger.iam()


def throughput(device: torch.device, samples: int) -> Figures:
    """Samples a second of training, by batch and precision."""
    figures: Figures = {}
    for batch in (128, 512):
        for precision in PRECISIONS if has_fast_bf16(device) else PRECISIONS[:1]:
            epochs = max(3, -(-STEPS * batch // samples))
            run = Run(synthetic(samples), plan(device, epochs, batch, precision), device)
            ticks = (event for event in run if isinstance(event, Tick))
            for _ in range(WARM_UP):
                next(ticks)
            _wait(device)
            began, steps = time.perf_counter(), epochs * run.steps - WARM_UP
            for _ in range(steps):
                next(ticks)
            _wait(device)
            pace = steps * samples / run.steps / (time.perf_counter() - began)
            figures[f"samples_per_s batch {batch} {precision}"] = round(pace)
    return figures


def end_to_end(device: torch.device, samples: int) -> Figures:
    """A whole run of five epochs, from arrays to answers."""
    data, planted = noisy(samples)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    began = time.perf_counter()
    result = finished(Run(data, plan(device), device))
    _wait(device)
    seconds = time.perf_counter() - began
    first = np.argsort(result.ledger.iam().cpu().numpy(), kind="stable")[: planted.sum()]
    peak = torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None
    return {
        "seconds": round(seconds, 2),
        "samples_per_s": round(5 * samples / seconds),
        "found_at_planted": round(float(planted[first].mean()), 4),
        "peak_memory_mb": peak and round(peak, 1),
    }


def determinism(device: torch.device, samples: int) -> Figures:
    """Two runs of one plan, bit by bit."""
    one, two = (finished(Run(synthetic(samples), plan(device), device)) for _ in range(2))
    return _compared(one, two)


def resume(device: torch.device, samples: int) -> Figures:
    """A run that is stopped in its second epoch and resumed, against one that never stopped, bit by bit."""
    whole = finished(Run(synthetic(samples), plan(device), device))
    stopped = Run(synthetic(samples), plan(device), device)
    for _ in stopped:
        if stopped.epoch == 1 and stopped.step == stopped.steps // 2:
            break
    resumed = Run(synthetic(samples), plan(device), device, resume=stopped.checkpoint())
    return _compared(whole, finished(resumed))


def _compared(one: Result, two: Result) -> Figures:
    weights = all(torch.equal(tensor, two.weights[name]) for name, tensor in one.weights.items())
    ledger = all(torch.equal(column, two.ledger.state()[name]) for name, column in one.ledger.state().items())
    iam = float((one.ledger.iam() - two.ledger.iam()).abs().max())
    return {"same_weights": weights, "same_ledger": ledger, "largest_iam_difference": iam, "ok": weights and ledger}


def plan(device: torch.device, epochs: int = 5, batch: int = 128, precision: Precision | None = None) -> Plan:
    """A run of the small network, in bfloat16 where that is fast."""
    fast: Precision = "bf16" if has_fast_bf16(device) else "float32"
    return Plan(
        recipe="auto", method="cce", weigher="hmw", network="small", resolution=SIDE, channels=3, epochs=epochs,
        batch=batch, precision=precision or fast, learning_rate=0.1, momentum=0.9, weight_decay=5e-4, warmup_epochs=1,
        alpha=100.0, beta=100.0, pad=4, flip=True, seed=5, threads=torch.get_num_threads(), splits=("train",),
        reasons=(),
    )  # fmt: skip


def synthetic(samples: int) -> TrainingData:
    """Ten classes of noisy images, each with a bright band of its own."""
    dice = np.random.default_rng(0)
    labels = np.arange(samples, dtype=np.int64) % CLASSES
    images = dice.integers(0, 160, (samples, SIDE, SIDE, 3), dtype=np.uint8)
    for label in range(CLASSES):
        images[label::CLASSES, 3 * label + 1 : 3 * label + 4] += 60
    return TrainingData(images, labels, tuple("0123456789"))


def noisy(samples: int) -> tuple[TrainingData, np.ndarray[Any, np.dtype[np.bool_]]]:
    """The same with a tenth of the labels wrong."""
    clean = synthetic(samples)
    noise = symmetric(clean.labels, CLASSES, 0.1, seed=0)
    return TrainingData(clean.images, noise.labels, clean.classes), noise.flipped


def finished(run: Run) -> Result:
    for _ in run:
        pass
    return run.result()


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


CHECKS: dict[str, Callable[[torch.device, int], Figures]] = {
    "facts": facts,
    "agreement": agreement,
    "throughput": throughput,
    "end_to_end": end_to_end,
    "determinism": determinism,
    "resume": resume,
}


if __name__ == "__main__":
    sys.exit(main())
