"""Which samples of an audit are asked for: the same words in lists, counts and decisions on many at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import Asked
from core.errors import Problem
from core.review.ranking import Wanted
from core.spec import Split
from core.store.audits import Audited
from core.words import Decision, Reason, VerdictWord

Probability = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
ReviewNumber = Annotated[int, Field(ge=0, lt=2**31)]
LabelName = Annotated[str, Field(max_length=256)]


class Choices(Asked):
    """Labels are class names; what is absent may be anything. `decided` false: samples that nobody has judged yet.

    Scores are from `score_from` on and below `score_to`, 1 included if that is 1. `contains` is text in the sample's
    path, in upper or lower case.
    """

    given: LabelName | None = None
    suggested: LabelName | None = None
    verdict: VerdictWord | None = None
    reason: Reason | None = None
    is_issue: bool | None = None
    conflict: bool | None = None
    decision: Decision | None = None
    decided: bool | None = None
    disputed: bool | None = None
    split: Split | None = None
    score_from: Probability | None = None
    score_to: Probability | None = None
    contains: Text | None = None

    def wanted(self, audit: Audited) -> Wanted:
        """The same by the numbers of this audit's classes."""
        rest = {name: getattr(self, name) for name in Choices.model_fields if name not in ("given", "suggested")}
        return Wanted(class_number(audit, self.given), class_number(audit, self.suggested), **rest)


def review_number(audit: Audited, as_of: int | None) -> int:
    """After which review things are to be looked at: the last one, unless another is asked for."""
    if as_of is None or as_of <= audit.reviews:
        return audit.reviews if as_of is None else as_of
    raise Problem("unknown-review", f"There is no review {as_of} yet; the last one is {audit.reviews}.")


def class_number(audit: Audited, label: str | None) -> int | None:
    """A class by its name."""
    if label is None:
        return None
    try:
        return audit.classes.index(label)
    except ValueError:
        raise Problem("unknown-label", "This dataset has no class of that name.") from None
