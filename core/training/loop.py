"""The whole training story: one run over one dataset, as a generator that does no I/O.

    run = Run(data, plan, device, start=weights)    # or Run(data, plan, device, resume=checkpoint)
    for event in run:
        ...                                  # progress; run.checkpoint() may be asked for at any event
    result = run.result()

A resumed run ends with the same bits as one that was never stopped, on the same kind of host with the same threads.
Several processes train together when each has a run over the same data in the same company: they go from event to event
together, make their checkpoints together, and each keeps the books of its own share of the samples.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, normalize

from core.errors import Problem
from core.science.ledger import Ledger
from core.science.weigher import sample_weights
from core.spec import Plan
from core.training import checkpoint, mirror, weights
from core.training.catalogue import check
from core.training.company import ALONE, Company, unsent
from core.training.decoys import Decoys
from core.training.events import Answers, EpochReport, Event, Look, Result, Room, Seen, Tick, in_memory
from core.training.eye import Eye
from core.training.frozen import look_once
from core.training.host import autocast
from core.training.loader import Features, Loader, Only, TrainingData, normalisation
from core.training.methods import method
from core.training.muon import Muon
from core.training.networks import build
from core.training.networks.fast import WhitenedNet
from core.training.schedule import rate
from core.training.sgd import SGD
from core.training.share import Share
from core.training.shown import Shown

__all__ = ["Answers", "EpochReport", "Event", "Look", "Result", "Run", "Seen", "Tick"]

WHITENED_ON = 2000  # images that the stem of a whitened network is computed from


class Run:
    """One training run; iterate it to its end, then ask for its result."""

    def __init__(
        self,
        data: TrainingData,
        plan: Plan,
        device: torch.device,
        resume: bytes | None = None,
        start: Mapping[str, Tensor] | None = None,  # what `weights.read` says of the plan's; the first one's counts
        company: Company = ALONE,
        room: Room = in_memory,  # for the features of all samples; the first one's counts
    ) -> None:
        self.plan, self.device, self.company = plan, device, company
        self.classes, self.samples = len(data.classes), len(data.labels)
        self.identity = _identity(data)
        self.scale = normalisation(data.images)
        self.audited = Loader(data.images, data.labels, self.scale, device)
        self.share = Share(company, self.samples, device)
        self.steps = self.audited.steps(plan.batch)
        self.test: Loader | None = None
        if data.test_images is not None and data.test_labels is not None and len(data.test_labels):
            self.test = Loader(data.test_images, data.test_labels, self.scale, device)

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            network = build(plan.network, self.classes, plan.channels)
        if isinstance(network, WhitenedNet):
            network.whiten(self.audited.some(WHITENED_ON)[1])
        if start is not None:
            weights.fill(network, plan.network, start, plan.weights)
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.learner: nn.Module = self.network  # what training calls
        self.eye = Eye(self.network, plan, device, company)
        optimizer = Muon if plan.optimizer == "muon" else SGD
        self.optimizer = optimizer(
            self.network.named_parameters(), plan.momentum, plan.weight_decay, nesterov=plan.nesterov
        )
        self.decoys = Decoys(self.audited.labels, self.classes, plan.epochs, plan.decoy_share, plan.seed)
        self.ledger = self._new_ledger(len(self.share))  # of the given labels: what is reported
        self.shown = Shown(self.decoys, self.share, plan.k, device)
        apart = bool(len(self.decoys)) and plan.weigher == "hmw"
        self.lessons = self._new_ledger(len(self.share)) if apart else self.ledger  # of the taught ones: what weighs
        self.mirrored: bool | None = None if plan.flip == "auto" else plan.flip
        self.method = method(plan.method, len(self.share), self.classes, device)

        self.epoch = self.step = 0
        self.rest: Tensor | None = None  # of an epoch that another number of processes began: what they left
        self.left: list[int] = []  # how much of that each of us has still to do
        self.totals = torch.zeros(3, dtype=torch.float64, device=device)  # Σ loss, correct, Σ weight of the open epoch
        self.broken_at = torch.full((), -1, dtype=torch.int64, device=device)  # first step with a loss not finite
        self.test_accuracies: list[float] = []
        self.answers: Answers | None = None
        self.features = room(0 if company.rank else self.samples, self.network.classifier.in_features)
        if resume is not None:
            self._resume(resume)

    def __iter__(self) -> Iterator[Event]:
        plan, steps, company = self.plan, self.steps, self.company
        for tensor in self.network.state_dict().values():
            company.same(tensor)
        if check(plan.network).frozen and not isinstance(self.audited, Features):
            self.audited, self.test = yield from look_once(
                self.network, self.audited, self.test, self.eye.batch, plan.precision, company
            )
        self.learner = company.learner(self.network, self.audited.some(2)[1], plan.precision)
        while self.epoch < plan.epochs:
            started, first = time.perf_counter(), self.step
            self.network.train()
            only, flip = Only(self.share, self.rest), bool(self.mirrored)
            for index, x, y in self.audited.shuffled(
                plan.batch, seed=plan.seed, epoch=self.epoch, first=first, pad=plan.pad, flip=flip, only=only
            ):
                self._learn(index, x, y)
                self.step += 1
                yield Tick(self.epoch, self.step, steps)
            self._check_finite()
            for buffer in self.network.buffers():
                company.same(buffer)
            accuracy = None
            if self.test is not None:
                accuracy = yield from self.eye.accuracy(self.test, bool(self.mirrored))
                self.test_accuracies.append(accuracy)
            if self.epoch == 0 and len(self.decoys):
                self.decoys.plant(company.same(self.eye.see(self.audited.at(self.decoys.members))[0]))
            if self.mirrored is None:
                self.mirrored = self._mirrors()
            yield self._close_epoch(accuracy, time.perf_counter() - started, (steps - first) / steps)
        self.answers = yield from self._answer()
        if not company.alone:
            whole = self._new_ledger(self.samples)
            whole.load(self.share.whole_ledger(self.ledger.state()))
            self.ledger = whole

    def result(self) -> Result:
        """What the finished run leaves behind."""
        if self.answers is None:
            raise RuntimeError("the run is not at its end")
        return Result(
            weights={name: tensor.detach().cpu().contiguous() for name, tensor in self.network.state_dict().items()},
            scale=self.scale,
            ledger=self.ledger,
            answers=self.answers,
            test_accuracy_best=max(self.test_accuracies, default=None),
            test_accuracy_last=self.test_accuracies[-1] if self.test_accuracies else None,
        )

    def checkpoint(self) -> bytes:
        """The run as it stands after the last event; never of a run that has gone astray.

        Those in company ask for it together, and the first one gets it; any number of processes can go on from it.
        """
        self._check_finite()
        position = checkpoint.Position(self.epoch, self.step, tuple(self.test_accuracies))
        tensors = self._tensors()
        return b"" if self.company.rank else checkpoint.dump(self.plan, self.identity, position, tensors)

    def _learn(self, index: Tensor, x: Tensor, y: Tensor) -> None:
        """One step down the gradient of a batch's objective; nothing here waits for the device."""
        self.optimizer.zero_grad()
        sizes = self._sizes()
        parts = -(-max(sizes) // (self.plan.micro_batch or max(sizes)))  # as many for everybody in company
        split = zip(*(tensor.tensor_split(parts) for tensor in (index, x, y)), strict=True)
        for number, part in enumerate(split, start=1):
            with nullcontext() if number == parts else unsent(self.learner):
                # Everybody's gradients are averaged, so the mean of the whole batch is that of the parts by their size.
                objective = self._objective(*part) * (len(part[0]) * self.company.size / sum(sizes))
                torch.autograd.backward(objective)
            astray = ~torch.isfinite(objective.detach()) & (self.broken_at < 0)
            self.broken_at = torch.where(astray, self.step, self.broken_at)
        self.optimizer.step(rate(self.plan, self.epoch + self.step / self.steps))

    def _sizes(self) -> list[int]:
        """How many samples everybody has in this step."""
        if self.rest is None:
            return self.share.sizes(self.step, self.steps)
        sizes = [left // (self.steps - self.step) for left in self.left]
        self.left = [left - size for left, size in zip(self.left, sizes, strict=True)]
        return sizes

    def _objective(self, index: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """mean_i γ_i ℓ_i, what the method adds, and λ mean Σ p ln p; every sample is booked on the way."""
        plan = self.plan
        with autocast(self.device, plan.precision):
            logits, features = self.learner(x)
        logits = logits.float()
        row = self.share.local(index)
        seen = normalize(logits, dim=1) if plan.logit_normalisation else logits  # by the loss
        taught = self.decoys.taught[index]
        loss = self.method.item_loss(seen, taught)
        given = self.method.item_loss(seen.detach(), y) if len(self.decoys) else loss
        self._book(self.ledger, row, y, logits, features, given)
        if self.lessons is not self.ledger:
            self._book(self.lessons, row, taught, logits, features, loss)
        self.shown.watch(self.epoch, row, taught, logits.detach(), loss.detach())
        if plan.weigher == "hmw" and self.epoch >= plan.warmup_epochs:
            weight = sample_weights(self.lessons, row, plan.weight_scale, self.company.mean).to(loss.dtype)
        else:
            weight = torch.ones_like(loss)
        if (here := self.decoys.weight(index, self.epoch)) is not None:
            weight = weight * here
        objective = (weight * loss).mean()
        if (rest := self.method.rest(seen, row)) is not None:
            objective = objective + rest
        if plan.entropy_penalty:
            log_p = log_softmax(seen, dim=1)
            objective = objective + plan.entropy_penalty * (log_p.exp() * log_p).sum(1).mean()
        with torch.no_grad():
            correct = logits.argmax(1) == y
            self.totals += torch.stack([loss.double().sum(), correct.double().sum(), weight.double().sum()])
        return objective

    def _book(self, ledger: Ledger, row: Tensor, label: Tensor, logits: Tensor, features: Tensor, loss: Tensor) -> None:
        head = self.network.classifier.weight
        ledger.observe(self.epoch, row, label, logits.detach(), features.detach(), head, loss.detach())

    def _close_epoch(self, accuracy: float | None, seconds: float, share: float) -> EpochReport:
        self.ledger.close_epoch()
        if self.lessons is not self.ledger:
            self.lessons.close_epoch()
        loss, correct, weight = (self.company.total(self.totals) / self.samples).tolist()
        report = EpochReport(
            epoch=self.epoch,
            epochs=self.plan.epochs,
            train_loss=loss,
            train_accuracy=correct,
            test_accuracy=accuracy,
            mean_weight=weight,
            seconds=seconds,
            samples_per_s=share * self.samples / seconds,
            curves=self.share.whole(self.ledger.curves()),
            margins=self.share.whole(self.ledger.aum()).cpu(),
            planted=self.shown.planted(self.epoch),
            noise=self.shown.noise(self.epoch, self.classes),
        )
        self.totals.zero_()
        self.epoch, self.step, self.rest = self.epoch + 1, 0, None
        return report

    def _answer(self) -> Generator[Look, None, Answers]:
        """The final pass over the audited samples."""
        opinions = yield from self.eye.opinions(self.audited, bool(self.mirrored), self.classes, self.features)
        members = self.decoys.members
        return Answers(
            opinions=opinions,
            suggested=opinions.suggested(self.audited.labels.cpu().numpy()),
            decoys=members.cpu().numpy(),
            taught=self.decoys.taught[members].cpu().numpy(),
            excused=self.method.excused,
            features=self.features,
        )

    def _mirrors(self) -> bool | None:
        """Whether the network, which saw no mirrored image, recognises them as well."""
        index, x = self.audited.some(mirror.ASKED)
        plain, mirrored = (self.eye.see(view)[0].argmax(1).cpu() for view in (x, x.flip(3)))
        decided = mirror.decide(self.audited.labels[index].cpu(), plain, mirrored, self.classes)
        return _decided(self.company.same(_as_tensor(decided, self.device)))

    def _new_ledger(self, samples: int) -> Ledger:
        plan = self.plan
        return Ledger(
            samples,
            plan.epochs,
            alpha=plan.alpha,
            beta=plan.beta,
            k=plan.k,
            annealing=plan.annealing,
            device=self.device,
        )

    def _tensors(self) -> dict[str, Tensor]:
        share = self.share
        tensors = {
            **{f"network.{name}": tensor for name, tensor in self.network.state_dict().items()},
            **{f"ledger.{name}": tensor for name, tensor in share.whole_ledger(self.ledger.state()).items()},
            **{f"velocity.{name}": tensor for name, tensor in self.optimizer.velocity.items()},
            **{f"shown.{name}": tensor for name, tensor in self.shown.state().items()},
            **{f"method.{name}": share.whole(tensor) for name, tensor in self.method.state().items()},
            "totals": self.company.total(self.totals),
            "mirrored": _as_tensor(self.mirrored, self.device),
        }
        if not self.company.alone:  # sums of floats, which go on as they were when as many processes go on
            tensors["totals.each"] = self.company.each(self.totals)
        if self.rest is not None:
            tensors["rest"] = torch.tensor(True)
        if len(self.decoys):
            tensors["decoys"] = self.decoys.state()
        if self.lessons is not self.ledger:
            lessons = share.whole_ledger(self.lessons.state())
            tensors |= {f"lessons.{name}": tensor for name, tensor in lessons.items()}
        return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}

    def _resume(self, content: bytes) -> None:
        position, tensors = checkpoint.load(content, self.plan, self.identity)

        def part(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

        self.network.load_state_dict(part("network."))
        for name, velocity in part("velocity.").items():
            self.optimizer.velocity[name].copy_(velocity)
        self.ledger.load(self.share.own_ledger(part("ledger.")))
        self.method.load({name: self.share.own(table) for name, table in part("method.").items()})
        each = tensors.get("totals.each", tensors["totals"][None])
        if len(each) == self.company.size:
            self.totals.copy_(each[self.company.rank])
        elif self.company.rank == 0:
            self.totals.copy_(tensors["totals"])
        self.mirrored = _decided(tensors["mirrored"])
        if len(self.decoys):
            self.decoys.load(tensors["decoys"])
        self.shown.load(part("shown."))
        if self.lessons is not self.ledger:
            self.lessons.load(self.share.own_ledger(part("lessons.")))
        self.epoch, self.step = position.epoch, position.step
        self.test_accuracies = list(position.test_accuracies)
        if len(each) != self.company.size or "rest" in tensors:
            self._take_up(tensors["ledger.count"] == self.epoch)

    def _take_up(self, unseen: Tensor) -> None:  # [samples] bool
        """Go on in an epoch whose first batches were cut for another number of processes."""
        if self.step in (0, self.steps):
            return
        self.rest, self.left = unseen, self.share.split(unseen)
        if not self.company.alone and min(self.left) < 2 * (self.steps - self.step):
            raise Problem(
                "checkpoint-mismatch",
                "The checkpoint was made by another number of processes and leaves one of these without work.",
            )

    def _check_finite(self) -> None:
        broken = [step for step in self.company.each(self.broken_at).tolist() if step >= 0]
        if broken:
            step = min(broken)
            raise Problem(
                "loss-not-finite",
                f"The loss stopped being a number in epoch {self.epoch + 1}, step {step + 1}; "
                "start the audit again with another seed.",
                epoch=self.epoch,
                step=step,
            )


def _as_tensor(decision: bool | None, device: torch.device) -> Tensor:
    return torch.tensor(-1 if decision is None else int(decision), device=device)


def _decided(tensor: Tensor) -> bool | None:
    return None if int(tensor) < 0 else bool(tensor)


def _identity(data: TrainingData) -> str:
    """Which samples with which labels: enough that a checkpoint cannot meet another dataset's rows."""
    shape = f"{data.images.shape} {len(data.classes)} "
    return hashlib.sha256(shape.encode() + np.ascontiguousarray(data.labels).tobytes()).hexdigest()
