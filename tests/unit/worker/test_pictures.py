"""Images are read out of their shards with few reads, and never with much more than is wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.datasets.exports.content import Entry
from core.datasets.pixels import Renderer
from core.errors import Problem
from core.settings import Settings
from core.store.blobs import Blobs
from core.store.tables import Dataset
from worker.export import Pictures

LENGTH, GAP, COUNT = 1000, 512, 40
IMAGES = [bytes([k]) * LENGTH for k in range(COUNT)]


class Counting(Blobs):
    """Counts what is read."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.lengths: list[int] = []

    def read(self, key: str, offset: int, length: int) -> bytes:
        self.lengths.append(length)
        return super().read(key, offset, length)


def entry(n: int) -> Entry:
    sha256 = hashlib.sha256(IMAGES[n]).hexdigest()
    offset = GAP + n * (LENGTH + GAP)
    return Entry(n, f"{n}.png", None, "a", "a", "shards/00000.tar", offset, LENGTH, sha256, 1, 1, "PNG", None)


@pytest.fixture
def blobs(tmp_path: Path) -> Counting:
    blobs = Counting(Settings(home=tmp_path))
    blobs.write("datasets/d1/shards/00000.tar", b"".join(bytes(GAP) + image for image in IMAGES) + bytes(GAP))
    return blobs


@pytest.fixture
def renderer(tmp_path: Path) -> Iterator[Renderer]:
    renderer = Renderer(Settings(home=tmp_path).limits)
    yield renderer
    renderer.close()


def test_images_in_their_order_are_read_together(blobs: Counting, renderer: Renderer) -> None:
    pictures = Pictures(blobs, Dataset(id="d1"), renderer, in_order=True)
    assert [pictures.read(entry(n)) for n in range(COUNT)] == IMAGES
    assert len(blobs.lengths) == 1


def test_of_images_in_any_order_nothing_else_is_read(blobs: Counting, renderer: Renderer) -> None:
    pictures = Pictures(blobs, Dataset(id="d1"), renderer, in_order=False)
    order = [n * 17 % COUNT for n in range(COUNT)]
    assert [pictures.read(entry(n)) for n in order] == [IMAGES[n] for n in order]
    assert sum(blobs.lengths) == COUNT * LENGTH


@pytest.mark.parametrize("in_order", [True, False])
def test_an_image_that_is_not_what_it_was_is_not_exported(blobs: Counting, renderer: Renderer, in_order: bool) -> None:
    pictures = Pictures(blobs, Dataset(id="d1"), renderer, in_order)
    with pytest.raises(Problem, match="Sample 3"):
        pictures.read(entry(3)._replace(sha256=entry(4).sha256))
