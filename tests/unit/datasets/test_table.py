"""Archives with a table that says which image is what."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from dataset_makers import LIMITS, BytesSource, MemoryShelf, image, packed, parsed, read_here, tar_of, zip_of

from core.datasets import manifest
from core.datasets.parse import LeftOut, Sample, parse
from core.datasets.readers import imagefolder
from core.errors import Problem
from core.words import Layout

IMAGES = {f"images/{n}.png": image(seed=n) for n in range(4)}
CSV = """path,label,split,camera
images/0.png,cat,train,a
images/1.png,dog,val,b
images/2.png,cat,,a
images/3.png,dog,test,
"""


def told(table: str | bytes, name: str = "labels.csv", images: dict[str, bytes] = IMAGES) -> dict[str, Any]:
    """What became of each member, by path: its label, or why it was left out."""
    content = table.encode() if isinstance(table, str) else table
    return {member.path: member.left_out.code if member.left_out else member.label
            for member in read_here(zip_of({**images, name: content}))}  # fmt: skip


def refusal(table: str | bytes, name: str = "labels.csv") -> Problem:
    with pytest.raises(Problem) as caught:
        told(table, name)
    return caught.value


@pytest.mark.parametrize("make", [zip_of, tar_of, lambda members: tar_of(members, "gz")])
@pytest.mark.parametrize("above", ["", "set/"])
def test_a_table_gives_label_split_and_what_else_it_says(make: Any, above: str) -> None:
    total, events = parsed(make({above + name: data for name, data in {**IMAGES, "labels.csv": CSV.encode()}.items()}))
    assert (total.layout, total.members, total.images) == ("table", 5, 4)
    samples = [event for event in events if isinstance(event, Sample)]
    assert [(one.label, one.split, one.extra) for one in samples] == [
        ("cat", "train", '{"camera": "a"}'),
        ("dog", "val", '{"camera": "b"}'),
        ("cat", None, '{"camera": "a"}'),
        ("dog", "test", None),
    ]
    (left,) = [event for event in events if isinstance(event, LeftOut)]
    assert (left.outcome, left.code) == ("ignored", "table")


def test_lines_of_json_and_tabs_and_semicolons_say_the_same() -> None:
    expected = {"images/0.png": "cat", "images/1.png": "dog", "images/2.png": "cat", "images/3.png": "dog"}
    rows = [dict(zip(("path", "label"), line.split(",")[:2], strict=True)) for line in CSV.splitlines()[1:]]
    assert told("\n".join(map(json.dumps, rows)), "labels.jsonl") == expected | {"labels.jsonl": "table"}
    for delimiter, name in ((";", "labels.csv"), ("\t", "labels.tsv"), (",", "x/../x.csv".replace("x/../", ""))):
        assert told(CSV.replace(",", delimiter), name) == expected | {name: "table"}
    assert told("\ufeff" + CSV.replace("\n", "\r\n")) == expected | {"labels.csv": "table"}


def test_the_columns_have_many_names_and_others_are_no_table() -> None:
    assert told("file_name,class\nimages/0.png,cat\n")["images/0.png"] == "cat"
    assert told("name,note\nimages/0.png,cat\n")["labels.csv"] == "manifest"


@pytest.mark.parametrize("name", ["labels.csv", "more/labels.JSONL", "instances.json"])
def test_what_is_too_large_to_be_asked_about_images_is_not_passed_over_in_silence(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {**{f"{kind}/{n}.png": image(seed=n) for n, kind in enumerate(("cat", "dog"))}, name: CSV.encode()}
    monkeypatch.setitem(imagefolder.LARGEST, name.rpartition(".")[2].lower(), len(CSV) - 1)
    *images, last = read_here(zip_of(members))
    assert [one.label for one in images] == ["cat", "dog"]
    assert last.left_out is not None and (last.left_out.outcome, last.left_out.code) == ("rejected", "table-too-large")
    monkeypatch.undo()
    assert read_here(zip_of(members))[-1].left_out != last.left_out


def test_a_table_without_labels_leaves_them_to_the_folders() -> None:
    images = {"train/cat/1.png": image(seed=1), "test/dog/1.png": image(seed=2)}
    _, events = parsed(zip_of({**images, "train/metadata.csv": b"file_name,text\ncat/1.png,a cat\n"}))
    samples = [event for event in events if isinstance(event, Sample)]
    assert [(one.label, one.split, one.extra) for one in samples] == [
        ("cat", "train", '{"text": "a cat"}'),
        ("dog", "test", None),
    ]


def test_a_table_in_each_split_counts_from_its_own_folder() -> None:
    images = {f"{split}/{n}.png": image(seed=n + 10 * (split == "test")) for split in ("train", "test") for n in (1, 2)}
    for split in ("train", "test"):
        images[f"{split}/metadata.jsonl"] = b'{"file_name": "1.png", "label": 3}\n{"file_name": "2.png", "label": 4}\n'
    _, events = parsed(zip_of(images))
    samples = [event for event in events if isinstance(event, Sample)]
    assert [(one.split, one.label) for one in samples] == [("train", "3"), ("train", "4"), ("test", "3"), ("test", "4")]


def test_several_rows_of_an_image_are_votes() -> None:
    table = "path,label\nimages/0.png,dog\nimages/0.png,cat\nimages/0.png,cat\nimages/1.png,dog\nimages/1.png,cat\n"
    table += "images/2.png,cat\nimages/3.png,dog\n"
    shelf = MemoryShelf()
    packed(zip_of({**IMAGES, "labels.csv": table.encode()}), shelf)
    found = [row for batch in manifest.samples(shelf.files["manifest.parquet"]) for row in batch.to_pylist()]
    assert [(row["label"], row["votes"] and json.loads(row["votes"])) for row in found] == [
        ("cat", {"dog": 1, "cat": 2}),
        ("dog", {"dog": 1, "cat": 1}),  # a tie: what stands first
        ("cat", None),
        ("dog", None),
    ]


def test_every_row_and_every_file_is_accounted_for() -> None:
    table = (
        "path,label,split\nimages/0.png,cat,\nimages/1.png,,\nimages/9.png,cat,\n../../x.png,cat,\nimages/2.png,cat,x\n"
    )
    total, events = parsed(zip_of({**IMAGES, "labels.csv": table.encode()}))
    assert total.members == len(events) == 7
    assert [event.code if isinstance(event, LeftOut) else event.label for event in events] == [
        "cat",
        "label-missing",
        "split-unknown",
        "unlabeled-file",
        "table",
        "missing-file",
        "missing-file",
    ]
    assert events[-1].path == "../../x.png"


def test_a_restart_goes_on_among_the_rows_without_a_file() -> None:
    table = CSV + "".join(f"images/{n}.png,cat,,\n" for n in range(4, 9))
    whole = list(_events(table, 0))
    for skip in range(len(whole) + 1):
        assert list(_events(table, skip)) == whole[skip:]


def _events(table: str, skip: int) -> list[str]:
    source = BytesSource(zip_of({**IMAGES, "labels.csv": table.encode()}))
    return [event.path for event in parse(source, LIMITS, skip) if isinstance(event, Sample | LeftOut)]


def test_a_layout_may_be_given_instead_of_recognised() -> None:
    images = {"cat/1.png": image(seed=1), "dog/1.png": image(seed=2)}
    data = BytesSource(zip_of({**images, "labels.csv": b"path,label\ncat/1.png,dog\ndog/1.png,cat\n"}))

    def labels(layout: Layout | None) -> list[str]:
        return [event.label for event in parse(data, LIMITS, layout=layout) if isinstance(event, Sample)]

    assert labels(None) == labels("table") == ["dog", "cat"]
    assert labels("folders") == ["cat", "dog"]
    for other in ("coco", "parquet", "numpy", "cifar", "webdataset"):
        with pytest.raises(Problem) as refused:
            labels(other)
        assert refused.value.code == "layout-not-found"


def test_accents_may_be_written_apart() -> None:
    name = "images/é.png"
    apart = {unicodedata.normalize("NFD", name): image(seed=1)}
    assert told(f"path,label\n{name},cat\n", images=apart)[unicodedata.normalize("NFD", name)] == "cat"
    both = {name: image(seed=1), unicodedata.normalize("NFD", name): image(seed=2)}
    said = told(f"path,label\n{name},cat\n", images=both)
    assert [said[one] for one in both] == ["cat", "unlabeled-file"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"cat"', "cat"),
        ('" cat"', " cat"),
        ("7", "7"),
        ("null", "label-missing"),
        ('""', "label-missing"),
        ("7.0", "label-invalid"),
        ("NaN", "label-invalid"),
        ("true", "label-invalid"),
        ("[1]", "label-invalid"),
        ('"a\\u0000b"', "label-invalid"),
        ('"\\ud800"', "label-invalid"),
    ],
)
def test_what_a_label_may_be(value: str, expected: str) -> None:
    table = f'{{"path": "images/0.png", "label": {value}}}\n'
    assert told(table, "labels.jsonl")["images/0.png"] == expected


def test_numbers_and_text_are_not_mixed() -> None:
    table = '{"path": "images/0.png", "label": 1}\n{"path": "images/1.png", "label": "1"}\n'
    assert refusal(table, "labels.jsonl").code == "label-type-mixed"


@pytest.mark.parametrize(
    ("table", "code", "place"),
    [
        (CSV + "images/0.png,cat\n", "csv-malformed", "Line 6"),
        (CSV + "images/0.png,cat,,a,b\n", "csv-malformed", "Line 6"),
        (CSV + 'images/0.png,"cat,,a\n', "csv-malformed", "Line"),
        (CSV + "images/0.png,c\0at,,a\n", "csv-malformed", "Line 6"),
        (CSV + "images/0.png," + "x" * (1 << 17) + ",,a\n", "csv-malformed", "Line 6"),
        (CSV.encode() + b"images/0.png,caf\xe9,,a\n", "csv-encoding", "byte 131"),
        (CSV.encode("utf-16"), "csv-encoding", "UTF-16"),
        ("path,label,label\nimages/0.png,cat,dog\n", "csv-malformed", "Line 1"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_its_place(table: str | bytes, code: str, place: str) -> None:
    refused = refusal(table)
    assert refused.code == code
    assert place in refused.detail


def test_broken_lines_of_json_are_refused_with_their_place() -> None:
    line = '{"path": "images/0.png", "label": "cat"}\n'
    for broken in ("{", "[1]", '{"path": ' + "[" * 60_000):
        refused = refusal(line + broken, "labels.jsonl")
        assert (refused.code, "Line 2" in refused.detail) == ("csv-malformed", True)


def test_what_a_table_says_of_one_image_is_bounded() -> None:
    row = {"path": "images/0.png", "label": "cat"} | {str(n): "x" * 9000 for n in range(7)}
    lines = [json.dumps({f"{n}.{key}": value for key, value in row.items()} | {"path": "images/0.png", "label": "cat"})
             for n in range(5)]  # fmt: skip
    lines[0] = json.dumps(row)
    assert told("\n".join(lines), "labels.jsonl")["images/0.png"] == "row-too-large"
    assert told("\n".join(lines[:3]), "labels.jsonl")["images/0.png"] == "cat"
