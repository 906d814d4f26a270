"""Agreeing to change what is held out: by the number of samples, so that whoever does it has seen it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from core.errors import Problem
from core.store import versions
from core.store.tables import Dataset

Agreed = Annotated[int, Field(ge=0, lt=2**31)]


def agreed(session: Session, dataset: Dataset, splits: Collection[str] | None, count: int | None) -> bool:
    """Whether samples that are held out are to be changed; who wants that says how many there are."""
    if count is None:
        return False
    there = versions.revised(session, dataset, splits, change_held_out=False).held_out_untouched
    if count != there:
        raise Problem(
            "count-differs",
            f"{there} samples of val and test would be changed, not {count}: look again, and say {there}.",
            count=there,
        )
    return True
