"""Parquet files of images, by themselves and in archives."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from dataset_makers import BytesSource, MemoryShelf, image, limits, packed, parquet_of, parsed, tar_of, zip_of

from core.datasets.parse import LeftOut, Sample, parse
from core.errors import Problem

NAMES = ["cat", "dog"]


def held(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"bytes": image(seed=first + n), "path": f"{first + n}.png"} for n in range(count)]


def told(data: bytes) -> list[tuple[str, str]]:
    """Each member's path, and its label or why it was left out."""
    _, events = parsed(data)
    return [(one.path, one.code if isinstance(one, LeftOut) else one.label) for one in events]


def refusal(data: bytes, **bounds: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        list(parse(BytesSource(data), limits(**bounds)))
    return caught.value


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_a_file_as_hugging_face_writes_it(codec: str) -> None:
    columns = {"image": held(3), "label": [0, 1, -1], "caption": ["a", None, "c"], "width": [8, 8, 8]}
    total, events = parsed(parquet_of(columns, NAMES, compression=codec))
    assert (total.layout, total.members, total.images) == ("parquet", 3, 3)
    samples = [event for event in events if isinstance(event, Sample)]
    assert [(one.path, one.label, one.split) for one in samples] == [("0.png", "cat", None), ("1.png", "dog", None)]
    assert samples[0].extra == '{"caption": "a", "width": "8"}'
    assert samples[1].data == image(seed=1)
    assert [event.code for event in events if isinstance(event, LeftOut)] == ["label-missing"]


def test_other_names_and_plain_bytes_will_do() -> None:
    assert told(parquet_of({"picture": [image()], "class": ["cat"]})) == [("row 0", "cat")]
    assert told(parquet_of({"img": held(2), "label": [3, 5]})) == [("0.png", "3"), ("1.png", "5")]


def test_a_row_that_is_bad_costs_only_itself() -> None:
    images = [*held(2), None, {"bytes": None, "path": "/x.png"}, {"bytes": b"no", "path": None}, *held(1, 9)]
    labels = [0, 7, 0, 0, 0, None]
    assert told(parquet_of({"image": images, "label": labels}, NAMES)) == [
        ("0.png", "cat"),
        ("1.png", "label-unknown"),
        ("row 2", "image-missing"),
        ("/x.png", "image-missing"),
        ("row 4", "image-format"),
        ("9.png", "label-missing"),
    ]
    assert told(parquet_of({"image": held(2), "label": [1.0, float("nan")]})) == [
        ("0.png", "label-invalid"),
        ("1.png", "label-invalid"),
    ]


@pytest.mark.parametrize("make", [zip_of, tar_of, lambda members: tar_of(members, "gz")])
def test_several_files_and_splits_in_an_archive(make: Any) -> None:
    files = {
        "data/train-00000-of-00002.parquet": parquet_of({"image": held(2), "label": [0, 1]}, NAMES),
        "README.md": b"read me",
        "data/train-00001-of-00002.parquet": parquet_of({"image": held(1, 2), "label": [1]}, NAMES),
        "data/test-00000-of-00001.parquet": parquet_of({"image": held(1, 3), "label": [0]}, NAMES),
    }
    total, events = parsed(make(files))
    assert (total.members, total.images) == (5, 4)
    samples = [event for event in events if isinstance(event, Sample)]
    assert [(one.split, one.label, one.path.rpartition("/")[2]) for one in samples] == [
        ("train", "cat", "0.png"),
        ("train", "dog", "1.png"),
        ("train", "dog", "2.png"),
        ("test", "cat", "3.png"),
    ]
    (left,) = [event for event in events if isinstance(event, LeftOut)]
    assert (left.path, left.outcome) == ("README.md", "ignored")


def test_a_restart_goes_on_in_the_middle_of_a_row_group() -> None:
    data = zip_of({
        "a.parquet": parquet_of({"image": held(9), "label": [0] * 9}, row_group_size=4),
        "x.txt": b"",
        "b.parquet": parquet_of({"image": held(3, 9), "label": [1] * 3}),
    })  # fmt: skip
    whole = [event.path for event in parsed(data)[1]]
    assert len(whole) == 13
    for skip in (1, 3, 5, 9, 10, 12, 13):
        assert [event.path for event in parsed(data, skip=skip)[1]] == whole[skip:]
    shelf, again = MemoryShelf(), MemoryShelf()
    packed(data, shelf, shard_bytes=2000)
    again.files = {name: content for name, content in shelf.files.items() if "00000" in name}
    packed(data, again, shard_bytes=2000)
    assert again.files == shelf.files


def test_columns_that_are_missing_are_named() -> None:
    for columns in ({"image": held(1)}, {"label": [1], "text": ["a"]}, {"a": [b"x"], "b": [b"y"], "label": [1]}):
        refused = refusal(parquet_of(columns))
        assert refused.code == "columns-missing"
        assert next(iter(columns)) in refused.detail


def test_a_file_that_is_broken_is_refused() -> None:
    data = parquet_of({"image": held(3), "label": [0, 1, 0]})
    assert refusal(data[:-4]).code == "archive-truncated"
    assert refusal(data[:-20] + b"x" * 16 + data[-4:]).code == "table-damaged"
    assert refusal(data[:4] + bytes(len(data) // 2) + data[len(data) // 2 + 4 :]).code == "table-damaged"
    assert refusal(tar_of({"a.parquet": data[:-9]})).code == "table-damaged"


def test_bombs_of_rows_and_of_bytes_are_refused() -> None:
    rows = parquet_of({"image": pa.array([None] * 6, pa.binary()), "label": [1] * 6})
    assert refusal(rows, max_members=5).code == "too-many-members"
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array(["x" * 100_000]))
    bomb = parquet_of(
        {"image": pa.array([None] * 3000, pa.binary()), "label": [1] * 3000, "text": column.cast(pa.string())}
    )
    assert len(bomb) < 100_000
    assert refusal(bomb).code == "table-expansion-limit"


def test_a_path_out_of_an_archive_is_refused_here_too() -> None:
    assert refusal(zip_of({"../a.parquet": parquet_of({"image": held(1), "label": [1]})})).code == "unsafe-path"
