"""Drives a run: progress, figures, checkpoints, and what to do when the memory is too small."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core import failpoints, logs
from core.errors import Problem
from core.science.findings import Interval
from core.settings import Settings
from core.spec import Plan
from core.store import audits, curves, events, jobs
from core.store.blobs import Blobs
from core.training.catalogue import check
from core.training.company import ALONE, Company, Word
from core.training.host import is_out_of_memory
from core.training.loop import EpochReport, Event, Run, Seen, Tick
from worker.prepare import PREPARED
from worker.progress import Stopped, Voice

log = logs.get(__name__)
KEPT_CHECKPOINTS = 2
TRAINED = 97.0  # percent of an audit's way
SEEING = 0.9  # of a frozen network's training
SMALLEST_MICRO_BATCH = 8
STANDING = 1000  # samples of the provisional ranking
FIGURES = ("train_loss", "train_accuracy", "test_accuracy", "mean_weight", "seconds")  # of an epoch

NewRun = Callable[[Plan, bytes | None], Run]


class Training:
    """One attempt at a run, from the newest unharmed checkpoint to its end."""

    def __init__(
        self,
        settings: Settings,
        blobs: Blobs,
        voice: Voice,
        plan: Plan,
        new_run: NewRun,
        numbers: NDArray[np.int64],
        company: Company = ALONE,
    ) -> None:
        self._settings, self._blobs, self._voice = settings, blobs, voice
        self._new_run, self._numbers, self._company = new_run, numbers, company
        self.plan = plan
        self.seconds = 0.0  # that the whole training takes, at the pace of this attempt
        self._saved = list(voice.claim.checkpoints)  # the newest first

    def finish(self) -> Run:
        """Train to the end. When memory runs out, once more as before; then with ever less on the device at once.

        Of several processes that train together none can go on without the others: they all begin anew.
        """
        once_more = True
        while True:
            try:
                run = self._resumed()
                self._drive(run)
                return run
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) and not self._company.was_out_of_memory():
                    raise
            free_memory()
            if not self._company.alone:
                self._shrink()
                raise Stopped
            if once_more:
                once_more = False
                self._voice.event("out-of-memory", {"then": "again"})
            else:
                self._shrink()

    def _shrink(self) -> None:
        """Go on with less at once, in every later attempt too."""
        self.plan = with_less_at_once(self.plan)
        micro_batch = self.plan.micro_batch
        log.warning("out of memory, going on with less at once", micro_batch=micro_batch)

        def keep(session: Session) -> None:
            claim = self._voice.claim
            jobs.remember(session, claim, plan=self.plan.model_dump())
            told = {"then": "smaller", "micro_batch": micro_batch, "numerics_changed": True}
            events.emit(session, claim.pk, "out-of-memory", told)

        self._voice.write(keep)

    def _resumed(self) -> Run:
        """The run where the newest unharmed checkpoint left it, or from its beginning."""
        voice = self._voice
        for saved in self._saved:
            try:
                content = self._blobs.get(saved["key"], saved["sha256"])
                run = self._new_run(self.plan, content)
            except Problem as problem:
                log.warning("a checkpoint cannot be used", code=problem.code)
                voice.event("checkpoint-unusable", {"code": problem.code})
                continue
            voice.event("resumed", {"epoch": run.epoch, "attempt": voice.claim.attempt})
            self._company.tell(content)
            return run
        run = self._new_run(self.plan, None)
        self._company.tell()
        return run

    def _drive(self, run: Run) -> None:
        """Progress at every step, figures at every epoch, a checkpoint now and then."""
        voice, plan = self._voice, self.plan
        saved_at = began = time.monotonic()
        loss: float | None = None
        frozen, seen = check(plan.network).frozen, 0.0

        def done() -> float:
            """Share of the training; a frozen network's is mostly looking at the images."""
            learned = (run.epoch + run.step / run.steps) / plan.epochs
            return SEEING * seen + (1 - SEEING) * learned if frozen else learned

        begun_at = done()

        def progress() -> dict[str, Any]:
            return {
                "epoch": min(run.epoch + 1, plan.epochs),
                "epochs": plan.epochs,
                "percent": round(PREPARED + (TRAINED - PREPARED) * done(), 2),
                "eta_s": voice.eta(done() - begun_at, 1 - done()),
                "loss": loss,
            }

        def heed(event: Event) -> None:
            nonlocal loss, seen, saved_at
            if isinstance(event, EpochReport):
                loss = event.train_loss
                voice.progress = voice.progress.model_copy(update=progress())
                self._close_epoch(event, self._standing(event))
            if isinstance(event, Seen):
                seen = event.step / event.steps
            failpoints.at("training.step")
            try:
                voice.tick(**(progress() if isinstance(event, Seen | Tick) else {}))
            except Stopped:
                self._save(run)
                raise
            if time.monotonic() - saved_at >= self._settings.checkpoint_s:
                self._save(run)
                saved_at = time.monotonic()

        for event in run:
            try:
                heed(event)
            except BaseException:
                self._company.dismiss()
                raise
            self._company.say(Word.GO)
        self.seconds = (time.monotonic() - began) / max(1 / plan.epochs, done() - begun_at)

    def _standing(self, event: EpochReport) -> list[tuple[int, float]]:
        """The samples whose given labels have led least so far, and by how much: first the most suspicious."""
        margins = event.margins.numpy()
        least = np.argpartition(margins, min(STANDING, len(margins)) - 1)[:STANDING]
        order = least[np.lexsort((least, margins[least]))]
        return list(zip(self._numbers[order].tolist(), margins[order].round(6).tolist(), strict=True))

    def _close_epoch(self, event: EpochReport, standing: list[tuple[int, float]]) -> None:
        values = {name: getattr(event, name) for name in FIGURES}
        claim = self._voice.claim
        key = curves.key(claim.id, claim.attempt, event.epoch + 1)
        content = event.curves.numpy().tobytes() + event.planted.numpy().tobytes()
        self._voice.durably(lambda: self._blobs.put(key, content))
        failpoints.at("epoch.curves")

        def write(session: Session) -> None:
            pk = self._voice.claim.pk
            audits.write_epoch(session, pk, event.epoch + 1, {**values, "curves": key})
            jobs.remember(session, claim, provisional={"epoch": event.epoch + 1, "standing": standing})
            told = {"epoch": event.epoch + 1, "epochs": event.epochs, **values, "noise": _told(event.noise)}
            events.emit(session, pk, "epoch", told)

        self._voice.write(write)
        failpoints.at("epoch.written")

    def _save(self, run: Run) -> None:
        claim = self._voice.claim
        key = f"audits/{claim.id}/{claim.attempt}/checkpoints/{run.epoch:05d}-{run.step:07d}"
        self._company.say(Word.SAVE)
        content = run.checkpoint()
        stored = self._voice.durably(lambda: self._blobs.put(key, content)).as_record()
        failpoints.at("checkpoint.written")
        others = [saved for saved in self._saved if saved["key"] != key]
        self._saved, dropped = [stored, *others][:KEPT_CHECKPOINTS], others[KEPT_CHECKPOINTS - 1 :]
        self._voice.write(lambda session: jobs.remember(session, claim, checkpoints=self._saved))
        failpoints.at("checkpoint.remembered")
        for old in dropped:
            self._blobs.delete(old["key"])
            failpoints.at("checkpoint.dropped")


def _told(noise: Interval | None) -> dict[str, float] | None:
    return None if noise is None else {"estimate": noise.estimate, "low": noise.low, "high": noise.high}


def with_less_at_once(plan: Plan) -> Plan:
    """Half as many samples on the device at once, the same batch for each step."""
    micro_batch = (plan.micro_batch or plan.batch // plan.processes) // 2
    if micro_batch < SMALLEST_MICRO_BATCH:
        raise Problem(
            "out-of-memory",
            f"The network {plan.network} at {plan.resolution} pixels needs more memory than this worker has. Ask for a "
            "smaller network, or give the worker a device with more memory.",
        )
    return plan.model_copy(update={"micro_batch": micro_batch})


def free_memory() -> None:
    """Let go of what a failed run held on its device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
