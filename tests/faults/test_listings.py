"""Lists that break, end early, are empty, or move while they are read: no item is missed, none is thought gone."""

from __future__ import annotations

from typing import Any

import pytest
from faults.hours import Weathered
from faults.scene import Scene, Seen, issues_of, nothing_was_deleted, tasks_of

LIST = {"github": "/issues$", "artala": "/odata/Tasks$"}
SECOND = "2026-11-20T10:00:00Z"
PAGE = 4
COUNT = 10


def box_of(world: Weathered, tracker: str) -> Any:
    return world.github if tracker == "github" else world.artala


def seed(world: Weathered, tracker: str, count: int = COUNT, **members: Any) -> None:
    """Items of one side alone, with small pages on both trackers."""
    world.artala.set(page_cap=PAGE)
    world.write_config(
        github_more=f"page_size = {PAGE}", artala_more=f"page_size = {PAGE}\nsmallest_server_page = {PAGE}"
    )
    rows = [{"title": f"Item {place}", **members} for place in range(1, count + 1)]
    box_of(world, tracker).seed(**{"issues" if tracker == "github" else "tasks": rows})


async def copied(world: Weathered, count: int = COUNT, **renamed: str) -> None:
    """Everything is on both sides, once, and a further run writes nothing."""
    for box in (world.artala, world.github):
        box.faults.clear()
    report = await world.settle()
    world.github.set(paging="page")
    titles = sorted(renamed.get(f"item{place}", f"Item {place}") for place in range(1, count + 1))

    assert report.exit_code == 0
    assert sorted(issue.title for issue in issues_of(world)) == titles
    assert sorted(task["Title"] for task in world.tasks_by_page()) == titles
    assert nothing_was_deleted(world)


def edit(world: Weathered, tracker: str, place: int, title: str) -> dict[str, Any]:
    """A person's request that renames the item at this place."""
    if tracker == "github":
        return {"who": "alice", "method": "PATCH", "path": f"/repos/acme/app/issues/{place}", "body": {"title": title}}
    task = next(each for each in world.artala.store.tasks.values() if each.title == f"Item {place}")
    return {"who": "sam", "method": "PUT", "path": f"/api/tasks/{task.id}", "body": {"title": title, "priority": 2}}


@pytest.mark.parametrize("tracker", LIST)
@pytest.mark.parametrize("kind", ["status", "cut_body", "cut_json", "reset"])
async def test_a_first_list_that_breaks_after_its_first_page_creates_nothing_twice(
    world: Weathered, tracker: str, kind: str
):
    seed(world, tracker)
    box_of(world, tracker).fault(kind, method="GET", path=LIST[tracker], after=1, times=-1)
    report = await world.sync()

    assert (report.state, world.writes()) == ("failed", 0)
    await copied(world)


@pytest.mark.parametrize("tracker", LIST)
@pytest.mark.parametrize("kind", ["status", "cut_body", "cut_json", "reset"])
async def test_a_list_of_changes_that_breaks_after_its_first_page_loses_no_change(
    world: Weathered, tracker: str, kind: str
):
    seed(world, tracker, updated_at=SECOND)
    await world.sync()
    names = {}
    for place in range(1, COUNT, 2):
        names[f"item{place}"] = f"Renamed {place}"
        rename = edit(world, tracker, place, f"Renamed {place}")
        box_of(world, tracker).call(rename["method"], rename["path"], rename["body"], who=rename["who"])
    box_of(world, tracker).fault(kind, method="GET", path=LIST[tracker], after=1, times=-1)
    report = await world.sync()

    assert report.state == "failed"
    await copied(world, **names)


@pytest.mark.parametrize("tracker", LIST)
async def test_items_of_one_second_over_the_edge_of_a_page_are_all_read(world: Weathered, tracker: str):
    seed(world, tracker, updated_at=SECOND)

    await copied(world)


@pytest.mark.parametrize("paging", ["page", "after"])
async def test_items_of_one_second_are_all_read_by_number_and_by_cursor(world: Weathered, paging: str):
    world.github.set(paging=paging)
    seed(world, "github", updated_at=SECOND)

    await copied(world)


