"""What a row of the mapping may do besides being carried both ways: one direction, never, only at birth, newest (S15, S16)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from engine.world import World

from bridge.engine.context import utc_now
from state import parked
from state.store import Store

ROW = '\n[[links.fields]]\nleft = "{0}"\nright = "{0}"\ndirection = "{1}"\n'


def rule(world: World, name: str, direction: str) -> None:
    world.write_config(link_more=ROW.format(name, direction))


async def joined(world: World, *titles: str, **members: object) -> list[tuple[str, int]]:
    numbers = [world.new_issue(title, **members) for title in titles]
    await world.sync()
    tasks = {task["Title"]: task["Id"] for task in world.tasks()}
    return [(tasks[title], number) for title, number in zip(titles, numbers, strict=True)]


def titles(world: World, task: str, number: int) -> tuple[str, str]:
    return world.task(task)["title"], world.issue(number)["title"]


def labels(world: World, task: str, number: int) -> tuple[list[str], list[str]]:
    return world.labels_of(task), sorted(label["name"] for label in world.issue(number)["labels"])


# --- directions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["left-to-right", "right-to-left"])
async def test_a_text_goes_its_one_way_and_an_edit_on_the_wrong_side_stays_there(world: World, direction: str):
    first, second = await joined(world, "Pump", "Fence")
    rule(world, "title", direction)
    world.edit_issue(first[1], title="Of GitHub")
    world.edit_task(second[0], title="Of Artala")

    await world.settle()

    if direction == "left-to-right":
        assert (titles(world, *first), titles(world, *second)) == (("Pump", "Of GitHub"), ("Of Artala", "Of Artala"))
    else:
        assert (titles(world, *first), titles(world, *second)) == (("Of GitHub", "Of GitHub"), ("Of Artala", "Fence"))


async def test_an_edit_on_the_right_side_of_a_one_way_row_wins_over_one_on_the_wrong_side(world: World):
    ((task, number),) = await joined(world, "Pump")
    rule(world, "title", "left-to-right")
    world.edit_issue(number, title="Of GitHub")
    await world.settle()
    world.edit_task(task, title="Of Artala")

    report = await world.settle()

    assert titles(world, task, number) == ("Of Artala", "Of Artala")
    assert report.exit_code == 0


@pytest.mark.parametrize("direction", ["left-to-right", "right-to-left"])
async def test_labels_go_their_one_way_and_those_of_the_wrong_side_stay_there(world: World, direction: str):
    ((task, number),) = await joined(world, "Pump")
    rule(world, "labels", direction)
    world.edit_issue(number, labels=["of github"])
    world.label_task(task, "of artala")

    await world.settle()

    if direction == "left-to-right":
        assert labels(world, task, number) == (["of artala"], ["of artala", "of github"])
    else:
        assert labels(world, task, number) == (["of artala", "of github"], ["of github"])


async def test_a_row_that_is_create_only_is_filled_once_and_then_left_alone(world: World):
    rule(world, "description", "create-only")
    number = world.new_issue("Pump", "It leaks.")
    await world.sync()
    (task,) = world.tasks()
    world.edit_issue(number, body="It leaks more.")

    await world.settle()

    assert task["Description"] == world.tasks()[0]["Description"] == "It leaks."


async def test_a_row_that_is_off_is_not_carried_at_all(world: World):
    rule(world, "description", "off")
    number = world.new_issue("Pump", "It leaks.")
    await world.sync()
    world.edit_issue(number, body="It leaks more.")

    await world.settle()

    assert world.tasks()[0]["Description"] in (None, "")


# --- newest -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", ["left", "right"])
async def test_of_two_edits_far_apart_the_newest_wins(world: World, last: str):
    world.write_config(link_more='conflict = "newest"')
    ((task, number),) = await joined(world, "Pump")
    edits = [lambda: world.edit_issue(number, title="Of GitHub"), lambda: world.edit_task(task, title="Of Artala")]
    for edit in edits if last == "left" else reversed(edits):
        edit()
        later(world, 60)

    report = await world.settle()

    wanted = "Of Artala" if last == "left" else "Of GitHub"
    assert titles(world, task, number) == (wanted, wanted)
    assert report.exit_code == 0


def later(world: World, seconds: float) -> None:
    for box in (world.artala, world.github):
        box.clock.advance(seconds)


async def test_which_of_two_edits_within_a_second_is_newest_is_for_a_person_to_say(world: World):
    world.write_config(link_more='conflict = "newest"')
    ((task, number),) = await joined(world, "Pump")
    world.edit_issue(number, title="Of GitHub")
    later(world, 1)
    world.edit_task(task, title="Of Artala")

    report = await world.settle()

    assert titles(world, task, number) == ("Of Artala", "Of GitHub")
    assert report.exit_code == 10


async def test_a_clock_that_is_ahead_makes_no_edit_the_newest(world: World):
    world.write_config(link_more='conflict = "newest"')
    world.artala.clock.advance(600)
    ((task, number),) = await joined(world, "Pump")
    world.edit_task(task, title="Of Artala")
    later(world, 60)
    world.edit_issue(number, title="Of GitHub")

    report = await world.settle()

    assert titles(world, task, number) == ("Of Artala", "Of GitHub")
    assert report.exit_code == 10


# --- what is written on both sides ------------------------------------------------------------------------------------


async def test_a_merge_that_reached_one_side_only_reaches_the_other_later_and_nobody_is_blamed(world: World):
    world.write_config(link_more='conflict = "merge"')
    number = world.new_issue("Pump", "one\n\ntwo\n\nthree")
    await world.sync()
    (task,) = world.tasks()
    world.edit_issue(number, body="ONE\n\ntwo\n\nthree")
    world.edit_task(task["Id"], description="one\n\ntwo\n\nTHREE")
    world.github.fault("status", method="PATCH", status=429, retry_after=600, times=-1)

    await world.sync()

    assert world.task(task["Id"])["description"] == "ONE\n\ntwo\n\nTHREE"
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        assert [row.message for row in store.read_sync(parked.find)] == []

    world.github.faults.clear()
    async with world.open(now=lambda: utc_now() + timedelta(hours=1)) as bridge:
        await bridge.sync("app", trigger="test")

    assert world.issue(number)["body"].startswith("ONE\n\ntwo\n\nTHREE")
