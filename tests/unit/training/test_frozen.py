"""Frozen networks: every image is seen once, and the rest of an audit takes no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from core.spec import Plan
from core.training import probe
from core.training.loader import Features, Loader, TrainingData
from core.training.loop import EpochReport, Look, Run, Seen, Tick
from core.training.networks import build
from core.training.networks.backbone import FrozenNet
from core.training.weights import read
from tests.unit.training.make import CLASSES, CPU, finished, plan
from tests.unit.training.test_loop import assert_same

NETWORK, MLP, SIDE = "frozen:squeezenet1_1", "frozen-mlp:squeezenet1_1", 32


def frozen(**changes: object) -> Plan:
    settled: dict[str, object] = {
        "network": NETWORK,
        "resolution": SIDE,
        "weights": "mine.safetensors",
        "pad": 0,
        "flip": False,
        "epochs": 8,
        "weigher": "none",
        "decoy_share": 0.2,
    }
    return plan(**settled | changes)


def pictures(samples: int = 200, test: int = 40) -> tuple[TrainingData, NDArray[np.int64]]:
    """Stripes across, down, and both; a tenth of the labels is wrong, and which."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 3, samples + test)
    images = generator.integers(0, 60, (samples + test, SIDE, SIDE, 3), dtype=np.uint8)
    for image, label in zip(images, truth, strict=True):
        first = generator.integers(0, 4)
        if label != 1:
            image[first::4] += 150
        if label != 0:
            image[:, first::4] = 200
    wrong = np.sort(generator.choice(samples, samples // 10, replace=False))
    labels = truth.copy()
    labels[wrong] = (labels[wrong] + 1) % 3
    return TrainingData(images[:samples], labels[:samples], CLASSES, images[samples:], truth[samples:]), wrong


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights that nobody trained: they tell stripes apart all the same."""
    torch.manual_seed(6)
    folder = tmp_path_factory.mktemp("weights")
    save_file(build(NETWORK.replace("frozen", "torchvision"), 3, 3).state_dict(), folder / "mine.safetensors")
    return folder


def begun(weights: Path, asked: Plan, data: TrainingData | None = None) -> Run:
    return Run(data or pictures()[0], asked, CPU, start=read(asked.network, asked.weights, weights))


@pytest.mark.parametrize("network", [NETWORK, MLP])
def test_every_image_is_seen_once_and_the_wrong_labels_are_found(
    network: str, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, wrong = pictures()
    seen: list[int] = []
    raw = FrozenNet.raw
    monkeypatch.setattr(FrozenNet, "raw", lambda network, x: seen.append(len(x)) or raw(network, x))
    run = begun(weights, frozen(network=network, micro_batch=16, epochs=20), made)
    events = finished(run)
    looks = -(-200 // 16) + -(-40 // 16)
    assert events[:looks] == [Seen(step, looks) for step in range(1, looks + 1)]
    assert {type(event) for event in events[looks:]} == {Tick, Look, EpochReport}
    assert sum(seen) == 240

    result = run.result()
    assert result.test_accuracy_last is not None and result.test_accuracy_last > 0.9
    assert len(result.answers.decoys) >= 20
    assert len(set(result.ledger.aum().argsort()[: len(wrong)].tolist()) & set(wrong.tolist())) >= 0.7 * len(wrong)


@pytest.mark.parametrize("weigher", ["none", "hmw"])
def test_a_run_stopped_at_any_event_ends_as_if_it_had_never_stopped(weights: Path, weigher: str) -> None:
    asked, (made, _) = frozen(epochs=3, weigher=weigher, decoy_share=0.4, micro_batch=32), pictures(60, 10)
    whole = begun(weights, asked, made)
    checkpoints = [whole.checkpoint() for _ in whole]
    assert len(whole.decoys) >= 20
    for content in [*checkpoints[:2], *checkpoints[2::9], checkpoints[-1]]:
        resumed = Run(made, asked, CPU, resume=content)  # without the weights
        finished(resumed)
        assert_same(whole.result(), resumed.result())


def test_the_model_that_is_left_takes_images(weights: Path) -> None:
    made, _ = pictures()
    run = begun(weights, frozen(), made)
    images = run.test
    assert images is not None
    finished(run)
    network = build(NETWORK, 3, 3).eval()
    network.load_state_dict(run.result().weights)
    with torch.no_grad():
        right = sum(int((network(x)[0].argmax(1) == y).sum()) for _, x, y in images.in_order(16))
    assert right / 40 == run.result().test_accuracy_last


@pytest.mark.parametrize(
    ("network", "head"),
    [(NETWORK, {"classifier.weight"}), (MLP, {"classifier.weight", "hidden.0.weight", "hidden.0.bias"})],
)
def test_only_the_head_and_the_scale_differ_from_the_weights(network: str, head: set[str], weights: Path) -> None:
    run = begun(weights, frozen(network=network))
    before = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
    finished(run)
    after = run.result().weights
    assert {name for name in before if not torch.equal(before[name], after[name])} == head | {"scale"}


def test_features_come_in_the_order_of_their_images() -> None:
    made, _ = pictures(50, 0)
    run = Run(made, plan(), CPU)
    images = run.audited
    features = Features(images.at(torch.arange(50)).mean((2, 3)), images)
    assert isinstance(features, Loader)
    assert features.steps(16) == images.steps(16)
    for ours, theirs in (
        (features.in_order(16), images.in_order(16)),
        *((loader.shuffled(16, seed=1, epoch=2, first=1, pad=0, flip=False) for loader in (features, images)),),
    ):
        for (index, x, y), (same, image, label) in zip(ours, theirs, strict=True):
            assert torch.equal(index, same) and torch.equal(y, label)
            torch.testing.assert_close(x, image.mean((2, 3)))
    index, x = features.some(7)
    assert torch.equal(x, features.at(index)) and x.shape == (7, 3)


def test_the_pace_of_a_frozen_network_is_that_of_its_looks() -> None:
    looks: list[object] = []
    seconds = probe.seconds_per_sample(frozen(micro_batch=16), 3, CPU, lambda: looks.append(None))
    assert len(looks) == probe.BATCHES
    assert seconds > 0