@pytest.mark.parametrize("tracker", LIST)
@pytest.mark.parametrize("members", [{}, {"updated_at": SECOND}], ids=["just now", "of one second"])
@pytest.mark.parametrize("place", [1, PAGE, PAGE + 1, COUNT])
async def test_an_item_that_moves_between_pages_makes_no_other_slip_through(
    world: Weathered, tracker: str, members: dict[str, str], place: int
):
    seed(world, tracker, **members)
    box = box_of(world, tracker)
    box.fault("meanwhile", method="GET", path=LIST[tracker], after=1, deed=edit(world, tracker, place, "Moved"))
    await world.sync()

    await copied(world, **{f"item{place}": "Moved"})


async def test_an_issue_that_is_deleted_between_pages_makes_no_other_slip_through(world: Weathered):
    seed(world, "github", updated_at=SECOND)
    world.github.fault("meanwhile", method="GET", path="/issues$", after=1, deed={"act": {"do": "delete", "number": 1}})
    await world.sync()
    world.github.faults.clear()
    await world.settle()
    titles = {task["Title"] for task in world.tasks_by_page()}

    assert {f"Item {place}" for place in range(2, COUNT + 1)} <= titles
    assert len(issues_of(world)) == COUNT - 1


@pytest.mark.parametrize("tracker", LIST)
async def test_edits_at_each_page_of_a_day_are_all_carried_over(scene: Scene, tracker: str):
    scene.work()
    world = scene.world
    box = box_of(world, tracker)
    last = {
        "github": {
            "who": "alice",
            "method": "PATCH",
            "path": "/repos/acme/app/issues/1",
            "body": {"title": "Pump 1 mended"},
        },
        "artala": {
            "who": "sam",
            "method": "PATCH",
            "path": f"/api/tasks/{scene.tasks['Fence 3']}/status",
            "body": {"newStatus": "Done"},
        },
    }[tracker]
    box.fault("meanwhile", method="GET", path=LIST[tracker], times=3, deed=last)
    for _ in range(2):
        await world.sync()

    await scene.kept()


@pytest.mark.parametrize("tracker", LIST)
@pytest.mark.parametrize("kind", ["empty_listing", "half_page"])
@pytest.mark.parametrize("full", [False, True], ids=["changes", "full"])
async def test_a_list_that_is_empty_or_cut_short_hides_no_edit_for_good(
    scene: Scene, tracker: str, kind: str, full: bool
):
    scene.work()
    box_of(scene.world, tracker).fault(kind, method="GET", path=LIST[tracker], times=2)
    for _ in range(2):
        await scene.world.sync(full=full)

    await scene.kept(later_s=0)


@pytest.mark.parametrize("tracker", LIST)
async def test_lists_that_are_empty_for_days_delete_and_unlink_nothing(scene: Scene, tracker: str):
    box_of(scene.world, tracker).fault("empty_listing", method="GET", path=LIST[tracker], times=-1)
    for _ in range(3):
        report = await scene.world.sync(full=True)
        scene.world.hours.go_by(86_400)
        assert (report.counts.get("unlinked", 0), report.exit_code) == (0, 0)
    scene.work()

    await scene.kept()


async def test_labels_that_a_feed_hides_once_stay_where_they_are(world: Weathered):
    number = world.new_issue("Pump", labels=["bug"])
    await world.sync()
    world.artala.fault("empty_listing", method="GET", path="/odata/TaskLabels$", times=2)
    for _ in range(2):
        await world.sync()
    await world.settle()

    assert issues_of(world) == tasks_of(world) == [Seen("Pump", labels=("bug",))]
    assert world.issue(number)["labels"] != []


@pytest.mark.parametrize("tracker", LIST)
@pytest.mark.parametrize("kind", ["empty_listing", "half_page"])
async def test_a_first_list_that_is_empty_or_cut_short_makes_no_doubles(world: Weathered, tracker: str, kind: str):
    seed(world, "github")
    seed(world, "artala")
    box_of(world, tracker).fault(kind, method="GET", path=LIST[tracker])
    await world.sync()

    await copied(world)
