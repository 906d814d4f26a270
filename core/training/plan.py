"""From what a user asked and what the dataset is to the numbers of a run; importable without torch."""

from __future__ import annotations

from math import ceil

from core.errors import Problem
from core.spec import AuditSpec, DatasetFacts, Plan, Split

SMALLEST, LARGEST = 8, 32  # sides the small network is made for
STEPS = 500  # optimiser steps below which the small network has not settled
LONGEST = 60  # epochs a recipe asks for at most
ONE_THREAD = 16  # side up to which a step is so short that threads on a busy machine wait for each other longer than it


def resolve(spec: AuditSpec, facts: DatasetFacts, device: str, cores: int) -> Plan:
    """The plan of an audit, with its reasons in plain sentences."""
    splits, accuracy_split, why_splits = _splits(spec, facts)
    samples = sum(facts.samples.get(split, 0) for split in splits)
    if samples == 0:
        raise Problem("no-samples", "The dataset has no samples to audit; upload one that has.")
    if facts.classes < 2:
        raise Problem("single-class", f"The dataset has {facts.classes} class; an audit needs at least two.")
    resolution, why_resolution = _resolution(facts)
    batch = 128 if samples >= 20_000 else max(8, min(64, samples // 16))
    epochs, why_epochs = _epochs(spec, samples, batch, device)
    threads = 1 if resolution <= ONE_THREAD else max(1, cores)
    weigher = spec.weigher or "hmw"
    warmup = max(1, epochs // 4)
    if weigher == "hmw":
        why_weigher = f"Suspects count less in training, from epoch {warmup + 1} on, when their weights mean something."
    else:
        why_weigher = "Every sample counts alike in training, as asked."
    return Plan(
        recipe=spec.recipe,
        method=spec.method or "cce",
        weigher=weigher,
        network=spec.network or "small",
        resolution=resolution,
        channels=1 if facts.grey else 3,
        epochs=epochs,
        batch=batch,
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=5e-4,
        warmup_epochs=warmup,
        alpha=100.0,
        beta=100.0,
        weight_scale="mean-one",
        pad=max(1, resolution // 8),
        flip=False,
        seed=0 if spec.seed is None else spec.seed,
        threads=threads,
        splits=splits,
        accuracy_split=accuracy_split,
        reasons=(
            why_splits,
            why_resolution,
            why_epochs,
            why_weigher,
            "Images are shifted but not mirrored: a mirrored digit, letter or sign can be another class, and that "
            "would look like a wrong label.",
        ),
    )


def _splits(spec: AuditSpec, facts: DatasetFacts) -> tuple[tuple[str, ...], Split | None, str]:
    """What is audited, what is held out for the accuracy, and why."""
    present = {split for split, count in facts.samples.items() if count > 0}
    if spec.splits is not None:
        for split in spec.splits:
            if split not in present:
                raise Problem("no-samples", f"The dataset has no samples in the split {split}; leave it out of splits.")
        chosen: tuple[str, ...] = tuple(dict.fromkeys(spec.splits))
        why = f"The audit covers {_listed(chosen)}, as asked."
    elif "train" in present:
        chosen = tuple(split for split in ("train", "") if split in present)
        why = "The audit covers the train split; other splits are kept for measuring the accuracy."
    else:
        chosen = tuple(sorted(present))
        why = "The dataset has no train split, so all samples are audited."
    held_out: tuple[Split, ...] = ("test", "val")
    accuracy_split = next((split for split in held_out if split in present and split not in chosen), None)
    return chosen, accuracy_split, why


def _resolution(facts: DatasetFacts) -> tuple[int, str]:
    side = facts.median_side
    resolution = min(LARGEST, max(SMALLEST, 4 * ceil(side / 4)))
    if side > resolution:
        return resolution, f"Images of about {side} pixels are read at {resolution}, the most the small network uses."
    return resolution, f"Images are read at {resolution} pixels, about their own size."


def _epochs(spec: AuditSpec, samples: int, batch: int, device: str) -> tuple[int, str]:
    if spec.epochs is not None:
        return spec.epochs, f"Training takes {spec.epochs} epochs, as asked."
    usual = 30 if device.startswith("cuda") else 20
    epochs = min(LONGEST, max(usual, ceil(STEPS * batch / samples)))
    if spec.recipe == "fast":
        return epochs // 2, f"Training takes {epochs // 2} epochs, half of the usual, because the recipe is fast."
    return epochs, f"Training takes {epochs} epochs, about {epochs * ceil(samples / batch)} steps."


def _listed(splits: tuple[str, ...]) -> str:
    return " and ".join(splits)
