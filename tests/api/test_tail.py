"""A feed tells what follows a number from memory, or says that the database must be asked; never half of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api import tail
from api.tail import Feed
from core.store.tables import Event


def rows(first: int, last: int) -> list[Event]:
    return [Event(seq=seq, type="note", at=0.0, data={"seq": seq}) for seq in range(first, last + 1)]


def numbers(content: bytes) -> list[int]:
    return [int(line[4:]) for line in content.decode().splitlines() if line.startswith("id: ")]


def test_a_feed_that_has_not_looked_yet_knows_nothing() -> None:
    assert Feed().after(0) is None


@given(
    begin=st.integers(0, 50),
    looks=st.lists(st.integers(1, 2 * tail.KEPT), max_size=6),
    behind=st.integers(-3, 3 * tail.KEPT),
)
def test_a_feed_tells_all_that_follows_or_nothing(begin: int, looks: list[int], behind: int) -> None:
    feed, newest = Feed(), begin
    feed.add([], begin, over=False)
    for count in looks:
        feed.add(rows(max(newest, newest + count - tail.KEPT) + 1, newest + count), newest + count, over=False)
        newest += count
    news = feed.after(newest - behind)
    if news is not None:
        assert numbers(news.content) == list(range(newest - behind + 1, newest + 1))
        assert news.last == max(newest, newest - behind)
    else:
        assert behind > min(tail.KEPT, newest - begin)
    assert len(feed.recent) <= tail.KEPT
