"""An audit finds what slipped past a cursor, explains every difference, and repairs what nobody has to decide (S33)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.world import World

from bridge.engine.audit import Audit
from bridge.engine.report import RunReport


async def audit(world: World, *, repair: bool = False) -> tuple[RunReport, Audit]:
    look = Audit(repair=repair)
    async with world.open() as bridge:
        return await bridge.audit("app", look, trigger="audit", sweep=True), look


async def joined(world: World) -> tuple[str, int]:
    world.new_issue("Bystander")
    number = world.new_issue("Repair the pump", "It leaks.")
    await world.settle()
    return next(task["Id"] for task in world.tasks() if task["Title"] == "Repair the pump"), number


def slip_past(world: World, number: int, **members: str) -> None:
    """An edit with a time from long ago: no listing of changes will ever show it."""
    world.github.clock.advance(-10_000_000)
    world.edit_issue(number, **members)
    world.github.clock.advance(10_000_000)


async def test_two_sides_in_step_have_nothing_to_tell(world: World):
    await joined(world)

    report, look = await audit(world)

    assert (report.state, look.found, look.looked_at) == ("done", [], 2)


async def test_an_edit_that_slipped_past_the_cursor_is_found_and_told(world: World):
    task, number = await joined(world)
    slip_past(world, number, title="Mend the pump")
    await world.settle()
    assert world.task(task)["title"] == "Repair the pump"

    _, look = await audit(world)

    (found,) = look.found
    assert (found.what, found.field, found.right_id) == ("missed", "title", str(number))
    assert world.task(task)["title"] == "Repair the pump"


async def test_a_repair_carries_it_over(world: World):
    task, number = await joined(world)
    slip_past(world, number, title="Mend the pump")

    report, _ = await audit(world, repair=True)

    assert report.state == "done"
    assert world.task(task)["title"] == "Mend the pump"
    assert (await audit(world))[1].found == []


async def test_a_conflict_is_told_as_one(world: World):
    task, number = await joined(world)
    world.edit_issue(number, title="Mend the pump")
    world.edit_task(task, title="Replace the pump")

    _, look = await audit(world)

    assert [(each.what, each.field) for each in look.found] == [("conflict", "title")]
    assert (look.found[0].left, look.found[0].right) == ("Replace the pump", "Mend the pump")


async def test_a_deleted_member_is_told(world: World):
    world.write_config(link_more='on_delete = "close"')
    task, _ = await joined(world)
    world.artala.call("DELETE", f"/api/tasks/{task}", who="sam")

    _, look = await audit(world)

    assert [(each.what, each.left_id) for each in look.found] == [("vanished", task)]


async def test_an_audit_of_many_pairs_costs_pages_not_items(world: World):
    for number in range(30):
        world.new_issue(f"Pump {number}")
    await world.settle()

    report, look = await audit(world)

    assert look.looked_at == 30
    assert report.counts["requests_left"] + report.counts["requests_right"] <= 12


async def test_the_daemon_audits_each_link_every_few_days(world: World):
    await joined(world)
    today = datetime.now(UTC)

    async def is_due(moment: datetime) -> bool:
        async with world.open(now=lambda: moment) as bridge:
            return await bridge.is_audit_due("app")

    assert not await is_due(today)
    assert not await is_due(today + timedelta(days=6))
    assert await is_due(today + timedelta(days=8))

    await audit(world)
    assert not await is_due(today + timedelta(days=6))


async def test_a_link_without_audits_is_never_due(world: World):
    world.write_config(link_more="audit_days = 0")

    async with world.open(now=lambda: datetime.now(UTC) + timedelta(days=99)) as bridge:
        assert not await bridge.is_audit_due("app")
