"""Tars, plain and compressed: what is read, and what is refused."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable

import pytest
from dataset_makers import MemoryShelf, compressed, image, limits, packed, parsed, read_here, tar_of, zip_of

from core.datasets import manifest
from core.datasets.parse import LeftOut, Sample
from core.errors import Problem

PIXEL = image(size=(1, 1))
PLAIN = {
    "set/train/cat/1.png": image(seed=1),
    "set/train/dog/1.png": image(seed=2),
    "set/test/cat/2.png": image(seed=3),
}
LONG = "cat/" + "x" * 150 + "/" + "y" * 120 + ".png"


def refusal(data: bytes, **bounds: object) -> str:
    with pytest.raises(Problem) as caught:
        read_here(data, limits(**bounds))
    assert "/tmp" not in caught.value.detail
    return caught.value.code


@pytest.mark.parametrize("how", ["", "gz", "zst"])
def test_a_tar_gives_the_samples_that_a_zip_of_the_same_files_gives(how: str) -> None:
    shelves = MemoryShelf(), MemoryShelf()
    _, of_zip = packed(zip_of(PLAIN), shelves[0])
    ticks, of_tar = packed(tar_of(PLAIN, how), shelves[1])
    assert of_tar == of_zip
    assert ticks[-1].total == 3
    assert shelves[0].files == shelves[1].files


@pytest.mark.parametrize("how", ["", "gz", "zst"])
def test_a_restart_goes_on_in_the_middle(how: str) -> None:
    members = {f"cat/{n}.png": image(seed=n) for n in range(9)}
    _, events = parsed(tar_of(members, how))
    assert [event.path for event in events] == list(members)
    whole, shelf = MemoryShelf(), MemoryShelf()
    packed(tar_of(members, how), whole, shard_bytes=2000)
    shelf.files = {name: data for name, data in whole.files.items() if name[:12] in ("shards/00000", "shards/00001")}
    packed(tar_of(members, how), shelf, shard_bytes=2000)
    assert shelf.files == whole.files


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_are_read_in_each_dialect(format: int) -> None:
    names = ["cat/1.png", "dog/ünï.png", LONG if format != tarfile.USTAR_FORMAT else "a" * 60 + "/" + "b" * 90 + ".png"]
    members = read_here(tar_of(dict.fromkeys(names, PIXEL), format=format))
    assert [member.path for member in members] == names


def test_a_tar_of_the_folder_itself_begins_with_a_dot() -> None:
    members = read_here(tar_of({"./": b"", "./cat/": b"", "./cat/1.png": PIXEL, "./dog/1.png": PIXEL}))
    assert [(member.path, member.label) for member in members][1:] == [("cat/1.png", "cat"), ("dog/1.png", "dog")]
    assert members[0].left_out and members[0].left_out.code == "folder"


def test_a_gzip_of_several_parts_is_one_file() -> None:
    whole = tar_of(PLAIN)
    halves = gzip.compress(whole[:700]) + gzip.compress(whole[700:])
    assert [member.path for member in read_here(halves)] == list(PLAIN)


def test_a_bad_image_costs_only_itself_and_an_archive_is_not_opened() -> None:
    members = {
        "cat/1.png": PIXEL,
        "cat/2.png": b"no image",
        "cat/3.png": PIXEL,
        "x.tar.gz": b"\x1f\x8b",
        "cat/4.jpg": b"",
    }
    _, events = parsed(tar_of(members, "gz"))
    told = [event.code if isinstance(event, LeftOut) else "" for event in events]
    assert told == ["", "image-format", "", "nested-archive", "image-format"]
    assert sum(isinstance(event, Sample) for event in events) == 2


def member(change: Callable[[tarfile.TarInfo], object], data: bytes = b"") -> bytes:
    """A tar whose second member is changed."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        first, second = tarfile.TarInfo("cat/1.png"), tarfile.TarInfo("cat/2.png")
        first.size = len(PIXEL)
        archive.addfile(first, io.BytesIO(PIXEL))
        second.size = len(data)
        change(second)
        archive.addfile(second, io.BytesIO(data))
    return file.getvalue()


def of_kind(kind: bytes) -> bytes:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname = kind, "/etc/passwd"

    return member(change)


def named(name: str) -> bytes:
    return member(lambda info: setattr(info, "name", name))


def patched(offset: int, data: bytes, mend: bool = True) -> bytes:
    """A tar of one file with some bytes of its header replaced, and the checksum made right again."""
    tar = bytearray(tar_of({"cat/1.png": PIXEL}, format=tarfile.USTAR_FORMAT))
    tar[offset : offset + len(data)] = data
    if mend:
        tar[148:156] = b" " * 8
        tar[148:156] = b"%06o\0 " % sum(tar[:512])
    return bytes(tar)


def extended(**records: str) -> bytes:
    return member(lambda info: info.pax_headers.update(records))


