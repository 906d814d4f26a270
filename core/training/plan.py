"""From what a user asked and what the dataset is to the numbers of a run; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from core.errors import Problem
from core.spec import AuditSpec, DatasetFacts, Pace, Plan, Split
from core.training import budget, catalogue, recipes
from core.training.recipes import Size

SMALLEST = 8  # side that images are read at, at least
STEPS = 500  # optimiser steps below which a network has not settled
LONGEST = 60  # epochs that are usual at most
ONE_THREAD = 16  # side up to which a step is so short that threads on a busy machine wait for each other longer than it
MANY = 20  # classes above which the published settings for CIFAR-100 hold
SHARES = (1, 0.75, 0.5, 0.25)  # of its native side, at which a network that was asked for may read images
EACH = 64  # samples of a batch that a process has at least when several train together
MOST_BELIEFS = 1 << 28  # numbers that ELR remembers, each in every checkpoint


@dataclass(frozen=True)
class _Asked:
    """Everything that a plan is made from."""

    spec: AuditSpec
    facts: DatasetFacts
    device: str
    cores: int
    bf16: bool
    splits: tuple[str, ...]
    accuracy_split: Split | None
    samples: int
    processes: int
    each: int


def resolve(
    spec: AuditSpec,
    facts: DatasetFacts,
    device: str,
    cores: int,
    *,
    bf16: bool = False,
    pace: Pace | None = None,
    processes: int = 1,
    each: int = EACH,
) -> Plan:
    """The plan of an audit, with its reasons in plain sentences.

    `bf16` says whether the device has it in hardware. A time budget needs a pace that was measured on the device. So
    many processes can train together, and each is to have so many samples of a batch.
    """
    splits, accuracy_split, why_splits = _splits(spec, facts)
    samples = sum(facts.samples.get(split, 0) for split in splits)
    asked = _Asked(spec, facts, device, cores, bf16, splits, accuracy_split, samples, processes, each)
    _refuse(asked)
    plan, why_size = _sized(asked, pace)
    why = [why_splits, *why_size, _why_weigher(plan, spec.weigher is not None), _why_flip(plan)]
    why += [*_why_processes(plan), *_why_seed(facts, spec.seed is not None)]
    return plan.model_copy(update={"reasons": tuple(why)})


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


def _refuse(asked: _Asked) -> None:
    """What cannot be audited, and what cannot be done."""
    spec, classes = asked.spec, asked.facts.classes
    if asked.samples == 0:
        raise Problem("no-samples", "The dataset has no samples to audit; upload one that has.")
    if classes < 2:
        raise Problem("single-class", f"The dataset has {classes} class; an audit needs at least two.")
    if spec.network is not None:
        catalogue.check_start(spec.network, _weights(spec, spec.network))
    elif spec.weights not in (None, "none"):
        raise Problem("network-needed", "Weights are those of one network: say which network starts from them.")
    if spec.method == "elr" and asked.samples * classes > MOST_BELIEFS:
        raise Problem(
            "method-too-large",
            f"ELR remembers a number for each of {asked.samples} samples and {classes} classes, at most "
            f"{MOST_BELIEFS} in all; choose the method cce, sce or gce.",
        )


def _sized(asked: _Asked, pace: Pace | None) -> tuple[Plan, list[str]]:
    """Network, resolution and epochs: the recipe's own, or those that the time allows."""
    sizes, start = _sizes(asked)
    usual = [_plan(asked, size, _epochs(asked, size)) for size in sizes]
    chosen, limit = usual[start], asked.spec.budget_s
    why_size = _why_size(asked, chosen)
    if limit is None:
        return chosen, [why_size, _why_epochs(asked, chosen)]
    if pace is None:
        later = f"How many epochs fit in {limit} s is decided by a measurement when the audit starts."
        return chosen, [why_size, _why_epochs(asked, chosen), later]
    fits = [budget.most_epochs(plan, asked.facts, pace, limit) for plan in usual]
    fixed = asked.spec.epochs is not None
    richer = [k for k in range(start) if asked.spec.recipe == "auto" and fits[k] >= usual[k].epochs]
    enough = [k for k in range(start, len(usual)) if fits[k] >= (usual[k].epochs if fixed else budget.FEWEST_EPOCHS)]
    best = (richer or enough or [len(usual) - 1])[0]
    epochs = usual[best].epochs if fixed else max(budget.FEWEST_EPOCHS, min(usual[best].epochs, fits[best]))
    plan = usual[best] if epochs == usual[best].epochs else _plan(asked, sizes[best], epochs)
    return plan, [_why_size(asked, plan), *_why_budget(asked, plan, usual[start], pace)]


