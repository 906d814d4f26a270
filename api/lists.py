"""A list of samples as it is looked at: which ones, and in which order. Queues answer with one, and what is decided of
many at once goes along the same."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, model_validator
from sqlalchemy.orm import Session

from api.choices import Choices, ReviewNumber, review_number
from api.rankings import Rankings
from core.review import orders
from core.review.ranking import Ranking, Wanted
from core.store import rankings
from core.store.audits import Audited

UNFLAGGED = Wanted(is_issue=False, decided=False)


class Ordered(BaseModel):
    """In which order; a sharpened one follows from the reviews up to number `as_of`, by default all so far."""

    order: Literal["rank", "random", "sharpened"] = "rank"
    as_of: ReviewNumber | None = None

    @model_validator(mode="after")
    def _one_of_many(self) -> Self:
        if self.as_of is not None and self.order != "sharpened":
            raise ValueError("as_of belongs to the order sharpened")
        return self

    def number(self, audit: Audited) -> int | None:
        """The review that a sharpened order follows from."""
        return review_number(audit, self.as_of) if self.order == "sharpened" else None


def wanted(session: Session, audit: Audited, ranking: Ranking, choices: Choices, order: Ordered) -> Wanted:
    """Which samples. By chance and without a choice, those without a flag that nobody has judged."""
    plain = order.order == "random" and not choices.model_fields_set & Choices.model_fields.keys()
    return rankings.named(session, audit, ranking, UNFLAGGED if plain else choices.wanted(audit))


def in_order(
    lists: Rankings, session: Session, audit: Audited, order: Ordered, chosen: NDArray[np.bool_]
) -> NDArray[np.uint32]:
    """The ranks that are chosen."""
    if (seq := order.number(audit)) is not None:
        ranks = lists.sharpened(session, audit, seq).ranks
        return ranks[chosen[ranks - 1]]
    found = orders.ranks(chosen)
    return orders.by_chance(found, audit.id) if order.order == "random" else found
