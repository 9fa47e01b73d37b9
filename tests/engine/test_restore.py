"""Bringing back what was deleted on one side or on both, and what was unlinked (S26)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from engine.world import World

from bridge.engine.report import RunReport
from bridge.engine.restore import restore
from state import history, links, pairs
from state.pairs import Pair
from state.store import Session


def all_pairs(world: World, link: str = "app") -> list[Pair]:
    def read(session: Session) -> list[Pair]:
        row = next(row for row in links.all_links(session) if row.name == link)
        every = ("live", "vanished", "unlinked", "deleted")
        return pairs.walk(session, row.id or 0, "task", after=0, limit=99, statuses=every)

    with world.open().store as store:
        return store.read_sync(read)


async def bring_back(world: World, pair: Pair, link: str = "app") -> RunReport:
    async with world.open() as bridge:
        return await bridge.run(link, partial(restore, pair_id=pair.id), trigger="restore", sweep=True)


async def unlinked(world: World) -> tuple[Pair, int]:
    world.new_issue("Bystander")
    number = world.new_issue("Repair the pump", "It leaks.", labels=["bug"])
    await world.settle()
    task = next(task["Id"] for task in world.tasks() if task["Title"] == "Repair the pump")
    world.artala.call("DELETE", f"/api/tasks/{task}", who="sam")
    await world.sync(full=True)
    return next(pair for pair in all_pairs(world) if pair.status == "unlinked"), number


async def test_a_deleted_item_is_made_again_from_its_partner(world: World):
    pair, number = await unlinked(world)
    world.edit_issue(number, title="Mend the pump")

    report = await bring_back(world, pair)
    await world.settle()

    assert report.state == "done"
    made = [task for task in world.tasks() if task["Title"] == "Mend the pump"]
    assert len(made) == 1
    assert (made[0]["Description"], world.labels_of(made[0]["Id"])) == ("It leaks.", ["bug"])
    assert len(world.issues()) == 2
    assert {pair.status for pair in all_pairs(world)} == {"live"}


async def test_a_restored_pair_is_synced_both_ways(world: World):
    pair, number = await unlinked(world)
    await bring_back(world, pair)
    task = next(task["Id"] for task in world.tasks() if task["Title"] == "Repair the pump")

    world.edit_task(task, title="From Artala")
    await world.settle()
    world.edit_issue(number, body="From GitHub")
    await world.settle()

    assert world.issue(number)["title"] == "From Artala"
    assert world.task(task)["description"] == "From GitHub"


async def test_an_item_that_is_there_again_is_only_linked_again(world: World):
    world.new_issue("Bystander")
    number = world.new_issue("Repair the pump")
    await world.settle()
    world.github.act("delete", number=number)
    await world.sync(full=True)
    (pair,) = (pair for pair in all_pairs(world) if pair.status == "unlinked")
    world.github.act("undelete", number=number)

    await bring_back(world, pair)
    await world.settle()

    assert len(world.tasks()) == len(world.issues()) == 2
    assert {pair.status for pair in all_pairs(world)} == {"live"}


async def test_both_members_come_back_from_what_bridge_last_knew(world: World):
    world.artala.seed(board="Second")
    world.write_config(
        artala_more="allow_task_delete = true",
        more_links=(
            f'[[links]]\nname = "boards"\nleft = {{ connection = "artala", container = "{world.board}" }}\n'
            'right = { connection = "artala", container = "Second" }\n'
            'initial = "match-then-create"\non_delete = "delete"\ndelete_grace = 0\n'
        ),
    )
    world.new_task("Bystander")
    task = world.new_task("Repair the pump", "It leaks.")
    await world.sync("boards")
    world.artala.call("DELETE", f"/api/tasks/{task}", who="sam")
    await world.sync("boards", full=True)
    (pair,) = (pair for pair in all_pairs(world, "boards") if pair.status == "deleted")

    report = await bring_back(world, pair, "boards")

    assert report.error == ""
    back = [task for task in world.tasks() if task["Title"] == "Repair the pump"]
    assert [task["Description"] for task in back] == ["It leaks.", "It leaks."]
    assert len({task["BoardId"] for task in back}) == 2
    before = world.writes()
    await world.sync("boards")
    assert world.writes() == before


async def test_a_pair_that_is_synced_is_not_restored(world: World):
    world.new_issue("Repair the pump")
    await world.settle()

    report = await bring_back(world, all_pairs(world)[0])

    assert (report.state, "synced already" in report.error) == ("failed", True)


async def test_the_history_says_what_was_restored(world: World):
    pair, _ = await unlinked(world)
    await bring_back(world, pair)

    def actions(session: Any) -> list[str]:
        return [entry.action for entry in history.find(session)]

    with world.open().store as store:
        assert "restore" in store.read_sync(actions)


async def test_a_restore_that_a_tracker_refuses_can_be_called_again(world: World):
    world.new_issue("Bystander")
    task = world.new_task("Repair the pump", "It leaks.")
    await world.settle()
    world.artala.call("DELETE", f"/api/tasks/{task}", who="sam")
    await world.sync(full=True)
    (pair,) = (pair for pair in all_pairs(world) if pair.status == "unlinked")
    world.artala.fault("status", method="POST", path="/api/tasks$", status=422)

    refused = await bring_back(world, pair)
    assert (refused.state, "answered 422" in refused.error, "again" in refused.hint) == ("failed", True, True)
    assert (refused.counts["parked"], refused.exit_code) == (0, 1)
    again = await bring_back(world, pair)
    await world.settle()

    assert again.state == "done"
    assert len(world.tasks()) == len(world.issues()) == 2
    assert [pair.status for pair in all_pairs(world)] == ["live", "live"]


@pytest.mark.parametrize("refused", ["/issues$", "/api/tasks$"])
async def test_what_is_gone_on_both_sides_is_not_forgotten_by_a_restore_that_fails(world: World, refused: str):
    pair, number = await unlinked(world)
    world.github.act("delete", number=number)
    tracker = world.github if refused == "/issues$" else world.artala
    tracker.fault("status", method="POST", path=refused, status=422)

    assert (await bring_back(world, pair)).state == "failed"
    await world.sync(full=True)
    (pair,) = (each for each in all_pairs(world) if each.status == "unlinked")
    assert (await bring_back(world, pair)).state == "done"
    await world.settle()

    assert [task["Title"] for task in world.tasks()].count("Repair the pump") == 1
    assert [issue["title"] for issue in world.issues()].count("Repair the pump") == 1


@pytest.mark.parametrize("fault", ["lost_reply", "accepted_error"])
async def test_a_restore_without_an_answer_makes_one_item(world: World, fault: str):
    pair, _ = await unlinked(world)
    world.artala.fault(fault, method="POST", path="/api/tasks$")

    report = await bring_back(world, pair)
    await world.settle()

    assert report.state == "done"
    assert len(world.tasks()) == len(world.issues()) == 2
    assert [pair.status for pair in all_pairs(world)] == ["live", "live"]


async def test_what_another_link_restored_already_is_joined_and_not_made_twice(world: World):
    world.artala.seed(board="Second")
    ends = 'left = { connection = "artala", container = "Second" }\nright = { connection = "github", container = "acme/app" }'
    world.write_config(more_links=f'[[links]]\nname = "two"\n{ends}\ninitial = "match-then-create"\n')
    world.new_issue("Bystander")
    number = world.new_issue("Repair the pump")
    for _ in range(2):
        await world.sync()
        await world.sync("two")
    world.github.act("delete", number=number)
    gone = []
    for link in ("app", "two"):
        await world.sync(link, full=True)
        gone += [pair for pair in all_pairs(world, link) if pair.status == "unlinked"]

    for pair, link in zip(gone, ("app", "two"), strict=True):
        assert (await bring_back(world, pair, link)).exit_code == 0
        await world.sync()
        await world.sync("two")

    assert len(world.issues()) == 2
    assert {pair.status for link in ("app", "two") for pair in all_pairs(world, link)} == {"live"}
    before = world.writes()
    for link in ("app", "two"):
        assert (await world.sync(link, full=True)).exit_code == 0
    assert world.writes() == before
