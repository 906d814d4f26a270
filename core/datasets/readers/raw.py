"""Arrays of pixels: NumPy, IDX as of MNIST, and the binary version of CIFAR. Each picture becomes a PNG.

- NumPy: an `.npz` (or `.npy` files in an archive) with pairs of arrays, `images` and `labels`, or `x` and `y`, for a
  split with its name before or behind: `train_images`, `x_test`. Pictures are uint8, [n, h, w], [n, h, w, c] or
  [n, c, h, w] with one or three colours (or four, with transparency); labels are whole numbers or text. An array of
  objects is a pickle, which could run any program, so it is refused.
- IDX: `train-images-idx3-ubyte` beside `train-labels-idx1-ubyte`, `t10k` for test; packed by gzip or not.
- CIFAR: `data_batch_1.bin` …, `test_batch.bin` with `batches.meta.txt`, or `train.bin` and `test.bin` with
  `fine_label_names.txt`.
"""

from __future__ import annotations

import ast
import io
import math
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, NamedTuple

from PIL import Image

from core.datasets.bounds import Bounds
from core.datasets.readers import imagefolder, rows
from core.datasets.readers.container import Container
from core.datasets.readers.folders import printable, too_long
from core.datasets.readers.member import Archive, LeftOut, Member
from core.datasets.readers.streams import gunzipped
from core.datasets.sniff import too_many_members
from core.errors import Problem, shown

NO_LABEL = LeftOut("rejected", "label-missing", "The picture has no label.")
NPY = b"\x93NUMPY"
SPLITS = {"train": "train", "test": "test", "val": "val", "valid": "val", "t10k": "test"}
PAIRS = {"images": "labels", "x": "y", "data": "targets"}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
MOST_HEADER = 1 << 16
IN_MEMORY = 512 << 20  # bytes of an array that is packed
PICKLES = re.compile(r"^(data_batch_\d|test_batch|batches\.meta|.*\.(pkl|pickle|pt|pth))$")
IDX = re.compile(r"^(train|t10k|test|val)[-.]images[-.]idx3-ubyte(\.gz)?$")
CIFAR = re.compile(r"^(data_batch_\d+|test_batch|train|test)\.bin$")
CANDIDATE = re.compile(
    r"\.npy$|\.bin$|[-.]idx[13]-ubyte(\.gz)?$|(^|/)(batches\.meta|fine_label_names)\.txt$|\.(pkl|pickle|pt|pth)$"
    r"|(^|/)(data_batch_\d|test_batch|batches\.meta)$",
    re.IGNORECASE,
)
CIFAR_SIDE = 32


class Picture(NamedTuple):
    """How the bytes of one picture lie."""

    height: int
    width: int
    colours: int
    planes: bool  # one colour after the other

    @property
    def size(self) -> int:
        return self.height * self.width * self.colours


@dataclass(frozen=True, slots=True)
class Block:
    """Pictures that lie one after the other, and the label of each."""

    name: str
    split: str | None
    count: int
    picture: Picture
    file: BinaryIO
    first: int  # where the first begins
    stride: int
    label: Callable[[int], str | None]


def read(container: Container, limits: Bounds) -> Archive | None:
    """The pictures of an archive that holds arrays; None when it holds none."""
    names = {entry.name: n for n, entry in enumerate(container.entries()) if CANDIDATE.search(entry.name)}
    names = {name: n for name, n in names.items() if len(name.encode()) <= limits.max_path_bytes}
    if not names or not imagefolder.outweigh_images(container, CANDIDATE.search):
        return None
    layout, blocks, used = "numpy", *_numpy(container, names, limits)
    if not blocks:
        layout, blocks, used = "idx", *_idx(container, names, limits)
    if not blocks:
        layout, blocks, used = "cifar", *_cifar(container, names)
    if not blocks:
        if any(PICKLES.match(name.rpartition("/")[2]) for name in names):
            raise pickled("The archive holds Python pickles")
        return None
    total = sum(block.count for block in blocks)
    if total > limits.max_members:
        raise too_many_members(total, limits.max_members)
    return Archive(layout, len(container) + total, total, partial(_members, container, used, blocks, limits))


def pickled(what: str) -> Problem:
    return Problem(
        "pickle-refused",
        f"{what}, which could run any program while they are read. Save the arrays with numpy.savez (no objects), "
        "or upload the images in folders.",
    )


def _beside(used: bool) -> LeftOut:
    if used:
        return LeftOut("ignored", "array", "An array; its pictures are listed one by one.")
    return LeftOut("ignored", "beside-arrays", "A file beside the arrays; the pictures are in those.")


def _members(container: Container, used: set[int], blocks: list[Block], limits: Bounds, skip: int) -> Iterator[Member]:
    for n, entry in enumerate(container.entries(skip), start=skip):
        yield Member(printable(entry.name), None, None, _beside(n in used), bytes)
    skip = max(0, skip - len(container))
    for block in blocks:
        for n in range(min(skip, block.count), block.count):
            out, label = None, None
            try:
                label = block.label(n)
                out = too_long(label, limits) if label is not None else NO_LABEL
            except Problem as problem:
                out = LeftOut("rejected", problem.code, problem.detail)
            yield Member(f"{printable(block.name)}/{n:06d}", block.split, label, out, partial(_png, block, n))
        skip = max(0, skip - block.count)


