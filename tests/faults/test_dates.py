"""Dates that are kept as instants: no change of the clock, no offset and no midnight moves them by a day."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from faults.hours import Weathered

ARCHIVE = """
[[links]]
name = "boards"
left = { connection = "artala", container = "Sprint" }
right = { connection = "artala", container = "Archive" }
initial = "match-then-create"
"""
NIGHTS = {
    "the hour that happens twice, first": "2026-10-25T00:30:00Z",
    "the hour that happens twice, again": "2026-10-25T01:30:00Z",
    "the hour that never happens": "2026-03-29T01:30:00Z",
    "just before midnight": "2026-10-24T23:59:59Z",
    "midnight": "2026-10-25T00:00:00Z",
    "midnight of the people there": "2026-10-24T22:00:00Z",
    "midnight before the clocks go forward": "2026-03-28T23:00:00Z",
    "leap day": "2028-02-29T00:00:00Z",
    "new year": "2026-12-31T23:30:00Z",
}


@pytest.fixture(params=["Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A zone in which this machine and the tracker both live."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def boards(world: Weathered) -> dict[str, str]:
    """Two boards of one workspace, linked, on which dates are mapped; their ids."""
    for name in ("Sprint", "Archive"):
        world.artala.seed(board=name)
    world.write_config(more_links=ARCHIVE)
    return {board.name: board.id for board in world.artala.store.boards.values()}


def dates(world: Weathered, board: str) -> dict[str, tuple[int | None, int | None]]:
    """Due and start of each task on a board, as the tracker keeps them: epoch milliseconds."""
    return {
        task.title: (task.due_date, task.start_date)
        for task in world.artala.store.tasks.values()
        if task.board_id == board
    }


def day(milliseconds: int | None) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime((milliseconds or 0) / 1000))


async def settled(world: Weathered) -> None:
    for _ in range(2):
        await world.sync("boards")
    writes = world.writes()
    report = await world.sync("boards")

    assert (report.exit_code, world.writes()) == (0, writes)


async def test_a_date_is_the_same_day_on_both_boards_whatever_the_zone_writes(world: Weathered, zone: str):
    names = boards(world)
    world.artala.set(zone=zone)
    tasks = [{"title": name, "due_date": at, "start_date": at} for name, at in NIGHTS.items()]
    world.artala.seed(board="Sprint", tasks=tasks)
    before = dates(world, names["Sprint"])

    await settled(world)

    assert dates(world, names["Sprint"]) == before
    there = dates(world, names["Archive"])
    assert {name: [day(at) for at in both] for name, both in there.items()} == {
        name: [at[:10]] * 2 for name, at in NIGHTS.items()
    }


async def test_an_edit_of_something_else_moves_no_date_and_no_hour(world: Weathered, zone: str):
    names = boards(world)
    world.artala.set(zone=zone)
    tasks = [{"title": name, "due_date": at, "start_date": at} for name, at in NIGHTS.items()]
    world.artala.seed(board="Sprint", tasks=tasks)
    await settled(world)
    sprint, archive = dates(world, names["Sprint"]), dates(world, names["Archive"])
    for task in list(world.artala.store.tasks.values()):
        if task.board_id == names["Archive"]:
            world.edit_task(task.id, description="Edited.")

    await settled(world)

    assert (dates(world, names["Sprint"]), dates(world, names["Archive"])) == (sprint, archive)
    assert {task.description for task in world.artala.store.tasks.values()} == {"Edited."}


async def test_a_zone_that_a_server_begins_to_write_is_no_change_of_any_date(world: Weathered):
    names = boards(world)
    tasks = [{"title": name, "due_date": at, "start_date": at} for name, at in NIGHTS.items()]
    world.artala.seed(board="Sprint", tasks=tasks)
    await settled(world)
    writes, before = world.writes(), dates(world, names["Sprint"])
    for zone in ("Europe/Berlin", "Asia/Kathmandu", ""):
        world.artala.set(zone=zone)
        await world.sync("boards", full=True)

    assert world.writes() == writes
    assert dates(world, names["Sprint"]) == before


@pytest.mark.parametrize("at", ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-03-29T00:00:00+01:00"])
async def test_a_date_that_a_person_sets_at_night_arrives_as_the_day_it_is_in_utc(world: Weathered, at: str):
    names = boards(world)
    world.artala.set(zone="Europe/Berlin")
    world.artala.seed(board="Sprint", tasks=[{"title": "Pump", "due_date": "2026-11-05T00:00:00Z"}])
    await settled(world)
    (task,) = [each for each in world.artala.store.tasks.values() if each.board_id == names["Sprint"]]
    world.edit_task(task.id, dueDate=at)
    kept = dates(world, names["Sprint"])

    await settled(world)

    assert dates(world, names["Sprint"]) == kept
    assert day(dates(world, names["Archive"])["Pump"][0]) == day(kept["Pump"][0])