def _sizes(asked: _Asked) -> tuple[list[Size], int]:
    """Networks and sides to choose from, the dearest first, and where to begin."""
    spec, side = asked.spec, asked.facts.median_side
    ladder = recipes.ladder(spec.recipe, asked.device, side)
    sizes, start = list(ladder.sizes), ladder.start(spec.recipe)
    if spec.network is not None:
        native = catalogue.check(spec.network).native
        shares = SHARES[:1] if spec.recipe == "paper" else SHARES
        sizes, start = [Size(spec.network, round(native * share)) for share in shares], 0
    read = [Size(size.network, _side(spec, size, side)) for size in sizes]
    different = list(dict.fromkeys(read))
    return different, different.index(read[start])


def _side(spec: AuditSpec, size: Size, side: int) -> int:
    """The side at which a network reads images of a side: near their own, within what it can use.

    Weights that are already good saw images of their native side, and so does the paper, however small ours are.
    """
    kind = catalogue.check(size.network)
    if spec.recipe != "paper" and _weights(spec, size.network) == "none":
        side = max(SMALLEST, 4 * ceil(side / 4))
        return min(max(kind.smallest, min(size.side, side)), kind.largest)
    return min(max(kind.smallest, size.side), kind.largest)


def _weights(spec: AuditSpec, network: str) -> str:
    """The weights to start from."""
    return spec.weights or ("default" if catalogue.check(network).frozen else "none")


def _epochs(asked: _Asked, size: Size) -> int:
    spec = asked.spec
    if spec.epochs is not None:
        return spec.epochs
    if spec.recipe == "paper":
        return recipes.PAPER_EPOCHS
    usual = 30 if asked.device.startswith("cuda") else 20
    usual = min(LONGEST, max(usual, ceil(STEPS * _batch(asked) / asked.samples)))
    return round(usual * recipes.EFFORT.get(spec.recipe, 1.0))


