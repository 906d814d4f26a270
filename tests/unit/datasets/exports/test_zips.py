"""Zips that are written as they come."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.datasets.exports import zips
from core.datasets.exports.zips import Zip


def archive(members: dict[str, bytes]) -> bytes:
    made = Zip()
    chunks = [chunk for name, data in members.items() for chunk in made.member(name, data)]
    return b"".join([*chunks, *made.end()])


def test_a_zip_holds_its_members_as_they_are() -> None:
    members = {"a/1.png": b"one", "ž/猫.txt": b"", "b": bytes(100_000)}
    data = archive(members)
    with zipfile.ZipFile(io.BytesIO(data)) as read:
        assert read.testzip() is None
        assert {info.filename: read.read(info) for info in read.infolist()} == members
        assert {info.date_time for info in read.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in read.infolist()} == {0o100644}
    assert data == archive(members)


def test_more_members_than_a_plain_zip_can_count() -> None:
    members = {f"{n:05d}": b"x" for n in range(70_000)}
    with zipfile.ZipFile(io.BytesIO(archive(members))) as read:
        assert len(read.infolist()) == 70_000
        assert read.read("69999") == b"x"


def test_a_zip_larger_than_a_plain_one_can_be(tmp_path: Path) -> None:
    """Four and a half gigabytes, of which the file system keeps what is not zero."""
    made, large = Zip(), 4600 << 20
    piece = bytes(1 << 20)

    def zeros() -> Iterator[bytes]:
        for _ in range(large >> 20):
            yield piece

    with (tmp_path / "large.zip").open("wb") as file:
        for part in (made.long_member("zeros", zeros), made.member("after", b"here"), made.end()):
            for chunk in part:
                if chunk is piece:
                    file.seek(len(piece), 1)
                else:
                    file.write(chunk)
    with zipfile.ZipFile(tmp_path / "large.zip") as read:
        [first, second] = read.infolist()
        assert (first.file_size, second.header_offset > 1 << 32) == (large, True)
        assert read.read("after") == b"here"
        with read.open("zeros") as member:
            assert member.read(3) == bytes(3)


def test_far_and_large_are_told_apart_where_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "FULL16", 1)
    with zipfile.ZipFile(io.BytesIO(archive({"a": b"1", "b": b"2"}))) as read:
        assert [read.read(name) for name in ("a", "b")] == [b"1", b"2"]
