"""Datasets and audits as a worker would have left them, made through the store without any training."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from PIL import Image
from safetensors.numpy import save as save_tensors

from core.datasets import manifest
from core.datasets.findings import rows
from core.datasets.ingest import MANIFEST, pack, shard_number
from core.datasets.summary import Packed
from core.spec import Limits
from core.store import audits, conflicts, curves, datasets, events, jobs, likeliest, likeness, scores, uploads
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.tables import Dataset, Job
from core.summary import (
    Cohort,
    Cohorts,
    ConflictCounts,
    CutMade,
    DecoyCheck,
    Expected,
    Likeness,
    Moves,
    NoiseRate,
    OfClass,
    Summary,
    TrainedModel,
)
from core.words import REASONS, VERDICTS, reasons_of

CLASSES = ("=1+1 <b>", "kočka", "pes")  # names that a careless writer of CSV, HTML or headers would trip over
TRAIN, TEST = 12, 4  # images a class
EPOCHS = 3
GROUPS = ((1, 2, 2), (2, -1, 3))  # conflicts: number, favoured class and size
GROUP_OF = {2: 1, 5: 1, 3: 2, 9: 2, 30: 2}  # by rank
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"  # an id that nothing has


def png(seed: int, size: tuple[int, int] = (40, 24)) -> bytes:
    """A small picture, different for every seed."""
    picture = Image.new("RGB", size, (seed % 256, seed // 256 % 256, 77))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    """A zip with these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


@cache
def archive() -> bytes:
    """An upload with three classes, two splits, one broken image and one file that is ignored."""
    members = {
        f"pictures/{split}/{name}/{k:02d}.png": png(1000 * c + 100 * (split == "test") + k)
        for split, count in (("train", TRAIN), ("test", TEST))
        for c, name in enumerate(CLASSES)
        for k in range(count)
    }
    members["pictures/train/pes/broken.png"] = png(5)[:60]
    members["pictures/.DS_Store"] = b"x"
    return zip_of(members)


