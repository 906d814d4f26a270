"""Names that every system can have, whatever they are made of."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from core.datasets.exports import names
from core.datasets.readers.imagefolder import SPLITS

HOSTILE = (
    "",
    ".",
    "..",
    "../x",
    "/etc",
    "a/b",
    "a\\b",
    "C:",
    "con",
    "NUL.txt",
    "COM1 ",
    " x. ",
    ".git",
    "a\x00b",
    "x\ny",
    "ends.",
)


def folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def is_plain(name: str) -> bool:
    return (
        bool(name)
        and not set(name) & set('/\\:*?"<>|\0')
        and name.isprintable()
        and not name.startswith(".")
        and not name.endswith((".", " "))
        and name.partition(".")[0].casefold().strip() not in names.DEVICES
        and len(name.encode()) <= 255
    )


def test_what_is_harmless_stays_as_it_is() -> None:
    plain = ("cat", "Katze", "kočka", "猫", "stop sign", "no_entry-2", "v1.0")
    assert names.folders(plain) == {name: name for name in plain}


def test_no_folder_is_read_as_a_split() -> None:
    found = names.folders(("Test", "cat", "test", "test~0", "val"))
    assert not {folder.lower() for folder in found.values()} & set(SPLITS)
    assert found["cat"] == "cat" and len({folded(folder) for folder in found.values()}) == 5


def test_folders_of_names_that_differ_in_case_or_form_only_are_different() -> None:
    found = names.folders(("Cat", "cat", "CAT", "Café", "Cafe\u0301", "cat~1"))
    assert found["Cat"] == "Cat" and found["cat~1"] != found["cat"]
    assert len({folded(folder) for folder in found.values()}) == 6


@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=120)), unique=True, max_size=20))
def test_every_class_has_a_folder_of_its_own_that_any_system_can_make(classes: list[str]) -> None:
    found = names.folders(classes)
    assert list(found) == classes
    assert all(is_plain(folder) for folder in found.values()), found
    assert len({folded(folder) for folder in found.values()}) == len(classes)
    assert found == names.folders(classes)


@given(st.integers(0, 2**31), st.text(max_size=300), st.sampled_from(sorted(names.ENDINGS)))
def test_files_have_one_part_and_begin_with_their_number(n: int, path: str, kind: str) -> None:
    name = names.file(n, path, kind)
    assert is_plain(name) and name.startswith(f"{n:09d}-") and name.endswith(f".{names.ENDINGS[kind]}")
    assert names.safe(name) == name or len(name.encode()) > names.LONGEST


def test_a_file_keeps_what_it_was_called() -> None:
    assert names.file(17, "photos/cats/Whiskers 3.JPEG", "JPEG") == "000000017-Whiskers 3.jpg"
    assert names.file(3, "train.parquet#12", "PNG") == "000000003-12.png"
