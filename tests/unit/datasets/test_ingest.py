from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dataset_makers import (
    BytesSource,
    Forged,
    MemoryShelf,
    forge,
    image,
    limits,
    packed,
    parsed,
    small_dataset,
    zip_of,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import mpo
from PIL import Image

from core.datasets import ingest, lanes, manifest, parse, shards
from core.datasets.ingest import pack
from core.datasets.parse import LeftOut, Sample
from core.datasets.shards import ENDINGS
from core.errors import Problem

CRASHING = "tests.unit.datasets.crashing_decoder"
PIXEL = image(size=(1, 1))
CONTENTS = {
    "good": PIXEL,
    "cut": image("JPEG", size=(40, 40))[:300],
    "text": b"words",
    "empty": b"",
    "nested": zip_of({"a": b""}),
}
NAMES = st.sampled_from(
    ["cat/%d.png", "dog/%d.jpg", "%d.png", ".h/%d.png", "cat/%d.txt", "cat/%d/", "cat/\t%d.png", "x.zip%d"]
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(NAMES, st.sampled_from(sorted(CONTENTS)), st.booleans()), max_size=12))
def test_every_member_is_accepted_rejected_or_ignored_exactly_once(kinds: list[tuple[str, str, bool]]) -> None:
    members = [Forged(b"cat/first.png", PIXEL)]
    for number, (name, content, sound) in enumerate(kinds):
        data = b"" if name.endswith("/") else CONTENTS[content]
        members.append(Forged((name % number).encode(), data, crc=None if sound else 7))
    shelf = MemoryShelf()
    ticks, result = packed(forge(members), shelf, limits(max_reject_fraction=1.0))
    table = [row for batch in manifest.rows(shelf.files["manifest.parquet"]) for row in batch.to_pylist()]
    assert [row["member"] for row in table] == list(range(len(members)))
    assert [row["path"] for row in table] == [one.name.decode().replace("\t", "\\x09") for one in members]
    counts = result.counts
    assert counts.seen == len(members) == counts.accepted + counts.rejected + counts.ignored == ticks[-1].seen
    for outcome, count in (("accepted", counts.accepted), ("rejected", counts.rejected), ("ignored", counts.ignored)):
        assert sum(row["outcome"] == outcome for row in table) == count
    assert all(row["code"] and row["detail"] for row in table if row["outcome"] != "accepted")


def test_a_dataset_becomes_shards_and_a_manifest() -> None:
    data = small_dataset(12)
    shelf = MemoryShelf()
    ticks, result = packed(data, shelf, shard_bytes=4000)
    assert (ticks[-1].seen, ticks[-1].total) == (13, 13)
    assert result.classes == ("cat", "dog")
    assert result.facts.samples == {"test": 4, "train": 8}
    assert (result.facts.median_side, result.facts.grey, result.counts.ignored) == (8, False, 1)
    assert len(result.shards) > 2
    rows = [row for batch in manifest.samples(shelf.files["manifest.parquet"]) for row in batch.to_pylist()]
    assert [row["n"] for row in rows] == list(range(12))
    for n, row in enumerate(rows):
        assert row["path"].startswith("set/")
        assert shelf.files[row["shard"]][row["offset"] :][: row["length"]] == image(seed=n)
    keys = []
    for name in result.shards:
        with tarfile.open(fileobj=io.BytesIO(shelf.files[name])) as tar:
            keys += [(member.name, member.mtime) for member in tar]
    assert keys == [(f"{n:09d}.png", 0) for n in range(12)]
    left = [row for batch in manifest.left_outs(shelf.files["manifest.parquet"]) for row in batch.to_pylist()]
    assert [(row["path"], row["code"], row["sha256"]) for row in left] == [("set/README.md", "manifest", None)]


class Died(Exception):
    pass


class DyingShelf(MemoryShelf):
    """Dies once around each name that it is given: before it is there, or just after."""

    def __init__(self) -> None:
        super().__init__()
        self.before = {"shards/00000.tar", "shards/00001.parquet", "manifest.parquet"}
        self.after = {"shards/00000.parquet", "shards/00001.tar"}

    def put(self, name: str, chunks: Iterator[bytes]) -> None:
        if name in self.before:
            self.before.remove(name)
            raise Died
        super().put(name, chunks)
        if name in self.after:
            self.after.remove(name)
            raise Died


