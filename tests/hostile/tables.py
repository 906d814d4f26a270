"""Labels and tables that are broken, ambiguous, or say impossible things (T24 to T29)."""

from __future__ import annotations

import json
from typing import Any

from tests.hostile.case import CAT, Case, Ready, image, ready, rejected, tar_of, zip_of

PICTURES = {f"images/{n}.png": image(seed=n) for n in range(4)}
HEAD = "path,label\n"
ROWS = "images/0.png,cat\nimages/1.png,dog\nimages/2.png,cat\nimages/3.png,dog\n"
CSV = HEAD + ROWS
TABLE = {"labels.csv": "table"}


def with_table(content: str | bytes, name: str = "labels.csv", pictures: dict[str, bytes] = PICTURES) -> bytes:
    return zip_of({**pictures, name: content.encode() if isinstance(content, str) else content})


def refused(row: str, name: str, code: str, content: str | bytes, file: str = "labels.csv", **settings: Any) -> Case:
    """A table that does not fit: the whole upload is refused."""
    return rejected(row, name, code, lambda: with_table(content, file), **settings)


def told(
    row: str, name: str, content: str | bytes, left_out: dict[str, str], file: str = "labels.csv", **expected: Any
) -> Case:
    """A table of four images that costs only some of them."""
    gone = sum(path in PICTURES for path in left_out)
    outcome = Ready(accepted=4 - gone, left_out={**left_out, file: "table"}, **expected)
    return ready(row, name, lambda: with_table(content, file), outcome)


def label(row: str, name: str, value: str, code: str) -> Case:
    """One line of JSON with this label beside good ones."""
    return told(row, name, labelled(value), {"images/0.png": code}, "labels.jsonl")


def labelled(value: str) -> str:
    other = 7 if value[0] in "N13" else "cat"
    rest = "".join(json.dumps({"path": f"images/{n}.png", "label": other}) + "\n" for n in (1, 2, 3))
    return f'{{"path": "images/0.png", "label": {value}}}\n{rest}'


def lines(count: int, **more: Any) -> str:
    rows = ({"path": f"images/{n}.png", "label": "cat", **more} for n in range(count))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def wordy() -> str:
    """What is told of one image in six lines is more than a frame holds, when each letter is written by number."""
    return lines(4) + "".join(lines(1, **{f"{n}.{k}": "é" * 8000 for k in range(4)}) for n in range(6))


def coco(**changes: Any) -> bytes:
    told = {
        "images": [{"id": n, "file_name": f"{n}.png"} for n in range(4)],
        "annotations": [{"image_id": n, "category_id": 1} for n in range(4)],
        "categories": [{"id": 1, "name": "cat"}],
    }
    return json.dumps(told | changes).encode()


def voted() -> str:
    """Many people, each with another long answer for one image."""
    return CSV + "".join(f"images/0.png,{n:04d}{'é' * 100}\n" for n in range(500))


def nested(depth: int) -> str:
    return '{"path": "images/0.png", "label": "cat", "x": ' + "[" * depth + "]" * depth + "}\n"


DEEP = "".join(nested(depth) for depth in range(20, 200))
ANGSTROM, NFC, NFD = "images/\u212b.png", "images/\u00c5.png", "images/A\u030a.png"

