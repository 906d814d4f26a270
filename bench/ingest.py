"""How fast an upload is read: the worker's own ingest against a bare loop of Pillow and SHA-256 on the same images.

    python -m bench.ingest [--sides 32 300] [--kinds zip tar] [--seconds 10] [--pairs 3] [--lanes 0] [--folder DIR]
    python -m bench.ingest --members 1000000     # one tar of tiny images, end to end, and what memory it takes

The ingest is the job as a worker does it, in a process of its own: from local blobs to shards and a manifest, and then
the rows into SQLite, which are timed apart. The loop decodes from memory, without any check, in as many processes as
the ingest has lanes, and is told to begin when they have started. A second loop makes the look of each image too, from
which near copies and poor pictures are found. They take turns with the ingest; the figures are the medians of the
ratios of images per second, and `findings_s` is what finding took when all had been read.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import statistics
import sys
import tempfile
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from PIL import Image

from bench.archives import archive, photographs, specks
from bench.record import record, show
from core.datasets import look, manifest
from core.datasets.findings import Looks
from core.datasets.frames import BATCH_MEMBERS
from core.datasets.images import OPENERS
from core.datasets.ingest import MANIFEST
from core.datasets.lanes import MOST
from core.processes import cores
from core.settings import Settings
from core.spec import Phase
from core.store import datasets, jobs, migrate, uploads
from core.store.blobs import Blobs
from core.store.db import Database
from worker import ingest
from worker.progress import Voice

DISTINCT = 500
FORMATS = [*OPENERS]
TARGET, TARGET_S, TARGET_BYTES = 0.8, 15 * 60, 1 << 30
SPAWN = get_context("spawn")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 300], help="of the images, in pixels")
    parser.add_argument("--kinds", nargs="+", default=["zip", "tar"], choices=["zip", "tar"])
    parser.add_argument("--seconds", type=float, default=10, help="of the bare loop, which set the number of images")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--lanes", type=int, default=0, help="0 means one a core, at most 8")
    parser.add_argument("--members", type=int, help="a tar of so many tiny images instead")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on the disk to work on")
    args = parser.parse_args(argv)
    lanes = args.lanes or min(cores(), MOST)
    with tempfile.TemporaryDirectory(prefix="la-ingest-", dir=args.folder) as folder:
        if args.members:
            whole(Path(folder), args.members, lanes)
            return 0
        for side in args.sides:
            images = photographs(side, DISTINCT)
            count = int(args.seconds * bare(images, 10 * DISTINCT, lanes))
            for kind in args.kinds:
                measure(Path(folder), side, kind, images, count, args.pairs, lanes)
    return 0


def measure(folder: Path, side: int, kind: str, images: list[bytes], count: int, pairs: int, lanes: int) -> None:
    """One cell: both in turns."""
    source = archive(folder / f"{side}.{kind}", images, count)
    runs: list[dict[str, float]] = []
    loops: dict[bool, list[float]] = {False: [], True: []}
    for pair in range(pairs):
        turns = [False, None, True] if pair % 2 else [True, None, False]
        for looking in turns:
            if looking is None:
                runs.append(job(folder / f"home-{side}-{kind}-{pair}", source, lanes))
            else:
                loops[looking].append(bare(images, count, lanes, looking))
    source.unlink()
    rates = [count / run["pack_s"] for run in runs]
    ratios = {looking: [a / b for a, b in zip(rates, loops[looking], strict=True)] for looking in loops}
    result: dict[str, Any] = {
        "images_s": round(statistics.median(rates)),
        "bare_images_s": round(statistics.median(loops[False])),
        "ratio": round(statistics.median(ratios[False]), 3),
        "ratios": [round(ratio, 3) for ratio in ratios[False]],
        "looking_images_s": round(statistics.median(loops[True])),
        "looking_ratio": round(statistics.median(ratios[True]), 3),
        "findings_s": round(statistics.median(run["findings_s"] for run in runs), 2),
        "first_event_s": round(statistics.median(run["first_s"] for run in runs), 2),
        "database_s": round(statistics.median(run["store_s"] for run in runs), 2),
        "image_bytes": round(statistics.mean(map(len, images))),
        **_peaks(runs),
    }
    show(f"{count:,} images of {side} pixels in a {kind}, {lanes} lanes", ("figure", "value"), list(result.items()))
    args = {"check": f"{side} px {kind}", "images": count, "lanes": lanes, "pairs": pairs}
    record("ingest", args, result | {"met": result["looking_ratio"] >= TARGET})


def whole(folder: Path, members: int, lanes: int) -> None:
    """An upload of very many members, to its end in the database."""
    run = job(folder / "home", archive(folder / "specks.tar", specks(DISTINCT), members), lanes)
    result: dict[str, Any] = {name: round(s, 1) for name, s in run.items() if name.endswith("_s")}
    result["whole_s"] = round(run["pack_s"] + run["store_s"], 1)
    result |= {"images_s": round(members / run["pack_s"]), **_peaks([run])}
    met = result["whole_s"] <= TARGET_S and run["rss_tree_bytes"] <= TARGET_BYTES
    show(f"{members:,} tiny images in a tar, {lanes} lanes", ("figure", "value"), list(result.items()))
    record("ingest", {"check": f"{members} members", "lanes": lanes}, result | {"met": met})


def bare(images: list[bytes], count: int, lanes: int, looking: bool = False) -> float:
    """Images per second of a loop alone, in so many processes."""
    barrier = SPAWN.Barrier(lanes + 1)
    share = count // lanes
    processes = [SPAWN.Process(target=_loop, args=(images, share, looking, barrier)) for _ in range(lanes)]
    for process in processes:
        process.start()
    barrier.wait()
    began = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - began
    for process in processes:
        process.join()
    return share * lanes / seconds


def _loop(images: list[bytes], count: int, looking: bool, barrier: Barrier) -> None:
    Image.open(io.BytesIO(images[0]), formats=FORMATS).load()
    look.look(Image.new("RGB", (32, 32)))
    greys: list[bytes] = []
    barrier.wait()
    for n in range(count):
        data = images[n % len(images)]
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            image.load()
        hashlib.sha256(data).hexdigest()
        if looking:
            greys.append(look.grey(image))
            if len(greys) == BATCH_MEMBERS:
                look.looks(greys)
                greys.clear()
    barrier.wait()


def job(home: Path, source: Path, lanes: int) -> dict[str, float]:
    """One ingest in a process of its own: its seconds, and the most memory that it and its children held."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_job, args=(home, source, lanes, theirs))
    process.start()
    theirs.close()
    assert process.pid is not None
    ours.recv()  # the upload lies among the blobs
    peaks = {"rss_parent_bytes": 0, "rss_children_bytes": 0, "rss_tree_bytes": 0}
    while not ours.poll(0.1):
        held, *children = _memory(process.pid)
        now = {"rss_parent_bytes": held, "rss_children_bytes": sum(children), "rss_tree_bytes": held + sum(children)}
        peaks = {name: max(most, now[name]) for name, most in peaks.items()}
    found: dict[str, float] = ours.recv()
    process.join()
    return found | peaks


