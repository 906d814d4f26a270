"""Children that read and decode side by side: what they say comes out as one child would say it, whatever they do."""

from __future__ import annotations

import gzip
import io
import os
import resource
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_makers import BytesSource, MemoryShelf, image, limits, packed, parsed, tar_of, zip_of
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.datasets import lanes, parse, reading
from core.datasets.blame import MAX_DEATHS, Blame, Deaths
from core.datasets.frames import BATCH_MEMBERS, BATCH_TEXT
from core.datasets.ingest import pack
from core.datasets.parse import Busy, LeftOut, Sample, Total
from core.datasets.sandbox import CODE_ROOT, ChildDied
from core.errors import Problem

CRASHING_DECODER, CRASHING_PARSER = "tests.unit.datasets.crashing_decoder", "tests.unit.datasets.crashing_parser"
PIXEL = image(size=(1, 1))
MEMBERS = {
    (f"set/.hidden/{n}.png" if n % 50 == 7 else f"set/{('cat', 'dog')[n % 2]}/{n:04d}.png"): (
        image("JPEG", size=(40, 40))[:300] if n % 40 == 3 else image(size=(4 + n % 5, 4), seed=n)
    )
    for n in range(4 * BATCH_MEMBERS)
}


def _coloured(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (7, 7), colour).save(file, "PNG")
    return file.getvalue()


def _parquet() -> bytes:
    file = io.BytesIO()
    images = [{"bytes": data, "path": name} for name, data in MEMBERS.items()]
    pq.write_table(pa.table({"image": images, "label": [n % 3 for n in range(len(images))]}), file)
    return file.getvalue()


KINDS = {
    "zip": lambda: zip_of(MEMBERS),
    "tar": lambda: tar_of(MEMBERS),
    "tar.gz": lambda: tar_of(MEMBERS, "gz"),
    "tar.zst": lambda: tar_of(MEMBERS, "zst"),
    "parquet": _parquet,
    "zip of parquet": lambda: zip_of({"train.parquet": _parquet(), "README": b""}),
}


def _outcomes(events: list[Sample | LeftOut]) -> list[str]:
    return [event.code if isinstance(event, LeftOut) else event.label for event in events]


@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_is_the_same_whatever_the_number_of_lanes(kind: str) -> None:
    data = KINDS[kind]()
    shelves = []
    results = []
    for count in (1, 2, 3):
        shelves.append(MemoryShelf())
        results.append(packed(data, shelves[-1], limits(max_reject_fraction=0.5), 20_000, count)[1])
    assert len(results[0].shards) > 5
    assert results[0].counts.rejected > 0
    assert shelves[0].files == shelves[1].files == shelves[2].files
    assert results[0] == results[1] == results[2]


@pytest.mark.fault("F25")
def test_several_lanes_may_die_and_each_bad_image_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MODULE", CRASHING_DECODER)
    members = {f"cat/{n:03d}.png": image(seed=n) for n in range(3 * BATCH_MEMBERS)}
    crashing = [5, 6, BATCH_MEMBERS + 1, 2 * BATCH_MEMBERS, 3 * BATCH_MEMBERS - 1]
    members |= {f"cat/{n:03d}.png": _coloured("#ff00ff") for n in crashing}
    members["cat/140.png"] = _coloured("black")
    _, events = parsed(zip_of(members), limits(decode_seconds=1), lanes=3)
    assert [event.path for event in events] == list(members)
    expected = ["cat"] * len(members)
    for n in crashing:
        expected[n] = "image-crashed-decoder"
    expected[140] = "image-decode-timeout"
    assert _outcomes(events) == expected


def test_members_on_which_the_reader_dies_are_condemned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MODULE", CRASHING_PARSER)
    members = {f"cat/{n:03d}.png": PIXEL for n in range(BATCH_MEMBERS + 30)}
    members = {
        (f"cat/bomb{n}.png" if n in (4, 60, 61, 140) else name): d for n, (name, d) in enumerate(members.items())
    }
    _, events = parsed(zip_of(members), lanes=2)
    assert [event.path for event in events] == list(members)
    assert _outcomes(events) == ["image-crashed-decoder" if "bomb" in name else "cat" for name in members]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """All children, in the order of their start."""
    children: list[Any] = []

    class Watched(reading.Child):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            children.append(self)

    monkeypatch.setattr(reading, "Child", Watched)
    monkeypatch.setattr(lanes, "Child", Watched)
    return children


def test_an_upload_whose_list_makes_the_reader_crash_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MODULE", CRASHING_PARSER)
    with pytest.raises(Problem) as caught:
        parsed(zip_of({"cat/1.png": PIXEL, "cat/mine.png": PIXEL}))
    assert caught.value.code == "archive-crashed-reader"