LABELS = [
    told("T24", "a row without a label", HEAD + "images/0.png,\n" + ROWS.partition("\n")[2], {"images/0.png": "label-missing"}),
    label("T24", "a label that is null", "null", "label-missing"),
    label("T24", "a label that is empty", '""', "label-missing"),
    label("T24", "a label with a NUL", '"a\\u0000b"', "label-invalid"),
    label("T24", "a label with half a letter", '"\\ud800"', "label-invalid"),
    label("T24", "a label of 300 bytes", json.dumps("x" * 300), "label-too-long"),
    told("T24", "labels that differ in a space", CSV.replace("png,dog", "png, cat"), {}, warnings=frozenset({"near-duplicate-class"}),
         labels={"images/1.png": " cat"}),
    ready("T24", "folders that differ in case", lambda: zip_of({"Cat/1.png": CAT, "cat/1.png": image(seed=5)}),
          Ready(warnings=frozenset({"near-duplicate-class"}))),
    ready("T24", "an image in no folder", lambda: zip_of({"lost.png": CAT, "cat/1.png": CAT, "dog/1.png": CAT}),
          Ready(left_out={"lost.png": "label-missing"})),
    ready("T25", "one class only", lambda: zip_of({"cat/1.png": CAT}), Ready(accepted=1)),  # an audit of it is refused
    ready("T25", "a class of one image beside a large one", lambda: zip_of({**{f"cat/{n}.png": CAT for n in range(9)}, "dog/1.png": CAT}),
          Ready(accepted=10, warnings=frozenset({"rare-class"}))),
    rejected("T26", "more classes than are read, in folders", "too-many-classes", lambda: zip_of({f"{n}/1.png": CAT for n in range(4)}), max_classes=3),
    refused("T26", "more classes than are read, in a table", "too-many-classes", HEAD + "".join(f"images/{n}.png,{n}\n" for n in range(4)), max_classes=3),
    rejected("T26", "labels that number the images", "label-looks-like-id", lambda: zip_of({f"{n}/1.png": CAT for n in range(60)})),
    label("T27", "a label that is NaN", "NaN", "label-invalid"),
    label("T27", "a label that is infinite", "1e999", "label-invalid"),
    label("T27", "a label with a point", "3.0", "label-invalid"),
    refused("T27", "a label that is true", "label-type-mixed", labelled("true"), "labels.jsonl"),
    refused("T27", "a label that is a list", "label-type-mixed", labelled("[[]]"), "labels.jsonl"),
    refused("T27", "numbers and text", "label-type-mixed", lines(2) + '{"path": "images/2.png", "label": 1}', "labels.jsonl"),
    refused("T27", "a number of five thousand digits", "csv-malformed", lines(1) + '{"path": "images/1.png", "label": ' + "1" * 5000 + "}", "labels.jsonl"),
]  # fmt: skip