def _job(home: Path, source: Path, lanes: int, said: Connection) -> None:
    settings = Settings(home=home, ingest_lanes=lanes)
    home.mkdir()
    db, blobs = Database(settings.database), Blobs(settings)
    migrate.upgrade(db)
    claim = _claim(settings, db, blobs, source)
    said.send("ready")
    voice = Timed(settings, db, claim)
    began = time.perf_counter()
    ingest.run(settings, db, blobs, voice)
    ended = time.perf_counter()
    voice.check(db)
    found = {"pack_s": voice.storing - began, "store_s": ended - voice.storing, "first_s": voice.first - began}
    found["findings_s"] = _finding(blobs)
    blobs.delete_all("datasets")
    blobs.delete_all("uploads")
    said.send(found)


def _finding(blobs: Blobs) -> float:
    """Seconds to find copies and the like in what was read."""
    looks = Looks()
    for key in blobs.names("datasets"):
        if key.endswith(MANIFEST):
            for batch in manifest.samples(blobs.get(key), ("sha256", "look", "label", "split", "width", "height")):
                looks.add(batch)
    began = time.perf_counter()
    looks.found()
    return time.perf_counter() - began


class Timed(Voice):
    """Remembers when the first members were there, and when the rows were begun."""

    first = storing = 0.0

    def tick(self, **progress: Any) -> None:
        if progress.get("percent") and not self.first:
            self.first = time.perf_counter()
        super().tick(**progress)

    def enter(self, phase: Phase) -> None:
        if phase == "storing":
            self.storing = time.perf_counter()
        super().enter(phase)

    def check(self, db: Database) -> None:
        """The job has ended well."""
        with db.read() as session:
            state = jobs.state(session, self.claim.pk)
        if state != "succeeded" or not self.storing:
            raise RuntimeError(f"the ingest ended {state}")


def _claim(settings: Settings, db: Database, blobs: Blobs, source: Path) -> jobs.Claim:
    size = source.stat().st_size
    parts = [(offset, min(settings.part_bytes, size - offset)) for offset in range(0, size, settings.part_bytes)]
    with db.write() as session, source.open("rb") as file:
        upload = uploads.begin(session)
        for offset, length in parts:
            blobs.write(uploads.part_key(upload.id, offset), file.read(length))
        uploads.complete(session, upload, parts, "0" * 64)
        kind = source.suffix[1:]
        _, submitted = datasets.create(
            session, upload, name="bench", format=kind, size=size, sha256="0" * 64, request_id="bench"
        )
        claim = jobs.claim(session, submitted.id, "bench", 3600.0)
    assert claim is not None
    return claim


def _memory(pid: int) -> list[int]:
    """Resident bytes of a process and of its children, those of its threads included."""
    held, own = [], Path(f"/proc/{pid}")
    try:
        children = " ".join(file.read_text() for file in own.glob("task/*/children")).split()
        held = [int((own / "statm").read_text().split()[1])]
        held += [int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children]
    except OSError:  # one has just ended
        pass
    return [pages * os.sysconf("SC_PAGE_SIZE") for pages in held] or [0]


def _peaks(runs: list[dict[str, float]]) -> dict[str, int]:
    return {name: int(max(run[name] for run in runs)) for name in runs[0] if name.startswith("rss_")}


if __name__ == "__main__":
    sys.exit(main())
