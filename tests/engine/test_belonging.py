"""Which two items belong together: external ids, pinned pairs, unlinked and relinked ones (S8a, S26, S28)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from engine.world import World

from bridge.engine import relink
from bridge.errors import ConfigError
from state import history, links, pairs
from state.pairs import Pair

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
NAMING = 'external_id = { left = "custom.Customer" }'


def name_partner(world: World, task: str, text: str) -> None:
    """A person writes into a custom field of the task which issue it is about."""
    _, fields = world.artala.call("GET", "/api/fields", who="sam")
    field = next(row["id"] for row in fields if row["name"] == "Customer")
    status, _ = world.artala.call("POST", f"/api/fields/task/{task}", {"fieldId": field, "value": text}, who="sam")
    assert status == 204


def state(world: World, work: Any, *given: Any) -> Any:
    with world.open().store as store:
        return store.run_sync(work, *given)


def the_pairs(world: World) -> list[Pair]:
    def read(session: Any) -> list[Pair]:
        link = links.all_links(session)[0].id or 0
        return pairs.walk(session, link, "task", after=0, limit=100, statuses=("live", "unlinked"))

    return state(world, read)


def pin(world: World, task: str, number: int) -> str:
    def write(session: Any) -> str:
        row = links.all_links(session)[0]
        return relink.pin(session, row, "task", task, str(number), "by a tester", NOW)

    return state(world, write)


@pytest.mark.parametrize(
    "said", ["{number}", "#{number}", "acme/app#{number}", "https://tracker.example/acme/app/issues/{number}/"]
)
async def test_a_field_that_names_the_partner_joins_items_of_different_titles(world: World, said: str):
    world.write_config(link_more=NAMING)
    number = world.new_issue("Pump leaks")
    world.new_issue("Another")
    task = world.new_task("Repair the pump")
    name_partner(world, task, said.format(number=number))

    await world.sync()

    joined = {(pair.left_id, pair.right_id): pair.reason for pair in the_pairs(world)}
    assert joined[task, str(number)] == "external-id"
    assert len(world.issues()) == len(world.tasks()) == 2


async def test_an_address_elsewhere_names_nothing_here(world: World):
    world.write_config(link_more=NAMING)
    number = world.new_issue("Pump leaks")
    task = world.new_task("Repair the pump")
    name_partner(world, task, f"https://tracker.example/acme/other/issues/{number}")

    await world.sync()

    assert len(world.issues()) == len(world.tasks()) == 2


async def test_two_items_that_name_one_partner_are_a_question(world: World):
    world.write_config(link_more=NAMING)
    number = world.new_issue("Pump leaks")
    tasks = [world.new_task("Repair the pump"), world.new_task("Mend the pump")]
    for task in tasks:
        name_partner(world, task, str(number))

    await world.sync()
    report = await world.sync()

    assert report.counts["parked"] == 1
    assert len(world.issues()) == 1


async def test_a_field_that_does_not_exist_is_told_before_anything_is_done(world: World):
    world.write_config(link_more='external_id = { left = "custom.Ticket" }')

    async with world.open() as bridge:
        with pytest.raises(ConfigError, match=r'external_id: the left side has no field "custom.Ticket"'):
            await bridge.plan("app")


async def test_pinned_items_are_one_whatever_their_titles_say(world: World):
    world.write_config(link_more='first_contact = "left"')
    number = world.new_issue("Pump leaks", "Since Monday.")
    world.new_issue("Repair the pump", "Another one of the same name.")
    task = world.new_task("Repair the pump", "It leaks.")
    with world.open().store:
        pass  # makes the database

    assert pin(world, task, number) == "pinned"
    await world.settle()

    assert world.issue(number)["title"] == "Repair the pump"
    assert world.issue(number)["body"].startswith("It leaks.")
    assert len(world.issues()) == len(world.tasks()) == 2
    assert pin(world, task, number) == "known"


async def test_what_differs_between_pinned_items_is_a_question(world: World):
    number = world.new_issue("Pump leaks")
    task = world.new_task("Repair the pump")
    with world.open().store:
        pass

    pin(world, task, number)
    report = await world.settle()

    assert report.counts["conflicts_open"] == 1
    assert (world.issue(number)["title"], world.task(task)["title"]) == ("Pump leaks", "Repair the pump")


async def test_an_item_of_another_pair_cannot_be_pinned(world: World):
    first = world.new_issue("One")
    second = world.new_issue("Two")
    await world.sync()
    task = next(row["Id"] for row in world.tasks() if row["Title"] == "One")

    with pytest.raises(ConfigError, match=f"paired with {first} already"):
        pin(world, task, second)


async def test_an_unlinked_pair_is_left_alone_and_a_relinked_one_catches_up(world: World):
    number = world.new_issue("Repair the pump")
    await world.sync()
    (pair,) = the_pairs(world)
    state(world, relink.unlink, pair.link_id, 0, pair, "left", "by a tester", NOW)
    world.edit_issue(number, title="Mend the pump")

    await world.settle()
    assert world.tasks()[0]["Title"] == "Repair the pump"
    assert len(world.tasks()) == 1

    (pair,) = the_pairs(world)
    state(world, relink.relink, pair.link_id, pair, "by a tester", NOW)
    await world.settle()

    assert world.tasks()[0]["Title"] == "Mend the pump"
    actions = [entry.action for entry in state(world, history.find)]
    assert actions.count("unlink") == actions.count("relink") == 1


async def test_an_open_conflict_ends_with_its_pair(world: World):
    number = world.new_issue("Repair the pump")
    await world.sync()
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(world.tasks()[0]["Id"], title="Replace the pump")
    assert (await world.sync()).counts["conflicts_open"] == 1
    (pair,) = the_pairs(world)

    state(world, relink.unlink, pair.link_id, 0, pair, "left", "by a tester", NOW)

    assert (await world.settle()).counts["conflicts_open"] == 0
