"""A field that goes back and forth is frozen (S36, I10): two automations that disagree come to rest, people do not notice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from engine.test_sharing import CLOSING, WEB, share
from engine.world import World
from sqlalchemy import update
from structlog.testing import capture_logs

from bridge.cli.app import main
from bridge.engine import overview
from bridge.engine.again import let_go
from bridge.engine.report import RunReport
from state import history, parked
from state.store import Store
from state.tables import HistoryRow


async def shared(world: World, **members: object) -> tuple[str, int]:
    number = world.new_issue("Repair the pump", **members)
    await sync(world)
    return world.tasks()[0]["Id"], number


def frozen(world: World) -> list[parked.Parked]:
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        return store.read_sync(parked.find, reason=parked.FROZEN)


def a_second_later(world: World) -> None:
    """Artala's times are whole seconds here: two edits of one second that cancel each other out are no news."""
    for box in (world.artala, world.github):
        box.clock.advance(1)


async def sync(world: World, *links: str) -> RunReport:
    for link in links or ("app",):
        report = await world.sync(link)
    a_second_later(world)
    return report


async def quarrel(world: World, task: str, number: int, rounds: int) -> None:
    """A bot on each side, each setting the title to its own liking after every sync."""
    for _ in range(rounds):
        if world.task(task)["title"] != "PUMP":
            world.edit_task(task, title="PUMP")
        await sync(world)
        if world.issue(number)["title"] != "pump":
            world.edit_issue(number, title="pump")
        await sync(world)


async def test_two_bots_that_disagree_come_to_rest(world: World):
    task, number = await shared(world)
    await quarrel(world, task, number, 6)

    (stuck,) = frozen(world)
    assert stuck.field == "title"
    assert '"PUMP"' in stuck.message
    assert '"pump"' in stuck.message
    assert (world.task(task)["title"], world.issue(number)["title"]) == ("PUMP", "pump")
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        written = store.read_sync(history.find, action="update", field="title")
    assert len(written) == 7


async def test_the_rest_of_a_frozen_item_flows(world: World):
    task, number = await shared(world)
    await quarrel(world, task, number, 6)
    world.edit_issue(number, body="It leaks.")

    await sync(world)

    assert world.task(task)["description"] == "It leaks."
    assert len(frozen(world)) == 1


async def test_a_freeze_is_counted_and_logged_once(world: World):
    task, number = await shared(world)
    await quarrel(world, task, number, 3)
    world.edit_task(task, title="PUMP")

    with capture_logs() as logged:
        report = await sync(world)
    world.edit_issue(number, title="pump")
    later = await sync(world)

    (alert,) = [line for line in logged if line["event"] == "field.frozen"]
    assert (alert["field"], alert["link"], alert["log_level"]) == ("title", "app", "warning")
    assert (report.counts["frozen"], report.exit_code) == (1, 11)
    assert "frozen" not in later.counts
    assert later.exit_code == 11
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        (status,) = store.read_sync(overview.read, ["app"])
    assert status.frozen == 1


async def test_a_person_who_closes_and_reopens_twice_is_not_caught(world: World):
    _, number = await shared(world)
    for _ in range(2):
        world.edit_issue(number, state="closed", state_reason="completed")
        await sync(world)
        world.edit_issue(number, state="open")
        await sync(world)

    assert frozen(world) == []
    assert world.issue(number)["state"] == "open"
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        assert len(store.read_sync(history.find, action="update", field="status")) == 4


async def test_yesterdays_returns_do_not_count(world: World):
    task, number = await shared(world)
    await quarrel(world, task, number, 3)
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        yesterday = datetime.now(UTC) - timedelta(hours=25)
        store.run_sync(lambda session: session.execute(update(HistoryRow).values(at=yesterday)) and None)

    await quarrel(world, task, number, 3)

    assert frozen(world) == []


def release(world: World) -> None:
    def write(session) -> None:
        let_go(session, parked.release(session, ids=[each.id for each in parked.find(session)]), 0, datetime.now(UTC))

    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        store.run_sync(write)


async def test_a_released_field_is_written_again_and_counted_anew(world: World):
    task, number = await shared(world)
    await quarrel(world, task, number, 6)
    (stuck,) = frozen(world)
    assert main(["parked", "retry", str(stuck.id), "--config", str(world.config)]) == 0
    world.edit_task(task, title="Repair the pump")
    world.edit_issue(number, title="Repair the pump")

    await sync(world)
    await quarrel(world, task, number, 3)

    assert frozen(world) == []
    await quarrel(world, task, number, 2)
    assert len(frozen(world)) == 1


async def test_what_moved_while_frozen_is_delivered_after_the_release(world: World):
    task, number = await shared(world)
    await quarrel(world, task, number, 3)
    world.edit_task(task, title="PUMP")
    await sync(world)  # frozen by this write, with both sides equal
    world.edit_issue(number, title="Mend the pump")
    await sync(world)
    assert world.task(task)["title"] == "PUMP"

    release(world)
    await sync(world)

    assert world.task(task)["title"] == "Mend the pump"


async def test_a_changed_limit_lets_go_and_zero_never_freezes(world: World):
    task, number = await shared(world)
    await quarrel(world, task, number, 6)
    assert frozen(world)

    world.write_config(link_more="breaker_returns = 0")
    await sync(world)
    await quarrel(world, task, number, 6)

    assert frozen(world) == []


async def test_a_label_that_comes_and_goes_freezes_the_labels_though_others_change_too(world: World):
    task, number = await shared(world, labels=["bug"])
    for turn in range(5):
        world.label_task(task, "bug", "stale", f"t{turn}")
        await sync(world)
        world.edit_issue(number, labels=["bug", f"t{turn}", f"g{turn}"])
        await sync(world)

    (stuck,) = frozen(world)
    assert stuck.field == "labels"


async def test_bots_in_a_ring_of_three_links_come_to_rest(world: World):
    share(world, WEB, CLOSING)
    task, number = await shared(world)
    for _ in range(2):
        await sync(world, "web", "closing", "app")

    for _ in range(8):
        if world.task(task)["title"] != "PUMP":
            world.edit_task(task, title="PUMP")
        await sync(world, "web", "closing", "app")
        if world.issue(number)["title"] != "pump":
            world.edit_issue(number, title="pump")
        await sync(world, "app", "closing", "web")
    writes = world.writes()
    await sync(world, "app", "closing", "web")

    assert world.writes() == writes
    assert frozen(world)


async def test_one_bot_that_insists_freezes_too_and_newer_changes_do_not_thaw(world: World):
    task, number = await shared(world)
    for turn in range(6):
        world.edit_task(task, title=f"Turn {turn}")
        await sync(world)
        world.edit_issue(number, title="pump")
        await sync(world)

    assert (world.task(task)["title"], world.issue(number)["title"]) == ("Turn 5", "pump")
    assert len(frozen(world)) == 1


@pytest.mark.parametrize("field", ["title", "status"])
async def test_an_item_that_moves_on_each_time_is_never_frozen(world: World, field: str):
    task, _ = await shared(world)
    for turn in range(8):
        if field == "title":
            world.edit_task(task, title=f"Turn {turn}")
        else:
            world.move_task(task, ("In Progress", "To Do")[turn % 2])
        await sync(world)

    assert frozen(world) == []
