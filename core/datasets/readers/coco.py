"""Annotations as COCO writes them, used for classification: each image has annotations of one category.

The images are found by their `file_name`, from the annotations' folder, from the top, or by the name alone where it is
there once. The split is what the file or the folder of the image is called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from core.datasets.readers import imagefolder, rows
from core.datasets.readers.container import Container
from core.datasets.readers.table import SPLIT, Table
from core.errors import Problem, shown

MARKS = (b'"images"', b'"annotations"', b'"categories"')


def find(container: Container) -> list[Table]:
    """The files of annotations."""
    tables = []
    for position, entry in enumerate(container.entries()):
        if not entry.name.lower().endswith(".json") or not 0 < entry.size <= imagefolder.LARGEST["json"]:
            continue
        if all(mark in container.read(container.open(position)) for mark in MARKS):
            read = partial(_rows, container, position, entry.name)
            tables.append(Table(entry.name, "file_name", "category", read, (position,), by_name=True))
    return tables


def _rows(container: Container, position: int, name: str) -> Iterator[rows.Row]:
    """One row for each image that has annotations."""
    try:
        told = json.loads(container.read(container.open(position)))
        names = {one["id"]: one["name"] for one in told["categories"]}
        files = {one["id"]: one["file_name"] for one in told["images"]}
        found: dict[Any, dict[Any, None]] = {}
        for one in told["annotations"]:
            found.setdefault(one["image_id"], {})[one["category_id"]] = None
        rest = [one for one in found if one not in files] + [c for cs in found.values() for c in cs if c not in names]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _bad(name, "is no JSON of images, annotations and categories") from error
    if rest:
        raise _bad(name, f"names an image or a category that it does not list ({shown(str(rest[0]), 40)})")
    for at, (image, categories) in enumerate(found.items(), start=1):
        values = {"file_name": files[image], "category": names[next(iter(categories))], SPLIT: _split(name)}
        problem = None
        if len(categories) > 1:
            held = shown(", ".join(str(names[one]) for one in categories), 60)
            problem = (
                "label-several",
                f"The annotations give this image several categories ({held}); an audit needs one.",
            )
        yield rows.Row(at, values, problem)


def _split(name: str) -> str | None:
    """The split in a name such as `instances_train2017.json`."""
    last = name.rpartition("/")[2].lower()
    return next((split for word, split in imagefolder.SPLITS.items() if word in last), None)


def _bad(name: str, what: str) -> Problem:
    return Problem("coco-malformed", f"The file {shown(name)} {what}. Mend it and upload again.")