def _png(block: Block, n: int) -> bytes:
    """One picture as a file."""
    height, width, colours, planes = block.picture
    block.file.seek(block.first + n * block.stride)
    data = block.file.read(block.picture.size)
    if len(data) < block.picture.size:
        raise _short(block.name)
    if planes and colours > 1:
        area = height * width
        bands = [Image.frombytes("L", (width, height), data[k * area : (k + 1) * area]) for k in range(colours)]
        image = Image.merge(MODES[colours], bands)
    else:
        image = Image.frombytes(MODES[colours], (width, height), data)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


class _Array(NamedTuple):
    name: str
    kind: str
    shape: tuple[int, ...]
    file: BinaryIO
    first: int


def _numpy(container: Container, names: dict[str, int], limits: Bounds) -> tuple[list[Block], set[int]]:
    arrays = [name for name in names if name.lower().endswith(".npy")]
    plain = {name.lower().rpartition("/")[2].removesuffix(".npy"): name for name in arrays}
    blocks, used = [], set[int]()
    for key in sorted(plain):
        split, word = _words(key)
        other = PAIRS.get(word)
        partner = next((one for one in plain if other and _words(one) == (split, other)), None)
        if partner is None:
            continue
        pictures, labels = (_array(container, names, plain[one]) for one in (key, partner))
        blocks.append(_pair(pictures, labels, split and SPLITS[split], limits))
        used |= {names[plain[key]], names[plain[partner]]}
    if plain and not blocks:
        held = shown(", ".join(plain))
        detail = f"The archive holds the arrays {held}; it needs images and labels, or x_train and y_train."
        raise Problem("arrays-missing", detail)
    return blocks, used


def _words(key: str) -> tuple[str | None, str]:
    """The split and the word in `train_images`, `images_train` or `images`."""
    parts = key.split("_")
    split = next((part for part in parts if part in SPLITS), None)
    return split, "_".join(part for part in parts if part != split)


def _pair(pictures: _Array, labels: _Array, split: str | None, limits: Bounds) -> Block:
    if pictures.kind != "|u1":
        raise _shape(pictures, "pictures are whole numbers from 0 to 255, uint8")
    shape = pictures.shape
    if len(shape) == 3:
        picture = Picture(shape[1], shape[2], 1, planes=False)
    elif len(shape) == 4 and shape[3] in MODES:
        picture = Picture(shape[1], shape[2], shape[3], planes=False)
    elif len(shape) == 4 and shape[1] in MODES:
        picture = Picture(shape[2], shape[3], shape[1], planes=True)
    else:
        raise _shape(pictures, "pictures are [n, h, w], [n, h, w, 3] or [n, 3, h, w]")
    if not 0 < picture.size <= 4 * limits.max_pixels or max(picture.height, picture.width) > limits.max_side:
        raise _shape(pictures, "that is no size of a picture")
    count = shape[0]
    if labels.shape not in ((count,), (count, 1)):
        raise _shape(labels, f"there are {count} pictures, so there are {count} labels, one for each")
    item = int(labels.kind[2:]) * (4 if labels.kind[1] == "U" else 1)
    labels.file.seek(labels.first)
    label = partial(_npy_label, labels.file.read(count * item), labels.kind, item)
    return Block(pictures.name, split, count, picture, pictures.file, pictures.first, picture.size, label)


def _npy_label(labels: bytes, kind: str, size: int, n: int) -> str | None:
    data = labels[n * size : (n + 1) * size]
    big = kind[0] == ">"
    if kind[1] in "iu":
        return str(int.from_bytes(data, "big" if big else "little", signed=kind[1] == "i"))
    encoding = ("utf-32-be" if big else "utf-32-le") if kind[1] == "U" else "utf-8"
    return rows.label(data.decode(encoding, "backslashreplace").rstrip("\0"))


def _array(container: Container, names: dict[str, int], name: str) -> _Array:
    """What the header of an `.npy` says."""
    entry = container.open(names[name])
    if entry.size > IN_MEMORY and not container.lies_open(entry):
        raise Problem(
            "array-too-large", f"The array {shown(name)} is too large to be packed; save it with numpy.savez."
        )
    file = container.file(entry)
    magic = file.read(8)
    wide = magic[6:7] > b"\x01"
    length = int.from_bytes(file.read(4 if wide else 2), "little")
    if magic[:6] != NPY or length > MOST_HEADER:
        raise _bad(name)
    try:
        header = ast.literal_eval(file.read(length).decode("latin-1").strip())
        kind, shape = header["descr"], tuple(header["shape"])
        fortran = header["fortran_order"]
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError) as error:
        raise _bad(name) from error
    if not isinstance(kind, str) or not all(type(side) is int and 0 <= side < 1 << 40 for side in shape) or not shape:
        raise _bad(name)
    if "O" in kind:
        raise pickled(f"The array {shown(name)} holds Python objects")
    found = _Array(name, kind, shape, file, file.tell())
    if fortran and len(shape) > 1 and math.prod(shape) > max(shape):
        raise _shape(found, "its columns come first; save numpy.ascontiguousarray of it")
    item = re.fullmatch(r"[<>|=]([iu][1248]|[US]\d{1,4})", kind)
    if item is None:
        raise _shape(found, "pictures are uint8, labels are whole numbers or text")
    if math.prod(shape) * int(item[1][1:]) * (4 if item[1][0] == "U" else 1) > entry.size - found.first:
        raise _short(name)
    return found


