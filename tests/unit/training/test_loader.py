from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.training import loader as loader_module
from core.training.loader import Loader, normalisation
from tests.unit.training.make import CPU, data


@pytest.mark.parametrize(("samples", "batch"), [(50, 16), (33, 16), (17, 16), (5, 16), (1, 16)])
def test_every_sample_comes_exactly_once_an_epoch(samples: int, batch: int) -> None:
    made = data(samples, test=0)
    loader = Loader(made.images, made.labels, normalisation(made.images), CPU)
    batches = list(loader.shuffled(batch, seed=1, epoch=2, first=0, pad=1, flip=False))
    assert len(batches) == loader.steps(batch)
    assert sorted(torch.cat([index for index, _, _ in batches]).tolist()) == list(range(samples))
    sizes = [len(index) for index, _, _ in batches]
    assert max(sizes) <= batch
    assert max(sizes) - min(sizes) <= 1
    for index, x, y in batches:
        assert x.shape == (len(index), 3, 8, 8)
        assert x.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(y, torch.from_numpy(made.labels)[index])


def test_the_order_is_new_each_epoch_and_goes_on_from_any_step() -> None:
    made = data(50, test=0)
    loader = Loader(made.images, made.labels, normalisation(made.images), CPU)

    def order(epoch: int, first: int = 0) -> list[list[int]]:
        batches = loader.shuffled(16, seed=1, epoch=epoch, first=first, pad=1, flip=True)
        return [index.tolist() for index, _, _ in batches]

    assert order(0) != order(1)
    assert order(0, first=2) == order(0)[2:]
    assert order(0, first=4) == []


def test_images_in_order_are_untouched_but_normalised() -> None:
    made = data(20, test=0)
    scale = normalisation(made.images)
    pixels = made.images.astype(np.float64) / 255
    assert np.allclose(scale.mean, pixels.mean((0, 1, 2)))
    assert np.allclose(scale.std, pixels.std((0, 1, 2)))
    loader = Loader(made.images, made.labels, scale, CPU)
    x = torch.cat([x for _, x, _ in loader.in_order(8)])
    expected = (pixels - np.array(scale.mean)) / np.array(scale.std)
    assert np.allclose(x.permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)


def test_images_of_one_colour_do_not_divide_by_zero() -> None:
    assert normalisation(np.full((4, 8, 8, 1), 255, dtype=np.uint8)).std == (1.0,)


@pytest.mark.filterwarnings("error")
def test_a_read_only_memory_map_is_read_in_silence() -> None:
    made = data(4, test=0)
    made.images.flags.writeable = False
    Loader(made.images, made.labels, normalisation(made.images), CPU)


def test_images_on_a_disk_are_read_ahead_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = data(50, test=0)
    np.save(tmp_path / "images.npy", made.images)
    on_disk = np.load(tmp_path / "images.npy", mmap_mode="r")
    scale = normalisation(made.images)
    near = Loader(made.images, made.labels, scale, CPU)
    assert not Loader(on_disk, made.labels, scale, CPU).far
    monkeypatch.setattr(loader_module, "FAR_BYTES", 1)
    far = Loader(on_disk, made.labels, scale, CPU)
    assert far.far and not near.far
    for one, two in (
        (near.in_order(16), far.in_order(16)),
        *((loader.shuffled(16, seed=1, epoch=2, first=1, pad=1, flip=True) for loader in (near, far)),),
    ):
        for batch, same in zip(one, two, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(batch, same, strict=True))
