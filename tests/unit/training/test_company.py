"""Two processes on one run: each sample once, the bits of every other pair, and nearly the ranking of one process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save_file
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from torch import Tensor

from core.errors import Problem
from core.science.findings import Interval
from core.science.noise import symmetric
from core.science.verdict import judge
from core.spec import AuditSpec, DatasetFacts, Plan
from core.training.company import ALONE, Company, Word
from core.training.events import EpochReport, Event, Look, Result, Seen, Tick
from core.training.loader import Only, TrainingData
from core.training.loop import Run
from core.training.networks import build
from core.training.plan import resolve
from core.training.weights import read
from tests.unit.training.make import CPU, data, plan
from tests.unit.training.test_frozen import NETWORK, frozen, pictures
from tests.unit.training.together import Ask, companions

SAMPLES = 61
EVERYTHING: dict[str, Any] = {
    "method": "elr",
    "weigher": "hmw",
    "network": "fast",
    "optimizer": "muon",
    "decoy_share": 0.5,
    "flip": "auto",
    "micro_batch": 5,
}
SWITCHES = [
    pytest.param(EVERYTHING, id="everything"),
    pytest.param({}, id="plain", marks=pytest.mark.chaos),
    pytest.param({"weight_scale": "published", "decoy_share": 0.5}, id="weights", marks=pytest.mark.chaos),
]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with companions(2, tmp_path_factory.mktemp("company")) as ask:
        yield ask


def bits(result: Result) -> str:
    """Everything that a run leaves, in one digest."""
    digest = hashlib.sha256()
    tensors = {**result.weights, **result.ledger.state()}
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    for array in (result.answers.opinions.log_p, result.answers.suggested, result.answers.taught):
        digest.update(array.tobytes())
    digest.update(f"{result.test_accuracy_best} {result.test_accuracy_last}".encode())
    return digest.hexdigest()


def whole(company: Company, changes: dict[str, Any], samples: int = SAMPLES) -> tuple[str, list[Event]]:
    run = Run(data(samples), plan(**changes), CPU, company=company)
    events = list(run)
    return bits(run.result()), events


def kept(company: Company, changes: dict[str, Any]) -> tuple[NDArray[np.float16], list[Tensor], Tensor]:
    """The features, the points of decoys in each epoch, and those of the ledger of taught labels after the last."""
    run = Run(data(SAMPLES), plan(**changes), CPU, company=company)
    planted = [event.planted for event in run if isinstance(event, EpochReport)]
    lessons = run.share.whole(run.lessons.curves())
    return run.result().answers.features, planted, lessons[run.decoys.members]


def counted(company: Company, changes: dict[str, Any]) -> list[Interval | None]:
    """How many labels seem wrong after each epoch."""
    run = Run(data(200), plan(**changes), CPU, company=company)
    return [event.noise for event in run if isinstance(event, EpochReport)]


def stopped(company: Company, changes: dict[str, Any], *at: int) -> list[bytes]:
    """Checkpoints of a run after these events."""
    run = Run(data(SAMPLES), plan(**changes), CPU, company=company)
    return [run.checkpoint() for k, _ in enumerate(run) if k in at]


def resumed(company: Company, changes: dict[str, Any], content: bytes) -> str:
    content = company.tell(content if company.rank == 0 else b"")
    run = Run(data(SAMPLES), plan(**changes), CPU, resume=content, company=company)
    list(run)
    return bits(run.result())


def resumed_twice(company: Company, changes: dict[str, Any], content: bytes) -> tuple[str, str]:
    """To the end, and to the end over another stop a step later."""
    content = company.tell(content if company.rank == 0 else b"")
    run = Run(data(SAMPLES), plan(**changes), CPU, resume=content, company=company)
    again = [run.checkpoint() for k, _ in enumerate(run) if k == 0]
    return bits(run.result()), resumed(company, changes, again[0])


def sums(events: list[Event]) -> list[tuple[float, ...]]:
    reports = [event for event in events if isinstance(event, EpochReport)]
    return [(one.train_loss, one.train_accuracy, one.mean_weight, one.test_accuracy or 0) for one in reports]


def test_the_first_process_keeps_the_features_of_all_and_everybody_knows_the_points_of_decoys(two: Ask) -> None:
    changes = {"decoy_share": 0.5, "epochs": 7, "weigher": "hmw"}
    (features, planted, lessons), (nothing, others, _) = two(kept, changes)
    assert nothing.shape == (0, features.shape[1])
    assert np.linalg.norm(features.astype(float), axis=1) == pytest.approx(np.ones(SAMPLES), abs=2e-3)
    alone, _, _ = kept(ALONE, changes)
    assert alone.shape == features.shape
    assert [bool(points.isnan().all()) for points in planted] == [True, *4 * [False], True, True]
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(planted, others, strict=True))
    assert len(planted[0]) == len(lessons) == 30


def test_everybody_counts_the_same_wrong_labels(two: Ask) -> None:
    first, second = two(counted, {"decoy_share": 0.2, "epochs": 7})
    assert first == second
    assert first[0] is None and first[-1] is not None


@pytest.mark.parametrize("changes", SWITCHES)
def test_every_sample_is_scored_once_an_epoch_and_two_runs_have_the_same_bits(
    two: Ask, changes: dict[str, Any]
) -> None:
    (first, events), (second, others) = two(whole, changes)
    assert first == second, "both processes end with the same"
    assert two(whole, changes)[0][0] == first
    assert [event for event in events if isinstance(event, Tick)] == [
        Tick(epoch, step, 4) for epoch in range(3) for step in range(1, 5)
    ]
    assert sums(events) == sums(others)
    for report in (event for event in events if isinstance(event, EpochReport)):
        assert report.curves.shape == (SAMPLES, 3) and bool((report.curves[:, 2] > 0).all())
        assert len(report.margins) == SAMPLES


@pytest.mark.parametrize("changes", SWITCHES)
def test_two_go_on_from_any_event_with_the_bits_of_a_run_that_was_never_stopped(
    two: Ask, changes: dict[str, Any]
) -> None:
    undisturbed = two(whole, changes)[0][0]
    checkpoints, none = two(stopped, changes, 1, 6, 9)
    assert len(checkpoints) == 3 and not any(none)
    for content in checkpoints:
        assert two(resumed, changes, content) == [undisturbed, undisturbed]


def test_one_goes_on_where_two_stopped_and_two_where_one_did(two: Ask) -> None:
    changes = EVERYTHING | {"flip": True}
    for content in two(stopped, changes, 1, 9)[0]:
        assert len(load(content)["ledger.area"]) == SAMPLES
        whole_way, over_a_stop = resumed_twice(ALONE, changes, content)
        assert whole_way == over_a_stop
    for content in stopped(ALONE, changes, 1):
        assert len({digest for pair in two(resumed_twice, changes, content) for digest in pair}) == 1


def test_a_step_of_two_is_a_step_of_one_where_nothing_depends_on_the_batch(two: Ask) -> None:
    for changes in ({"weigher": "none", "micro_batch": 20}, {"warmup_epochs": 0}):
        alone = step_at_rest(ALONE, changes)
        for together in two(step_at_rest, changes):
            for name, tensor in together.items():
                torch.testing.assert_close(tensor, alone[name], msg=name)


def step_at_rest(company: Company, changes: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The network after one step on all samples, without the statistics of a batch."""
    run = Run(data(SAMPLES), plan(batch=64, **changes), CPU, company=company)
    run.learner = company.learner(run.network, run.audited.some(2)[1], "float32")
    run.network.eval()
    for index, x, y in run.audited.shuffled(64, seed=0, epoch=0, first=0, pad=0, flip=False, only=Only(run.share)):
        run._learn(index, x, y)
    return {name: tensor.clone() for name, tensor in run.network.state_dict().items()}


