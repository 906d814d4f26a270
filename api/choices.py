"""Which samples of an audit are asked for: the same words in lists, counts and decisions on many at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import Asked
from core.errors import Problem
from core.review.ranking import Wanted
from core.store.audits import Audited
from core.words import Decision, Reason, VerdictWord

LabelName = Annotated[str, Field(max_length=256)]


class Choices(Asked):
    """Labels are class names; what is absent may be anything. `decided` false: samples that nobody has judged yet."""

    given: LabelName | None = None
    suggested: LabelName | None = None
    verdict: VerdictWord | None = None
    reason: Reason | None = None
    is_issue: bool | None = None
    conflict: bool | None = None
    decision: Decision | None = None
    decided: bool | None = None

    def wanted(self, audit: Audited) -> Wanted:
        """The same by the numbers of this audit's classes."""
        rest = {name: getattr(self, name) for name in Choices.model_fields if name not in ("given", "suggested")}
        return Wanted(class_number(audit, self.given), class_number(audit, self.suggested), **rest)


def class_number(audit: Audited, label: str | None) -> int | None:
    """A class by its name."""
    if label is None:
        return None
    try:
        return audit.classes.index(label)
    except ValueError:
        raise Problem("unknown-label", "This dataset has no class of that name.") from None
