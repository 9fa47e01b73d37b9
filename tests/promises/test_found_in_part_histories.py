"""What random histories of comments and time found once, each as a plain story that must not come back."""

from __future__ import annotations

import pytest
from promises.part_ground import PartGround
from trackers.between import Between


def shown(side):
    return sorted((row["on"], row["seconds"]) for row in side.times().values())


@pytest.fixture
def redmine_and_github(tmp_path):
    with Between(tmp_path, "redmine", "github") as world:
        yield world


async def test_an_entry_that_bridge_made_and_a_person_deleted_before_the_next_poll_is_noticed(tmp_path):
    """No listing had ever seen it, so that no listing could miss it."""
    with Between(tmp_path, "growcrm", "jira") as world:
        task = world.left.create("A task")
        await world.settle()
        world.left.log_time(task, 3600)
        await world.sync()
        [copy] = world.right.times()
        world.right.delete_time(copy)

        await world.sync()

        assert shown(world.left) == shown(world.right) == []


async def test_a_copy_that_was_moved_while_its_original_was_deleted_gets_a_new_original(redmine_and_github):
    """The copy says what it was made from; that is gone, and it waited for a person for ever."""
    world = redmine_and_github
    world.left.create("First")
    world.left.create("Second")
    await world.settle()
    (_, first), (_, second) = world.pairs()
    entry = world.right.log_time(first, 3600)
    await world.settle()
    [copy] = world.left.times()
    to = next(here for here, there in world.pairs() if there == second)
    world.left.edit_time(copy, task=to)
    world.right.delete_time(entry)

    report = await world.settle()

    assert report.counts["parked"] == 0
    assert [row["task"] for row in world.left.times().values()] == [to]
    assert [row["task"] for row in world.right.times().values()] == [second]


async def test_a_copy_that_was_moved_makes_its_original_move(redmine_and_github):
    world = redmine_and_github
    world.left.create("First")
    world.left.create("Second")
    await world.settle()
    (_, first), (to, second) = world.pairs()
    world.right.log_time(first, 3600)
    await world.settle()
    [copy] = world.left.times()
    world.left.edit_time(copy, task=to)

    report = await world.settle()

    assert report.counts["parked"] == 0
    assert [row["task"] for row in world.right.times().values()] == [second]
    assert len(world.left.times()) == 1


async def test_what_was_moved_is_not_taken_away_while_it_is_in_conflict(redmine_and_github):
    world = redmine_and_github
    world.left.create("First")
    world.left.create("Second")
    await world.settle()
    (_, first), (to, _) = world.pairs()
    entry = world.right.log_time(first, 3600)
    await world.settle()
    [copy] = world.left.times()
    world.left.edit_time(copy, seconds=10800, task=to)
    world.right.edit_time(entry, seconds=7200)

    report = await world.settle()

    assert report.counts["conflicts_open"] == 1
    assert shown(world.left) == [("2026-11-20", 10800)]
    assert shown(world.right) == [("2026-11-20", 7200)]


async def test_a_copy_whose_create_was_not_answered_goes_with_an_original_that_was_deleted():
    with PartGround("redmine", "github") as ground:
        world = ground.world
        world.left.create("A task")
        await ground.run(sweep=True)
        [task] = world.right.tasks()
        entry = world.right.log_time(task, 3600)
        world.left.box.fault("lost_reply", method="POST", path="time_entries")
        world.left.box.fault("status", status=503, method="GET", path="time_entries", times=-1, after=1)
        await ground.run(sweep=True)
        ground.clear_faults()
        assert len(world.left.times()) == 1
        world.right.delete_time(entry)

        await ground.run(sweep=True)
        await ground.run(sweep=True)
        await ground.restart()

        assert shown(world.left) == shown(world.right) == []


async def test_a_comment_that_was_deleted_while_it_waited_is_not_carried_over():
    """Its first listing was stored when the run died."""
    with PartGround("growcrm", "jira") as ground:
        world = ground.world
        task = world.left.create("A task")
        await ground.run(sweep=True)
        comment = world.left.comment(task, "Never mind")
        world.right.box.fault("status", status=503, method="POST", path="/search", times=9)
        assert (await ground.run(sweep=True)).state == "failed"
        ground.clear_faults()
        world.left.delete_comment(task, comment)

        await ground.run(sweep=True)
        await ground.restart()

        [partner] = world.right.tasks()
        assert world.right.comments(partner) == {}
