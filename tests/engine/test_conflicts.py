"""A conflict is kept, shown and settled as a person decides (S16, S17)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from engine.world import World

from bridge.engine.again import wake
from state import conflicts, pairs
from state.conflicts import Conflict, Put, Take
from state.store import Store


async def clashing(world: World) -> tuple[str, int]:
    number = world.new_issue("Repair the pump", "It leaks.")
    await world.sync()
    task = world.tasks()[0]["Id"]
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, title="Replace the pump")
    await world.sync()
    return task, number


def the_conflict(world: World) -> Conflict:
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        (found,) = store.read_sync(conflicts.find)
        return found


def decide(world: World, decision: Take | Put) -> None:
    def write(session) -> None:
        (found,) = conflicts.find(session)
        conflicts.decide(session, found.id, decision, by="a tester")
        pair = pairs.by_ids(session, [found.clash.pair_id])[found.clash.pair_id]
        wake(session, found.link_id, "task", "left", [pair.left_id], datetime.now(UTC))

    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        store.run_sync(write)


def titles(world: World, task: str, number: int) -> tuple[str, str]:
    return world.task(task)["title"], world.issue(number)["title"]


async def test_a_conflict_holds_base_and_both_values(world: World):
    await clashing(world)

    clash = the_conflict(world).clash

    assert (clash.base_left, clash.left.value, clash.right.value) == (
        "Repair the pump",
        "Replace the pump",
        "Mend the pump",
    )


@pytest.mark.parametrize(
    ("decision", "title"),
    [
        (Take("left"), "Replace the pump"),
        (Take("right"), "Mend the pump"),
        (Take("base"), "Repair the pump"),
        (Put("Buy a pump", "left"), "Buy a pump"),
        (Put("Buy a pump", "right"), "Buy a pump"),
    ],
)
async def test_a_decision_is_written_to_whichever_side_needs_it(world: World, decision: Take | Put, title: str):
    task, number = await clashing(world)
    decide(world, decision)

    report = await world.settle()

    assert titles(world, task, number) == (title, title)
    assert report.exit_code == 0


async def test_a_decision_is_void_once_a_side_moved_again(world: World):
    task, number = await clashing(world)
    decide(world, Take("left"))
    world.edit_issue(number, title="Mend the old pump")

    report = await world.sync()

    assert titles(world, task, number) == ("Replace the pump", "Mend the old pump")
    assert report.exit_code == 10
    assert the_conflict(world).clash.right.value == "Mend the old pump"


async def test_a_conflict_ends_when_people_agree_by_themselves(world: World):
    task, number = await clashing(world)
    world.edit_issue(number, title="Replace the pump")

    report = await world.settle()

    assert report.counts["conflicts_open"] == 0
    assert titles(world, task, number) == ("Replace the pump", "Replace the pump")


@pytest.mark.parametrize(("policy", "title"), [("left", "Replace the pump"), ("right", "Mend the pump")])
async def test_a_policy_decides_and_the_losing_value_is_kept_in_the_history(world: World, policy: str, title: str):
    world.write_config(link_more=f'conflict = "{policy}"')
    task, number = await clashing(world)

    assert titles(world, task, number) == (title, title)

    from state import history

    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        entries = store.read_sync(history.find, action="update", field="title")
    assert {entry.before for entry in entries} == {"Mend the pump", "Replace the pump"} - {title}


async def test_texts_changed_in_different_lines_are_merged_when_the_policy_says_so(world: World):
    world.write_config(link_more='conflict = "merge"')
    number = world.new_issue("Repair the pump", "one\n\ntwo\n\nthree")
    await world.sync()
    task = world.tasks()[0]["Id"]
    world.edit_issue(number, body="ONE\n\ntwo\n\nthree")
    world.edit_task(task, description="one\n\ntwo\n\nTHREE")

    report = await world.settle()

    assert world.task(task)["description"] == "ONE\n\ntwo\n\nTHREE"
    assert world.issue(number)["body"].startswith("ONE\n\ntwo\n\nTHREE")
    assert report.exit_code == 0


async def test_what_differs_at_first_contact_is_a_conflict_and_nothing_is_overwritten(world: World):
    number = world.new_issue("Repair the pump", "It leaks.")
    task = world.new_task("Repair the pump", "It drips.")

    report = await world.sync()

    assert report.exit_code == 10
    assert world.task(task)["description"] == "It drips."
    assert world.issue(number)["body"] == "It leaks."


async def test_a_lost_database_adopts_what_is_equal_and_deletes_nothing(world: World):
    number = world.new_issue("Repair the pump", "It leaks.", labels=["bug"])
    world.new_task("Paint the fence")
    await world.sync()
    for file in world.folder.glob("bridge.db*"):
        file.unlink()
    writes = world.writes()

    report = await world.sync()

    assert (world.writes(), report.exit_code, report.counts["paired"]) == (writes, 0, 2)
    assert world.issue(number)["title"] == "Repair the pump"


async def test_keep_both_puts_the_two_texts_below_each_other(world: World):
    world.write_config(link_more='conflict = "keep-both"')
    number = world.new_issue("Repair the pump", "It leaks.")
    await world.sync()
    task = world.tasks()[0]["Id"]
    world.edit_issue(number, title="Mend the pump", body="It drips.")
    world.edit_task(task, title="Replace the pump", description="It floods.")

    await world.settle()

    assert world.task(task)["description"] == "It floods.\nIt drips."
    assert world.issue(number)["body"].startswith("It floods.\nIt drips.")
    assert the_conflict(world).clash.field == "title"


async def test_what_was_edited_while_a_field_was_one_way_goes_over_once_it_is_both_ways_again(world: World):
    one_way = '[[links.fields]]\nleft = "title"\nright = "title"\ndirection = "left-to-right"'
    number = world.new_issue("Repair the pump")
    await world.settle()
    task = world.tasks()[0]["Id"]
    world.write_config(more_links=one_way)
    world.edit_issue(number, title="Mend the pump")
    await world.settle()
    assert world.task(task)["title"] == "Repair the pump"

    world.write_config(more_links="")
    await world.settle()

    assert titles(world, task, number) == ("Mend the pump", "Mend the pump")


async def test_a_field_that_is_mapped_later_is_read_and_compared(world: World):
    off = '[[links.fields]]\nleft = "description"\nright = "description"\ndirection = "off"'
    world.write_config(more_links=off)
    number = world.new_issue("Repair the pump", "It leaks.")
    await world.settle()
    task = world.tasks()[0]["Id"]
    world.edit_task(task, description="It floods.")
    await world.settle()

    world.write_config(more_links="", link_more='first_contact = "left"')
    await world.settle()

    assert world.issue(number)["body"].startswith("It floods.")


async def test_a_field_that_two_sides_never_agreed_on_is_asked_about_once_it_is_mapped(world: World):
    only_title = 'preset = "none"\n[[links.fields]]\nleft = "title"\nright = "title"'
    world.write_config(link_more=only_title)
    number = world.new_issue("Repair the pump", "It leaks.")
    same = world.new_issue("Paint the pump")
    await world.settle()
    task = next(row["Id"] for row in world.tasks() if row["Title"] == "Repair the pump")
    world.edit_task(task, description="It floods.")
    await world.settle()

    world.write_config(link_more="")
    report = await world.settle()

    assert report.counts["conflicts_open"] == 1
    assert the_conflict(world).clash.field == "description"
    assert (world.issue(number)["body"], world.issue(same)["body"]) == ("It leaks.", "")
