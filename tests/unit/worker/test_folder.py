"""A folder becomes one tar, always the same one, and nothing outside of it is ever read."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.errors import Problem
from core.sources import Place
from core.spec import Limits
from worker.fetching import folder
from worker.fetching.stream import Kept, Stream

SECRET = b"what lies outside"
LONG = "x" * 120 + "/" + "y" * 120 + ".png"
FILES = {
    "b/2.png": b"two",
    "b/10.png": b"ten" * 400,
    "b-c.txt": b"",
    "b.txt": bytes(512),
    "a/deep/er/1.png": b"1" * 513,
    "ü/é.png": b"e",
    LONG: b"long",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.png").write_bytes(SECRET)
    for name, content in FILES.items():
        (tmp_path / "open" / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "open" / "set" / name).write_bytes(content)
    return tmp_path / "open"


@contextmanager
def opened(root: Path, *parts: str, kept: Kept | None = None, limits: Limits | None = None) -> Iterator[Stream]:
    place = Place(str(root), parts)
    with folder.opened(place, kept or Kept(), limits or Limits(), lambda: None) as stream:
        yield stream


def fetched(root: Path, *parts: str) -> bytes:
    with opened(root, *parts) as stream:
        content = b"".join(stream.chunks)
        assert stream.size == len(content)
        return content


def refusal(root: Path, *parts: str, limits: Limits | None = None) -> Problem:
    with pytest.raises(Problem) as caught, opened(root, *parts, limits=limits) as stream:
        b"".join(stream.chunks)
    assert str(root) not in caught.value.detail
    return caught.value


def test_a_folder_is_a_tar_of_its_files_in_the_order_of_their_paths(root: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(fetched(root, "set"))) as tar:
        members = tar.getmembers()
        assert {m.name: tar.extractfile(m).read() for m in members} == FILES
    names = [os.fsencode(member.name) for member in members]
    assert names == sorted(names)
    assert {(member.mtime, member.uid, member.mode) for member in members} == {(0, 0, 0o644)}


def test_the_same_files_elsewhere_are_the_same_bytes(root: Path, tmp_path: Path) -> None:
    for name, content in reversed(FILES.items()):
        (tmp_path / "again" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "again" / name).write_bytes(content)
    assert fetched(tmp_path / "again") == fetched(root, "set")


def test_a_name_that_is_no_utf_8_is_kept_as_it_is(root: Path) -> None:
    (root / "odd").mkdir()
    (root / "odd" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    assert b"caf\xe9.png" in fetched(root, "odd")


def test_a_fetch_goes_on_anywhere(root: Path) -> None:
    whole = fetched(root, "set")
    with opened(root, "set") as stream:
        version = stream.version
    for start in {*range(1, len(whole), 97), *range(0, len(whole) + 1, 512), *range(510, 515), len(whole) - 1}:
        with opened(root, "set", kept=Kept(start, version)) as stream:
            assert (stream.start, b"".join(stream.chunks)) == (start, whole[start:])


@pytest.mark.parametrize("change", ["content", "name", "more", "less", "touched"])
def test_a_folder_that_changed_is_fetched_from_its_beginning(root: Path, change: str) -> None:
    with opened(root, "set") as stream:
        kept = Kept(600, stream.version)
    one = root / "set" / "b" / "2.png"
    if change == "content":
        one.write_bytes(b"zwei")
    elif change == "name":
        one.rename(one.with_name("3.png"))
    elif change == "more":
        one.with_name("3.png").write_bytes(b"three")
    elif change == "less":
        one.unlink()
    else:
        os.utime(one, ns=(1, 1))
    with opened(root, "set", kept=kept) as stream:
        assert stream.start == 0
        assert len(b"".join(stream.chunks)) == stream.size


def test_one_file_is_taken_as_it_is_and_gone_on_with(root: Path) -> None:
    (root / "one.zip").write_bytes(b"0123456789")
    with opened(root, "one.zip") as stream:
        assert (stream.size, b"".join(stream.chunks)) == (10, b"0123456789")
    with opened(root, "one.zip", kept=Kept(4, stream.version)) as stream:
        assert (stream.start, b"".join(stream.chunks)) == (4, b"456789")
    (root / "one.zip").write_bytes(b"9876543210")
    with opened(root, "one.zip", kept=Kept(4, stream.version)) as stream:
        assert (stream.start, b"".join(stream.chunks)) == (0, b"9876543210")


@pytest.mark.parametrize("parts", [("gone",), ("set", "gone"), ("gone", "x"), ("set", "b.txt", "x"), ("x" * 300,)])
def test_what_is_not_there_is_missing(root: Path, parts: tuple[str, ...]) -> None:
    assert refusal(root, *parts).code == "source-missing"


def test_an_allowed_folder_that_is_not_mounted_is_missing(root: Path) -> None:
    problem = refusal(root / "gone", "set")
    assert problem.code == "source-missing" and "LABELAUDIT_IMPORT_FROM" in problem.detail


def test_what_holds_nothing_is_empty(root: Path) -> None:
    (root / "void" / "in" / "void").mkdir(parents=True)
    (root / "none.zip").write_bytes(b"")
    assert refusal(root, "void").code == "source-empty"
    assert refusal(root, "none.zip").code == "source-empty"


@pytest.mark.parametrize("target", ["../../secret/key.png", "/etc/passwd", "b/2.png", "nowhere"])
def test_a_link_among_the_files_is_not_followed(root: Path, target: str) -> None:
    (root / "set" / "link.png").symlink_to(target)
    problem = refusal(root, "set")
    assert problem.code == "link-member" and "link.png" in problem.detail


@pytest.mark.parametrize("parts", [("out",), ("out", "key.png"), ("file",)])
def test_a_link_on_the_way_is_not_followed(root: Path, parts: tuple[str, ...]) -> None:
    (root / "out").symlink_to("../secret")
    (root / "file").symlink_to("../secret/key.png")
    assert refusal(root, *parts).code == "link-member"


def test_only_the_administrators_own_path_may_lead_over_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mounted").symlink_to(root)
    assert fetched(tmp_path / "mounted", "set") == fetched(root, "set")


def test_nothing_but_files_is_opened(root: Path) -> None:
    os.mkfifo(root / "set" / "pipe.png")
    assert refusal(root, "set").code == "special-member"
    assert refusal(root, "set", "pipe.png").code == "special-member"
    with socket.socket(socket.AF_UNIX) as listener:
        place = os.open(root, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{place}/socket")  # its path is short enough
        finally:
            os.close(place)
        assert refusal(root, "socket").code == "special-member"
    assert refusal(Path("/dev"), "zero").code == "special-member"


@pytest.mark.parametrize("becomes", ["link", "pipe", "folder", "other", "longer", "shorter", "gone", "touched"])
def test_a_file_that_becomes_something_else_is_not_read(root: Path, becomes: str) -> None:
    last = root / "set" / "ü" / "é.png"
    with opened(root, "set") as stream:
        if becomes in ("longer", "shorter"):
            last.write_bytes(b"ee" if becomes == "longer" else b"")
        elif becomes == "touched":
            os.utime(last, ns=(1, 1))
        else:
            last.unlink()
        if becomes == "link":
            last.symlink_to(root.parent / "secret" / "key.png")
        elif becomes == "pipe":
            os.mkfifo(last)
        elif becomes == "folder":
            last.mkdir()
        elif becomes == "other":
            last.write_bytes(b"f")
        read = b""
        with pytest.raises(Problem) as caught:
            for chunk in stream.chunks:
                read += chunk
    assert SECRET not in read
    assert caught.value.code in ("source-changed", "link-member", "special-member")


@pytest.mark.parametrize("which", ["set", "set/ü", "set/a/deep"])
def test_a_folder_that_becomes_a_link_leads_nobody_out(root: Path, which: str) -> None:
    with opened(root, "set") as stream:
        (root / which).rename(root / "moved")
        (root / which).symlink_to(root.parent / "secret")
        read = b""
        if which == "set":  # it is open already, wherever its name leads now
            read = b"".join(stream.chunks)
        else:
            with pytest.raises(Problem, match="link") as caught:
                for chunk in stream.chunks:
                    read += chunk
            assert caught.value.code == "link-member"
    assert SECRET not in read


def test_a_file_that_appears_while_others_are_read_is_noticed(root: Path) -> None:
    with opened(root, "set") as stream:
        (root / "set" / "z.png").write_bytes(b"late")
        with pytest.raises(Problem) as caught:
            b"".join(stream.chunks)
    assert caught.value.code == "source-changed"


@pytest.mark.parametrize("size", [0, 1 << 20, 5 << 20])
def test_a_file_that_changes_in_the_middle_is_noticed(root: Path, size: int) -> None:
    big = root / "big.tar"
    big.write_bytes(bytes(3 << 20))
    with opened(root, "big.tar") as stream:
        assert len(next(stream.chunks)) == 1 << 20
        os.truncate(big, size)
        with pytest.raises(Problem) as caught:
            b"".join(stream.chunks)
    assert caught.value.code == "source-changed"


def test_a_folder_has_its_bounds(root: Path) -> None:
    assert refusal(root, "set", limits=Limits(max_members=len(FILES) - 1)).code == "too-many-members"
    assert refusal(root, "set", limits=Limits(max_depth=3)).code == "name-too-long"
    with opened(root, "set", limits=Limits(max_members=len(FILES), max_depth=4)) as stream:
        assert b"".join(stream.chunks)


@pytest.mark.parametrize("what", ["folder", "one.zip"])
def test_what_the_worker_may_not_read_is_told_so(what: str) -> None:
    with tempfile.TemporaryDirectory() as made:  # root may read everything, so nobody tries, who must come this far
        root, nobody = Path(made), 65534
        root.chmod(0o755)
        (root / "folder").mkdir(mode=0)
        (root / "one.zip").write_bytes(b"x")
        (root / "one.zip").chmod(0)
        try:
            if os.getuid() == 0:
                os.seteuid(nobody)
            assert refusal(root, what).code == "source-unreadable"
        finally:
            os.seteuid(os.getuid())


def test_nothing_stays_open(root: Path) -> None:
    for _ in range(3):
        fetched(root, "set")
        refusal(root, "set", "gone")
        with opened(root, "set") as stream:
            next(stream.chunks)
        del stream
    held = [os.readlink(f"/proc/self/fd/{n}") for n in map(int, os.listdir("/proc/self/fd")) if _is_open(n)]
    assert [path for path in held if path.startswith(str(root))] == []


def _is_open(descriptor: int) -> bool:
    """Not the one by which the list itself was read."""
    return Path(f"/proc/self/fd/{descriptor}").is_symlink()