def test_an_upload_whose_list_takes_for_ever_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MODULE", CRASHING_PARSER)
    with pytest.raises(Problem) as caught:
        parsed(zip_of({"cat/1.png": PIXEL, "cat/marathon.png": PIXEL}))
    assert caught.value.code == "archive-too-slow"


def test_a_member_far_on_in_a_packed_tar_has_the_time_that_going_there_takes() -> None:
    plain = tar_of({"cat/README": b"", "cat/1.png": PIXEL})
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        behind = tar.getmembers()[1].offset
    mebibytes = 900  # more than a second's work, and nothing to look at
    far = tarfile.TarInfo("cat/README")
    far.size = mebibytes << 20
    zeros = gzip.compress(bytes(50 << 20))
    data = gzip.compress(far.tobuf()) + mebibytes // 50 * zeros + gzip.compress(plain[behind:])
    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    _, events = parsed(data, limits(decode_seconds=1, max_expansion=100_000), skip=1)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began > 2  # once for the list, once for the image
    assert [event.path for event in events if isinstance(event, Sample)] == ["cat/1.png"]


@pytest.mark.fault("F25")
def test_children_that_somebody_kills_once_cost_nothing(started: list[Any]) -> None:
    names = [f"cat/{n}.png" for n in range(200)]
    noise = image(size=(150, 150))  # so many that none can be far ahead of us
    events: list[Sample] = []
    for event in parse.parse(BytesSource(zip_of(dict.fromkeys(names, noise))), limits(), lanes=2):
        if isinstance(event, Sample):
            events.append(event)
        if len(events) in (1, 40):
            for child in started:
                child.kill()
    assert [event.path for event in events] == names
    assert len(started) > 3


def test_a_decoder_that_cannot_start_condemns_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MODULE", "core.datasets.no_such_module")
    with pytest.raises(ChildDied, match="No module named") as caught:
        parsed(zip_of({"cat/1.png": PIXEL}))
    assert caught.value.retryable


def test_closing_in_the_middle_leaves_no_child_and_no_thread(started: list[Any]) -> None:
    threads = set(threading.enumerate())
    noise = image(size=(150, 150))
    source = BytesSource(zip_of({f"cat/{n}.png": noise for n in range(400)}))
    for stop in range(3):
        events = parse.parse(source, limits(), lanes=3)
        while stop and not isinstance(next(events), Sample if stop == 2 else Total):
            continue
        events.close()
        assert set(threading.enumerate()) == threads
        assert not any(child.alive for child in started)
    assert len(started) >= 4


def test_a_problem_in_the_middle_leaves_no_child_and_comes_after_all_that_came_before(started: list[Any]) -> None:
    threads = set(threading.enumerate())

    class Failing(BytesSource):
        def read(self, offset: int, length: int) -> bytes:
            if 8 << 20 < offset < self.size - (1 << 20):
                raise Problem("blob-missing", "The stored object is gone.")
            return super().read(offset, length)

    noise = image(size=(600, 600))
    seen = []
    with pytest.raises(Problem) as caught:
        for event in parse.parse(Failing(zip_of({f"cat/{n}.png": noise for n in range(20)})), limits(), lanes=2):
            seen += [event] if isinstance(event, Sample) else []
    assert caught.value.code == "blob-missing"
    assert [event.path for event in seen] == [f"cat/{n}.png" for n in range(len(seen))]
    assert len(seen) >= 5
    assert set(threading.enumerate()) == threads
    assert not any(child.alive for child in started)


def test_one_slow_image_does_not_let_the_others_run_ahead_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MODULE", CRASHING_DECODER)
    monkeypatch.setattr(parse, "AHEAD_BYTES", 6 << 20)

    class Counting(BytesSource):
        total = 0

        def read(self, offset: int, length: int) -> bytes:
            self.total += length
            return super().read(offset, length)

    noise = image(size=(600, 600))
    assert len(noise) > 1 << 20
    source = Counting(zip_of({"cat/slow.png": _coloured("black"), **{f"cat/{n}.png": noise for n in range(40)}}))
    events = parse.parse(source, limits(decode_seconds=2), lanes=3)
    first = next(event for event in events if isinstance(event, LeftOut))
    assert first.code == "image-decode-timeout"
    assert source.total < 16 << 20 < source.size
    assert sum(isinstance(event, Sample) for event in events) == 40