class _Memory:
    """A shelf and a source in memory."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)
        self.files: dict[str, bytes] = {}

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]

    def names(self) -> set[str]:
        return set(self.files)

    def put(self, name: str, chunks: Iterator[bytes]) -> None:
        self.files[name] = b"".join(chunks)

    def get(self, name: str) -> bytes:
        return self.files[name]

    def delete(self, name: str) -> None:
        del self.files[name]


def ingested(data: bytes) -> tuple[Packed, dict[str, bytes]]:
    """What ingest makes of an upload, with the files it writes."""
    memory = _Memory(data)
    ticks = pack(memory, memory, Limits())
    while True:
        try:
            next(ticks)
        except StopIteration as end:
            return end.value, memory.files


@cache
def packed() -> tuple[Packed, dict[str, bytes]]:
    """What ingest makes of `archive()`."""
    return ingested(archive())


@dataclass(frozen=True)
class Store:
    """Where a service keeps everything, and ways to fill it."""

    db: Database
    blobs: Blobs

    def received(self, name: str = "pictures") -> tuple[Dataset, Job]:
        """A dataset that nobody has read yet, with its queued ingest job."""
        data = archive()
        with self.db.write() as session:
            upload = uploads.begin(session)
            self.blobs.put(uploads.part_key(upload.id, 0), data)
            uploads.complete(session, upload, [(0, len(data))], "0" * 64)
            return datasets.create(
                session, upload, name=name, format="zip", size=len(data), sha256="0" * 64, request_id="test"
            )

    def claimed(self, job: Job) -> jobs.Claim:
        """A worker takes a job."""
        with self.db.write() as session:
            claim = jobs.claim(session, job.id, "worker", 60.0)
        assert claim is not None
        return claim

    def ready(self, name: str = "pictures") -> Dataset:
        """A dataset that can be audited, with shards, rows and left-outs."""
        dataset, job = self.received(name)
        claim = self.claimed(job)
        result, files = packed()
        for file, content in files.items():
            self.blobs.put(f"datasets/{dataset.id}/{file}", content)
        found = {
            "layout": result.layout,
            "classes": list(result.classes),
            "counts": result.counts.model_dump(),
            "facts": result.facts.model_dump(),
            "class_counts": list(result.class_counts),
            "found": {one.kind: one.counts for one in result.found},
            "warnings": [{"code": "example", "detail": "A warning."}],
            "content_hash": result.content_hash,
        }
        number = {label: k for k, label in enumerate(result.classes)}
        samples = [
            (dataset.pk, r["n"], r["path"], number[r["label"]], r["split"], shard_number(r["shard"]), r["offset"],
             r["length"], r["width"], r["height"], r["format"], bytes.fromhex(r["sha256"]),
             r["votes"], r["extra"])
            for batch in manifest.samples(files[MANIFEST]) for r in batch.to_pylist()
        ]  # fmt: skip
        left_outs = [
            (dataset.pk, r["member"], r["path"], r["outcome"], r["code"], r["detail"],
             bytes.fromhex(r["sha256"]) if r["sha256"] else None)
            for batch in manifest.left_outs(files[MANIFEST]) for r in batch.to_pylist()
        ]  # fmt: skip
        with self.db.write() as session:
            findings = [(dataset.pk, n, *row) for n, row in enumerate(rows(result.found))]
            datasets.store(session, dataset.pk, found, samples, left_outs, findings)
            jobs.finish(session, claim, {})
        return self.dataset(dataset.id)[0]

    def dataset(self, id: str) -> tuple[Dataset, Job]:
        """A dataset and its ingest job, as they are now."""
        with self.db.read() as session:
            found = datasets.find(session, id)
        assert found is not None
        return found

    def queued(self, dataset: Dataset) -> Job:
        """An audit that waits for a worker."""
        with self.db.write() as session:
            return jobs.submit(session, "audit", dataset.pk, {"recipe": "auto"}, "test")

    def running(self, dataset: Dataset) -> tuple[Job, jobs.Claim]:
        """An audit that a worker has."""
        job = self.queued(dataset)
        return job, self.claimed(job)

    def event(self, job: Job, type: str, **data: Any) -> None:
        """Something happens to a job."""
        with self.db.write() as session:
            events.emit(session, job.pk, type, data)

    def finished(self, dataset: Dataset) -> Job:
        """An audit of the train split with its scores, its files and its summary."""
        job, claim = self.running(dataset)
        with self.db.read() as session:
            audited = [s for s in datasets.samples(session, dataset.pk, -1, 10_000) if s.split == "train"]
        names = dataset.classes or []
        ranked = [
            {
                "sample": sample.n,
                "path": sample.path,
                "split": sample.split,
                "given_label": names[sample.label],
                "suggested_label": None if rank % 3 == 0 else names[(sample.label + (rank % 3 == 1)) % len(names)],
                "suggested_confidence": None if rank % 3 == 0 else 0.5 + 1 / (rank + 2),
                "score": 1.0 / rank,
                "is_issue": rank <= 7,
                "verdict": "wrong" if rank <= 7 else "hard" if rank <= 9 else "clean",
                "reasons": reasons_of(rank),
                "conflict": GROUP_OF.get(rank),
                "top_labels": [names[(sample.label + k) % len(names)] for k in range(len(names))],
                "top_p": [1 / rank, 0.1 + 0.2, 1e-17],
                "rank": rank,
                **dict.fromkeys(("iam", "hm_weight", "aum", "tkum", "loss"), rank / 7),
            }
            for rank, sample in enumerate(sorted(audited, key=lambda s: (s.n * 7) % 36), 1)
        ]
        home = f"audits/{job.id}/{claim.attempt}"
        made = {**dict(_files(ranked, names)), **dict(_likeness_files(ranked, names))}
        files = {name: self.blobs.put(f"{home}/{name}", data).as_record() for name, data in made.items()}
        result = {"score_version": "test-1", "device": "cpu", "files": files, "summary": summary(ranked, names)}
        result["likeness"] = Likeness(samples=len(ranked), width=2, exact=True, recall=1.0).model_dump()
        for epoch in range(1, EPOCHS + 1):
            points = [curves.POINT.pack(*point_of(epoch, place)) for place in range(len(ranked))]
            key = self.blobs.put(curves.key(job.id, claim.attempt, epoch), b"".join(points)).key
            self._epoch(job, epoch, key)
        with self.db.write() as session:
            scores.load(session, list(_rows(ranked, job.pk, names)))
            conflicts.load(session, ((job.pk, *group) for group in GROUPS))
            jobs.finish(session, claim, result)
        return job

    def _epoch(self, job: Job, epoch: int, key: str) -> None:
        figures = dict.fromkeys(("train_loss", "train_accuracy", "test_accuracy", "mean_weight", "seconds"), 0.5)
        with self.db.write() as session:
            audits.write_epoch(session, job.pk, epoch, {**figures, "curves": key})


def near_to(place: int, samples: int, k: int) -> list[int]:
    """The places of those that are most like the sample at a place: whoever stands next to it, the lower first."""
    others = [other for other in range(samples) if other != place]
    return sorted(others, key=lambda other: (abs(other - place), other))[:k]


def _likeness_files(ranked: list[dict[str, Any]], names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Features on a line, of which only the order matters; the suggested label has one neighbour less than is kept."""
    samples = sorted(row["sample"] for row in ranked)
    rows = np.empty(len(samples), likeness.ROW)
    for place in range(len(samples)):
        for name, found in (("nearest", likeness.OF_ALL), ("with_given", 8), ("with_suggested", 7)):
            rows[name][place] = (likeness.NOBODY, np.nan)
            for k, other in enumerate(near_to(place, len(samples), found)):
                rows[name][place, k] = (samples[other], abs(other - place) / 64)
    columns = {
        "sample": np.array([row["sample"] for row in ranked]),
        "given": np.array([names.index(row["given_label"]) for row in ranked]),
        "verdict": np.array([VERDICTS.index(row["verdict"]) for row in ranked]),
        "x": np.array([row["rank"] for row in ranked]),
        "y": np.array([65_535 - row["rank"] for row in ranked]),
    }
    bands = [[None, [0.0, 0.25, 0.5, 0.75, 1.0]]] * 3
    cohort = Cohort(samples=9, margin=bands[0], rival_gap=bands[1], loss=bands[2])
    told = Cohorts(epochs=2, levels=[0.1, 0.25, 0.5, 0.75, 0.9], clean=cohort, hard=cohort, wrong=cohort)
    yield likeness.EMBEDDINGS, b"".join(likeness.npy(np.eye(len(samples), 2, dtype=np.float16)))
    yield likeness.NEIGHBOURS, b"".join(likeness.npy(rows))
    yield likeness.MAP, b"".join(likeness.points(columns))
    yield likeness.COHORTS, told.model_dump_json().encode()


