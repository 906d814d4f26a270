"""Copies, near copies and pictures that show nothing, found without a model."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from dataset_makers import MemoryShelf, image, packed, saved, zip_of
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.datasets import findings, look, manifest
from core.datasets.findings import Found, Looks, near_groups, rows
from core.datasets.summary import Packed


def scene(seed: int, size: tuple[int, int] = (60, 40)) -> Image.Image:
    """A picture with large shapes, as photos have."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def looks_of(pictures: list[Image.Image]) -> np.ndarray[Any, Any]:
    return np.frombuffer(b"".join(map(look.look, pictures)), np.uint8).reshape(-1, look.BYTES)


def found_in(members: dict[str, bytes]) -> Packed:
    return packed(zip_of(members), MemoryShelf())[1]


def samples_of(result: Packed) -> dict[str, list[int]]:
    return {one.kind: one.samples.tolist() for one in result.found}


def test_a_picture_and_its_altered_copies_look_alike_and_others_do_not() -> None:
    original = scene(0, (240, 160))
    worse = io.BytesIO()
    original.save(worse, "JPEG", quality=30)
    copies = [
        Image.open(worse),
        original.resize((60, 40)),
        original.convert("L"),
        original.point(lambda value: value * 0.8 + 20),
    ]
    group, complete = near_groups(looks_of([scene(1), original, *copies, scene(2)]))
    assert group.tolist() == [-1, 1, 1, 1, 1, 1, -1]
    assert complete


def test_a_look_has_its_length_and_tells_how_much_there_is_to_see() -> None:
    for size in ((1, 1), (7, 300), (2000, 1500)):
        assert len(look.look(scene(0, size))) == look.BYTES
    plain, noise = looks_of([Image.new("RGB", (9, 9), "teal"), Image.open(io.BytesIO(image(size=(64, 64))))])
    assert (plain[-2], plain[-1]) == (0, 0)
    assert noise[-2] > 6 * look.BITS
    assert noise[-1] > 100


def test_equal_bytes_are_duplicates_and_with_different_labels_conflicts() -> None:
    same, torn = saved(scene(0)), saved(scene(1))
    result = found_in(
        {"cat/0.png": same, "cat/1.png": torn, "cat/2.png": saved(scene(2)), "cat/3.png": same, "dog/4.png": torn}
    )
    assert samples_of(result) == {"conflict": [1, 4], "duplicate": [0, 3]}
    assert {warned.code for warned in result.warnings} >= {"duplicate", "duplicate-conflict"}
    assert list(rows(result.found)) == [
        ("conflict", 0, 1, False),
        ("conflict", 0, 4, False),
        ("duplicate", 0, 0, False),
        ("duplicate", 0, 3, False),
    ]


def test_a_copy_in_another_split_is_told() -> None:
    other = io.BytesIO()
    scene(0).save(other, "JPEG", quality=80)
    members = {f"{split}/{label}/{n}.png": saved(scene(n)) for n, (split, label) in enumerate(KINDS_OF_FOLDER)}
    result = found_in(members | {"test/cat/copy.jpg": other.getvalue()})
    [near] = result.found
    assert (near.kind, near.counts) == ("near-duplicate", {"images": 2, "groups": 1, "across_splits": 2})
    assert "split-leak" in {warned.code for warned in result.warnings}


KINDS_OF_FOLDER = [("train", "cat"), ("train", "dog"), ("test", "cat"), ("test", "dog")]


def test_pictures_that_show_nothing_are_found_among_those_that_do() -> None:
    stripe = np.zeros((60, 60, 3), np.uint8)
    stripe[:, :2] = 255
    pictures = [scene(n, (60, 60)) for n in range(8)]
    pictures += [Image.new("RGB", (60, 60), "navy"), scene(8, (6, 6)), scene(9, (300, 30)), Image.fromarray(stripe)]
    result = found_in({f"{'ab'[n % 2]}/{n:02d}.png": saved(picture) for n, picture in enumerate(pictures)})
    assert samples_of(result) == {"blank": [8], "tiny": [9], "odd-aspect": [10], "low-information": [11]}


def test_what_all_images_of_a_dataset_are_is_not_odd() -> None:
    flat = np.zeros((5, 25), np.uint8)
    flat[2] = 200
    pictures = [Image.fromarray(np.roll(flat, n, axis=1) + np.uint8(n)) for n in range(6)]
    kinds = samples_of(found_in({f"{'ab'[n % 2]}/{n}.png": saved(picture) for n, picture in enumerate(pictures)}))
    assert not kinds.keys() & {"tiny", "odd-aspect", "low-information"}


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_hashes_within_the_radius_are_always_found(hashes: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, look.COARSE**2, dtype=np.uint8)
    near = [
        number ^ sum(1 << int(bit) for bit in random.choice(64, findings.RADIUS, replace=False)) for number in hashes
    ]
    looks = np.zeros((2 * len(hashes), look.BYTES), np.uint8)
    looks[:, :8] = np.array(hashes + near, ">u8").view(np.uint8).reshape(-1, 8)
    looks[:, 8:-2] = coarse
    group, _ = near_groups(looks)
    assert (group[: len(hashes)] == group[len(hashes) :]).all()
    assert (group >= 0).all()


def test_the_number_of_comparisons_is_bounded() -> None:
    looks = np.repeat(looks_of([scene(0)]), 3000, axis=0)
    group, complete = near_groups(looks)
    assert (group == 0).all() and complete
    _, complete = near_groups(looks, most=1000)
    assert not complete


@pytest.mark.parametrize("split", [None, "train"])
def test_nothing_is_found_in_a_dataset_of_one_image(split: str | None) -> None:
    looks = Looks()
    row = {"sha256": "0" * 64, "look": look.look(scene(0)), "label": "a", "split": split, "width": 60, "height": 40}
    looks.add(pa.record_batch({name: [value] for name, value in row.items()}, schema=_schema(list(row))))
    found, complete = looks.found()
    assert found == [] and complete


def _schema(names: list[str]) -> pa.Schema:
    return pa.schema([manifest.SCHEMA.field(name) for name in names])


def test_rows_of_kinds_without_groups_have_none() -> None:
    assert list(rows([Found("blank", np.array([3, 5]))])) == [("blank", None, 3, False), ("blank", None, 5, False)]
