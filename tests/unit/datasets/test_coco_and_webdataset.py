"""Labels in COCO's annotations, and beside the images as WebDataset has them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dataset_makers import image, parsed, read_here, tar_of, zip_of

from core.datasets.parse import LeftOut, Sample
from core.errors import Problem

PICTURES = {f"train2017/{n}.png": image(seed=n) for n in range(3)}


def annotations(pairs: list[tuple[int, int]], **changes: Any) -> bytes:
    told = {
        "images": [{"id": 10 + n, "file_name": f"{n}.png"} for n in range(3)],
        "annotations": [{"image_id": one, "category_id": other} for one, other in pairs],
        "categories": [{"id": 1, "name": "cat"}, {"id": 7, "name": "dog"}],
    } | changes
    return json.dumps(told).encode()


def test_annotations_of_one_category_are_labels() -> None:
    told = annotations([(10, 1), (10, 1), (11, 7)])
    total, events = parsed(zip_of({**PICTURES, "annotations/instances_train2017.json": told}))
    assert total.layout == "coco"
    found = [(one.path, one.label, one.split) for one in events if isinstance(one, Sample)]
    assert found == [("train2017/0.png", "cat", "train"), ("train2017/1.png", "dog", "train")]
    left = [(one.path, one.code) for one in events if isinstance(one, LeftOut)]
    assert left == [("train2017/2.png", "unlabeled-file"), ("annotations/instances_train2017.json", "table")]


def test_an_image_of_several_categories_and_one_that_is_not_there_are_listed() -> None:
    listed = [{"id": 10, "file_name": "0.png"}, {"id": 11, "file_name": "x/1.png"}, {"id": 12, "file_name": "9.png"}]
    told = annotations([(10, 1), (10, 7), (11, 7), (12, 1)], images=listed)
    members = read_here(tar_of({**PICTURES, "val.json": told}, "gz"))
    assert [(one.path, one.left_out.code if one.left_out else one.label) for one in members] == [
        ("train2017/0.png", "label-several"),
        ("train2017/1.png", "dog"),
        ("train2017/2.png", "unlabeled-file"),
        ("val.json", "table"),
        ("9.png", "missing-file"),
    ]
    assert members[1].split == "val"


def test_a_name_that_is_there_twice_is_not_guessed() -> None:
    members = read_here(zip_of({**PICTURES, "more/0.png": image(), "all.json": annotations([(10, 1), (11, 1)])}))
    assert [one.label for one in members if one.left_out is None] == ["cat"]


@pytest.mark.parametrize(
    "broken",
    [
        annotations([(10, 1)])[:-9],
        annotations([(99, 1)]),
        annotations([(10, 9)]),
        annotations([(10, 1)], categories={"1": "cat"}),
        annotations([(10, 1)], images=[1, 2]),
    ],
)
def test_annotations_that_do_not_fit_are_refused(broken: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_here(zip_of({**PICTURES, "annotations.json": broken}))
    assert caught.value.code == "coco-malformed"


def test_another_json_is_no_annotations() -> None:
    members = read_here(zip_of({"cat/1.png": image(), "about.json": b'{"images": 3}'}))
    assert [(one.path, one.label) for one in members if one.left_out is None] == [("cat/1.png", "cat")]


@pytest.mark.parametrize("how", ["", "gz", "zst"])
def test_classes_lie_beside_the_images(how: str) -> None:
    members = {}
    for n in range(4):
        members |= {
            f"s/{n:06d}.cls": b"%d\n" % (n % 2),
            f"s/{n:06d}.jpg": image("JPEG", seed=n),
            f"s/{n:06d}.json": b"{}",
        }
    members |= {"s/000009.png": image(seed=9), "s/000010.cls": b"1"}
    data = tar_of(members, how)
    total, events = parsed(data)
    assert (total.layout, total.members, len(events)) == ("webdataset", 14, 14)
    assert [one.label for one in events if isinstance(one, Sample)] == ["0", "1", "0", "1"]
    assert [(one.path, one.code) for one in events if isinstance(one, LeftOut) and one.outcome == "rejected"] == [
        ("s/000009.png", "unlabeled-file")
    ]
    whole = [event.path for event in events]
    assert [event.path for event in parsed(data, skip=5)[1]] == whole[5:]


def test_a_class_may_have_a_name() -> None:
    members = read_here(tar_of({"1.cls": "Katze ü".encode(), "1.png": image()}))
    assert [one.label for one in members if one.left_out is None] == ["Katze ü"]
