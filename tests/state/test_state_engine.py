"""The engine's own use of the state, on both databases: the main job, a conflict, a crash and what follows it."""

from __future__ import annotations

import pytest
from engine.world import World


@pytest.fixture
def world(tmp_path, url):
    with World(tmp_path, state=url.replace("%", "%%") if "%%" in url else url) as made:
        yield made


async def test_two_sides_are_kept_in_step(world: World):
    number = world.new_issue("Repair the pump", "It leaks.", labels=["bug"])
    world.new_task("Paint the fence")
    await world.settle()
    task = next(task["Id"] for task in world.tasks() if task["Title"] == "Repair the pump")
    world.edit_issue(number, title="Mend the pump", state="closed")
    world.label_task(task, "bug", "urgent")

    report = await world.settle()

    assert (world.task(task)["title"], world.task(task)["status"]) == ("Mend the pump", "Done")
    assert sorted(label["name"] for label in world.issue(number)["labels"]) == ["bug", "urgent"]
    assert report.exit_code == 0


async def test_a_conflict_and_a_parked_item_are_kept(world: World):
    number = world.new_issue("Repair the pump")
    await world.sync()
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(world.tasks()[0]["Id"], title="Replace the pump")
    world.new_issue("Paint the fence")
    world.artala.fault("status", method="POST", path="/api/tasks$", status=400, message="no")

    report = await world.sync()

    assert (report.counts["conflicts_open"], report.counts["parked"]) == (1, 1)


async def test_an_unanswered_create_is_found_again(world: World):
    world.new_task("Repair the pump", status="Done")
    world.github.fault("lost_reply", method="POST", path="/issues$")

    await world.settle()

    assert [(issue["title"], issue["state"]) for issue in world.issues()] == [("Repair the pump", "closed")]


async def test_many_items_are_matched(world: World):
    world.artala.seed(generate=700)
    world.github.seed(generate=700)

    report = await world.sync()

    assert (report.counts["paired"], world.writes()) == (700, 0)
