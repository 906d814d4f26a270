"""The life of jobs against a plain model of it, under every order of calls that Hypothesis can think of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.errors import Problem
from core.store import audits, jobs
from core.store.db import Database
from core.store.tables import ENDED, STATES, Dataset, Event, Job, Upload
from tests.unit.store import make

MAX_ATTEMPTS = 3
MOST_ALIVE = 2  # few jobs, so that a run of calls meets the same one again and again
KIND = st.sampled_from(["ingest", "audit"])
LATEST = st.integers(0, 2)  # the latest job or claim, or one of those before: some are stale, most are not


@dataclass
class Model:
    """What a job's row must say."""

    pk: int
    id: str
    kind: str
    state: str = "queued"
    attempt: int = 0
    strikes: int = 0
    cancel: bool = False
    pause: bool = False
    expired: bool = False
    removed: bool = False
    rung: bool = False
    plan: dict[str, Any] | None = None
    progress: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    code: str | None = None
    told: list[str] = field(default_factory=lambda: ["queued"])

    def to(self, state: str) -> None:
        self.state = state
        self.told.append(state)

    def holds(self, claim: jobs.Claim) -> bool:
        return self.state == "running" and self.attempt == claim.attempt and not self.removed

    def take_back(self) -> str:
        self.strikes += 1
        self.rung = False
        if self.cancel:
            self.to("cancelled")
        elif self.strikes >= MAX_ATTEMPTS:
            self.to("failed")
            self.code = "worker-crash-loop"
        else:
            self.back()
        return self.state

    def back(self) -> None:
        """Waiting again, or paused if somebody asked for that."""
        self.rung = False
        self.to("paused" if self.pause else "queued")
        self.pause = False


def has_job(machine: Any) -> bool:
    return bool(machine.models)


def has_claim(machine: Any) -> bool:
    return bool(machine.claims)


