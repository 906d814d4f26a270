"""Judging blind: nothing that could lead is there to be seen, neither of the audit's nor of other people's."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Audited
from tests.browser.reviewing import press, review, saved, tiles_of

People = Callable[..., Page]
ANY = re.compile(".*")
LEADS = ("likely wrong", "Suggested label", "Verdict", "Why it is here", "suggested", "rank", "Nearest", "errors left",
         "Decision", "Reviewers differ", "Same image", "disputed", "by likelihood")  # fmt: skip


def test_it_hides_everything_that_could_lead_and_says_so_in_what_is_written(person: People, audited: Audited) -> None:
    page = person()
    tiles = review(page, audited)
    page.get_by_label("blind").check()
    expect(tiles.first).not_to_contain_text("→")
    page.get_by_label("Order").evaluate("element => element.remove()")  # it names orders, also those not chosen
    for words in LEADS:
        expect(page.get_by_text(words, exact=False)).to_have_count(0)
    tiles.first.click()
    press(page, "w")
    expect(page.get_by_text("In blind mode nothing is suggested")).to_be_visible()
    press(page, "q")
    saved(page)
    assert [(said["decision"], said["source"]) for said in audited.said()] == [("keep", "blind")]


def test_what_the_network_sees_as_alike_is_hidden_too(person: People, learned: Audited) -> None:
    page = person()
    review(page, learned)
    expect(page.get_by_text("Nearest of all")).to_be_visible()
    page.get_by_label("blind").check()
    expect(page.get_by_text("Nearest", exact=False)).to_have_count(0)


def test_classes_are_those_of_the_dataset_in_their_own_order(person: People, audited: Audited) -> None:
    page = person()
    page.add_init_script("localStorage.setItem('labelaudit.blind', 'yes')")
    review(page, audited)
    names = page.locator(".detail .class-name")
    expect(names).to_have_count(8)
    shown = [name.removesuffix("given") for name in names.all_text_contents()]
    assert shown == sorted(shown) == list(audited.client.dataset(audited.dataset)["classes"])
    press(page, "3")
    saved(page)
    [said] = audited.said()
    first = audited.suspects(limit=1)[0]
    assert said["label"] == "cat" or (first["given_label"] == "cat" and said["decision"] == "keep")


def test_others_decisions_are_not_there_to_be_seen_but_ones_own_are(person: People, audited: Audited) -> None:
    people = {}
    for name, blind in (("ann", "no"), ("ben", "yes")):
        people[name] = person()
        for key, value in (("reviewer", name), ("blind", blind)):
            people[name].add_init_script(f"localStorage.setItem('labelaudit.{key}', '{value}')")
    ann, ben = people["ann"], people["ben"]
    review(ann, audited)
    press(ann, "e", "e")
    saved(ann)
    tiles = review(ben, audited)
    detail = ben.get_by_role("complementary", name="Sample")
    expect(detail.get_by_role("button", name="Exclude")).to_have_attribute("aria-pressed", "false")
    for k in range(2):
        expect(tiles.nth(k)).not_to_have_attribute("data-decision", ANY)
    expect(detail.get_by_text("History")).to_have_count(0)
    press(ben, "q", "ArrowLeft")
    saved(ben)
    expect(tiles.first).to_have_attribute("data-decision", "keep")
    expect(detail.get_by_text("History")).to_be_visible()
    expect(detail).to_contain_text("ben")
    expect(detail).not_to_contain_text("ann")
    expect(tiles.first).not_to_contain_text("⚑")
    expect(tiles_of(ann).first).to_contain_text("⚑")  # who looks with open eyes sees it
