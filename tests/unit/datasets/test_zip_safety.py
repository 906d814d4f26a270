from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from typing import Any, BinaryIO, cast

import pytest
from dataset_makers import BytesSource, Forged, forge, image, limits, parsed, read_here, zip_of

from core.datasets.parse import LeftOut, Sample, parse
from core.datasets.sniff import HEAD_BYTES, TAIL_BYTES, sniff
from core.errors import Problem
from core.spec import Limits

PIXEL = image(size=(1, 1))
CAT = Forged(b"cat/1.png", PIXEL)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def refusal(data: bytes, bounds: Limits | None = None) -> str:
    with pytest.raises(Problem) as caught:
        read_here(data, bounds or limits())
    assert "/tmp" not in caught.value.detail
    return caught.value.code


ZIP = zip_of({"cat/1.png": PIXEL, "dog/1.png": PIXEL})
PATHS = (
    "../x.png",
    "/abs.png",
    "C:/x.png",
    "a\\..\\b.png",
    "a/../b.png",
    "a//b.png",
    "./a.png",
    "a/./b.png",
    "a/%2e%2e/b.png",
)
OVERLAPPING = [Forged(b"cat/1.png", deflated(bytes(5000)), method=8, size=5000, crc=zlib.crc32(bytes(5000)))]
OVERLAPPING += [Forged(b"cat/%d.png" % n, OVERLAPPING[0].data, method=8, size=5000, offset=0) for n in range(2, 9)]

