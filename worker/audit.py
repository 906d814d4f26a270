"""The job of kind `audit`: samples become a trained model and a verdict on every label."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from core import failpoints, logs
from core.settings import Settings
from core.spec import AuditSpec, Pace, Plan
from core.store import conflicts, curves, datasets, events, jobs, scores
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.likeness import COHORTS
from core.store.tables import Dataset
from core.training.budget import visits
from core.training.company import ALONE
from core.training.host import settle
from core.training.loop import Run
from core.training.model import model_files
from core.training.weights import read
from worker import likeness, report
from worker.beside import beside
from worker.device import Machine, machine
from worker.piped import put
from worker.prepare import listed, prepare
from worker.probe import planned
from worker.progress import Voice
from worker.record import record
from worker.together import Seat, start, threads
from worker.training import TRAINED, Training

log = logs.get(__name__)
LIKENED = 99.0  # percent of an audit's way


def run(settings: Settings, db: Database, blobs: Blobs, voice: Voice, seat: Seat | None = None) -> None:
    """Decode, train, judge, store. Whoever comes after a crash goes on from the last checkpoint.

    When several processes are to train together, they are started once all is decoded; the first of them comes here.
    """
    with db.read() as session:
        dataset = session.get_one(Dataset, voice.claim.dataset_pk)
    here = machine(settings, voice.claim.spec.get("device"), seat.rank if seat else None)
    plan = _plan(dataset, here, voice) if seat else _regrouped(_plan(dataset, here, voice), here, voice)
    settle(here.device, threads(plan) if seat else plan.threads)
    samples = listed(blobs, dataset)
    data, numbers = voice.durably(lambda: prepare(settings, blobs, dataset, samples, plan, voice.tick))
    if plan.processes > 1 and seat is None:
        voice.beat(settings.start_s)
        start(settings, voice.claim, plan)
    company = seat.join(here) if seat else ALONE
    company.tell(plan.model_dump_json().encode())

    voice.enter("training")

    shelf = likeness.room(settings, voice)

    def new_run(plan: Plan, resume: bytes | None) -> Run:
        first = None if resume else beside(lambda: read(plan.network, plan.weights, settings.weights), voice.tick)
        return Run(data, plan, here.device, resume, first, company, shelf)

    training = Training(settings, blobs, voice, plan, new_run, numbers, company)
    result = training.finish().result()
    plan = training.plan
    company.leave()

    voice.enter("scoring")
    listed_audited = samples.take(pa.array(numbers))
    table = report.judge(result, data, numbers, listed_audited, AuditSpec(**voice.claim.spec))
    voice.tick(percent=TRAINED)
    features, decoys = result.answers.features, result.answers.decoys
    with db.read() as session:
        epochs = curves.keys(session, voice.claim.pk)
    bands = voice.durably(lambda: likeness.cohorts_of(blobs, epochs, table, decoys, voice.tick))
    alike = likeness.find(features, table, here.device, voice.tick)
    voice.tick(percent=LIKENED)

    voice.enter("storing")
    made = record(dataset, plan, here, report.SCORE_VERSION, voice.claim.attempt)

    def files() -> Iterator[tuple[str, Iterator[bytes]]]:
        yield from report.score_files(table, listed_audited, dataset.classes or [], made)
        yield from ((file.name, iter([file.content])) for file in model_files(result, plan, data.classes))
        yield from likeness.files(alike, features, table)
        yield COHORTS, iter([bands.model_dump_json().encode()])

    stored = voice.durably(lambda: _stored(blobs, voice, files()))
    outcome = {
        "score_version": report.SCORE_VERSION,
        "device": here.name,
        "record": made.model_dump(),
        "files": stored,
        "summary": report.summary(table, result, plan).model_dump(),
        "likeness": alike.about.model_dump(),
        "pace": Pace(
            network=plan.network,
            resolution=plan.resolution,
            seconds=training.seconds / visits(plan, datasets.facts(dataset), plan.epochs),
            device=here.device.type,
            cores=here.cores,
            bf16=here.bf16,
            processes=plan.processes,
        ).model_dump(),
        "numerics_changed": plan.micro_batch is not None or plan.regrouped,
    }
    voice.progress = voice.progress.model_copy(update={"percent": 100.0, "eta_s": 0.0})

    def finish(session: Session) -> None:
        scores.load(session, report.rows(table, voice.claim.pk))
        conflicts.load(session, report.conflict_rows(table, voice.claim.pk))
        failpoints.at("audit.loading")
        jobs.finish(session, voice.claim, outcome)

    voice.write(finish)
    failpoints.at("audit.finished")
    log.info("audit done", samples=len(numbers), flagged=int(table.verdict.is_issue.sum()))


def _plan(dataset: Dataset, here: Machine, voice: Voice) -> Plan:
    """The plan of the first attempt, which all later ones follow."""
    if voice.claim.plan is not None:
        return Plan(**voice.claim.plan)
    plan = planned(AuditSpec(**voice.claim.spec), datasets.facts(dataset), here, voice)

    def keep(session: Session) -> None:
        jobs.remember(session, voice.claim, plan=plan.model_dump())
        events.emit(session, voice.claim.pk, "plan", {"reasons": list(plan.reasons), "epochs": plan.epochs})

    voice.write(keep)
    failpoints.at("audit.planned")
    return plan


def _regrouped(plan: Plan, here: Machine, voice: Voice) -> Plan:
    """The plan for a machine on which fewer processes can train together than had begun."""
    if plan.processes <= here.processes:
        return plan
    fewer = plan.model_copy(update={"processes": here.processes, "regrouped": True})
    log.warning("fewer processes go on", processes=fewer.processes, before=plan.processes)

    def keep(session: Session) -> None:
        jobs.remember(session, voice.claim, plan=fewer.model_dump())
        told = {"processes": fewer.processes, "before": plan.processes, "numerics_changed": True}
        events.emit(session, voice.claim.pk, "fewer-processes", told)

    voice.write(keep)
    return fewer


def _stored(blobs: Blobs, voice: Voice, files: Iterator[tuple[str, Iterator[bytes]]]) -> dict[str, dict[str, Any]]:
    """What is told of the files of a result, all of them written."""
    told = {}
    for name, chunks in files:
        key = f"audits/{voice.claim.id}/{voice.claim.attempt}/{name}"
        told[name] = put(blobs, key, chunks, voice.tick).as_record()
        failpoints.at("audit.file")
    return told
