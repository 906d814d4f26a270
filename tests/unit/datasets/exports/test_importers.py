"""Those who are to read our files read them: each importer that there is, the real one."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.datasets import manifest
from core.datasets.exports import FORMATS, imagefolder
from core.datasets.exports.content import Decided
from core.datasets.ingest import MANIFEST
from core.words import ExportFormat
from tests.api.make import ingested
from tests.unit.datasets.exports.make import CLASSES, DECIDED, SAMPLES, content, expected, picture, rows, whole


def written(format: ExportFormat, **asked: Any) -> bytes:
    return whole(FORMATS[format].write(content(**asked)))


def unpacked(format: ExportFormat, folder: Path, **asked: Any) -> Path:
    with zipfile.ZipFile(io.BytesIO(written(format, **asked))) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("change", [False, True])
def test_datasets_of_hugging_face_loads_images_and_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: bool
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    folder = unpacked("huggingface", tmp_path / "set", change_held_out=change)
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train", "validation", "test"}
    names = loaded["train"].features["label"].names
    found = {}
    for split in loaded.values():
        for row in split:
            found[row["sample"]] = names[row["label"]]
            assert row["image"].size == (20 + row["sample"] % 5, 16)
            assert row["path"] == rows()[row["sample"]]["path"]
    assert found == expected(change)
    assert loaded["train"].info.features["given_label"].dtype == "string"


def test_torchvision_reads_the_folders_and_the_labels_say_what_they_stand_for(tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    folder = unpacked("imagefolder", tmp_path, splits=("train",))
    named = {one["folder"]: one["label"] for one in json.loads((folder / "labels.json").read_text())["classes"]}
    read = ImageFolder(str(folder / "train"))
    found = {int(Path(path).name[:9]): named[read.classes[k]] for path, k in read.samples}
    assert found == {n: label for n, label in expected().items() if rows()[n]["split"] == "train"}
    listed = [json.loads(line) for line in (folder / "manifest-00000.jsonl").read_text().splitlines()]
    for row in listed:
        assert (folder / row["path"]).read_bytes() == picture(row["sample"], rows()[row["sample"]]["format"])
        assert (row["label"], row["given_label"]) == (found[row["sample"]], rows()[row["sample"]]["label"])
        assert row["decision"] == DECIDED.get(row["sample"], (None, None))[0]


@pytest.mark.parametrize(
    ("format", "layout"), [("imagefolder", "table"), ("coco", "coco"), ("webdataset", "webdataset")]
)
def test_we_read_what_we_write(format: ExportFormat, layout: str) -> None:
    packed, _ = ingested(written(format, splits=("train", "val", "test")))
    left = {n: label for n, label in expected().items() if rows()[n]["split"]}
    assert packed.layout == layout
    assert (packed.counts.accepted, packed.counts.rejected) == (len(left), 0)
    assert set(packed.facts.samples) == {"train", "val", "test"}
    if format == "webdataset":  # whose classes are numbers
        assert packed.classes == tuple(sorted(str(k) for k in range(len(set(left.values())))))
    else:
        assert packed.classes == tuple(sorted(set(left.values())))


def read_again(data: bytes) -> dict[int, tuple[str, str | None]]:
    """What we make of what we wrote: the label and the split of each sample."""
    packed, files = ingested(data)
    assert (packed.layout, packed.counts.rejected) == ("table", 0)
    numbers = {row["sha256"]: row["n"] for row in rows()}
    read = [row for batch in manifest.samples(files[MANIFEST]) for row in batch.to_pylist()]
    found = {numbers[row["sha256"]]: (row["label"], row["split"]) for row in read}
    assert len(found) == len(read)
    return found


def test_several_manifests_are_one_to_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagefolder, "MANIFEST", 2000)
    data = written("imagefolder")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sizes = {one.filename: one.file_size for one in archive.infolist() if one.filename.endswith(".jsonl")}
        assert list(sizes) == [f"manifest-{k:05d}.jsonl" for k in range(len(sizes))]
        assert len(sizes) > 5 and max(sizes.values()) < 4000
    splits = {row["n"]: row["split"] for row in rows()}
    assert read_again(data) == {n: (label, splits[n]) for n, label in expected().items()}


@pytest.mark.parametrize("splits", [(None,), ("test", None), ("train",)])
def test_a_class_that_is_called_like_a_split_is_a_class_again(splits: tuple[str | None, ...]) -> None:
    classes = ("Train", "cat", "test", "val", "validation")
    told = [row | {"label": classes[row["n"] % 5], "split": splits[row["n"] % len(splits)]} for row in rows()]
    nothing = Decided.nothing(SAMPLES)
    named = replace(content(), classes=classes, samples=pa.Table.from_pylist(told), decided=nothing)
    data = whole(FORMATS["imagefolder"].write(named))
    assert read_again(data) == {row["n"]: (row["label"], row["split"]) for row in told}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        above = {name.rpartition("/")[0].removeprefix(f"{splits[0]}/") for name in archive.namelist() if "/" in name}
    assert above == {"cat", *(f"{name}~{k}" for k, name in enumerate(classes) if name != "cat")}


def test_webdataset_streams_it(tmp_path: Path) -> None:
    import webdataset

    file = tmp_path / "set.tar"
    file.write_bytes(written("webdataset"))
    found, classes = {}, sorted(set(expected().values()))
    for sample in webdataset.WebDataset(str(file), shardshuffle=False).decode("pil"):
        image = sample.get("png", sample.get("jpg"))
        assert image.size == (sample["json"]["sample"] % 5 + 20, 16)
        assert sample["txt"] == classes[sample["cls"]] == sample["json"]["label"]
        found[sample["json"]["sample"]] = sample["txt"]
    assert found == expected()


def test_pycocotools_reads_the_annotations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pycocotools.coco import COCO

    folder, found = unpacked("coco", tmp_path), {}
    for split in ("train", "val", "test", "all"):
        told = COCO(str(folder / "annotations" / f"instances_{split}.json"))
        for image in told.loadImgs(told.getImgIds()):
            [annotation] = told.loadAnns(told.getAnnIds(imgIds=image["id"]))
            assert annotation["bbox"] == [0, 0, image["width"], image["height"]]
            assert (folder / image["file_name"]).read_bytes().startswith((b"\x89PNG", b"\xff\xd8"))
            found[image["id"]] = told.loadCats(annotation["category_id"])[0]["name"]
    assert found == expected()


def test_cleanlab_knows_the_columns(tmp_path: Path) -> None:
    import pandas
    from cleanlab.classification import CleanLearning
    from cleanlab.dataset import find_overlapping_classes, rank_classes_by_label_quality

    issues = pandas.read_csv(io.BytesIO(written("cleanlab")), keep_default_na=False)
    assert issues["is_label_issue"].dtype == bool
    names = [row["label"] for row in rows()]
    audited = issues.sort_values("sample")
    codes = {name: k for k, name in enumerate(dict.fromkeys([*audited["given_label"], *audited["predicted_label"]]))}
    given = np.array([codes[name] for name in audited["given_label"]])
    coded = pandas.DataFrame({
        "is_label_issue": audited["is_label_issue"].to_numpy(), "label_quality": audited["label_quality"].to_numpy(),
        "given_label": given, "predicted_label": [codes[name] for name in audited["predicted_label"]],
    })  # fmt: skip
    learner = CleanLearning()
    learner.label_issues_df = learner._process_label_issues_arg(coded, given)
    assert int(learner.get_label_issues()["is_label_issue"].sum()) == 5
    quality = audited["label_quality"].to_numpy()
    assert np.allclose(quality, 1 - audited["label_score"].rsub(1)) and quality.min() == 0.0
    assert {name.removeprefix("'") for name in issues["given_label"]} <= set(names)
    odds = np.full((len(given), len(codes)), 0.01)
    odds[np.arange(len(given)), coded["predicted_label"]] = 0.9
    odds /= odds.sum(axis=1, keepdims=True)
    ranks = rank_classes_by_label_quality(given, odds)
    assert len(ranks) == len(codes)
    assert find_overlapping_classes(given, odds) is not None


def test_label_studio_takes_the_tasks_with_their_predictions(tmp_path: Path) -> None:
    from label_studio_sdk.label_interface import LabelInterface

    folder = unpacked("label-studio", tmp_path)
    interface = LabelInterface((folder / "label_config.xml").read_text())
    interface.validate()
    tasks = json.loads((folder / "tasks" / "00000.json").read_text())
    assert [task["data"]["rank"] for task in tasks] == list(range(1, len(tasks) + 1))
    for task in tasks:
        data = {name: value for name, value in task.items() if name == "data"}
        assert interface.validate_task(data), task
        [prediction] = task["predictions"]
        assert interface.validate_prediction(prediction), prediction
        assert 0 <= prediction["score"] <= 1
        for annotation in task["annotations"]:
            assert interface.validate_annotation(annotation), annotation
    said = {task["data"]["sample"]: task["annotations"] for task in tasks if task["annotations"]}
    assert set(said) == {0, 3, 4, 8}, "what is held out waits, as does what somebody was unsure of"
    assert said[4][0]["result"][0]["value"]["choices"] == ["Cat"]
    assert said[8][0]["was_cancelled"] and said[8][0]["result"] == []
    words = {
        n: (row["data"]["decision"], row["data"]["decided_label"]) for row in tasks for n in [row["data"]["sample"]]
    }
    assert {n: word for n, word in words.items() if word[0]} == DECIDED
    all_of_them = unpacked("label-studio", tmp_path / "all", change_held_out=True)
    tasks = json.loads((all_of_them / "tasks" / "00000.json").read_text())
    said = {task["data"]["sample"]: task["annotations"] for task in tasks if task["annotations"]}
    assert set(said) == {n for n, (word, _) in DECIDED.items() if word != "unsure"}
    assert said[1][0]["result"][0]["value"]["choices"] == ["naïve 猫"]
    assert said[2][0]["was_cancelled"]


@pytest.mark.parametrize(("change", "people"), [(False, {0, 3, 4}), (True, {0, 1, 3, 4})])
def test_cvat_s_annotations_are_xml_with_labels_that_it_declares(change: bool, people: set[int]) -> None:
    root = ElementTree.fromstring(written("cvat", change_held_out=change))
    declared = [label.findtext("name") for label in root.iter("label")]
    assert len(declared) == len(CLASSES)
    images = root.findall("image")
    assert [int(image.get("id", "")) for image in images] == list(range(len(images)))
    paths = {row["path"]: row["n"] for row in rows()}
    for image in images:
        [tag] = image.findall("tag")
        n = paths[image.get("name", "")]
        assert tag.get("label") in declared
        assert (tag.get("source") == "manual") == (n in people), "a person stands behind this very label"
    assert len(images) == len({image.get("name") for image in images})


def test_fiftyone_s_labels_name_every_file_once(tmp_path: Path) -> None:
    folder = unpacked("fiftyone", tmp_path)
    told = json.loads((folder / "labels.json").read_text())
    stems = {file.stem for file in (folder / "data").iterdir()}
    assert stems == set(told["labels"])
    found = {int(stem[:9]): told["classes"][one["label"]] for stem, one in told["labels"].items()}
    assert found == expected()
    sure = {int(stem[:9]): one["confidence"] for stem, one in told["labels"].items()}
    assert sure[4] == 1.0 and sure[5] is None and 0 < sure[12] < 1
    assert sure[1] == sure[2] == 0.0, "somebody called these labels wrong, and they are held out"
    folder = unpacked("fiftyone", tmp_path / "all", change_held_out=True)
    told = json.loads((folder / "labels.json").read_text())
    assert {int(stem[:9]): one["confidence"] for stem, one in told["labels"].items()}[1] == 1.0


def test_the_parquet_of_scores_tells_where_it_is_from_and_the_lines_say_the_same() -> None:
    table = pq.read_table(io.BytesIO(written("parquet")))
    about = json.loads(table.schema.metadata[b"labelaudit"])
    assert (about["dataset_version"], about["reviews"], about["audit_id"]) == (3, 9, "a1")
    lines = [json.loads(line) for line in written("jsonl").splitlines()]
    assert table.to_pylist() == lines
    found = {row["sample"]: row for row in lines}
    assert len(found) == len(lines) < SAMPLES
    assert found[8]["label"] is None and found[8]["decision"] == "exclude"
    assert found[2]["label"] == rows()[2]["label"] and found[2]["decision"] == "exclude", "it is held out"
    assert (found[4]["label"], found[4]["decided_label"], found[4]["reviewer"]) == ("Cat", "Cat", '<b onload="x">')
    assert found[4]["decided_at"] == "2023-11-14T22:13:24.250Z"
    assert found[6]["decision"] is found[6]["reviewer"] is found[6]["decided_at"] is None
    assert [row["rank"] for row in lines] == sorted(row["rank"] for row in lines)