REFUSED = {
    "a bomb by its own word": (
        "archive-expansion-limit",
        forge([Forged(b"cat/1.png", deflated(bytes(1 << 20)), method=8, size=1 << 20)]),
    ),
    "a bomb that lies about its size": (
        "archive-expansion-limit",
        forge([Forged(b"cat/1.png", deflated(bytes(1 << 20)), method=8, size=10)]),
    ),
    "members that share bytes": ("zip-overlap", forge(OVERLAPPING)),
    "a member that reaches into the next header": ("zip-overlap", forge([CAT, Forged(b"cat/2.png", PIXEL, offset=20)])),
    "two members of one name": ("ambiguous-zip", forge([CAT, CAT])),
    "another name in the member's own header": (
        "ambiguous-zip",
        forge([Forged(b"cat/1.png", PIXEL, local_name=b"dog/1.png")]),
    ),
    "bytes after the end record": ("ambiguous-zip", ZIP + b"more"),
    "bytes before the first member": ("ambiguous-zip", forge([CAT], prefix=b"PK\x03\x04" + bytes(60))),
    "two end records": ("ambiguous-zip", forge([CAT], comment=forge([CAT])[-22:])),
    "a directory with fewer members than the end record says": ("ambiguous-zip", forge([CAT], count=2)),
    "a directory with more members than the end record says": (
        "ambiguous-zip",
        forge([CAT, Forged(b"dog/1.png", PIXEL)], count=1),
    ),
    "a link": (
        "link-member",
        forge([CAT, Forged(b"cat/2.png", b"/etc/passwd", attributes=(stat.S_IFLNK | 0o777) << 16)]),
    ),
    "a pipe": ("special-member", forge([CAT, Forged(b"cat/2.png", attributes=(stat.S_IFIFO | 0o777) << 16)])),
    "a folder that holds bytes": ("unsafe-path", forge([CAT, Forged(b"cat/", b"data")])),
    "a later member that is encrypted": ("archive-encrypted", forge([CAT, Forged(b"cat/2.png", PIXEL, flags=1)])),
    "a later member in LZMA": ("compression-unsupported", forge([CAT, Forged(b"cat/2.png", PIXEL, method=14)])),
    "bzip2": ("compression-unsupported", zip_of({"cat/1.png": PIXEL}, zipfile.ZIP_BZIP2)),
    "no end": ("archive-truncated", ZIP[:-30]),
    "half of it": ("archive-truncated", ZIP[: len(ZIP) // 2]),
    "no bytes": ("empty-upload", b""),
    "no members": ("empty-dataset", zip_of({})),
    **{f"the path {path}": ("unsafe-path", forge([CAT, Forged(path.encode(), PIXEL)])) for path in PATHS},
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_whole_upload_is_refused_for(what: str) -> None:
    code, data = REFUSED[what]
    assert refusal(data) == code


def test_a_refusal_comes_out_of_the_child_as_it_was_raised() -> None:
    code, data = REFUSED["two members of one name"]
    with pytest.raises(Problem, match=r"two members are named cat/1\.png") as caught:
        list(parse(BytesSource(data), limits()))
    assert caught.value.code == code


def test_limits_of_members_and_classes_hold() -> None:
    assert refusal(ZIP, limits(max_members=1)) == "too-many-members"
    assert refusal(ZIP, limits(max_classes=1)) == "too-many-classes"


def test_one_bad_member_is_rejected_and_the_others_are_read() -> None:
    long_name = b"cat/" + b"x" * 300 + b".png"
    deep = b"/".join([b"d"] * 40) + b"/1.png"
    bad = {
        "cat/nul\\x00.png": ("bad-name", Forged(b"cat/nul\0.png", PIXEL)),
        "cat/line\\x0a.png": ("bad-name", Forged(b"cat/line\n.png", PIXEL)),
        long_name.decode(): ("name-too-long", Forged(long_name, PIXEL)),
        deep.decode(): ("name-too-long", Forged(deep, PIXEL)),
        "cat/big.png": ("member-too-large", Forged(b"cat/big.png", PIXEL + bytes(5000))),
        "cat/inner.zip": ("nested-archive", Forged(b"cat/inner.zip", ZIP)),
        "cat/hidden.png": ("nested-archive", Forged(b"cat/hidden.png", ZIP)),
        "cat/flipped.png": ("crc-mismatch", Forged(b"cat/flipped.png", PIXEL, crc=1)),
        "cat/broken.png": ("crc-mismatch", Forged(b"cat/broken.png", b"\xff" * 50, method=8, size=70)),
        "cat/short.png": ("crc-mismatch", Forged(b"cat/short.png", deflated(PIXEL), method=8, size=len(PIXEL) + 9)),
        "a class with a long name/1.png": ("label-too-long", Forged(b"a class with a long name/1.png", PIXEL)),
    }
    bounds = limits(max_member_bytes=5000, max_label_bytes=20)
    total, events = parsed(forge([CAT, *(member for _, member in bad.values())]), bounds)
    assert {event.path: event.code for event in events if isinstance(event, LeftOut)} == {
        path: code for path, (code, _) in bad.items()
    }
    assert [event.path for event in events if isinstance(event, Sample)] == ["cat/1.png"]
    assert len(events) == total.members


def test_names_without_a_declared_encoding_are_read_as_utf8_or_else_as_code_page_437() -> None:
    names = [
        Forged(b"cat/\xc3\xa9.png", PIXEL),
        Forged(b"dog/\x82.png", PIXEL),
        Forged(b"cat/\xff.png", PIXEL, flags=0x800),
    ]
    assert [member.path for member in read_here(forge(names))] == ["cat/é.png", "dog/é.png", "cat/\\xff.png"]


def test_members_come_in_the_order_of_their_bytes_whatever_the_directory_says() -> None:
    first = forge([CAT, Forged(b"cat/2.png", PIXEL), Forged(b"cat/3.png", PIXEL)])
    start = first.index(b"PK\x01\x02")
    entry = 46 + len(b"cat/1.png")
    turned = (
        first[:start] + b"".join(first[start + n * entry :][:entry] for n in (2, 0, 1)) + first[start + 3 * entry :]
    )
    assert [member.path for member in read_here(turned)] == ["cat/1.png", "cat/2.png", "cat/3.png"]


def test_zip64_records_are_read_and_must_agree() -> None:
    plain = forge([CAT, Forged(b"dog/1.png", PIXEL)])
    end = len(plain) - 22
    _, _, _, _, count, length, offset, _ = struct.unpack("<4sHHHHIIH", plain[end:])

    def wide(members: int, at: int) -> bytes:
        record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, members, members, length, offset)
        locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
        short = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, 0xFFFFFFFF, 0xFFFFFFFF, 0)
        return plain[:end] + record + locator + short

    assert len(read_here(wide(2, end))) == 2
    assert refusal(wide(3, end)) == "ambiguous-zip"
    assert refusal(wide(2, end - 4)) == "ambiguous-zip"
    assert refusal(wide(2, 1 << 60)) == "ambiguous-zip"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_streamed_zip_with_sizes_after_the_data_is_read(method: int) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += bytes(memoryview(data))
            return memoryview(data).nbytes

    pipe = Pipe()
    with zipfile.ZipFile(cast(BinaryIO, pipe), "w", method) as archive:
        archive.writestr("cat/1.png", PIXEL)
        archive.writestr("dog/1.png", PIXEL)
    assert [member.path for member in read_here(bytes(pipe.data))] == ["cat/1.png", "dog/1.png"]


def test_the_first_look_sees_what_is_cheap_to_see() -> None:
    def look(data: bytes) -> str:
        return sniff(len(data), data[:HEAD_BYTES], data[-TAIL_BYTES:])

    def code(data: bytes) -> str:
        with pytest.raises(Problem) as caught:
            look(data)
        return caught.value.code

    assert look(ZIP) == "zip"
    assert code(b"") == "empty-upload"
    assert code(b"Rar!\x1a\x07\x01\x00") == "unsupported-archive"
    assert code(b"<!DOCTYPE html><html>") == "unsupported-archive"
    assert code(ZIP[:-5]) == "archive-truncated"
    assert code(zip_of({})) == "empty-dataset"
    assert code(forge([Forged(b"cat/1.png", PIXEL, flags=1)])) == "archive-encrypted"
    assert code(forge([Forged(b"cat/1.png", PIXEL, method=93)])) == "compression-unsupported"
    assert code(ZIP.replace(b"PK\x05\x06\0\0\0\0\2\0\2\0", b"PK\x05\x06\0\0\0\0\2\0\3\0")) == "archive-truncated"


def test_a_count_of_members_above_the_limit_is_refused_from_the_end_record_alone() -> None:
    many = forge([CAT], count=60_000)
    with pytest.raises(Problem) as caught:
        sniff(len(many), many[:HEAD_BYTES], many[-TAIL_BYTES:], max_members=50_000)
    assert caught.value.code == "too-many-members"