def _idx(container: Container, names: dict[str, int], limits: Bounds) -> tuple[list[Block], set[int]]:
    blocks, used = [], set[int]()
    for name in sorted(names):
        folder, _, last = name.rpartition("/")
        found = IDX.match(last)
        if found is None:
            continue
        labels = re.sub("images(.)idx3", r"labels\1idx1", last)
        candidates = [labels, labels.removesuffix(".gz"), f"{labels}.gz"]
        partner = next((p for one in candidates if (p := f"{folder}/{one}" if folder else one) in names), None)
        if partner is None:
            raise Problem("arrays-missing", f"The file {shown(name)} has no {shown(labels)} beside it; add it.")
        files = [_plain(container, names[one], one) for one in (name, partner)]
        (magic, count, height, width), (other, marks) = (
            struct.unpack(form, file.read(struct.calcsize(form)).ljust(struct.calcsize(form), b"\0"))
            for form, file in zip((">4I", ">2I"), files, strict=True)
        )
        if magic != 0x803 or other != 0x801 or count != marks or not 0 < height * width <= limits.max_pixels:
            raise Problem("arrays-damaged", f"The files {shown(name)} and {shown(partner)} do not fit each other.")
        picture = Picture(height, width, 1, planes=False)
        label = partial(_byte_label, io.BytesIO(files[1].read()), 0, 1, None)
        blocks.append(Block(name, SPLITS[found.group(1)], count, picture, files[0], 16, picture.size, label))
        used |= {names[name], names[partner]}
    return blocks, used


def _cifar(container: Container, names: dict[str, int]) -> tuple[list[Block], set[int]]:
    found = {name: last for name in sorted(names) if CIFAR.match(last := name.rpartition("/")[2])}
    if not found:
        return [], set()
    fine = any(last in ("train.bin", "test.bin") for last in found.values())
    listed = "fine_label_names.txt" if fine else "batches.meta.txt"
    where = next((name for name in names if name.rpartition("/")[2] == listed), None)
    classes = None
    if where is not None:
        text = container.read(container.open(names[where])).decode("utf-8", "backslashreplace")
        classes = [line.strip() for line in text.splitlines() if line.strip()]
    picture = Picture(CIFAR_SIDE, CIFAR_SIDE, 3, planes=True)
    ahead = 2 if fine else 1
    blocks, used = [], set[int]()
    for name, last in found.items():
        entry = container.open(names[name])
        stride = ahead + picture.size
        if entry.size % stride or not entry.size:
            raise Problem("arrays-damaged", f"The file {shown(name)} does not hold whole pictures of CIFAR.")
        file = container.file(entry)
        label = partial(_byte_label, file, ahead - 1, stride, classes)
        split = "test" if last.startswith("test") else "train"
        blocks.append(Block(name, split, entry.size // stride, picture, file, ahead, stride, label))
        used.add(names[name])
    return blocks, used


def _byte_label(file: BinaryIO, first: int, stride: int, classes: list[str] | None, n: int) -> str | None:
    file.seek(first + n * stride)
    value = file.read(1)
    if not value:
        return None
    if classes is None:
        return str(value[0])
    if value[0] >= len(classes):
        raise Problem("label-unknown", f"The label {value[0]} is none of the {len(classes)} classes that are named.")
    return rows.label(classes[value[0]])


def _plain(container: Container, position: int, name: str) -> BinaryIO:
    file = container.file(container.open(position))
    if not name.endswith(".gz"):
        return file
    pieces, total = [], 0
    for piece in gunzipped(file):
        pieces.append(piece)
        total += len(piece)
        if total > IN_MEMORY:
            raise Problem("archive-expansion-limit", f"The file {shown(name)} unpacks to too many bytes.")
    return io.BytesIO(b"".join(pieces))


def _shape(array: _Array, what: str) -> Problem:
    told = f"The array {shown(array.name)} is {shown(array.kind, 20)} {list(array.shape)}: {what}."
    return Problem("array-shape", told)


def _bad(name: str) -> Problem:
    return Problem("arrays-damaged", f"The file {shown(name)} is no NumPy array; save it with numpy.savez.")


def _short(name: str) -> Problem:
    return Problem("archive-truncated", f"The array {shown(name)} ends too early. Upload it again, complete.")