def _batch(asked: _Asked) -> int:
    if asked.spec.recipe == "paper" or asked.samples >= 5000:
        return 128
    return max(8, min(64, asked.samples // 16))


def _plan(asked: _Asked, size: Size, epochs: int) -> Plan:
    """The whole plan but for its reasons."""
    spec, facts = asked.spec, asked.facts
    weigher = spec.weigher or ("hmw" if spec.recipe == "paper" else "none")
    own: dict[str, Any]
    if spec.recipe == "paper":
        warmup = recipes.PAPER_WARMUP_MANY if facts.classes > MANY else recipes.PAPER_WARMUP
        own = recipes.PUBLISHED | {
            "learning_rate": 0.02,
            "warmup_epochs": max(1, min(warmup, epochs // 4)),
            "milestones": tuple(round(share * epochs) for share in recipes.PAPER_DROPS),
            "pad": size.side // 8,
            "k": max(1, int(recipes.PAPER_RUNNERS_UP * (facts.classes - 2))),
        }
    else:
        own = recipes.OURS | {
            **recipes.teaching(size.network, _weights(spec, size.network)),
            "warmup_epochs": max(1, epochs // 4),
            "pad": max(1, size.side // 8),
        }
    if catalogue.check(size.network).frozen:
        own |= {"pad": 0, "flip": False}
    if spec.logit_normalisation is not None:
        own["logit_normalisation"] = spec.logit_normalisation
    if spec.entropy_penalty is not None:
        own["entropy_penalty"] = spec.entropy_penalty
    return Plan(
        recipe=spec.recipe,
        method=spec.method or ("cce" if spec.recipe == "paper" else "fce"),
        weigher=weigher,
        network=size.network,
        weights=_weights(spec, size.network),
        resolution=size.side,
        channels=1 if facts.grey else 3,
        epochs=epochs,
        batch=_batch(asked),
        momentum=0.9,
        weight_decay=5e-4,
        precision="bf16" if asked.bf16 else "float32",
        alpha=100.0,
        beta=100.0,
        seed=facts.version - 1 if spec.seed is None else spec.seed,
        threads=1 if size.side <= ONE_THREAD else max(1, asked.cores),
        processes=max(1, min(asked.processes, min(_batch(asked), asked.samples) // asked.each)),
        splits=asked.splits,
        accuracy_split=asked.accuracy_split,
        reasons=(),
        **own,
    )


def _why_size(asked: _Asked, plan: Plan) -> str:
    side = asked.facts.median_side
    if side > plan.resolution:
        return f"The network {plan.network} reads images of about {side} pixels at {plan.resolution}."
    return f"The network {plan.network} reads images at {plan.resolution} pixels, about their own size."


def _why_epochs(asked: _Asked, plan: Plan) -> str:
    spec = asked.spec
    if spec.epochs is not None:
        return f"Training takes {plan.epochs} epochs, as asked."
    if spec.recipe == "paper":
        return f"Training takes {plan.epochs} epochs, as published."
    why = ", more than usual, because the recipe is thorough" if spec.recipe in recipes.EFFORT else ""
    return f"Training takes {plan.epochs} epochs, about {plan.epochs * ceil(asked.samples / plan.batch)} steps{why}."


def _why_budget(asked: _Asked, plan: Plan, usual: Plan, pace: Pace) -> list[str]:
    """What the time allowed, in sentences."""
    limit, need = asked.spec.budget_s, budget.duration_s(plan, asked.facts, pace)
    an_epoch = budget.seconds(pace, plan.network, plan.resolution, plan.processes) * asked.samples
    what = "To look at every image" if catalogue.check(plan.network).frozen else "An epoch"
    said = [
        f"{what} takes about {an_epoch:.2g} s on this device, as measured; {plan.epochs} epochs take about "
        f"{need:.0f} s of the {limit} s allowed."
    ]
    if limit is not None and need > limit:
        return [f"The {limit} s allowed are too few: {plan.epochs} epochs take about {need:.0f} s."]
    if (plan.network, plan.resolution) != (usual.network, usual.resolution):
        dearer = catalogue.cost(plan.network, plan.resolution) > catalogue.cost(usual.network, usual.resolution)
        allows = "leaves room for more" if dearer else "asks for less"
        said.append(f"That {allows} than {usual.network} at {usual.resolution} pixels, which is usual.")
    return said


def _why_weigher(plan: Plan, asked: bool) -> str:
    if plan.weigher == "none" and asked:
        return "Every sample counts alike in training, as asked."
    if plan.weigher == "none":
        return (
            "Every sample counts alike in training: in a run as short as this, weights would teach the network less, "
            "and it is by what it has learned that wrong labels are found."
        )
    first = plan.warmup_epochs + 1
    return f"Suspects count less in training, from epoch {first} on, when their weights mean something."


def _why_flip(plan: Plan) -> str:
    if catalogue.check(plan.network).frozen:
        return "Images are neither shifted nor mirrored: the network looks at each of them once, and learns from that."
    if plan.flip is True:
        return "Images are shifted and mirrored, as published; beware that a mirrored digit can be another class."
    return (
        "Images are shifted, and mirrored too once the network shows that this leaves their classes as they are: a "
        "mirrored digit, letter or sign can be another class, and that would look like a wrong label."
    )


def _why_processes(plan: Plan) -> list[str]:
    if plan.processes == 1:
        return []
    return [
        f"{plan.processes} processes train together, each on its own samples: {plan.batch // plan.processes} of the "
        f"{plan.batch} of a step. Scores differ from those of one process as they do from one seed to the next."
    ]


def _why_seed(facts: DatasetFacts, asked: bool) -> list[str]:
    if facts.version == 1 or asked:
        return []
    return [
        f"The network starts from seed {facts.version - 1}: audits of earlier versions started from others, and what "
        f"one network came to believe by chance the next need not believe too."
    ]


def _listed(splits: tuple[str, ...]) -> str:
    return " and ".join(splits)
