"""Deletions: evidence, grace, guard, each policy, edits that win, items that come back (S25–S28)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from engine.world import World

from bridge.engine.relink import relink
from bridge.engine.report import RunReport
from bridge.engine.restore import restore
from bridge.errors import ConfigError
from state import deletions, history, links, pairs
from state.store import Session

POLICY = 'on_delete = "{}"\ndelete_grace = 0\nmax_delete_percent = 100'


def remove_task(world: World, task: str) -> None:
    status, _ = world.artala.call("DELETE", f"/api/tasks/{task}", who="sam")
    assert status == 204


def remove_issue(world: World, number: int) -> None:
    """As an administrator of the repository does on the page."""
    world.github.act("delete", number=number)


def in_state(world: World, work: Any) -> Any:
    with world.open().store as store:
        return store.run_sync(work)


def statuses(world: World) -> list[str]:
    """Of all pairs but the bystander's."""

    def read(session: Session) -> list[str]:
        link = links.all_links(session)[0].id or 0
        every = ("live", "vanished", "unlinked", "deleted")
        return [pair.status for pair in pairs.walk(session, link, "task", after=0, limit=999, statuses=every)][1:]

    return in_state(world, read)


def move(world: World, task: str, board: str) -> None:
    status, _ = world.artala.call("POST", f"/api/tasks/{task}/move-to-board", {"targetBoardId": board}, who="sam")
    assert status == 204


def second_board(world: World, rules: str) -> None:
    """A link between two Artala boards, whose tasks can be deleted."""
    world.artala.seed(board="Second")
    ends = (
        f'left = {{ connection = "artala", container = "{world.board}" }}\n'
        'right = { connection = "artala", container = "Second" }\n'
    )
    world.write_config(
        artala_more="allow_task_delete = true",
        more_links=f'[[links]]\nname = "boards"\n{ends}initial = "match-then-create"\n{rules}',
    )


async def full(world: World, **how: Any) -> RunReport:
    return await world.sync(full=True, **how)


async def joined(world: World, count: int = 1, **more: Any) -> list[tuple[str, int]]:
    """Tasks with their issues, in step. There is always one more: an empty listing would be no evidence."""
    world.new_issue("Bystander")
    numbers = [world.new_issue(f"Pump {place}", "It leaks.", **more) for place in range(count)]
    await world.settle()
    by_title = {task["Title"]: task["Id"] for task in world.tasks()}
    return [(by_title[f"Pump {place}"], number) for place, number in enumerate(numbers)]


# --- the safe default -------------------------------------------------------------------------------------------------


async def test_a_deleted_item_is_unlinked_and_its_partner_left_alone(world: World):
    ((task, number),) = await joined(world)
    remove_task(world, task)

    report = await full(world)

    assert report.counts["unlinked"] == 1
    assert world.issue(number)["state"] == "open"
    assert statuses(world) == ["unlinked"]
    assert [task["Title"] for task in world.tasks()] == ["Bystander"]


async def test_the_survivor_of_an_unlinked_pair_never_makes_a_second_item(world: World):
    ((task, number),) = await joined(world)
    remove_task(world, task)
    await full(world)

    world.edit_issue(number, title="Still here")
    await world.settle()

    assert [task["Title"] for task in world.tasks()] == ["Bystander"]


async def test_a_poll_alone_is_no_evidence(world: World):
    ((task, _),) = await joined(world)
    remove_task(world, task)

    await world.sync()

    assert statuses(world) == ["live"]


@pytest.mark.parametrize("answer", [403, 500])
async def test_an_item_that_cannot_be_read_is_not_gone(world: World, answer: int):
    ((task, _),) = await joined(world)
    remove_task(world, task)
    world.artala.fault("status", times=50, status=answer, path=f"/api/tasks/{task}")

    await full(world)

    assert statuses(world) == ["live"]


async def test_a_listing_that_answers_nothing_deletes_nothing(world: World):
    await joined(world, 4)
    world.artala.fault("empty_listing", times=3)

    report = await full(world)

    assert statuses(world) == ["live"] * 4
    assert report.counts.get("unlinked", 0) == 0


# --- policies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["left", "right"])
async def test_policy_close_closes_the_survivor(world: World, side: str):
    world.write_config(link_more=POLICY.format("close"))
    ((task, number),) = await joined(world)

    if side == "left":
        remove_issue(world, number)
    else:
        remove_task(world, task)
    await full(world)

    if side == "left":
        assert world.task(task)["status"] == "Done"
    else:
        assert (world.issue(number)["state"], world.issue(number)["state_reason"]) == ("closed", "not_planned")
    assert statuses(world) == ["unlinked"]
    await world.settle()


async def test_policy_label_keeps_the_other_labels(world: World):
    world.write_config(link_more=POLICY.format("label"))
    ((task, number),) = await joined(world, labels=["bug"])
    remove_task(world, task)

    await full(world)

    assert [label["name"] for label in world.issue(number)["labels"]] == ["bug", "deleted-elsewhere"]
    assert world.issue(number)["state"] == "open"
    await world.settle()


