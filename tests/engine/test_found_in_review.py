"""Faults that a second review found, each as what a user would have seen."""

from __future__ import annotations

from engine.test_answers import clashing, reply, reply_on_task, titles
from engine.test_deletes import POLICY, joined, remove_task, statuses
from engine.world import World


async def test_a_reply_that_was_read_counts_although_the_run_ended_before_it_was_done(world: World):
    world.write_config(link_more='conflict_comments = "both"')
    task, number = await clashing(world)
    reply_on_task(world, task, "bridge: take github")
    reply(world, number, "Which one?")
    world.github.fault("status", method="GET", path="/comments", status=401, times=1)

    first = await world.sync()
    await world.sync()

    assert first.state == "failed"
    assert titles(world, task, number) == ("Mend the pump", "Mend the pump")


async def test_a_reviewed_plan_closes_nothing_that_does_not_stand_in_it(world: World):
    world.write_config(link_more=POLICY.format("close"))
    ((task, number),) = await joined(world)
    approved = (await world.plan()).plan
    remove_task(world, task)

    await world.sync(full=True, approved=approved)
    assert world.issue(number)["state"] == "open"

    await world.sync(full=True)
    assert world.issue(number)["state"] == "closed"


async def test_a_plan_shows_what_a_changed_configuration_makes_the_next_sync_do(world: World):
    world.write_config(
        link_more='[[links.fields]]\nleft = "description"\nright = "description"\ndirection = "left-to-right"\n'
    )
    number = world.new_issue("Repair the pump")
    await world.settle()
    world.edit_issue(number, body="It leaks.")
    await world.settle()
    world.write_config(link_more="")

    planned = await world.plan()
    report = await world.sync()

    assert report.counts["updated_left"] == 1
    assert [op.op for op in planned.plan.operations] == ["update"]


async def test_one_vanished_item_that_cannot_be_judged_stops_no_other(world: World):
    world.write_config(link_more=POLICY.format("close"))
    (one, number), (other, second) = await joined(world, 2)
    remove_task(world, one)
    remove_task(world, other)
    world.github.fault("status", method="GET", path=f"/issues/{number}$", status=422, times=-1)

    report = await world.sync(full=True)

    assert report.state == "done"
    assert world.issue(second)["state"] == "closed"
    assert statuses(world) == ["vanished", "unlinked"]


async def test_a_survivor_is_closed_within_the_ceiling_of_writes_only(world: World):
    world.write_config(link_more=POLICY.format("close"))
    ((task, number),) = await joined(world)
    remove_task(world, task)
    world.write_config(link_more=POLICY.format("close") + "\nmax_writes = 0")

    await world.sync(full=True)
    assert world.issue(number)["state"] == "open"

    world.write_config(link_more=POLICY.format("close"))
    await world.sync(full=True)
    assert world.issue(number)["state"] == "closed"
