"""Runs: what they report, that they repeat, and that an interruption leaves no trace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load
from torch.nn.functional import normalize

from core.errors import Problem
from core.training.loop import EpochReport, Look, Result, Run, Tick
from tests.unit.training.make import CPU, data, finished, plan


def assert_same(first: Result, second: Result) -> None:
    for name, tensor in first.weights.items():
        assert torch.equal(tensor, second.weights[name]), name
    for name, column in first.ledger.state().items():
        assert torch.equal(column, second.ledger.state()[name]), name
    assert np.array_equal(first.answers.suggested, second.answers.suggested)
    assert np.array_equal(first.answers.opinions.log_p, second.answers.opinions.log_p)
    assert np.array_equal(first.answers.taught, second.answers.taught)
    assert first.test_accuracy_best == second.test_accuracy_best
    assert first.test_accuracy_last == second.test_accuracy_last


def test_a_run_tells_each_step_and_each_epoch_and_learns() -> None:
    run = Run(data(), plan(epochs=8), CPU)
    events = finished(run)
    ticks = [event for event in events if isinstance(event, Tick)]
    assert ticks == [Tick(epoch, step, 4) for epoch in range(8) for step in range(1, 5)]
    reports = [event for event in events if isinstance(event, EpochReport)]
    assert [report.epoch for report in reports] == list(range(8))
    assert reports[-1].train_loss < reports[0].train_loss
    assert all(report.samples_per_s > 0 for report in reports)
    result = run.result()
    assert result.test_accuracy_last == reports[-1].test_accuracy
    assert result.test_accuracy_best == max(report.test_accuracy or 0 for report in reports)
    assert result.test_accuracy_best > 0.8


def test_the_answers_are_another_class_and_its_probability() -> None:
    made = data(test=0)
    run = Run(made, plan(epochs=2), CPU)
    finished(run)
    answers = run.result().answers
    assert (answers.suggested != made.labels).all()
    assert np.allclose(np.exp(answers.opinions.log_p).sum(1), 1, atol=1e-6)
    others = answers.opinions.log_p.copy()
    others[np.arange(len(made.labels)), made.labels] = -np.inf
    assert np.array_equal(answers.suggested, others.argmax(1))
    assert run.result().test_accuracy_best is None
    assert run.result().test_accuracy_last is None


@pytest.mark.parametrize("scale", ["published", "mean-one"])
def test_weights_begin_after_the_warm_up(scale: str) -> None:
    run = Run(data(test=0), plan(epochs=3, warmup_epochs=2, weight_scale=scale), CPU)
    means = [event.mean_weight for event in run if isinstance(event, EpochReport)]
    assert means[:2] == [1.0, 1.0]
    assert means[2] == pytest.approx(1.0, abs=1e-5) if scale == "mean-one" else means[2] < 0.99


def test_without_a_weigher_every_weight_is_one() -> None:
    run = Run(data(test=0), plan(epochs=2, warmup_epochs=1, weigher="none"), CPU)
    assert [event.mean_weight for event in run if isinstance(event, EpochReport)] == [1.0, 1.0]


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    state = torch.get_rng_state()
    first, second, other = (Run(data(), plan(seed=seed), CPU) for seed in (7, 7, 8))
    for run in (first, second, other):
        finished(run)
    assert_same(first.result(), second.result())
    assert not torch.equal(first.ledger.iam(), other.ledger.iam())
    assert torch.equal(state, torch.get_rng_state())


def test_a_run_stopped_at_any_event_ends_as_if_it_had_never_stopped() -> None:
    whole = Run(data(), plan(), CPU)
    checkpoints = []
    for event in whole:
        checkpoints.append((event, whole.checkpoint()))
    kinds = {type(event) for event, _ in checkpoints}
    assert kinds == {Tick, Look, EpochReport}
    for _, content in checkpoints:
        resumed = Run(data(), plan(), CPU, resume=content)
        finished(resumed)
        assert_same(whole.result(), resumed.result())


@pytest.mark.parametrize("weigher", ["none", "hmw"])
def test_decoys_mirrors_and_muon_are_taken_up_where_they_were(weigher: str) -> None:
    made, asked = data(), plan(decoy_share=0.5, flip="auto", optimizer="muon", weigher=weigher, epochs=4)
    whole = Run(made, asked, CPU)
    assert len(whole.decoys) == 25
    checkpoints = [whole.checkpoint() for event in whole if isinstance(event, Tick | EpochReport)]
    for content in checkpoints[::3]:
        resumed = Run(made, asked, CPU, resume=content)
        finished(resumed)
        assert_same(whole.result(), resumed.result())
        assert np.array_equal(whole.result().answers.taught, resumed.result().answers.taught)


def test_many_interruptions_leave_no_trace() -> None:
    whole = Run(data(), plan(), CPU)
    finished(whole)
    content: bytes | None = None
    while True:
        run = Run(data(), plan(), CPU, resume=content)
        for steps, _ in enumerate(run, start=1):
            if steps == 2:
                content = run.checkpoint()
                break
        else:
            break
    assert_same(whole.result(), run.result())


def test_a_checkpoint_is_the_same_bytes_each_time_and_holds_no_code() -> None:
    first, second = Run(data(), plan(), CPU), Run(data(), plan(), CPU)
    for run in (first, second):
        next(iter(run))
    assert first.checkpoint() == second.checkpoint()
    assert "ledger.area" in load(first.checkpoint())


@pytest.mark.fault("F29")
def test_a_checkpoint_of_something_else_is_refused() -> None:
    run = Run(data(), plan(), CPU)
    next(iter(run))
    content = run.checkpoint()
    Run(data(), plan(reasons=("said otherwise",)), CPU, resume=content)
    relabelled = replace(data(), labels=(data().labels + 1) % 3)
    for other_data, other_plan, bytes_ in (
        (data(), plan(learning_rate=0.2), content),
        (data(40), plan(), content),
        (relabelled, plan(), content),
        (data(), plan(), content[: len(content) // 2]),
        (data(), plan(), b""),
        (data(), plan(), content.replace(b'\\"format\\": 3', b'\\"format\\": 9')),
    ):
        with pytest.raises(Problem) as refused:
            Run(other_data, other_plan, CPU, resume=bytes_)
        assert refused.value.code == "checkpoint-mismatch"


def test_a_loss_that_is_no_number_is_told_with_its_place_and_never_saved() -> None:
    run = Run(data(), plan(), CPU)
    with pytest.raises(Problem) as told:
        for event in run:
            if event == Tick(1, 1, 4):
                with torch.no_grad():
                    run.network.classifier.weight.fill_(torch.nan)
            if event == Tick(1, 2, 4):
                with pytest.raises(Problem):
                    run.checkpoint()
    assert told.value.code == "loss-not-finite"
    assert told.value.extra == {"epoch": 1, "step": 1}
    assert "epoch 2, step 2" in told.value.detail


def test_a_result_is_only_of_a_finished_run() -> None:
    with pytest.raises(RuntimeError, match="not at its end"):
        Run(data(), plan(), CPU).result()


@pytest.mark.parametrize("samples", [2, 3, 17])
def test_tiny_sets_can_be_trained(samples: int) -> None:
    run = Run(data(samples, test=0, channels=1), plan(epochs=2, channels=1), CPU)
    finished(run)
    assert torch.isfinite(run.result().ledger.iam()).all()


def trained(**changes: Any) -> Run:
    run = Run(data(48, test=0), plan(epochs=2, **changes), CPU)
    finished(run)
    return run


@pytest.mark.parametrize(
    "change",
    [
        {"logit_normalisation": True},
        {"entropy_penalty": 1.0},
        {"schedule": "steps", "milestones": (1,)},
        {"nesterov": False},
        {"micro_batch": 8},
    ],
)
def test_each_switch_changes_the_run(change: dict[str, Any]) -> None:
    assert not torch.equal(trained().ledger.iam(), trained(**change).ledger.iam())


def test_micro_batches_are_the_same_step_of_a_network_without_batch_statistics() -> None:
    whole, parts = (Run(data(48, test=0), plan(weigher="none", micro_batch=size), CPU) for size in (None, 5))
    for run in (whole, parts):
        run.network.eval()
        index, x, y = next(run.audited.shuffled(16, seed=0, epoch=0, first=0, pad=0, flip=False))
        run._learn(index, x, y)
    for name, tensor in whole.network.state_dict().items():
        torch.testing.assert_close(tensor, parts.network.state_dict()[name])
    assert torch.equal(whole.totals[1:], parts.totals[1:])


def test_smaller_micro_batches_go_on_from_the_same_checkpoint() -> None:
    run = Run(data(), plan(), CPU)
    next(iter(run))
    resumed = Run(data(), plan(micro_batch=8), CPU, resume=run.checkpoint())
    assert (resumed.epoch, resumed.step) == (0, 1)


def test_normalised_logits_bound_what_the_loss_can_reach() -> None:
    run = Run(data(test=0), plan(epochs=4, logit_normalisation=True), CPU)
    losses = [event.train_loss for event in run if isinstance(event, EpochReport)]
    best, rest = np.exp(np.sqrt(2 / 3)), np.exp(-np.sqrt(1 / 6))  # of a logit vector of length one, three classes
    assert min(losses) > -np.log(best / (best + 2 * rest))


def test_large_images_and_small_memories_are_looked_at_in_smaller_batches() -> None:
    sizes = [Run(data(8), plan(**change), CPU).eye.batch for change in ({}, {"resolution": 224}, {"micro_batch": 8})]
    assert sizes[0] == 512 and 16 <= sizes[1] < 64 and sizes[2] == 8


def test_what_decoys_show_of_their_wrong_labels_is_told_while_they_are_taught_and_survives_a_stop() -> None:
    wanted = plan(decoy_share=0.5, epochs=4)
    run = Run(data(), wanted, CPU)
    told: list[EpochReport] = []
    halfway = b""
    for event in run:
        if isinstance(event, EpochReport):
            told.append(event)
            if run.decoys.are_taught(event.epoch):
                assert torch.equal(event.planted, run.lessons.curves()[run.decoys.members])
                assert not torch.equal(event.planted, event.curves[run.decoys.members])
        elif isinstance(event, Tick) and (event.epoch, event.step) == (1, 2):
            halfway = run.checkpoint()
    assert [bool(event.planted.isnan().any()) for event in told] == [True, False, False, True]
    assert told[0].planted.shape == (25, 3)
    again = Run(data(), wanted, CPU, resume=halfway)
    resumed = [event for event in again if isinstance(event, EpochReport)]
    assert all(
        torch.equal(a.planted.nan_to_num(), b.planted.nan_to_num()) for a, b in zip(told[1:], resumed, strict=True)
    )
    assert [event.noise for event in resumed] == [event.noise for event in told[1:]]
    assert again.result().answers.features.tobytes() == run.result().answers.features.tobytes()


def test_wrong_labels_are_counted_while_planted_ones_are_taught_and_then_the_number_stands() -> None:
    right = data(200, test=0)
    labels = right.labels.copy()
    labels[::5] = (labels[::5] + 1) % len(right.classes)
    made, wanted = replace(right, labels=labels), plan(epochs=8, decoy_share=0.2)
    run = Run(made, wanted, CPU)
    told: list[EpochReport] = []
    halfway = b""
    for event in run:
        if isinstance(event, EpochReport):
            told.append(event)
        elif isinstance(event, Tick) and (event.epoch, event.step) == (4, 2):
            halfway = run.checkpoint()
    noise = [event.noise for event in told]
    last = noise[run.decoys.until - 1]
    assert noise[0] is None and last is not None and last.low < 0.2 < last.high
    assert noise[run.decoys.until :] == [last] * (8 - run.decoys.until)
    resumed = [event.noise for event in Run(made, wanted, CPU, resume=halfway) if isinstance(event, EpochReport)]
    assert resumed == noise[4:]
    without = finished(Run(made, plan(epochs=3, decoy_share=0.0), CPU))
    assert {event.noise for event in without if isinstance(event, EpochReport)} == {None}


def test_features_are_what_the_classifier_reads_of_both_sides_at_length_one() -> None:
    rooms: list[np.ndarray] = []

    def room(samples: int, width: int) -> np.ndarray:
        rooms.append(np.zeros((samples, width), np.float16))
        return rooms[-1]

    run = Run(data(), plan(flip=True), CPU, room=room)
    finished(run)
    run.network.eval()
    with torch.no_grad():
        x = run.audited.at(torch.arange(50))
        wanted = normalize(run.network(x)[1] + run.network(x.flip(3))[1], dim=1)
    assert run.result().answers.features is rooms[0]
    assert rooms[0].astype(float) == pytest.approx(wanted.double().numpy(), abs=1e-3)