def test_a_loss_that_is_no_number_is_told_by_both(two: Ask) -> None:
    assert two(astray) == [("loss-not-finite", {"epoch": 1, "step": 1})] * 2


def astray(company: Company) -> tuple[str, dict[str, Any]]:
    run = Run(data(), plan(), CPU, company=company)
    try:
        for event in run:
            if event == Tick(1, 1, 4) and company.rank == 1:  # its gradients spoil the other's network a step later
                with torch.no_grad():
                    run.network.classifier.weight.fill_(torch.nan)
    except Problem as problem:
        return problem.code, problem.extra
    return "", {}


def test_the_others_do_as_the_first_one_says(two: Ask) -> None:
    assert two(obedient) == [(7, True), (7, True)]


def obedient(company: Company) -> tuple[int, bool]:
    run = Run(data(), plan(), CPU, company=company)
    saved, events = False, 0
    for events, _ in enumerate(run, start=1):
        if company.rank == 0:
            if events == 3:
                company.say(Word.SAVE)
                assert run.checkpoint()
                saved = True
            company.say(Word.STOP if events == 7 else Word.GO)
            if events == 7:
                break
        else:
            while (word := company.say()) is Word.SAVE:
                saved = not run.checkpoint()
            if word is Word.STOP:
                break
    return events, saved


