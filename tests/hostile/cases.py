"""The whole table of bad input, by topic: each has a module of cases and one of tests."""

from __future__ import annotations

from tests.hostile import arrays, images, tables, tars, zips
from tests.hostile.case import Case

TOPICS: dict[str, list[Case]] = {
    "zips": zips.CASES,
    "tars": tars.CASES,
    "images": images.CASES,
    "tables": tables.CASES,
    "arrays": arrays.CASES,
}
CASES: tuple[Case, ...] = tuple(case for cases in TOPICS.values() for case in cases)
TOPIC_OF = {case.id: topic for topic, cases in TOPICS.items() for case in cases}