def point_of(epoch: int, place: int) -> tuple[float, float, float]:
    """What an epoch shows of the sample at a place; exact in half precision."""
    return place - epoch / 2, epoch / 4, 1 / (2**epoch)


def summary(ranked: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    """What a worker would say of these samples."""
    verdicts = Counter(row["verdict"] for row in ranked)
    samples = Counter(row["given_label"] for row in ranked)
    probabilities: list[list[float] | None] = [[0.75, 0.25], None]
    return Summary(
        samples=len(ranked),
        flagged=7,
        noise_rate=NoiseRate(estimate=0.1, low=0.05, high=0.15, level=0.95),
        expected=Expected(precision=0.9, recall=None),
        cut=CutMade(score=1 / 7, chosen_by="expected-f1"),
        classes=[OfClass(label=k, samples=samples[k], flagged=2, noise_rate=0.1, low=0.0, high=0.2) for k in names],
        transitions=Moves(labels=names[:2], counts=[[0.0, 0.0], [3.0, 0.0]], probabilities=probabilities),
        verdicts={word: verdicts[word] for word in VERDICTS},
        conflicts=ConflictCounts(groups=len(GROUPS), samples=len(GROUP_OF)),
        degenerate=None,
        calibration=DecoyCheck(decoys=0, found=None, auroc=None),
        model=TrainedModel(network="fast", epochs=20, test_accuracy_best=0.8, test_accuracy_last=0.7),
        score_version="test-1",
    ).model_dump()


def _rows(ranked: list[dict[str, Any]], audit_pk: int, names: list[str]) -> Iterator[tuple[Any, ...]]:
    for row in ranked:
        given = names.index(row["given_label"])
        suggested = -1 if row["suggested_label"] is None else names.index(row["suggested_label"])
        evidence = [row[name] for name in ("iam", "hm_weight", "aum", "tkum", "loss")]
        verdict = VERDICTS.index(row["verdict"])
        (top,) = likeliest.packed(
            np.array([[names.index(label) for label in row["top_labels"]]]), np.array([row["top_p"]])
        )
        yield (
            audit_pk, row["rank"], row["sample"], given, suggested, row["score"], row["is_issue"], verdict, *evidence,
            row["suggested_confidence"], sum(1 << REASONS.index(name) for name in row["reasons"]), top,
            row["conflict"],
        )  # fmt: skip


def _files(ranked: list[dict[str, Any]], names: list[str]) -> Iterator[tuple[str, bytes]]:
    lists = ("reasons", "top_labels", "top_p")
    table = pa.Table.from_pylist([row | {name: "|".join(map(str, row[name])) for name in lists} for row in ranked])
    for name, write in (("parquet", pyarrow.parquet.write_table), ("csv", pyarrow.csv.write_csv)):
        file = io.BytesIO()
        write(table, file)
        yield f"scores.{name}", file.getvalue()
    yield "scores.jsonl", "".join(json.dumps(row) + "\n" for row in ranked).encode()
    yield "model.safetensors", save_tensors({"weight": np.ones((3, 4), np.float32)})
    yield "config.json", b"{}"
    yield "labels.json", json.dumps(names).encode()
    yield "README.md", b"# A model\n"