def digits(rate: float = 0.08) -> tuple[TrainingData, Plan, np.ndarray[Any, np.dtype[np.bool_]]]:
    found = load_digits()
    images = np.round(found.images[:1000] * (255 / 16)).astype(np.uint8)[..., None]
    noise = symmetric(found.target[:1000].astype(np.int64), 10, rate, seed=0)
    facts = DatasetFacts(samples={"": len(images)}, classes=10, median_side=8, grey=True)
    planned = resolve(AuditSpec(epochs=8), facts, "cpu", 2, processes=2, each=16)
    assert planned.processes == 2
    return TrainingData(images, noise.labels, tuple("0123456789")), planned, noise.flipped


def digits_judged(company: Company) -> tuple[Any, Any]:
    made, planned, _ = digits()
    run = Run(made, planned, CPU, company=company)
    list(run)
    return run.result().ledger.aum().numpy(), judge(run.result().evidence(), made.labels).score


def test_two_rank_the_wrong_labels_of_digits_as_one_does(
    two: Ask, record_property: Callable[[str, object], None]
) -> None:
    (aum, score), _ = two(digits_judged)
    one_aum, one_score = digits_judged(ALONE)
    flipped = digits()[2]
    planted = int(flipped.sum())
    first, second = (set(np.argsort(-values, kind="stable")[:planted].tolist()) for values in (score, one_score))
    measured = {
        "aum": float(spearmanr(aum, one_aum).statistic),
        "score": float(spearmanr(score, one_score).statistic),
        "overlap": len(first & second) / planted,
        "found": len(first & set(np.flatnonzero(flipped).tolist())) / planted,
        "found by one": len(second & set(np.flatnonzero(flipped).tolist())) / planted,
    }
    record_property("agreement", measured)
    assert measured["aum"] > 0.8 and measured["overlap"] > 0.8, measured
    assert measured["found"] > 0.9, measured


def test_looks_are_told_after_each_round_of_turns(two: Ask) -> None:
    _, events = two(whole, {"micro_batch": 8, "epochs": 2})[1]
    looks = [event for event in events if isinstance(event, Look)]
    assert looks == [Look(2, 3), Look(3, 3)] * 2 + [Look(2, 8), Look(4, 8), Look(6, 8), Look(8, 8)]


def test_what_a_frozen_network_sees_is_what_one_process_sees(two: Ask, tmp_path: Path) -> None:
    torch.manual_seed(6)
    save_file(build(NETWORK.replace("frozen", "torchvision"), 3, 3).state_dict(), tmp_path / "mine.safetensors")
    alone = seen_by(ALONE, tmp_path)
    (ours, whole_run), (theirs, same_run) = two(seen_by, tmp_path)
    assert alone[0] == ours == theirs
    assert whole_run == same_run


def seen_by(company: Company, folder: Path) -> tuple[str, str]:
    """Digests of what the frozen network made of the images, and of all that the run left."""
    asked = frozen(epochs=2, decoy_share=0.4, micro_batch=16)
    start = read(asked.network, asked.weights, folder) if company.rank == 0 else None
    run = Run(pictures(60, 10)[0], asked, CPU, start=start, company=company)
    seen = [event for event in run if isinstance(event, Seen)]
    assert (seen[-1], len(seen)) == (Seen(5, 5), 5 if company.alone else 3)
    return hashlib.sha256(run.audited.images.numpy().tobytes()).hexdigest(), bits(run.result())


@pytest.mark.chaos
def test_three_go_on_with_the_same_bits(tmp_path_factory: pytest.TempPathFactory) -> None:
    changes = EVERYTHING
    with companions(3, tmp_path_factory.mktemp("three")) as ask:
        undisturbed = ask(whole, changes)[0][0]
        for content in ask(stopped, changes, 1, 9)[0]:
            assert set(ask(resumed, changes, content)) == {undisturbed}