@pytest.mark.parametrize("count", [1, 2])
def test_a_restart_after_any_death_ends_with_the_same_bytes(count: int) -> None:
    data = small_dataset(7)
    whole, broken = MemoryShelf(), DyingShelf()
    _, expected = packed(data, whole, shard_bytes=5000)
    result = None
    runs = 0
    while result is None:
        runs += 1
        try:
            _, result = packed(data, broken, shard_bytes=5000, lanes=count)
        except Died:
            continue
    assert (runs, broken.before, broken.after) == (6, set(), set())
    assert result == expected
    assert broken.files == whole.files


@pytest.mark.parametrize("seen", [1, 6])
def test_a_worker_that_stops_at_a_member_can_be_followed_by_another(seen: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "TICK_S", 0.0)
    data = small_dataset(7)
    whole, shelf = MemoryShelf(), MemoryShelf()
    packed(data, whole, shard_bytes=3000)
    first = pack(BytesSource(data), shelf, limits(), 3000)
    while next(first).seen < seen:
        continue
    first.close()
    ticks, _ = packed(data, shelf, shard_bytes=3000)
    assert ticks[-1].seen == 8
    assert shelf.files == whole.files


def test_the_content_hash_depends_on_pixels_labels_and_paths_only() -> None:
    def content(members: dict[str, bytes]) -> str:
        return packed(zip_of(members), MemoryShelf())[1].content_hash

    base = content({"cat/1.png": PIXEL, "dog/1.png": PIXEL})
    assert content({"cat/1.png": PIXEL, "README": b"", "dog/1.png": PIXEL}) == base
    assert content({"cat/1.png": PIXEL, "cow/1.png": PIXEL}) != base


def test_too_many_rejects_name_the_commonest_reason_and_leave_their_list() -> None:
    bad = {f"cat/bad{n}.jpg": CONTENTS["cut"] for n in range(2)} | {"cat/page.png": b"<html>"}
    shelf = MemoryShelf()
    with pytest.raises(Problem, match="image-truncated") as caught:
        packed(zip_of({**{f"cat/{n}.png": PIXEL for n in range(9)}, **bad}), shelf)
    assert caught.value.code == "too-many-rejects"
    assert caught.value.extra["counts"] == {"seen": 12, "accepted": 9, "rejected": 3, "ignored": 0}
    left = [row for batch in manifest.left_outs(shelf.files["manifest.parquet"]) for row in batch.to_pylist()]
    assert {row["path"] for row in left} == set(bad)


def test_an_upload_without_images_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        packed(zip_of({"README.md": b"", "cat/": b""}), MemoryShelf())
    assert caught.value.code == "empty-dataset"


def test_one_class_is_enough_and_classes_that_look_alike_are_warned_of() -> None:
    assert packed(zip_of({"cat/1.png": PIXEL}), MemoryShelf())[1].classes == ("cat",)
    names = ("Cat/1.png", "cat /1.png", "dog/1.png")
    _, result = packed(zip_of({name: image(seed=n) for n, name in enumerate(names)}), MemoryShelf())
    assert [warning.code for warning in result.warnings] == ["near-duplicate-class", "rare-class"]


def test_labels_that_number_the_images_are_refused() -> None:
    with pytest.raises(Problem) as caught:
        packed(zip_of({f"{n}/1.png": PIXEL for n in range(50)}), MemoryShelf())
    assert caught.value.code == "label-looks-like-id"
    several = {f"{n}/{k}.png": PIXEL for n in range(50) for k in range(1 + n % 2)}
    assert len(packed(zip_of(several), MemoryShelf())[1].classes) == 50


def test_too_many_classes_are_refused_whatever_names_them() -> None:
    rows = "path,label\n" + "".join(f"{n}.png,{n}\n" for n in range(4))
    table = zip_of({**{f"{n}.png": PIXEL for n in range(4)}, "labels.csv": rows.encode()})
    arrays = io.BytesIO()
    np.savez(arrays, images=np.zeros((4, 2, 2), np.uint8), labels=np.arange(4))
    for data in (table, arrays.getvalue(), zip_of({f"{n}/1.png": PIXEL for n in range(4)})):
        with pytest.raises(Problem) as caught:
            packed(data, MemoryShelf(), limits(max_classes=3))
        assert caught.value.code == "too-many-classes"


