from __future__ import annotations

import pytest
from dataset_makers import image, parsed, read_here, zip_of

from core.datasets.parse import LeftOut, Sample

PIXEL = image(size=(1, 1))

LAYOUTS = {
    "classes at the top": {"cat/1.png": (None, "cat"), "dog/1.png": (None, "dog")},
    "a common folder is stripped": {"pets/cat/1.png": (None, "cat"), "pets/dog/1.png": (None, "dog")},
    "two common folders are stripped": {"a/b/cat/1.png": (None, "cat"), "a/b/dog/1.png": (None, "dog")},
    "an only class stays a class": {"cat/1.png": (None, "cat"), "cat/2.png": (None, "cat")},
    "an only class below a folder stays a class": {"pets/cat/1.png": (None, "cat"), "pets/cat/2.png": (None, "cat")},
    "splits": {
        "train/cat/1.png": ("train", "cat"),
        "val/cat/1.png": ("val", "cat"),
        "test/dog/1.png": ("test", "dog"),
    },
    "other names of val": {"valid/cat/1.png": ("val", "cat"), "validation/dog/1.png": ("val", "dog")},
    "splits in capitals": {"Train/cat/1.png": ("train", "cat"), "TEST/dog/1.png": ("test", "dog")},
    "splits below a common folder": {"x/train/cat/1.png": ("train", "cat"), "x/test/dog/1.png": ("test", "dog")},
    "an only split is a common folder": {"train/cat/1.png": (None, "cat"), "train/dog/1.png": (None, "dog")},
    "deeper folders are only path": {"cat/a/b/1.png": (None, "cat"), "dog/1.png": (None, "dog")},
    "a split name below the class is only path": {"cat/train/1.png": (None, "cat"), "dog/test/1.png": (None, "dog")},
    "class names keep their case and spaces": {"Big Cat/1.png": (None, "Big Cat"), "é/1.png": (None, "é")},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_path_gives_split_and_class(layout: str) -> None:
    expected = LAYOUTS[layout]
    members = read_here(zip_of(dict.fromkeys(expected, PIXEL)))
    assert {member.path: (member.split, member.label) for member in members} == expected


def test_an_image_in_no_class_folder_is_rejected_and_named() -> None:
    _, events = parsed(zip_of({"lost.png": PIXEL, "cat/1.png": PIXEL, "train/2.png": PIXEL}))
    lost = [event for event in events if isinstance(event, LeftOut)]
    assert [(event.path, event.outcome, event.code) for event in lost] == [
        ("lost.png", "rejected", "label-missing"),
        ("train/2.png", "rejected", "label-missing"),
    ]
    assert all(event.sha256 for event in lost)


def test_a_stray_image_beside_the_classes_does_not_become_their_class() -> None:
    members = read_here(zip_of({"pets/cover.png": PIXEL, "pets/cat/1.png": PIXEL, "pets/dog/1.png": PIXEL}))
    assert [member.label for member in members] == [None, "cat", "dog"]


def test_what_is_no_image_by_name_is_ignored_and_does_not_shift_the_folders() -> None:
    ignored = {
        "pets/": "folder",
        "__MACOSX/pets/cat/._1.png": "mac-metadata",
        ".DS_Store": "hidden-file",
        "pets/cat/.1.png": "hidden-file",
        "pets/.git/cat.png": "hidden-file",
        "pets/cat/Thumbs.db": "system-file",
        "desktop.ini": "system-file",
        "README": "manifest",
        "LICENSE.txt": "manifest",
        "labels.csv": "manifest",
        "pets/meta.json": "manifest",
    }
    image_member, *others = read_here(zip_of({"pets/cat/1.png": PIXEL, **dict.fromkeys(ignored, b"")}))
    assert {member.path: member.left_out.code for member in others if member.left_out} == ignored
    assert {member.left_out.outcome for member in others if member.left_out} == {"ignored"}
    assert (image_member.left_out, image_member.label) == (None, "cat")


def test_bytes_decide_what_is_an_image_not_the_ending() -> None:
    _, events = parsed(
        zip_of(
            {
                "cat/readme.png": PIXEL,
                "cat/no ending": PIXEL,
                "cat/jpeg.bmp": image("JPEG"),
                "cat/page.png": b"<html>",
                "cat/drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
                "cat/paper.pdf": b"%PDF-1.7",
                "cat/empty.jpg": b"",
            }
        )
    )
    assert {event.path: event.format if isinstance(event, Sample) else event.code for event in events} == {
        "cat/readme.png": "PNG",
        "cat/no ending": "PNG",
        "cat/jpeg.bmp": "JPEG",
        "cat/page.png": "image-format",
        "cat/drawing.svg": "image-format",
        "cat/paper.pdf": "image-format",
        "cat/empty.jpg": "image-format",
    }


def test_names_that_differ_only_in_case_or_accents_are_different_samples() -> None:
    names = ["cat/A.png", "cat/a.png", "cat/\u00e9.png", "cat/e\u0301.png"]
    assert [member.path for member in read_here(zip_of(dict.fromkeys(names, PIXEL)))] == names
