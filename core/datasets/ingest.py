"""An upload becomes shards on a shelf, and a manifest of everything that was in it.

Shard k is `shards/0000k.tar`; its side file `shards/0000k.parquet` is written after it and commits it. A restart counts
the side files and goes on with the member after the last one, so the same upload always ends as the same bytes.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from core.datasets import manifest
from core.datasets.parse import PATIENCE_S, Busy, LeftOut, Sample, Source, Total, parse
from core.datasets.shards import Shard, pieces
from core.datasets.summary import Packed, Summary
from core.errors import Problem
from core.spec import Limits
from core.words import Layout

SHARD_BYTES = 256 << 20
MANIFEST = "manifest.parquet"
READING = 1  # raised by a change after which the same bytes would become another dataset
EARLY_REJECTS = 1000  # so many are listed before a hopeless ingest ends early
TICK_S = 0.1


class Shelf(Protocol):
    """Where one dataset's files are kept. `put` is atomic: a name is there with all its bytes, or not at all."""

    def names(self) -> set[str]: ...

    def put(self, name: str, chunks: Iterator[bytes]) -> None: ...

    def get(self, name: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Tick:
    """How far an ingest is: members seen of `total`, and what became of them.

    `rejects` are those since the tick before, with their numbers.
    """

    total: int
    seen: int
    accepted: int
    rejected: int
    ignored: int
    rejects: tuple[tuple[int, LeftOut], ...]


def tar_name(shard: int) -> str:
    return f"shards/{shard:05d}.tar"


def shard_number(name: str) -> int:
    """The k of `tar_name(k)`."""
    return int(Path(name).stem)


def side_name(shard: int) -> str:
    return f"shards/{shard:05d}.parquet"


def pack(
    source: Source,
    shelf: Shelf,
    limits: Limits,
    shard_bytes: int = SHARD_BYTES,
    scratch: Path | None = None,
    layout: Layout | None = None,
    lanes: int = 1,
) -> Generator[Tick, None, Packed]:
    """Read the upload, write shards and the manifest; ticks on the way, the result at the end.

    What is written does not depend on `lanes`, the number of processes that decode.
    """
    shard, counts, n = _committed(shelf)
    seen = sum(counts.values())
    total = Total(0, 0, "")
    rejects: list[tuple[int, LeftOut]] = []
    ticked = 0.0
    part, saving = _Part(shard, scratch), _Saving(shelf)
    events = parse(source, limits, seen, layout, lanes)
    try:
        for event in events:
            if isinstance(event, Total):
                total = event
            elif not isinstance(event, Busy):
                outcome = "accepted" if isinstance(event, Sample) else event.outcome
                part.add(event, member=seen, n=n)
                if isinstance(event, LeftOut) and outcome == "rejected":
                    rejects.append((seen, event))
                seen += 1
                n += outcome == "accepted"
                counts[outcome] += 1
                if part.tar.size >= shard_bytes:
                    for _ in saving.ended():
                        yield _tick(total, counts, [])
                    saving.begin(part)
                    shard += 1
                    part = _Part(shard, scratch)
            if (moment := time.monotonic()) - ticked >= TICK_S:
                yield _tick(total, counts, rejects)
                rejects, ticked = [], moment
            if counts["rejected"] >= EARLY_REJECTS and _too_many(counts["rejected"], total.images, limits):
                break
        yield _tick(total, counts, rejects)
        for _ in saving.ended():
            yield _tick(total, counts, [])
        if part.side.rows:
            part.commit(shelf)
            shard += 1
    finally:
        events.close()
        saving.close()
        part.close()
    packed = replace(_finish(shelf, shard, limits, scratch), layout=total.layout)
    if seen == total.members and packed.counts.seen != total.members:
        raise Problem("blob-corrupt", f"{packed.counts.seen} members were kept of {total.members}.", retryable=True)
    return packed


class _Part:
    """One shard that grows, and its side file."""

    def __init__(self, shard: int, scratch: Path | None) -> None:
        self.shard, self._tar_name = shard, tar_name(shard)
        self.tar = Shard(scratch)
        self._side_file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  closed by `close`
        self.side = manifest.Writer(self._side_file)
        self.samples = 0

    def add(self, event: Sample | LeftOut, member: int, n: int) -> None:
        self.side.add(self._left_out(event, member) if isinstance(event, LeftOut) else self._sample(event, member, n))

    def _left_out(self, event: LeftOut, member: int) -> manifest.Row:
        path, outcome, code, detail, sha256 = event
        return manifest.Row(member, outcome, path=path, sha256=sha256, code=code, detail=detail)

    def _sample(self, event: Sample, member: int, n: int) -> manifest.Row:
        self.samples += 1
        return manifest.Row(
            member,
            "accepted",
            n,
            path=event.path,
            label=event.label,
            split=event.split,
            shard=self._tar_name,
            offset=self.tar.add(n, event.format, event.data),
            length=len(event.data),
            sha256=event.sha256,
            width=event.width,
            height=event.height,
            mode=event.mode,
            format=event.format,
            grey=event.grey,
            votes=event.votes,
            extra=event.extra,
            look=event.look,
        )

    def commit(self, shelf: Shelf) -> None:
        """The side file last: where it is, its shard is whole."""
        try:
            self.side.close()
            if self.samples:
                shelf.put(self._tar_name, self.tar.chunks())
            shelf.put(side_name(self.shard), pieces(self._side_file))
        finally:
            self.close()

    def close(self) -> None:
        self.side.close()
        self.tar.close()
        self._side_file.close()


class _Saving:
    """Puts whole shards on the shelf while the next ones are read: one at a time, so in order."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._thread = ThreadPoolExecutor(1, "saving")
        self._under_way: Future[None] | None = None

    def begin(self, part: _Part) -> None:
        self._under_way = self._thread.submit(part.commit, self._shelf)

    def ended(self) -> Iterator[None]:
        """Ends when nothing is being saved any more; raises what went wrong."""
        if self._under_way is not None:
            while not wait((self._under_way,), PATIENCE_S).done:
                yield
            self._under_way.result()
            self._under_way = None

    def close(self) -> None:
        self._thread.shutdown()


def _committed(shelf: Shelf) -> tuple[int, Counter[str], int]:
    """How many shards are whole, what became of their members, and the next sample number."""
    names = shelf.names()
    shard = 0
    counts: Counter[str] = Counter()
    while side_name(shard) in names:
        for batch in manifest.rows(shelf.get(side_name(shard)), ["outcome"]):
            counts.update(batch["outcome"].to_pylist())
        shard += 1
    return shard, counts, counts["accepted"]


def _finish(shelf: Shelf, shards: int, limits: Limits, scratch: Path | None) -> Packed:
    """The manifest and the result, both from the side files alone, so that a restart cannot change them."""
    summary = Summary()
    with tempfile.TemporaryFile(dir=scratch) as file:
        writer = manifest.Writer(file)
        for shard in range(shards):
            for batch in manifest.rows(shelf.get(side_name(shard))):
                summary.add(batch)
                writer.add_batch(batch)
        writer.close()
        shelf.put(MANIFEST, pieces(file))
    counts = summary.counts
    if _too_many(counts.rejected, counts.accepted + counts.rejected, limits):
        code, times = summary.commonest_reason()
        raise Problem(
            "too-many-rejects",
            f"{counts.rejected} of {counts.accepted + counts.rejected} images cannot be used, most often because of "
            f"{code} ({times} times); at most {limits.max_reject_fraction:.0%} may be left out. Mend or remove them.",
            counts=counts.model_dump(),
        )
    if counts.accepted == 0:
        detail = "The upload holds no image. Upload a zip of images in one folder per class."
        raise Problem("empty-dataset", detail, counts=counts.model_dump())
    if summary.classes > limits.max_classes:
        detail = f"The upload has {summary.classes} classes; at most {limits.max_classes} are read."
        raise Problem("too-many-classes", detail, counts=counts.model_dump())
    if summary.looks_like_ids:
        raise Problem(
            "label-looks-like-id",
            f"{summary.single} classes have one image each: the labels seem to be names of images. Is each image in a "
            "folder, or a row, that says its class?",
            counts=counts.model_dump(),
        )
    return summary.packed()


def _too_many(rejected: int, images: int, limits: Limits) -> bool:
    return rejected > limits.max_reject_fraction * images


def _tick(total: Total, counts: Counter[str], rejects: list[tuple[int, LeftOut]]) -> Tick:
    outcomes = counts["accepted"], counts["rejected"], counts["ignored"]
    return Tick(total.members, sum(outcomes), *outcomes, tuple(rejects))
