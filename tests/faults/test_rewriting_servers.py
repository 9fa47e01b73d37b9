"""Servers that store otherwise than they were sent come to rest after one more run, and nobody's words change at home (S6)."""

from __future__ import annotations

import pytest
from faults.hours import Weathered

from bridge.sandbox.faults import HOW

TEXT = "\n  One & two < three \r\n\r\n\r\n\r\nfour  \nfive\t\n<b>six</b> &amp; seven  \n\n"
EVERYTHING = " ".join(way for way in HOW if way != "lf")


def rewrite(world: Weathered, how: str, *trackers: str) -> None:
    for box in (world.artala, world.github):
        if box.tracker.name in trackers:
            box.fault("normalise", how=how, times=-1)


async def comes_to_rest(world: Weathered) -> None:
    """One run to carry it over, at most one more, and then none writes anything, however often and however thorough."""
    await world.sync()
    await world.sync()
    writes = world.writes()
    for full in (False, True, False):
        report = await world.sync(full=full)
        assert (report.error, world.writes()) == ("", writes)


@pytest.mark.parametrize("how", [*HOW, "trim lf trailing", EVERYTHING])
async def test_servers_that_rewrite_what_they_are_sent_come_to_rest(world: Weathered, how: str):
    rewrite(world, how, "artala", "github")
    number = world.new_issue("Pump & hose", TEXT, labels=["bug", "Shiny New", "documentation"])
    task = world.new_task("Fence < wall", TEXT)
    world.label_task(task, "bug", "Old Paint")

    await comes_to_rest(world)

    assert len(world.issues()) == len(world.tasks()) == 2
    (other,) = [each["Id"] for each in world.tasks() if each["Id"] != task]
    assert {name.lower() for name in world.labels_of(other)} == {"bug", "shiny new", "documentation"}
    twin = next(each for each in world.issues() if each["number"] != number)
    assert {label["name"].lower() for label in twin["labels"]} == {"bug", "old paint"}


@pytest.mark.parametrize("how", [*HOW, EVERYTHING])
async def test_edits_against_a_server_that_rewrites_are_carried_over_once_and_stay(world: Weathered, how: str):
    number = world.new_issue("Pump", "It leaks.")
    task = world.new_task("Fence", "It rusts.")
    await world.settle()
    rewrite(world, how, "artala", "github")
    world.edit_issue(number, title="Pump & hose ", body=TEXT, labels=["bug", "Shiny New"])
    world.edit_task(task, title="Fence < wall", description=TEXT)
    world.label_task(task, "documentation", "Old Paint")

    await comes_to_rest(world)

    titles = {each["title"] for each in world.issues()}
    assert {title.replace("&amp;", "&").replace("&lt;", "<").strip() for title in titles} == {
        "Pump & hose",
        "Fence < wall",
    }


@pytest.mark.parametrize("how", [*HOW, EVERYTHING])
async def test_what_a_person_wrote_is_never_replaced_by_what_the_other_server_made_of_it(world: Weathered, how: str):
    rewrite(world, how, "artala")
    number = world.new_issue("Pump & hose", TEXT)

    await comes_to_rest(world)

    assert (world.issue(number)["title"], world.issue(number)["body"]) == ("Pump & hose", TEXT)


@pytest.mark.parametrize("how", [*HOW, EVERYTHING])
async def test_what_a_person_edited_is_never_replaced_by_what_the_other_server_made_of_it(world: Weathered, how: str):
    number = world.new_issue("Pump", "It leaks.")
    await world.settle()
    rewrite(world, how, "artala")
    world.edit_issue(number, title="Pump & hose", body=TEXT)

    await comes_to_rest(world)

    assert world.issue(number)["title"] == "Pump & hose"
    assert world.issue(number)["body"].startswith(TEXT.rstrip())
