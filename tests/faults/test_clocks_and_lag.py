"""Indexes that lag, clocks that are wrong, times that are coarse: a time stamp only finds candidates, and finds them all."""

from __future__ import annotations

import pytest
from faults.hours import Weathered
from faults.scene import Scene

HOURS_14 = 14 * 3600
LISTS = {"github": "/issues$", "artala": "/odata/Tasks$"}


def late(scene: Scene, tracker: str, **how: object) -> None:
    box = scene.world.github if tracker == "github" else scene.world.artala
    box.fault("stale", method="GET", path=LISTS[tracker], times=-1, **how)


@pytest.mark.parametrize("tracker", LISTS)
@pytest.mark.parametrize("how", [{"requests": 3}, {"seconds": 90}, {"seconds": 90, "item": "[13579]$"}], ids=str)
async def test_what_is_listed_late_with_its_old_time_is_seen_all_the_same(
    scene: Scene, tracker: str, how: dict[str, object]
):
    late(scene, tracker, **how)
    scene.work()
    for _ in range(4):
        await scene.world.sync()
        scene.world.hours.go_by(35)

    assert scene.on_github() == scene.on_artala() == scene.wanted
    await scene.kept(later_s=0)


@pytest.mark.parametrize("tracker", LISTS)
async def test_an_edit_that_is_listed_after_newer_ones_is_not_passed_by(scene: Scene, tracker: str):
    world = scene.world
    one = "^2$" if tracker == "github" else f"^{scene.tasks['Fence 2']}$"
    late(scene, tracker, seconds=100, item=one)
    scene.work()
    for _ in range(5):
        world.hours.go_by(25)
        await world.sync()

    await scene.kept(later_s=0)


@pytest.mark.parametrize("tracker", LISTS)
async def test_a_create_without_an_answer_is_not_made_again_before_its_index_had_time(world: Weathered, tracker: str):
    world.config.write_text(world.config.read_text().replace("index_lag_s = 0", "index_lag_s = 30"))
    if tracker == "github":
        world.new_task("Repair the pump")
        box, create = world.github, "/issues$"
    else:
        world.new_issue("Repair the pump")
        box, create = world.artala, "/api/tasks$"
    box.fault("lost_reply", method="POST", path=create)
    box.fault("stale", method="GET", path=LISTS[tracker], times=-1, seconds=20)

    report = await world.sync()

    assert (report.state, len(world.issues()), len(world.tasks())) == ("done", 1, 1)


@pytest.mark.parametrize(("left_s", "right_s"), [(HOURS_14, -HOURS_14), (-HOURS_14, HOURS_14), (HOURS_14, HOURS_14)])
async def test_trackers_half_a_day_off_are_kept_in_step(scene: Scene, left_s: int, right_s: int):
    scene.world.artala.clock.offset_s += left_s
    scene.world.github.clock.offset_s += right_s
    await scene.world.settle()
    scene.work()
    await scene.world.sync()

    await scene.kept(later_s=0)


@pytest.mark.parametrize("tracker", LISTS)
@pytest.mark.parametrize("ahead_s", [600, HOURS_14])
async def test_a_clock_that_ran_ahead_and_is_put_right_hides_no_edit(scene: Scene, tracker: str, ahead_s: int):
    world = scene.world
    box = world.github if tracker == "github" else world.artala
    box.clock.advance(ahead_s)
    world.edit_issue(1, body="It hisses.")
    world.edit_task(scene.tasks["Fence 1"], priority=1)
    await world.settle()
    box.clock.advance(-ahead_s)
    world.edit_issue(1, body="It leaks.")
    scene.work()
    for _ in range(2):
        await world.sync()

    await scene.kept(later_s=0)


@pytest.mark.parametrize("grains", [{"github": 60}, {"artala": 60}, {"github": 60, "artala": 60}], ids=str)
async def test_times_in_whole_minutes_hide_no_edit_of_the_same_minute(scene: Scene, grains: dict[str, int]):
    world = scene.world
    for box in (world.github, world.artala):
        box.set(grain_s=grains.get(box.tracker.name, 1))
        box.clock.freeze("2026-11-22T09:30:20Z")
    scene.work()
    await world.sync()
    world.edit_issue(1, title="Pump 1")
    world.edit_task(scene.tasks["Fence 2"], description="It rusts.")
    await world.sync()
    world.edit_issue(1, title="Pump 1 mended")
    world.edit_task(scene.tasks["Fence 2"], description="It is green.")
    await world.sync()

    await scene.kept(later_s=0)


async def test_edits_all_within_one_second_are_told_apart(scene: Scene):
    world = scene.world
    for box in (world.github, world.artala):
        box.clock.freeze("2026-11-22T09:30:20Z")
    world.edit_issue(1, title="Pump one")
    await world.sync()
    scene.work()
    await world.sync()

    await scene.kept(later_s=0)