async def test_policy_delete_deletes_the_task_and_keeps_what_it_held(world: World):
    second_board(world, POLICY.format("delete"))
    world.new_task("Bystander")
    first = world.new_task("Repair the pump", "It leaks.")
    await world.sync("boards")
    copy = next(task["Id"] for task in world.tasks() if task["Title"] == "Repair the pump" and task["Id"] != first)

    remove_task(world, first)
    report = await world.sync("boards", full=True)

    assert report.counts["deleted"] == 1
    assert {task["Title"] for task in world.tasks()} == {"Bystander"}
    kept = {entry.field: entry.before for entry in in_state(world, history.find) if entry.action == "delete"}
    assert (kept["title"], kept["description"]) == ("Repair the pump", "It leaks.")
    assert copy in {entry.item_id for entry in in_state(world, history.find)}
    before = world.writes()
    await world.sync("boards", full=True)
    assert world.writes() == before


async def test_policy_delete_needs_a_tracker_that_can(world: World):
    world.write_config(link_more=POLICY.format("delete"))

    async with world.open() as bridge:
        with pytest.raises(ConfigError, match='on_delete: "delete" is not possible on the left: Deleting a task in'):
            await bridge.plan("app")


async def test_a_policy_that_a_tracker_cannot_follow_is_told_before_anything_is_done(world: World):
    world.write_config(link_more=POLICY.format("archive"))

    async with world.open() as bridge:
        with pytest.raises(ConfigError, match='on_delete: "archive" is not possible on the left'):
            await bridge.plan("app")


async def test_an_edit_after_the_deletion_wins(world: World):
    world.write_config(link_more=POLICY.format("close"))
    ((task, number),) = await joined(world)
    remove_task(world, task)
    world.edit_issue(number, title="Do not lose this")

    await full(world)

    assert (world.issue(number)["title"], world.issue(number)["state"]) == ("Do not lose this", "open")
    assert statuses(world) == ["unlinked"]


async def test_gone_on_both_sides_is_the_end_of_the_pair(world: World):
    world.write_config(link_more=POLICY.format("close"))
    ((task, number),) = await joined(world)
    remove_task(world, task)
    remove_issue(world, number)

    await full(world)

    assert statuses(world) == ["unlinked"]
    assert "deleted on both sides" in [entry.rule for entry in in_state(world, history.find)]


# --- grace and returns ------------------------------------------------------------------------------------------------


async def at(world: World, moment: datetime) -> RunReport:
    """A run whose clock shows another time."""
    async with world.open(now=lambda: moment) as bridge:
        return await bridge.sync("app", trigger="test", full=True)


async def test_nothing_but_unlink_happens_within_the_grace(world: World):
    world.write_config(link_more='on_delete = "close"\ndelete_grace = "1h"')
    ((task, number),) = await joined(world)
    remove_task(world, task)

    first = await full(world)
    assert (first.counts["vanished"], world.issue(number)["state"]) == (1, "open")
    assert statuses(world) == ["vanished"]

    await at(world, datetime.now(UTC) + timedelta(hours=2))
    assert world.issue(number)["state"] == "closed"
    assert statuses(world) == ["unlinked"]


async def test_what_comes_back_within_the_grace_is_synced_again(world: World):
    world.write_config(link_more='on_delete = "close"\ndelete_grace = "1h"')
    ((_, number),) = await joined(world)
    remove_issue(world, number)
    await full(world)
    assert statuses(world) == ["vanished"]

    world.github.act("undelete", number=number)
    world.edit_issue(number, title="Back again")
    await world.settle()

    assert statuses(world) == ["live"]
    assert "Back again" in {task["Title"] for task in world.tasks()}


async def test_nothing_is_written_to_a_pair_that_lost_a_member(world: World):
    world.write_config(link_more='on_delete = "close"\ndelete_grace = "1h"')
    ((task, number),) = await joined(world)
    remove_task(world, task)
    await full(world)
    world.edit_issue(number, title="Edited meanwhile")
    before = world.writes()

    await world.sync()

    assert world.writes() == before
    assert in_state(world, lambda session: len(deletions.find(session, 1))) == 1


# --- the guard --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gone", "state"), [(2, "done"), (3, "done"), (4, "guarded")])
async def test_the_guard_lets_as_many_pass_as_it_says(world: World, gone: int, state: str):
    world.write_config(link_more="max_deletes = 3\nmax_delete_percent = 100")
    both = await joined(world, 6)
    for task, _ in both[:gone]:
        remove_task(world, task)

    report = await full(world)

    assert report.state == state
    assert report.exit_code == (20 if state == "guarded" else 0)
    assert statuses(world).count("unlinked") == (0 if state == "guarded" else gone)


async def test_the_guard_counts_percent_of_the_pairs_but_lets_one_pass(world: World):
    world.write_config(link_more="max_deletes = 10\nmax_delete_percent = 10")
    both = await joined(world, 5)
    remove_task(world, both[0][0])
    assert (await full(world)).state == "done"

    for task, _ in both[1:3]:
        remove_task(world, task)
    assert (await full(world)).state == "guarded"