class Jobs(RuleBasedStateMachine):
    """Everything that can be done to jobs, each in a transaction of its own."""

    db: Database

    @initialize()
    def begin(self) -> None:
        with self.db.write() as session:
            session.execute(delete(Dataset))
            session.execute(delete(Upload))
            self.dataset_pk = make.dataset(session)[0].pk
            session.execute(delete(Job))
        self.models: dict[int, Model] = {}
        self.claims: list[jobs.Claim] = []
        self.ends: dict[int, tuple[Any, ...]] = {}

    def alive(self) -> list[Model]:
        return [model for model in self.models.values() if model.state not in ENDED and not model.removed]

    def latest(self, back: int) -> jobs.Claim:
        return self.claims[-1 - min(back, len(self.claims) - 1)]

    @rule(kind=KIND)
    def somebody_submits(self, kind: str) -> None:
        if len(self.alive()) < MOST_ALIVE:
            self.submit(kind)

    @rule(kind=KIND, by_id=st.booleans())
    def a_worker_takes_a_job(self, kind: str, by_id: bool) -> None:
        if not self.alive():
            self.submit(kind)
        if by_id:
            self.claim(self.alive()[-1])
        else:
            self.claim_next(kind)

    @precondition(has_claim)
    @rule(back=LATEST, percent=st.integers(0, 100), act=st.sampled_from(["beat", "remember", "adopt", "release"]))
    def a_worker_goes_on(self, back: int, percent: int, act: str) -> None:
        claim = self.latest(back)
        if act in ("beat", "remember"):
            getattr(self, act)(claim, percent)
        else:
            getattr(self, act)(claim)

    @precondition(has_claim)
    @rule(back=LATEST, act=st.sampled_from(["finish", "fail", "stop"]))
    def a_worker_comes_to_an_end(self, back: int, act: str) -> None:
        getattr(self, act)(self.latest(back))

    @precondition(has_claim)
    @rule(back=LATEST, act=st.sampled_from(["release", "abandon", "reap"]))
    def a_job_changes_hands(self, back: int, act: str) -> None:
        claim = self.latest(back)
        if act == "reap":
            self.expire(self.models[claim.pk])
            self.reap()
        else:
            getattr(self, act)(claim)
        self.claim(self.models[claim.pk])

    @precondition(has_claim)
    @rule(back=LATEST, act=st.sampled_from(["expire", "abandon", "reap"]))
    def a_worker_falls_silent(self, back: int, act: str) -> None:
        claim = self.latest(back)
        if act == "abandon":
            self.abandon(claim)
        elif act == "expire":
            self.expire(self.models[claim.pk])
        else:
            self.reap()

    @precondition(has_job)
    @rule(back=LATEST, act=st.sampled_from(["pause", "resume"]))
    def somebody_wants_it_to_wait(self, back: int, act: str) -> None:
        models = list(self.models.values())
        getattr(self, act)(models[-1 - min(back, len(models) - 1)])

    @precondition(has_job)
    @rule(back=LATEST, act=st.sampled_from(["cancel", "cancel", "remove"]))
    def somebody_wants_it_gone(self, back: int, act: str) -> None:
        models = list(self.models.values())
        getattr(self, act)(models[-1 - min(back, len(models) - 1)])

    def submit(self, kind: str) -> None:
        with self.db.write() as session:
            job = jobs.submit(session, kind, self.dataset_pk, {"kind": kind})
        self.models[job.pk] = Model(job.pk, job.id, kind)

    def _claimed(self, model: Model, claim: jobs.Claim) -> None:
        model.attempt += 1
        model.expired = False
        model.to("running")
        assert (claim.pk, claim.id, claim.attempt, claim.plan) == (model.pk, model.id, model.attempt, model.plan)
        self.claims.append(claim)

    def claim(self, model: Model) -> None:
        with self.db.write() as session:
            claim = jobs.claim(session, model.id, "worker", 3600.0)
        assert (claim is not None) == (model.state == "queued" and not model.removed)
        if claim:
            self._claimed(model, claim)

    def claim_next(self, kind: str) -> None:
        waiting = [m for m in self.models.values() if m.kind == kind and m.state == "queued" and not m.removed]
        with self.db.write() as session:
            claim = jobs.claim_next(session, kind, "worker", 3600.0)
        assert (claim and claim.pk) == (min(m.pk for m in waiting) if waiting else None)
        if claim:
            self._claimed(self.models[claim.pk], claim)

    def _write(self, claim: jobs.Claim, act: Callable[[Session], Any]) -> bool:
        """Do what only a holder may; whether it was allowed."""
        held = self.models[claim.pk].holds(claim)
        try:
            with self.db.write() as session:
                act(session)
        except jobs.LeaseLost:
            assert not held
            return False
        assert held
        return True

    def beat(self, claim: jobs.Claim, percent: int) -> None:
        model = self.models[claim.pk]
        progress = {"percent": percent} if percent else None
        asked: list[str | None] = []
        if self._write(claim, lambda session: asked.append(jobs.beat(session, claim, 3600.0, progress))):
            assert asked == ["cancel" if model.cancel else "pause" if model.pause else None]
            model.expired = False
            model.progress = progress or model.progress

    def remember(self, claim: jobs.Claim, seed: int) -> None:
        if self._write(claim, lambda session: jobs.remember(session, claim, plan={"seed": seed})):
            self.models[claim.pk].plan = {"seed": seed}

    def adopt(self, claim: jobs.Claim) -> None:
        model = self.models[claim.pk]
        with self.db.read() as session:
            adopted = jobs.adopt(session, claim.id, claim.attempt)
        assert (adopted is not None) == (model.state == "running" and model.attempt == claim.attempt)

    def release(self, claim: jobs.Claim) -> None:
        if self._write(claim, lambda session: jobs.release(session, claim)):
            self.models[claim.pk].back()

    def finish(self, claim: jobs.Claim) -> None:
        model = self.models[claim.pk]
        result = {"by": claim.attempt}
        try:
            if self._write(claim, lambda session: jobs.finish(session, claim, result)):
                assert not model.cancel
                model.result = result
                model.to("succeeded")
        except jobs.Cancelled:
            assert model.cancel and model.holds(claim)

    def fail(self, claim: jobs.Claim) -> None:
        if self._write(claim, lambda session: jobs.fail(session, claim, Problem("bad-data", "No."))):
            self.models[claim.pk].code = "bad-data"
            self.models[claim.pk].to("failed")

    def stop(self, claim: jobs.Claim) -> None:
        if self._write(claim, lambda session: jobs.stop(session, claim)):
            self.models[claim.pk].to("cancelled")

    def cancel(self, model: Model) -> None:
        if model.removed:
            return
        try:
            with self.db.write() as session:
                job = jobs.cancel(session, model.id)
        except Problem as problem:
            assert problem.code == "already-finished" and model.state in ("succeeded", "failed")
            return
        if model.state in ("queued", "paused"):
            model.to("cancelled")
            model.cancel = True
        elif model.state == "running":
            model.cancel = True
        assert (job.pk, job.state, job.cancel_requested) == (model.pk, model.state, model.cancel)

    def pause(self, model: Model) -> None:
        if model.removed:
            return
        try:
            with self.db.write() as session:
                job = jobs.pause(session, model.id)
        except Problem as problem:
            assert problem.code == "already-finished" and (model.state in ENDED or model.cancel)
            return
        if model.state == "queued":
            model.to("paused")
        model.pause |= model.state == "running"
        assert (job.state, job.pause_requested) == (model.state, model.pause)

    def resume(self, model: Model) -> None:
        if model.removed:
            return
        try:
            with self.db.write() as session:
                job = jobs.resume(session, model.id)
        except Problem as problem:
            assert problem.code == "already-finished" and model.state in ENDED
            return
        if model.state == "paused":
            model.rung = True  # by whoever asked
            model.to("queued")
        model.pause = False
        assert (job.state, job.pause_requested) == (model.state, False)

    def abandon(self, claim: jobs.Claim) -> None:
        model = self.models[claim.pk]
        theirs = model.state == "running" and model.attempt == claim.attempt
        with self.db.write() as session:
            state = jobs.abandon(session, claim, MAX_ATTEMPTS, "it was killed")
        assert state == (model.take_back() if theirs else None)

    def remove(self, model: Model) -> None:
        with self.db.write() as session:
            audits.remove(session, session.execute(select(Job).where(Job.pk == model.pk)).scalar_one())
        model.removed = model.cancel = True

    def expire(self, model: Model) -> None:
        if model.state == "running":
            with self.db.write() as session:
                make.expire(session, model.pk)
            model.expired = True

    def reap(self) -> None:
        with self.db.write() as session:
            reaped = jobs.reap(session, MAX_ATTEMPTS, 3600.0)
        expected: dict[str, list[str]] = {"queued": [], "paused": [], "failed": [], "cancelled": []}
        for model in self.models.values():
            if model.state == "running" and model.expired:
                expected[model.take_back()].append(model.id)
        assert sorted(reaped.requeued) == sorted(expected["queued"])
        assert sorted(reaped.failed) == sorted(expected["failed"])
        assert sorted(reaped.cancelled) == sorted(expected["cancelled"])
        # Only what was given back and has not been rung since; a fresh job's own bell is still fresh.
        silent = [m for m in self.models.values() if m.state == "queued" and not m.removed and not m.rung and m.attempt]
        assert reaped.to_ring == [(m.kind, m.id) for m in sorted(silent, key=lambda m: m.pk)]
        for model in silent:
            model.rung = True

    @invariant()
    def rows_are_what_the_model_says(self) -> None:
        if not hasattr(self, "models"):
            return
        with self.db.read() as session:
            rows = {job.pk: job for job in session.execute(select(Job)).scalars()}
            told: dict[int, list[Event]] = {pk: [] for pk in rows}
            for event in session.execute(select(Event).order_by(Event.job_pk, Event.seq)).scalars():
                told[event.job_pk].append(event)
        assert rows.keys() == self.models.keys()
        for pk, model in self.models.items():
            job = rows[pk]
            assert job.state in STATES
            assert (job.state, job.attempt, job.strikes) == (model.state, model.attempt, model.strikes)
            assert (job.cancel_requested, job.deleted_at is not None) == (model.cancel, model.removed)
            assert job.pause_requested == model.pause
            assert (job.plan, job.progress, job.result) == (model.plan, model.progress, model.result)
            assert (job.problem or {}).get("code") == model.code
            assert job.strikes <= MAX_ATTEMPTS
            assert job.strikes <= job.attempt
            assert (job.lease_until is not None) == (job.worker is not None) == (job.state == "running")
            assert (job.finished_at is not None) == (job.state in ENDED)
            assert (job.started_at is not None) == (job.attempt > 0)
            assert [event.seq for event in told[pk]] == list(range(1, job.events + 1))
            assert [event.data["status"] for event in told[pk]] == model.told
            if job.state in ENDED:
                end = (job.state, job.attempt, job.strikes, job.result, job.problem, job.finished_at, job.events)
                assert self.ends.setdefault(pk, end) == end


def test_no_order_of_calls_breaks_the_life_of_a_job(db: Database) -> None:
    on_this_database = type("OnThisDatabase", (Jobs,), {"db": db})
    run_state_machine_as_test(
        on_this_database,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )
