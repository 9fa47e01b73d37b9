"""Filters on a link (S28, I12): what is out of scope stays on its side, what leaves is paused, what returns goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine.world import REPO, World

from bridge.errors import ConfigError

LABELLED = ", filter = '\"sync\" in item.labels'"
PERSON = ("sam", "alice")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The issues have a filter: only those that carry a label take part."""
    with World(tmp_path, right_filter=LABELLED) as made:
        yield made


async def joined(world: World, title: str = "pump", body: str = "old") -> tuple[int, str]:
    """An issue in scope with its task, settled."""
    number = world.new_issue(title, body, labels=["sync"])
    await world.settle()
    [task] = [each["Id"] for each in world.tasks() if each["Title"] == title]
    return number, task


def counted(world: World) -> tuple[int, int]:
    return len(world.tasks()), len(world.issues())


def lose_database(folder: Path) -> None:
    for file in folder.glob("bridge.db*"):
        file.unlink()


async def paused(world: World) -> int:
    async with world.open() as bridge:
        from bridge.engine import overview

        [status] = await bridge.store.read(overview.read, ["app"])
        return status.paused


# --- what stays on its side ----------------------------------------------------------------------------------------------


async def test_an_item_out_of_scope_never_reaches_the_other_side(world: World) -> None:
    world.new_issue("ours", labels=["sync"])
    world.new_issue("a secret", "the word is plumbago")

    report = await world.settle()

    assert [task["Title"] for task in world.tasks()] == ["ours"]
    assert "plumbago" not in str(world.artala.log)
    assert report.exit_code == 0


async def test_nothing_of_an_item_out_of_scope_stands_in_a_plan(world: World) -> None:
    world.new_issue("a secret", "the word is plumbago")

    report = await world.plan()

    assert report.plan.operations == ()


async def test_a_hint_about_an_item_out_of_scope_changes_nothing(world: World) -> None:
    number = world.new_issue("a secret")
    await world.settle()
    writes = world.writes()
    async with world.open() as bridge:
        from state import inbox

        await bridge.store.run(inbox.announce, 1, "task", "right", [str(number)], bridge.now())
        await bridge.sync("app", trigger="test")

    assert world.writes() == writes


async def test_quiet_runs_cost_no_request_more_with_a_filter(world: World) -> None:
    await joined(world)
    world.new_issue("a secret")
    await world.settle()
    reports = [await world.sync(sweep=False) for _ in range(3)]

    assert [(each.counts["requests_left"], each.counts["requests_right"]) for each in reports[1:]] == [(1, 1), (1, 1)]


async def test_an_item_that_enters_is_made_on_the_other_side_once(world: World) -> None:
    number = world.new_issue("later")
    await world.settle()

    world.edit_issue(number, labels=["sync"])
    await world.settle()

    assert counted(world) == (1, 1)


async def test_the_match_rule_does_not_see_what_is_out_of_scope(world: World) -> None:
    number = world.new_issue("pump")
    world.new_task("pump")
    await world.settle()

    assert counted(world) == (1, 2)
    assert world.issue(number)["labels"] == []


# --- leaving and returning -----------------------------------------------------------------------------------------------


async def test_edits_made_on_either_side_while_paused_flow_once_it_returns(world: World) -> None:
    number, task = await joined(world)

    world.edit_issue(number, labels=[], title="pump 2")
    await world.settle()
    world.edit_task(task, description="new")
    report = await world.settle()

    assert (world.task(task)["title"], world.issue(number)["body"]) == ("pump", "old")
    assert (report.exit_code, await paused(world)) == (0, 1)

    world.edit_issue(number, labels=["sync"])
    await world.settle()

    assert (world.task(task)["title"], world.issue(number)["body"].split("\n")[0]) == ("pump 2", "new")
    assert (counted(world), await paused(world)) == ((1, 1), 0)


async def test_one_field_edited_on_both_sides_while_paused_is_a_conflict_once_it_returns(world: World) -> None:
    number, task = await joined(world)
    world.edit_issue(number, labels=[], title="from the right")
    await world.sync()
    world.edit_task(task, title="from the left")
    quiet = await world.sync()
    world.edit_issue(number, labels=["sync"])
    report = await world.sync()

    assert (quiet.counts["conflicts_open"], report.counts["conflicts_open"]) == (0, 1)
    assert (world.task(task)["title"], world.issue(number)["title"]) == ("from the left", "from the right")


async def test_a_conflict_that_is_open_when_the_item_leaves_stays_open(world: World) -> None:
    number, task = await joined(world)
    world.edit_issue(number, title="from the right")
    world.edit_task(task, title="from the left")
    await world.sync()
    world.edit_issue(number, labels=[])
    report = await world.sync()

    assert report.counts["conflicts_open"] == 1

    world.edit_issue(number, labels=["sync"], title="from the left")
    report = await world.sync()

    assert report.counts["conflicts_open"] == 0


async def test_the_other_side_may_leave_as_well(tmp_path: Path) -> None:
    with World(tmp_path, left_filter=LABELLED) as world:
        task = world.new_task("pump", "old")
        world.label_task(task, "sync")
        await world.settle()
        [issue] = world.issues()

        world.label_task(task)
        world.edit_task(task, title="a secret")
        await world.settle()
        world.edit_issue(issue["number"], body="new")
        await world.settle()

        assert (world.issue(issue["number"])["title"], world.task(task)["description"]) == ("pump", "old")

        world.label_task(task, "sync")
        await world.settle()

        assert (world.issue(issue["number"])["title"], world.task(task)["description"]) == ("a secret", "new")
        assert counted(world) == (1, 1)