async def test_behind_the_guard_everything_else_goes_on_and_a_person_can_let_them_pass(world: World):
    world.write_config(link_more=POLICY.format("close") + "\nmax_deletes = 1")
    both = await joined(world, 4)
    for task, _ in both[:2]:
        remove_task(world, task)
    world.edit_issue(both[3][1], title="Flows")

    report = await full(world)
    assert (report.state, report.counts["guarded"]) == ("guarded", 2)
    assert "Flows" in {task["Title"] for task in world.tasks()}
    assert {world.issue(number)["state"] for _, number in both} == {"open"}

    allowed = await world.sync(allow_deletes=2)
    assert allowed.state == "done"
    assert [world.issue(number)["state"] for _, number in both] == ["closed", "closed", "open", "open"]


async def test_a_moved_item_is_never_a_deleted_one(world: World):
    world.write_config(link_more=POLICY.format("close"))
    ((task, number),) = await joined(world)
    world.github.act("transfer", number=number, to="acme/other")

    await full(world)

    assert world.task(task)["status"] != "Done"


async def test_an_item_that_moved_away_and_comes_back_is_synced_again(world: World):
    """Two boards: only Artala lets a task go and return under its id (S28)."""
    second_board(world, 'on_delete = "delete"\ndelete_grace = 0')
    world.artala.seed(board="Elsewhere")
    world.new_task("Bystander")
    task = world.new_task("Repair the pump")
    await world.sync("boards")
    copy = next(each["Id"] for each in world.tasks() if each["Title"] == "Repair the pump" and each["Id"] != task)
    boards = {row["name"]: row["id"] for row in world.artala.call("GET", "/api/boards", who="sam")[1]}

    move(world, task, boards["Elsewhere"])
    await world.sync("boards", full=True)
    world.edit_task(copy, title="Mend the pump")
    await world.sync("boards", full=True)
    assert {each["Id"] for each in world.tasks()} >= {task, copy}

    move(world, task, world.board)
    await world.sync("boards", full=True)
    await world.sync("boards", full=True)

    assert world.task(task)["title"] == "Mend the pump"


async def test_a_person_who_syncs_it_again_starts_the_grace_anew(world: World):
    world.write_config(link_more='on_delete = "close"\ndelete_grace = "1h"')
    ((task, number),) = await joined(world)
    remove_task(world, task)
    await full(world)

    def again(session: Session) -> None:
        pair = pairs.by_items(session, 1, "task", "left", [task])[task]
        relink(session, 1, pair, "by somebody", datetime.now(UTC))

    in_state(world, again)
    await at(world, datetime.now(UTC) + timedelta(hours=2))
    assert (world.issue(number)["state"], statuses(world)) == ("open", ["vanished"])
    await at(world, datetime.now(UTC) + timedelta(hours=4))
    assert (world.issue(number)["state"], statuses(world)) == ("closed", ["unlinked"])


async def test_what_the_guard_stopped_does_not_pass_because_one_of_them_was_brought_back(world: World):
    world.write_config(link_more=POLICY.format("close") + "\nmax_deletes = 2")
    both = await joined(world, 5)
    for task, _ in both[:3]:
        remove_task(world, task)
    assert (await full(world)).state == "guarded"

    def first(session: Session) -> int:
        return pairs.by_items(session, 1, "task", "left", [both[0][0]])[both[0][0]].id

    async with world.open() as bridge:
        await bridge.run("app", partial(restore, pair_id=in_state(world, first)), trigger="restore")
    later = await full(world)

    assert (later.state, later.counts["guarded"]) == ("guarded", 2)
    assert {world.issue(number)["state"] for _, number in both} == {"open"}
    assert (await world.sync(allow_deletes=2)).state == "done"
    assert [world.issue(number)["state"] for _, number in both[:3]] == ["open", "closed", "closed"]


async def test_what_a_person_let_pass_within_the_grace_passes_once_that_is_over(world: World):
    world.write_config(link_more='on_delete = "close"\ndelete_grace = "1h"\nmax_deletes = 1\nmax_delete_percent = 100')
    both = await joined(world, 4)
    for task, _ in both[:2]:
        remove_task(world, task)
    assert (await full(world)).state == "guarded"
    assert (await world.sync(allow_deletes=2)).state == "done"

    assert (await at(world, datetime.now(UTC) + timedelta(hours=2))).state == "done"
    assert [world.issue(number)["state"] for _, number in both] == ["closed", "closed", "open", "open"]


async def test_an_item_that_is_there_again_after_its_pair_was_unlinked_is_synced_again(world: World):
    ((task, number),) = await joined(world)
    remove_issue(world, number)
    await full(world)
    assert statuses(world) == ["unlinked"]

    world.github.act("undelete", number=number)
    world.edit_issue(number, title="Back again")
    await world.settle()

    assert statuses(world) == ["live"]
    assert world.task(task)["title"] == "Back again"
    assert len(world.tasks()) == 2
