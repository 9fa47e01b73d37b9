"""What waits is not forgotten, is found by what comes to match it, and holds nothing else up (S29, S31)."""

from __future__ import annotations

import json

from engine.world import World

from state import cursors
from state.store import Store


def since(world: World) -> str | None:
    """How far GitHub's issues were read."""
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        found = store.read_sync(cursors.get, cursors.Where("github", "acme/app", "task")).cursor
    return None if found is None else json.loads(found)["since"]


def an_hour_later(world: World) -> None:
    for box in (world.artala, world.github):
        box.clock.advance(3600)


async def refused(world: World) -> int:
    """An issue that Artala does not take."""
    number = world.new_issue("Repair the pump")
    world.artala.fault("status", method="POST", path="/api/tasks$", status=400, message="no")
    report = await world.sync()
    assert (report.counts["parked"], world.tasks()) == (1, [])
    return number


async def test_a_parked_item_does_not_hold_the_cursor(world: World):
    await refused(world)
    before = since(world)
    an_hour_later(world)
    world.new_issue("Paint the fence")

    await world.sync()

    assert [task["Title"] for task in world.tasks()] == ["Paint the fence"]
    assert (since(world) or "") > (before or "~")


async def test_a_parked_item_is_joined_with_the_one_that_a_person_makes_by_hand(world: World):
    number = await refused(world)
    for _ in range(2):
        an_hour_later(world)
        world.new_issue(f"At {world.github.clock.now():.0f}")
        await world.sync()
    world.new_task("Repair the pump")

    await world.settle()

    assert sorted(issue["title"] for issue in world.issues()).count("Repair the pump") == 1
    assert world.issue(number)["title"] == "Repair the pump"


async def test_a_listing_that_breaks_off_moves_no_cursor(world: World):
    world.write_config(github_more="page_size = 2")
    for title in ("One", "Two", "Three", "Four", "Five"):
        world.new_issue(title)
        for box in (world.artala, world.github):
            box.clock.advance(1)
    world.github.fault("status", method="GET", path="/issues", status=400, times=-1, after=1)

    report = await world.sync()

    assert (report.state, since(world)) == ("failed", None)

    world.github.faults.clear()
    await world.settle()

    assert len(world.tasks()) == 5