async def test_labels_that_no_feed_shows_let_an_item_in_and_out(tmp_path: Path) -> None:
    with World(tmp_path, left_filter=LABELLED) as world:
        task = world.new_task("pump")
        await world.settle()

        assert counted(world) == (1, 0)

        world.label_task(task, "sync")
        await world.settle()

        assert counted(world) == (1, 1)

        world.label_task(task)
        await world.settle()

        assert (await paused(world), world.issues()[0]["labels"] != []) == (1, True)


# --- deletions -----------------------------------------------------------------------------------------------------------


async def test_leaving_is_no_deletion(tmp_path: Path) -> None:
    with World(tmp_path, right_filter=LABELLED, link_more='on_delete = "close"\ndelete_grace = 0') as world:
        number, task = await joined(world)
        status = world.task(task)["status"]
        world.edit_issue(number, labels=[])
        report = await world.settle()

        assert world.task(task)["status"] == status
        assert "guarded" not in report.counts


async def test_what_is_deleted_while_out_of_scope_takes_nothing_with_it(tmp_path: Path) -> None:
    more = 'on_delete = "close"\ndelete_grace = 0\nmax_delete_percent = 100'
    with World(tmp_path, left_filter=LABELLED, link_more=more) as world:
        task = world.new_task("pump")
        world.label_task(task, "sync")
        await world.settle()
        world.label_task(task)
        await world.settle()
        code, _ = world.artala.call("DELETE", f"/api/tasks/{task}", who="sam")
        assert code == 204
        await world.sync(full=True)
        await world.settle()

        assert [each["state"] for each in world.issues()] == ["open"]


async def test_a_survivor_out_of_scope_is_left_alone_until_it_returns(tmp_path: Path) -> None:
    more = 'on_delete = "close"\ndelete_grace = 0\nmax_delete_percent = 100'
    with World(tmp_path, right_filter=LABELLED, link_more=more) as world:
        number, task = await joined(world)
        world.edit_issue(number, labels=[])
        await world.settle()
        code, _ = world.artala.call("DELETE", f"/api/tasks/{task}", who="sam")
        assert code == 204
        await world.sync(full=True)
        await world.settle()

        assert world.issue(number)["state"] == "open"

        world.edit_issue(number, labels=["sync"])
        await world.settle()

        assert counted(world) == (0, 1)


# --- a lost database ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leaves", ["left", "right"])
async def test_a_lost_database_makes_no_double_of_a_pair_that_is_out_of_scope(tmp_path: Path, leaves: str) -> None:
    with World(tmp_path, left_filter=LABELLED, right_filter=LABELLED) as world:
        number = world.new_issue("pump", "old", labels=["sync"])
        await world.settle()
        [task] = [each["Id"] for each in world.tasks()]
        if leaves == "left":
            world.label_task(task)
        else:
            world.edit_issue(number, labels=[])
        lose_database(tmp_path)
        await world.settle()

        assert (counted(world), await paused(world)) == ((1, 1), 1)

        world.label_task(task, "sync")
        world.edit_issue(number, labels=["sync"])
        await world.sync()

        assert (counted(world), await paused(world)) == ((1, 1), 0)


# --- another filter -------------------------------------------------------------------------------------------------------


async def test_a_changed_filter_judges_every_item_anew(world: World) -> None:
    number, _ = await joined(world)
    other = world.new_issue("other", labels=["urgent"])
    await world.settle()

    world.write_config(right_filter=", filter = '\"urgent\" in item.labels'")
    await world.settle()

    assert (counted(world), await paused(world)) == ((2, 2), 1)

    world.write_config(right_filter="")
    world.edit_issue(number, title="again")
    await world.settle()

    assert (counted(world), await paused(world)) == ((2, 2), 0)
    assert sorted(task["Title"] for task in world.tasks()) == ["again", "other"]
    assert world.issue(other)["title"] == "other"


async def test_a_first_filter_pauses_what_it_leaves_out(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        number = world.new_issue("pump")
        await world.settle()
        world.write_config(right_filter=LABELLED)
        world.edit_issue(number, title="a secret")
        await world.settle()

        assert [task["Title"] for task in world.tasks()] == ["pump"]


async def test_what_we_made_is_told_everything_before_its_own_filter_counts(tmp_path: Path) -> None:
    with World(tmp_path, left_filter=LABELLED) as world:
        world.new_issue("pump", labels=["sync", "urgent"])
        await world.settle()
        [task] = world.tasks()

        assert world.labels_of(task["Id"]) == ["sync", "urgent"]
        assert await paused(world) == 0


# --- filters that fail ----------------------------------------------------------------------------------------------------


async def test_an_item_on_which_the_filter_fails_is_parked_with_the_reason(tmp_path: Path) -> None:
    with World(tmp_path, right_filter=", filter = 'int(item.title) > 3'") as world:
        number = world.new_issue("a word")
        world.new_issue("4")
        report = await world.sync()

        assert report.counts["parked"] == 1
        assert [task["Title"] for task in world.tasks()] == ["4"]

        world.edit_issue(number, title="5")
        report = await world.settle()

        assert (report.counts["parked"], counted(world)) == (0, (2, 2))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ('"sync" in item.labls', 'there is no field item.labls (did you mean "item.labels"?)'),
        ("item.title", "a filter is true or false; this gives text"),
        ("item.estimate > 5", "there is no field item.estimate"),
    ],
)
async def test_a_filter_that_cannot_work_is_refused_before_anything_is_read(
    tmp_path: Path, expression: str, said: str
) -> None:
    with World(tmp_path, right_filter=f", filter = '{expression}'") as world:
        with pytest.raises(ConfigError) as refused:
            await world.sync()

        assert said in refused.value.message
        assert 'link "app", right.filter: ' in refused.value.message
        assert REPO not in refused.value.message
