"""Arrays of pixels become pictures: NumPy, IDX, CIFAR."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
from typing import Any

import numpy as np
import pytest
from dataset_makers import BytesSource, image, limits, parsed, tar_of, zip_of
from PIL import Image

from core.datasets.parse import LeftOut, Sample, parse
from core.errors import Problem

DICE = np.random.default_rng(0)
GREY = DICE.integers(0, 256, (5, 6, 7), dtype=np.uint8)
COLOUR = DICE.integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)
FIVE = np.arange(5)


def npz(packed: bool = False, **arrays: Any) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def samples(data: bytes) -> tuple[str, list[Sample]]:
    total, events = parsed(data)
    assert total.members == len(events)
    return total.layout, [event for event in events if isinstance(event, Sample)]


def pixels(sample: Sample) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(sample.data)))


def refusal(data: bytes, **bounds: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        list(parse(BytesSource(data), limits(**bounds)))
    return caught.value


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("pictures", [GREY, GREY[..., None], COLOUR, COLOUR.transpose(0, 3, 1, 2).copy()])
def test_the_pixels_of_an_npz_come_back(packed: bool, pictures: Any) -> None:
    layout, found = samples(npz(packed, images=pictures, labels=FIVE))
    assert layout == "numpy"
    assert [(one.path, one.label, one.split) for one in found] == [
        (f"images.npy/{n:06d}", str(n), None) for n in range(5)
    ]
    expected = COLOUR if pictures.shape[-1] == 3 or pictures.shape[1] == 3 else GREY
    for one, plain in zip(found, expected, strict=True):
        assert np.array_equal(pixels(one), plain)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("x_train", "y_train", "x_test", "y_test"), ["test", "train"]),
        (("train_images", "train_labels", "val_images", "val_labels"), ["train", "val"]),
        (("images_test", "labels_test", "images_train", "labels_train"), ["test", "train"]),
    ],
)
def test_arrays_are_paired_by_their_names(names: tuple[str, ...], splits: list[str]) -> None:
    arrays = {name: GREY if k % 2 == 0 else FIVE for k, name in enumerate(names)}
    _, found = samples(npz(**arrays))
    assert [one.split for one in found] == [split for split in splits for _ in range(5)]


@pytest.mark.parametrize(
    "labels",
    [FIVE.astype(kind) for kind in ("i1", "u2", ">i4", "i8")]
    + [np.array(["a", "bé", "c", "d", "e"]), np.array([b"a"] * 5)],
)
def test_labels_are_numbers_or_text(labels: Any) -> None:
    _, found = samples(npz(images=GREY, labels=labels))
    assert [one.label for one in found] == [x.decode() if isinstance(x, bytes) else str(x) for x in labels.tolist()]
    _, found = samples(npz(images=GREY, labels=labels[:, None]))
    assert len(found) == 5


def test_a_class_with_too_long_a_name_costs_only_its_pictures() -> None:
    _, events = parsed(npz(images=GREY, labels=np.array(["a", "b" * 300, "c", "d", "e"])))
    assert [one.code for one in events if isinstance(one, LeftOut) and one.outcome == "rejected"] == ["label-too-long"]


def test_arrays_may_lie_in_a_tar_and_a_restart_goes_on() -> None:
    data = tar_of({"set/x.npy": npy(COLOUR), "set/y.npy": npy(FIVE), "note.txt": b""}, "gz")
    whole = [event.path for event in parsed(data)[1]]
    assert whole[:3] == ["set/x.npy", "set/y.npy", "note.txt"]
    for skip in (1, 3, 5, 8):
        rest = [event.path for event in parsed(data, skip=skip)[1]]
        assert rest == whole[skip:]


def idx(packed: bool = False, **changes: Any) -> dict[str, bytes]:
    count = changes.get("count", 5)
    files = {}
    for split in ("train", "t10k"):
        files[f"{split}-images-idx3-ubyte"] = struct.pack(">4I", 0x803, 5, 6, 7) + GREY.tobytes()
        files[f"{split}-labels-idx1-ubyte"] = struct.pack(">2I", 0x801, count) + bytes(range(5))
    return {f"{name}.gz": gzip.compress(data) for name, data in files.items()} if packed else files


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_in_an_archive(packed: bool) -> None:
    layout, found = samples(zip_of(idx(packed)))
    assert layout == "idx"
    assert [(one.split, one.label) for one in found] == [
        (split, str(n)) for split in ("test", "train") for n in range(5)
    ]
    assert np.array_equal(pixels(found[7]), GREY[2])


def cifar(ahead: int) -> tuple[bytes, np.ndarray[Any, Any]]:
    """Four records, and their pictures."""
    pictures = DICE.integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    marks = [bytes([9] * (ahead - 1) + [n % 2]) for n in range(4)]
    return b"".join(mark + one.tobytes() for mark, one in zip(marks, pictures, strict=True)), pictures.transpose(
        0, 2, 3, 1
    )


def test_the_binary_version_of_cifar() -> None:
    train, pictures = cifar(1)
    members = {"c/data_batch_1.bin": train, "c/test_batch.bin": train[:3073], "c/batches.meta.txt": b"plane\ncar\n\n"}
    layout, found = samples(tar_of(members, "gz"))
    assert layout == "cifar"
    assert [(one.split, one.label) for one in found] == [("train", "plane"), ("train", "car")] * 2 + [("test", "plane")]
    assert np.array_equal(pixels(found[1]), pictures[1])
    fine, pictures = cifar(2)
    _, found = samples(zip_of({"train.bin": fine, "fine_label_names.txt": b"apple\nfish\n"}))
    assert [one.label for one in found] == ["apple", "fish"] * 2
    assert np.array_equal(pixels(found[3]), pictures[3])


def test_a_label_beyond_the_names_costs_only_its_picture() -> None:
    train, _ = cifar(1)
    _, events = parsed(zip_of({"data_batch_1.bin": train, "batches.meta.txt": b"plane\n"}))
    assert [one.code for one in events if isinstance(one, LeftOut)].count("label-unknown") == 2


IMAGES, LABELS = npy(GREY), npy(FIVE)
PROGRAM = b"__import__('os').system('true')".ljust(40)
MANY = 2_000_001
REFUSED = {
    "objects": ("pickle-refused", npz(images=GREY, labels=np.array([1, None, 2, 3, 4], dtype=object))),
    "a pickle": ("pickle-refused", pickle.dumps({"data": GREY})),
    "the Python version of CIFAR": ("pickle-refused", tar_of({"c/data_batch_1": b"\x80\x04.", "c/batches.meta": b""})),
    "a checkpoint of torch": ("pickle-refused", zip_of({"model/data.pkl": b"\x80\x02}"})),
    "pictures alone": ("arrays-missing", npz(images=GREY)),
    "IDX without labels": ("arrays-missing", zip_of(dict(list(idx().items())[:1]))),
    "IDX with another number of labels": ("arrays-damaged", zip_of(idx(count=4))),
    "floats": ("array-shape", npz(images=GREY / 255, labels=FIVE)),
    "too few labels": ("array-shape", npz(images=GREY, labels=FIVE[:4])),
    "five colours": ("array-shape", npz(images=np.zeros((5, 6, 7, 5), np.uint8), labels=FIVE)),
    "one picture": ("array-shape", npz(images=GREY[0], labels=FIVE)),
    "float labels": ("array-shape", npz(images=GREY, labels=FIVE / 2)),
    "columns first": ("array-shape", npz(images=np.asfortranarray(GREY), labels=FIVE)),
    "a header of words": ("arrays-damaged", zip_of({"images.npy": b"words" * 9, "labels.npy": LABELS})),
    "a header that is a program": (
        "arrays-damaged",
        zip_of({"images.npy": b"\x93NUMPY\1\0" + struct.pack("<H", 40) + PROGRAM, "labels.npy": LABELS}),
    ),
    "an array that was cut": ("archive-truncated", zip_of({"images.npy": IMAGES[:-9], "labels.npy": LABELS})),
    "half a picture": ("arrays-damaged", zip_of({"data_batch_1.bin": bytes(3000)})),
    "too many pictures": (
        "too-many-members",
        npz(images=np.zeros((MANY, 1, 1), np.uint8), labels=np.zeros(MANY, np.uint8)),
    ),
}


def test_a_stray_array_or_checkpoint_among_images_is_no_reason_to_refuse() -> None:
    members = {f"cat/{n}.png": image(seed=n, size=(40, 40)) for n in range(30)}
    for stray in ("model.pt", "embeddings.npy", "weights.bin", "table.parquet"):
        total, events = parsed(zip_of({**members, stray: b"\x80\x04 some bytes"}))
        assert total.layout == "folders"
        assert [one.code for one in events if isinstance(one, LeftOut)] == ["image-format"]


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_what_is_refused(what: str) -> None:
    code, data = REFUSED[what]
    assert refusal(data).code == code