def test_small_classes_are_warned_of() -> None:
    members = {f"{'dog' if n > 8 else 'cat'}/{n}.png": image(seed=n) for n in range(13)}
    _, result = packed(zip_of(members), MemoryShelf())
    assert [(warning.code, "dog (4)" in warning.detail) for warning in result.warnings] == [("rare-class", True)]
    even = zip_of({f"{'ab'[n % 2]}/{n}.png": image(seed=n) for n in range(10)})
    assert packed(even, MemoryShelf())[1].warnings == ()


def _coloured(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (7, 7), colour).save(file, "PNG")
    return file.getvalue()


def test_an_image_that_crashes_or_stalls_the_decoder_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MODULE", CRASHING)
    members = {"cat/1.png": PIXEL, "cat/2.png": _coloured("#ff00ff"), "cat/3.png": PIXEL}
    members |= {"cat/4.png": _coloured("black"), "cat/5.png": PIXEL}
    _, events = parsed(zip_of(members), limits(decode_seconds=1))
    assert [event.code if isinstance(event, LeftOut) else event.label for event in events] == [
        "cat",
        "image-crashed-decoder",
        "cat",
        "image-decode-timeout",
        "cat",
    ]
    assert [event.path for event in events] == list(members)


def test_an_image_that_needs_too_much_memory_costs_only_itself() -> None:
    file = io.BytesIO()
    Image.new("RGB", (5000, 5000)).save(file, "PNG")
    _, events = parsed(
        zip_of({"cat/1.png": file.getvalue(), "cat/2.png": PIXEL}), limits(sandbox_memory_bytes=40 << 20)
    )
    assert [event.code if isinstance(event, LeftOut) else event.label for event in events] == ["image-too-large", "cat"]


def test_a_phone_picture_is_a_jpeg() -> None:
    _, events = parsed(zip_of({"cat/1.jpg": mpo()}))
    assert isinstance(events[0], Sample)
    assert (events[0].format, events[0].width) == ("JPEG", 8)


def test_a_stored_upload_that_is_shorter_than_it_should_be_is_a_problem() -> None:
    class Short(BytesSource):
        def read(self, offset: int, length: int) -> bytes:
            data = super().read(offset, length)
            return data[:-1] if self.largest > 1 << 17 else data

    data = zip_of({"cat/1.png": image(size=(300, 300))})
    with pytest.raises(Problem) as caught:
        list(parse.parse(Short(data), limits()))
    assert caught.value.code == "blob-corrupt"


class Sink(MemoryShelf):
    def put(self, name: str, chunks: Iterator[bytes]) -> None:
        if name.endswith(".tar"):
            self.files[name] = b"%d" % sum(len(chunk) for chunk in chunks)
        else:
            super().put(name, chunks)


def test_memory_does_not_grow_with_the_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "AHEAD_BYTES", 4 << 20)
    noise = image(size=(600, 600))
    source = BytesSource(zip_of({f"cat/{n}.png": noise for n in range(40)}))
    assert source.size > 40_000_000
    list(pack(BytesSource(zip_of({"cat/1.png": image()})), Sink(), limits()))  # Arrow loads what it finds, once
    tracemalloc.start()
    try:
        for _ in pack(source, Sink(), limits(), 8 << 20, tmp_path, lanes=2):
            continue
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
    assert source.largest <= 4 << 20
    assert not list(tmp_path.iterdir())


@given(st.integers(0, 10**9 - 1), st.sampled_from(sorted(ENDINGS)), st.integers(0, 1 << 33))
def test_headers_of_shards_are_what_tarfile_writes(n: int, kind: str, size: int) -> None:
    info = tarfile.TarInfo(f"{n:09d}.{ENDINGS[kind].decode()}")
    info.size, info.mode = size % (8**11), 0o644
    assert shards.header(info.name.encode(), info.size) == info.tobuf(tarfile.USTAR_FORMAT)
