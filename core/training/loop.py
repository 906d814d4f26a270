"""The whole training story: one run over one dataset, as a generator that does no I/O.

    run = Run(data, plan, device, start=weights)    # or Run(data, plan, device, resume=checkpoint)
    for event in run:
        ...                                  # progress; run.checkpoint() may be asked for at any event
    result = run.result()

A resumed run ends with the same bits as one that was never stopped, on the same kind of host with the same threads.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import log_softmax, normalize

from core.errors import Problem
from core.science.ledger import Ledger
from core.science.opinions import KEPT, Opinions
from core.science.weigher import sample_weights
from core.spec import Plan
from core.training import checkpoint, mirror, weights
from core.training.catalogue import check
from core.training.decoys import Decoys
from core.training.events import Answers, EpochReport, Event, Look, Result, Seen, Tick
from core.training.frozen import look_once
from core.training.host import autocast
from core.training.loader import Features, Loader, TrainingData, normalisation
from core.training.methods import method
from core.training.muon import Muon
from core.training.networks import build
from core.training.networks.fast import WhitenedNet
from core.training.schedule import rate
from core.training.sgd import SGD

__all__ = ["Answers", "EpochReport", "Event", "Look", "Result", "Run", "Seen", "Tick", "looked_at"]

EVALUATION_BATCH = 512  # images of 64 pixels; fixed, for a sample's last bits depend on the size of its batch
WHITENED_ON = 2000  # images that the stem of a whitened network is computed from


class Run:
    """One training run; iterate it to its end, then ask for its result."""

    def __init__(
        self,
        data: TrainingData,
        plan: Plan,
        device: torch.device,
        resume: bytes | None = None,
        start: Mapping[str, Tensor] | None = None,  # what `weights.read` says of the plan's
    ) -> None:
        self.plan, self.device = plan, device
        self.classes, self.samples = len(data.classes), len(data.labels)
        self.identity = _identity(data)
        self.scale = normalisation(data.images)
        self.audited = Loader(data.images, data.labels, self.scale, device)
        self.steps = self.audited.steps(plan.batch)
        self.looked_at = looked_at(plan)
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
        optimizer = Muon if plan.optimizer == "muon" else SGD
        self.optimizer = optimizer(
            self.network.named_parameters(), plan.momentum, plan.weight_decay, nesterov=plan.nesterov
        )
        self.decoys = Decoys(self.audited.labels, self.classes, plan.epochs, plan.decoy_share, plan.seed)
        self.ledger = self._new_ledger()  # of the given labels: what is reported
        apart = bool(len(self.decoys)) and plan.weigher == "hmw"
        self.lessons = self._new_ledger() if apart else self.ledger  # of the taught ones: what weighs
        self.mirrored: bool | None = None if plan.flip == "auto" else plan.flip
        self.method = method(plan.method, self.samples, self.classes, device)

        self.epoch = self.step = 0
        self.totals = torch.zeros(3, dtype=torch.float64, device=device)  # Σ loss, correct, Σ weight of the open epoch
        self.broken_at = torch.full((), -1, dtype=torch.int64, device=device)  # first step with a loss not finite
        self.test_accuracies: list[float] = []
        self.answers: Answers | None = None
        if resume is not None:
            self._resume(resume)

    def __iter__(self) -> Iterator[Event]:
        plan, steps = self.plan, self.steps
        if check(plan.network).frozen and not isinstance(self.audited, Features):
            self.audited, self.test = yield from look_once(
                self.network, self.audited, self.test, self.looked_at, plan.precision
            )
        while self.epoch < plan.epochs:
            started, first = time.perf_counter(), self.step
            self.network.train()
            for index, x, y in self.audited.shuffled(
                plan.batch, seed=plan.seed, epoch=self.epoch, first=first, pad=plan.pad, flip=bool(self.mirrored)
            ):
                self._learn(index, x, y)
                self.step += 1
                yield Tick(self.epoch, self.step, steps)
            self._check_finite()
            accuracy = None
            if self.test is not None:
                accuracy = yield from self._accuracy(self.test)
                self.test_accuracies.append(accuracy)
            if self.epoch == 0 and len(self.decoys):
                self.decoys.plant(self._beliefs(self.decoys.members))
            if self.mirrored is None:
                self.mirrored = self._mirrors()
            yield self._close_epoch(accuracy, time.perf_counter() - started, (steps - first) / steps)
        self.answers = yield from self._answer()

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
        """The run as it stands after the last event; never of a run that has gone astray."""
        self._check_finite()
        position = checkpoint.Position(self.epoch, self.step, tuple(self.test_accuracies))
        return checkpoint.dump(self.plan, self.identity, position, self._tensors())

    def _learn(self, index: Tensor, x: Tensor, y: Tensor) -> None:
        """One step down the gradient of a batch's objective; nothing here waits for the device."""
        self.optimizer.zero_grad()
        parts = -(-len(index) // (self.plan.micro_batch or len(index)))
        for part in zip(*(tensor.tensor_split(parts) for tensor in (index, x, y)), strict=True):
            objective = self._objective(*part) * (len(part[0]) / len(index))
            torch.autograd.backward(objective)
            astray = ~torch.isfinite(objective.detach()) & (self.broken_at < 0)
            self.broken_at = torch.where(astray, self.step, self.broken_at)
        self.optimizer.step(rate(self.plan, self.epoch + self.step / self.steps))

    def _objective(self, index: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """mean_i γ_i ℓ_i, what the method adds, and λ mean Σ p ln p; every sample is booked on the way."""
        plan = self.plan
        with autocast(self.device, plan.precision):
            logits, features = self.network(x)
        logits = logits.float()
        seen = normalize(logits, dim=1) if plan.logit_normalisation else logits  # by the loss
        taught = self.decoys.taught[index]
        loss = self.method.item_loss(seen, taught)
        given = self.method.item_loss(seen.detach(), y) if len(self.decoys) else loss
        self._book(self.ledger, index, y, logits, features, given)
        if self.lessons is not self.ledger:
            self._book(self.lessons, index, taught, logits, features, loss)
        if plan.weigher == "hmw" and self.epoch >= plan.warmup_epochs:
            weight = sample_weights(self.lessons, index, plan.weight_scale).to(loss.dtype)
        else:
            weight = torch.ones_like(loss)
        if (here := self.decoys.weight(index, self.epoch)) is not None:
            weight = weight * here
        objective = (weight * loss).mean()
        if (rest := self.method.rest(seen, index)) is not None:
            objective = objective + rest
        if plan.entropy_penalty:
            log_p = log_softmax(seen, dim=1)
            objective = objective + plan.entropy_penalty * (log_p.exp() * log_p).sum(1).mean()
        with torch.no_grad():
            correct = logits.argmax(1) == y
            self.totals += torch.stack([loss.double().sum(), correct.double().sum(), weight.double().sum()])
        return objective

    def _book(
        self, ledger: Ledger, index: Tensor, label: Tensor, logits: Tensor, features: Tensor, loss: Tensor
    ) -> None:
        head = self.network.classifier.weight
        ledger.observe(self.epoch, index, label, logits.detach(), features.detach(), head, loss.detach())

    def _close_epoch(self, accuracy: float | None, seconds: float, share: float) -> EpochReport:
        self.ledger.close_epoch()
        if self.lessons is not self.ledger:
            self.lessons.close_epoch()
        loss, correct, weight = (self.totals / self.samples).tolist()
        report = EpochReport(
            epoch=self.epoch,
            epochs=self.plan.epochs,
            train_loss=loss,
            train_accuracy=correct,
            test_accuracy=accuracy,
            mean_weight=weight,
            seconds=seconds,
            samples_per_s=share * self.samples / seconds,
            curves=self.ledger.curves(),
        )
        self.totals.zero_()
        self.epoch, self.step = self.epoch + 1, 0
        return report

    def _accuracy(self, loader: Loader) -> Generator[Look, None, float]:
        """Share of right answers on a split."""
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        for step, (_, y, p) in enumerate(self._predict(loader), start=1):
            correct += (p.argmax(1) == y).sum()
            yield Look(step, loader.steps(self.looked_at))
        return int(correct) / len(loader.labels)

    def _answer(self) -> Generator[Look, None, Answers]:
        """The final pass over the audited samples."""
        listed: list[tuple[Tensor, Tensor]] = []
        for step, (_, y, p) in enumerate(self._predict(self.audited), start=1):
            if self.classes <= KEPT:
                classes = torch.arange(self.classes).expand(len(y), -1)
            else:
                rivals = p.scatter(1, y[:, None], -1.0).topk(KEPT - 1, dim=1).indices
                classes = torch.cat([y[:, None], rivals], 1)
            listed.append((classes.cpu(), p.gather(1, classes.to(p.device)).clamp_min(1e-12).log().float().cpu()))
            yield Look(step, self.audited.steps(self.looked_at))
        which, log_p = (torch.cat(column) for column in zip(*listed, strict=True))
        opinions = Opinions(which.numpy(), log_p.double().numpy(), self.classes)
        members = self.decoys.members
        return Answers(
            opinions=opinions,
            suggested=opinions.suggested(self.audited.labels.cpu().numpy()),
            decoys=members.cpu().numpy(),
            taught=self.decoys.taught[members].cpu().numpy(),
            excused=self.method.excused,
        )

    def _mirrors(self) -> bool | None:
        """Whether the network, which saw no mirrored image, recognises them as well."""
        index, x = self.audited.some(mirror.ASKED)
        plain, mirrored = (self._rest(view).argmax(1).cpu() for view in (x, x.flip(3)))
        return mirror.decide(self.audited.labels[index].cpu(), plain, mirrored, self.classes)

    def _beliefs(self, index: Tensor) -> Tensor:  # [n] -> [n, classes]
        """Probabilities of some of the audited samples by the network at rest."""
        return self._rest(self.audited.at(index))

    @torch.no_grad()
    def _rest(self, x: Tensor) -> Tensor:  # [n, channels, h, w] -> [n, classes]
        """Probabilities by the network at rest, in fixed batches."""
        self.network.eval()
        parts = []
        for part in torch.split(x, self.looked_at):
            with autocast(self.device, self.plan.precision):
                parts.append(self.network(part)[0].double().softmax(1))
        return torch.cat(parts)

    def _predict(self, loader: Loader) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Index, label and probabilities [b, classes] of every sample, in fixed batches, by the network at rest.

        Where mirroring is harmless, the mirrored image is asked too.
        """
        for index, x, y in loader.in_order(self.looked_at):
            p = self._rest(x)
            yield index, y, (p + self._rest(x.flip(3))) / 2 if self.mirrored else p

    def _new_ledger(self) -> Ledger:
        plan = self.plan
        return Ledger(
            self.samples,
            plan.epochs,
            alpha=plan.alpha,
            beta=plan.beta,
            k=plan.k,
            annealing=plan.annealing,
            device=self.device,
        )

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {
            **{f"network.{name}": tensor for name, tensor in self.network.state_dict().items()},
            **{f"ledger.{name}": tensor for name, tensor in self.ledger.state().items()},
            **{f"velocity.{name}": tensor for name, tensor in self.optimizer.velocity.items()},
            **{f"method.{name}": tensor for name, tensor in self.method.state().items()},
            "totals": self.totals,
            "mirrored": torch.tensor(-1 if self.mirrored is None else int(self.mirrored)),
        }
        if len(self.decoys):
            tensors["decoys"] = self.decoys.state()
        if self.lessons is not self.ledger:
            tensors |= {f"lessons.{name}": tensor for name, tensor in self.lessons.state().items()}
        return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}

    def _resume(self, content: bytes) -> None:
        position, tensors = checkpoint.load(content, self.plan, self.identity)

        def part(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

        self.network.load_state_dict(part("network."))
        for name, velocity in part("velocity.").items():
            self.optimizer.velocity[name].copy_(velocity)
        self.ledger.load(part("ledger."))
        self.method.load(part("method."))
        self.totals.copy_(tensors["totals"])
        self.mirrored = None if int(tensors["mirrored"]) < 0 else bool(tensors["mirrored"])
        if len(self.decoys):
            self.decoys.load(tensors["decoys"])
        if self.lessons is not self.ledger:
            self.lessons.load(part("lessons."))
        self.epoch, self.step = position.epoch, position.step
        self.test_accuracies = list(position.test_accuracies)

    def _check_finite(self) -> None:
        step = int(self.broken_at)
        if step >= 0:
            raise Problem(
                "loss-not-finite",
                f"The loss stopped being a number in epoch {self.epoch + 1}, step {step + 1}; "
                "start the audit again with another seed.",
                epoch=self.epoch,
                step=step,
            )


def looked_at(plan: Plan) -> int:
    """Images of an evaluation batch: fewer when they are large, and when a whole batch did not fit."""
    usual = max(16, EVALUATION_BATCH * 64**2 // max(64, plan.resolution) ** 2)
    return min(usual, plan.micro_batch or usual)


def _identity(data: TrainingData) -> str:
    """Which samples with which labels: enough that a checkpoint cannot meet another dataset's rows."""
    shape = f"{data.images.shape} {len(data.classes)} "
    return hashlib.sha256(shape.encode() + np.ascontiguousarray(data.labels).tobytes()).hexdigest()
