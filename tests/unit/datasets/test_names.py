"""Names of members, whatever they are made of."""

from __future__ import annotations

import ntpath
import posixpath
import unicodedata
from urllib.parse import unquote

import pytest
from dataset_makers import Forged, forge, image, limits, read_here
from hypothesis import example, given
from hypothesis import strategies as st

from core.datasets.bounds import Bounds
from core.datasets.readers import imagefolder
from core.datasets.readers.folders import LONGEST, printable
from core.errors import Problem

PIXEL = image(size=(1, 1))
BOUNDS = Bounds.of(limits())
TRICKS = st.sampled_from(
    ["..", ".", "/", "\\", "%2e", "%2E", "C:", "//", "\0", "\n", "\u202e", "a", "é", "e\u0301", "x" * 200]
)
NAMES = st.lists(TRICKS | st.text(max_size=5), max_size=8).map("".join)


@given(NAMES)
@example("0:")
@example("é:cat/1.png")
def test_a_name_that_is_taken_leads_nowhere_else(name: str) -> None:
    if not imagefolder.is_safe(name, 0):
        return
    for written in (name, name.replace("%2e", ".").replace("%2E", ".")):
        for paths in (posixpath, ntpath):
            assert not paths.isabs(written) and not paths.splitdrive(written)[0]
            assert ".." not in paths.normpath(written).replace("\\", "/").split("/")
    assert ".." not in unquote(name).split("/")


def test_a_name_that_is_refused_is_told_in_its_own_letters() -> None:
    with pytest.raises(Problem, match=r"The member für/ca.x.png has"):
        read_here(forge([Forged("für/ca\\x.png".encode(), PIXEL, flags=0x800)]))


@given(
    st.binary(min_size=1, max_size=60).filter(lambda raw: b"\0" not in raw[:1])
    | NAMES.map(lambda name: name.encode("utf-8", "replace"))
)
def test_any_bytes_as_a_name_are_one_member_or_refuse_the_upload(raw: bytes) -> None:
    try:
        first, second = read_here(forge([Forged(b"cat/1.png", PIXEL), Forged(raw, PIXEL)]))
    except Problem as problem:
        assert problem.code in ("unsafe-path", "ambiguous-zip")
        return
    assert (first.path, first.left_out) == ("cat/1.png", None)
    assert second.path.isprintable() or not any(character < " " or character == "\x7f" for character in second.path)
    if second.left_out is None:
        assert not any(unicodedata.category(character) == "Cc" for character in second.path)
        assert len(second.path.encode()) <= BOUNDS.max_path_bytes


@given(st.text())
def test_a_name_is_told_without_controls_and_never_too_long(name: str) -> None:
    told = printable(name)
    assert not any(character < " " or character == "\x7f" for character in told)
    if all(character >= " " and character != "\x7f" for character in name):
        assert told == name


@pytest.mark.parametrize("letter", ["x", "é", "\0", "\U0001f600"])
@pytest.mark.parametrize("more", [-1, 0, 1, 10_000])
def test_a_very_long_name_is_cut(letter: str, more: int) -> None:
    told = printable(letter * (LONGEST + more))
    assert len(told) <= LONGEST
    assert told.endswith("…") == (letter == "\0" or more >= 0)