def test_long_texts_travel_in_smaller_frames() -> None:
    caption = "\N{SNAKE}" * (BATCH_TEXT // 9)
    file = io.BytesIO()
    count = BATCH_MEMBERS + 3
    columns = {"image": [PIXEL] * count, "label": ["cat"] * count, "caption": [caption] * count}
    pq.write_table(pa.table(columns), file)
    _, events = parsed(file.getvalue(), lanes=2)
    assert len([event for event in events if isinstance(event, Sample) and caption in (event.extra or "")]) == count


def test_ticks_come_while_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MODULE", CRASHING_DECODER)
    monkeypatch.setattr(parse, "PATIENCE_S", 0.05)
    events = parse.parse(BytesSource(zip_of({"cat/1.png": _coloured("black")})), limits(decode_seconds=1))
    assert sum(isinstance(event, Busy) for event in events) > 5


def test_an_upload_with_too_many_deadly_images_is_refused() -> None:
    deaths = Deaths()
    for n in range(MAX_DEATHS):
        assert Blame(deaths).judge(ChildDied("died", signal.SIGSEGV), n) is None
    with pytest.raises(Problem) as caught:
        Blame(deaths).judge(ChildDied("died", signal.SIGSEGV), 0)
    assert caught.value.code == "too-many-rejects"


def test_a_child_that_dies_where_nothing_is_left_to_condemn_ends_the_ingest() -> None:
    blame = Blame(Deaths())
    death = ChildDied("died", signal.SIGSEGV)
    assert [blame.judge(death, place) for place in (3, 4, 3, 3)] == [None, None, None, "image-crashed-decoder"]
    assert blame.judge(ChildDied("died", signal.SIGPROF), 5) == "image-decode-timeout"
    with pytest.raises(ChildDied):
        blame.judge(death, 5)


@given(
    st.lists(st.dictionaries(st.sampled_from(["path", "bytes", "outcome"]), st.none() | st.integers(-2, 9)), max_size=4)
)
def test_a_frame_of_members_that_does_not_add_up_is_refused(members: list[dict[str, Any]]) -> None:
    lengths = [member.get("bytes") for member in members if "outcome" not in member]
    sound = bool(members) and all(type(n) is int and n >= 0 for n in lengths) and sum(lengths) == 7
    if sound:
        assert b"".join(reading._batch({"members": members}, b"1234567").images) == b"1234567"
    else:
        with pytest.raises(Problem, match="may not send"):
            reading._batch({"members": members}, b"1234567")


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


SCRIPT = """
import sys
from pathlib import Path
from tests.unit.datasets.test_lanes import FolderShelf
from core.datasets.ingest import pack
from core.spec import Limits
from tests.unit.datasets.dataset_makers import BytesSource
folder = Path(sys.argv[1])
for tick in pack(BytesSource((folder / "upload").read_bytes()), FolderShelf(folder), Limits(max_reject_fraction=0.5),
                 20_000, folder, lanes=3):
    pass
"""


class FolderShelf:
    """Shows what it holds to other processes; slow, so that it can be caught in the middle."""

    def __init__(self, folder: Path, pause_s: float = 0.05) -> None:
        self._folder, self._pause_s = folder, pause_s

    def names(self) -> set[str]:
        return {name.replace("-", "/") for name in os.listdir(self._folder)}

    def put(self, name: str, chunks: Any) -> None:
        time.sleep(self._pause_s)
        (self._folder / "half").write_bytes(b"".join(chunks))
        (self._folder / "half").rename(self._folder / name.replace("/", "-"))

    def get(self, name: str) -> bytes:
        return (self._folder / name.replace("/", "-")).read_bytes()


def test_an_ingest_of_several_lanes_that_is_killed_ends_its_children_and_can_be_followed(tmp_path: Path) -> None:
    data = KINDS["tar"]()
    (tmp_path / "upload").write_bytes(data)
    path = os.pathsep.join((str(CODE_ROOT), str(CODE_ROOT / "tests" / "unit" / "datasets")))
    environment = {**os.environ, "PYTHONPATH": path}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=CODE_ROOT, env=environment)
    deadline = time.monotonic() + 60
    while not (tmp_path / "shards-00002.parquet").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert len(children) >= 2
    while any(map(_runs, children)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(_runs, children))
    committed = sum(name.endswith(".parquet") for name in FolderShelf(tmp_path).names())
    whole = MemoryShelf()
    _, expected = packed(data, whole, limits(max_reject_fraction=0.5), 20_000)
    assert 3 <= committed < len(expected.shards)
    for _ in pack(BytesSource(data), FolderShelf(tmp_path, 0), limits(max_reject_fraction=0.5), 20_000, lanes=2):
        continue
    assert {name: FolderShelf(tmp_path).get(name) for name in whole.files} == whole.files
