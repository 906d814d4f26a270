"""The life of jobs against a plain model of it, under every order of calls that Hypothesis can think of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
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
KINDS = ("ingest", "audit")


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
            self.to("queued")
        return self.state


class Jobs(RuleBasedStateMachine):
    """Everything that can be done to jobs, each in a transaction of its own."""

    db: Database
    submitted = Bundle("submitted")
    claims = Bundle("claims")

    @initialize()
    def begin(self) -> None:
        with self.db.write() as session:
            session.execute(delete(Dataset))
            session.execute(delete(Upload))
            self.dataset_pk = make.dataset(session)[0].pk
            session.execute(delete(Job))
        self.models: dict[int, Model] = {}
        self.ends: dict[int, tuple[Any, ...]] = {}

    @rule(target=submitted, kind=st.sampled_from(KINDS))
    def submit(self, kind: str) -> int:
        with self.db.write() as session:
            job = jobs.submit(session, kind, self.dataset_pk, {"kind": kind})
        self.models[job.pk] = Model(job.pk, job.id, kind)
        return job.pk

    def _claimed(self, model: Model, claim: jobs.Claim) -> jobs.Claim:
        model.attempt += 1
        model.expired = False
        model.to("running")
        assert (claim.pk, claim.id, claim.attempt, claim.plan) == (model.pk, model.id, model.attempt, model.plan)
        return claim

    @rule(target=claims, pk=submitted)
    def claim(self, pk: int) -> Any:
        model = self.models[pk]
        with self.db.write() as session:
            claim = jobs.claim(session, model.id, "worker", 3600.0)
        assert (claim is not None) == (model.state == "queued" and not model.removed)
        return self._claimed(model, claim) if claim else multiple()

    @rule(target=claims, kind=st.sampled_from(KINDS))
    def claim_next(self, kind: str) -> Any:
        waiting = [m for m in self.models.values() if m.kind == kind and m.state == "queued" and not m.removed]
        with self.db.write() as session:
            claim = jobs.claim_next(session, kind, "worker", 3600.0)
        assert (claim and claim.pk) == (min(m.pk for m in waiting) if waiting else None)
        return self._claimed(self.models[claim.pk], claim) if claim else multiple()

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

    @rule(claim=claims, percent=st.none() | st.integers(0, 100))
    def beat(self, claim: jobs.Claim, percent: int | None) -> None:
        model = self.models[claim.pk]
        progress = None if percent is None else {"percent": percent}
        asked: list[bool] = []
        if self._write(claim, lambda session: asked.append(jobs.beat(session, claim, 3600.0, progress))):
            assert asked == [model.cancel]
            model.expired = False
            model.progress = progress or model.progress

    @rule(claim=claims, seed=st.integers(0, 3))
    def remember(self, claim: jobs.Claim, seed: int) -> None:
        if self._write(claim, lambda session: jobs.remember(session, claim, plan={"seed": seed})):
            self.models[claim.pk].plan = {"seed": seed}

    @rule(claim=claims)
    def adopt(self, claim: jobs.Claim) -> None:
        model = self.models[claim.pk]
        with self.db.read() as session:
            adopted = jobs.adopt(session, claim.id, claim.attempt)
        assert (adopted is not None) == (model.state == "running" and model.attempt == claim.attempt)

    @rule(claim=claims)
    def release(self, claim: jobs.Claim) -> None:
        if self._write(claim, lambda session: jobs.release(session, claim)):
            self.models[claim.pk].rung = False
            self.models[claim.pk].to("queued")

    @rule(claim=claims)
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

    @rule(claim=claims)
    def fail(self, claim: jobs.Claim) -> None:
        if self._write(claim, lambda session: jobs.fail(session, claim, Problem("bad-data", "No."))):
            self.models[claim.pk].code = "bad-data"
            self.models[claim.pk].to("failed")

    @rule(claim=claims)
    def stop(self, claim: jobs.Claim) -> None:
        if self._write(claim, lambda session: jobs.stop(session, claim)):
            self.models[claim.pk].to("cancelled")

    @rule(pk=submitted)
    def cancel(self, pk: int) -> None:
        model = self.models[pk]
        if model.removed:
            return
        try:
            with self.db.write() as session:
                job = jobs.cancel(session, model.id)
        except Problem as problem:
            assert problem.code == "already-finished" and model.state in ("succeeded", "failed")
            return
        if model.state == "queued":
            model.to("cancelled")
            model.cancel = True
        elif model.state == "running":
            model.cancel = True
        assert (job.pk, job.state, job.cancel_requested) == (pk, model.state, model.cancel)

    @rule(claim=consumes(claims))
    def abandon(self, claim: jobs.Claim) -> None:
        model = self.models[claim.pk]
        theirs = model.state == "running" and model.attempt == claim.attempt
        with self.db.write() as session:
            state = jobs.abandon(session, claim, MAX_ATTEMPTS, "it was killed")
        assert state == (model.take_back() if theirs else None)

    @rule(pk=submitted)
    def remove(self, pk: int) -> None:
        model = self.models[pk]
        with self.db.write() as session:
            audits.remove(session, session.execute(select(Job).where(Job.pk == pk)).scalar_one())
        model.removed = model.cancel = True

    @rule(pk=submitted)
    def expire(self, pk: int) -> None:
        if self.models[pk].state == "running":
            with self.db.write() as session:
                make.expire(session, pk)
            self.models[pk].expired = True

    @rule()
    def reap(self) -> None:
        with self.db.write() as session:
            reaped = jobs.reap(session, MAX_ATTEMPTS, 3600.0)
        expected: dict[str, list[str]] = {"queued": [], "failed": [], "cancelled": []}
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
    class OnThisDatabase(Jobs):
        pass

    OnThisDatabase.db = db
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        OnThisDatabase,
        settings=settings(
            max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