TABLES = [
    told("T28", "a mark of byte order", "\ufeff" + CSV, {}, labels={"images/0.png": "cat"}),
    told("T28", "semicolons", CSV.replace(",", ";"), {}, labels={"images/1.png": "dog"}),
    # No column can shift here, so old line ends are read rather than refused.
    told("T28", "line ends of old Macs", CSV.replace("\n", "\r"), {}, labels={"images/1.png": "dog"}),
    told("T28", "a line separator in a text of JSON", lines(4, note="a\u2028b\u0085c"), {}, "labels.jsonl"),
    refused("T28", "UTF-16", "csv-encoding", CSV.encode("utf-16")),
    refused("T28", "Latin-1", "csv-encoding", CSV.encode() + b"images/0.png,caf\xe9\n"),
    refused("T28", "a NUL", "csv-malformed", CSV + "images/0.png,c\0at\n"),
    refused("T28", "an open quote", "csv-malformed", CSV + 'images/0.png,"cat\n'),
    refused("T28", "a row that is too short", "csv-malformed", "path,label,x\n" + "images/0.png,cat\n"),
    refused("T28", "a row that is too long", "csv-malformed", CSV + "images/0.png,cat,x\n"),
    refused("T28", "two columns of one name", "csv-malformed", "path,label,label\nimages/0.png,cat,dog\n"),
    refused("T28", "a field of 200 kB", "csv-malformed", CSV + "images/0.png," + "x" * 200_000 + "\n"),
    refused("T28", "a hundred thousand columns", "csv-malformed", "path,label," + ",".join(f"c{n}" for n in range(100_000)) + "\n" + ROWS),
    refused("T28", "a line that is no JSON", "csv-malformed", lines(2) + "{", "labels.jsonl"),
    refused("T28", "a line of JSON that is a list", "csv-malformed", lines(2) + "[1]", "labels.jsonl"),
    refused("T28", "lists within lists", "csv-malformed", lines(2) + '{"path": ' + "[" * 60_000, "labels.jsonl"),
    refused("T28", "lists within lists, of every depth", "csv-malformed", DEEP, "labels.jsonl"),
    refused("T28", "a line of JSON of 200 kB", "csv-malformed", lines(2) + lines(1, x="x" * 200_000), "labels.jsonl"),
    told("T28", "a text too long for a frame", wordy(), {"images/0.png": "row-too-large"}, "labels.jsonl"),
    told("T29", "a row without its file", CSV + "images/9.png,cat\n", {"images/9.png": "missing-file"}),
    told("T29", "a row that names a file of ours", CSV + "../../../../etc/passwd,cat\n", {"../../../../etc/passwd": "missing-file"}),
    told("T29", "a file without its row", HEAD + "".join(ROWS.splitlines(True)[:3]), {"images/3.png": "unlabeled-file"}),
    # Several answers for one image are votes, which docs/formats.md promises; both are kept and shown.
    told("T29", "images twice, with one label and with two", CSV + "images/0.png,cat\nimages/1.png,cat\n", {},
         labels={"images/0.png": "cat", "images/1.png": "dog"}),
    told("T29", "more answers than a frame holds", voted(), {"images/0.png": "row-too-large"}),
    told("T29", "a split that is none", "path,label,split\n" + ROWS.replace("cat\n", "cat,train\n").replace("dog\n", "dog,dev\n"),
         {"images/1.png": "split-unknown", "images/3.png": "split-unknown"}),
    told("T29", "two splits of one image", "path,label,split\n" + ROWS.replace("\n", ",\n") + "images/0.png,cat,train\nimages/0.png,cat,test\n",
         {"images/0.png": "split-conflict"}),
    ready("T8", "a row that two files fit when composed",
          lambda: with_table(HEAD + f"{ANGSTROM},cat\n" + ROWS, pictures={**PICTURES, NFC: CAT, NFD: CAT}),
          Ready(left_out={**TABLE, ANGSTROM: "missing-file", NFC: "unlabeled-file", NFD: "unlabeled-file"}, accepted=4)),
]  # fmt: skip

COCO = [
    rejected("T28", "annotations that were cut", "coco-malformed", lambda: with_table(coco()[:-9], "all.json", {f"{n}.png": CAT for n in range(4)})),
    rejected("T28", "annotations of an image that is not listed", "coco-malformed",
             lambda: with_table(coco(annotations=[{"image_id": 9, "category_id": 1}]), "all.json", {"0.png": CAT})),
    rejected("T28", "annotations of another shape", "coco-malformed", lambda: with_table(coco(categories={"1": "cat"}), "all.json", {"0.png": CAT})),
    ready("T10", "a name of a million letters in annotations",
          lambda: with_table(coco(images=[{"id": n, "file_name": "0.png" if n else "é" * 1_000_000} for n in range(4)]), "all.json", {"0.png": CAT, "1.png": CAT}),
          Ready(accepted=1, left_out={"all.json": "table", "1.png": "unlabeled-file", "é" * ((1 << 15) - 1) + "…": "missing-file"})),
    ready("T24", "a class with a NUL beside its image", lambda: tar_of({"1.cls": b"a\0b", "1.png": CAT, "2.cls": b"cat", "2.png": CAT}),
          Ready(accepted=1, left_out={"1.cls": "table", "2.cls": "table", "1.png": "label-invalid"})),
    ready("T24", "a class of two lines beside its image", lambda: tar_of({"1.cls": b"a\nb", "1.png": CAT, "2.cls": b"cat", "2.png": CAT}),
          Ready(accepted=1, left_out={"1.cls": "table", "2.cls": "table", "1.png": "label-invalid"})),
]  # fmt: skip

CASES: list[Case] = [*LABELS, *TABLES, *COCO]