TAR = tar_of({"cat/1.png": PIXEL, "dog/1.png": PIXEL})
SIZE_AT = 124
REFUSED = {
    "cut between two members": ("archive-truncated", TAR[:1024]),
    "cut within a member": ("archive-truncated", tar_of({"cat/1.png": image(size=(40, 40))})[:2000]),
    "one empty block at the end": ("archive-truncated", TAR[:2048] + bytes(512)),
    "a gzip that was cut": ("archive-truncated", compressed(TAR, "gz")[:-9]),
    "a gzip without its last checksum": ("archive-truncated", compressed(TAR, "gz")[:-8]),
    "a gzip with another checksum": ("archive-truncated", compressed(TAR, "gz")[:-8] + bytes(8)),
    "a zst that was cut": ("archive-truncated", compressed(TAR, "zst")[:-9]),
    "a zst with other bytes": ("archive-truncated", compressed(TAR, "zst")[:20] + bytes(99)),
    "bytes after the end": ("ambiguous-archive", TAR + b"more"),
    "two tars in a row": ("ambiguous-archive", TAR + TAR),
    "bytes after the gzip": ("ambiguous-archive", compressed(TAR, "gz") + b"more"),
    "two members of one name": ("ambiguous-archive", named("cat/1.png")),
    "a link": ("link-member", of_kind(tarfile.SYMTYPE)),
    "a hard link": ("link-member", of_kind(tarfile.LNKTYPE)),
    "a pipe": ("special-member", of_kind(tarfile.FIFOTYPE)),
    "a device": ("special-member", of_kind(tarfile.CHRTYPE)),
    "a file with holes": ("special-member", of_kind(tarfile.GNUTYPE_SPARSE)),
    "a file with holes, told in words": ("special-member", extended(**{"GNU.sparse.major": "1"})),
    "an unknown kind": ("bad-tar-header", of_kind(b"Z")),
    "a damaged header": ("bad-tar-header", patched(0, b"dog", mend=False)),
    "a size that is no number": ("bad-tar-header", patched(SIZE_AT, b"0000000x000\0")),
    "a negative size": ("bad-tar-header", patched(SIZE_AT, b"\xff" * 12)),
    "a huge size": ("bad-tar-header", patched(SIZE_AT, b"\x80" + b"\xff" * 11)),
    "a size beyond the file": ("archive-truncated", patched(SIZE_AT, b"00007777777\0")),
    "a size in words that is none": ("bad-tar-header", extended(size="-5")),
    "no tar in the gzip": ("bad-tar-header", gzip.compress(b"words " * 200)),
    "little in the gzip": ("archive-truncated", gzip.compress(b"words")),
    "a way out": ("unsafe-path", named("../x.png")),
    "a way from the root": ("unsafe-path", named("/x.png")),
    "a way back within": ("unsafe-path", named("a/./b.png")),
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_what_is_refused(what: str) -> None:
    code, data = REFUSED[what]
    assert refusal(data) == code


def test_a_header_that_is_a_bomb_is_refused() -> None:
    assert refusal(extended(comment="x" * (1 << 20))) == "bad-tar-header"
    assert refusal(patched(156, b"L" + b"\0" * 5)) in ("bad-tar-header", "archive-truncated")


@pytest.mark.parametrize(
    "content", [b"0 a=b\n", b"5 a=b\n", b"6 a=b ", b"7 a=b\n", b"x a=b\n", b"6 aab\n", b"-6 a=b\n", b"6", b" "]
)
def test_a_record_of_another_length_is_refused(content: bytes) -> None:
    tar = bytearray(tar_of({"told": content, "cat/1.png": PIXEL}, format=tarfile.USTAR_FORMAT))
    tar[156:157] = b"x"
    tar[148:156] = b" " * 8
    tar[148:156] = b"%06o\0 " % sum(tar[:512])
    assert refusal(bytes(tar)) == "bad-tar-header"


@pytest.mark.parametrize("how", ["gz", "zst"])
def test_a_bomb_is_stopped_while_it_unpacks(how: str) -> None:
    data = tar_of({"cat/1.png": bytes(40 << 20)}, how)
    assert len(data) < 1 << 20
    assert refusal(data) == "archive-expansion-limit"


def test_the_number_of_members_is_limited() -> None:
    data = tar_of({f"cat/{n}.png": b"" for n in range(6)})
    assert len(read_here(data, limits(max_members=6))) == 6
    assert refusal(data, max_members=5) == "too-many-members"


def test_the_sandbox_reads_a_compressed_tar_as_well() -> None:
    for how in ("gz", "zst"):
        total, events = parsed(tar_of(PLAIN, how))
        assert (total.members, len(events)) == (3, 3)
    rows = MemoryShelf()
    packed(tar_of(PLAIN, "zst"), rows)
    found = [row for batch in manifest.samples(rows.files["manifest.parquet"]) for row in batch.to_pylist()]
    assert [(row["path"], row["split"], row["label"]) for row in found] == [
        ("set/train/cat/1.png", "train", "cat"),
        ("set/train/dog/1.png", "train", "dog"),
        ("set/test/cat/2.png", "test", "cat"),
    ]
