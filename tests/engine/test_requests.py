"""Requests are the currency: each of these figures is exact, counted by the trackers."""

from __future__ import annotations

import tracemalloc

from engine.world import World

LIMITS = "max_writes = 100000\nmax_creates = 100000"


def reset(world: World) -> None:
    for box in (world.artala, world.github):
        box.call("POST", "/_sandbox/counts/reset")


def requests(world: World) -> tuple[int, int]:
    return world.artala.counts.requests, world.github.counts.requests


async def linked(world: World, count: int) -> None:
    world.write_config(link_more=LIMITS)
    world.artala.seed(generate=count)
    world.github.seed(generate=count)
    reset(world)
    await world.sync(sweep=None)


async def test_a_first_contact_costs_pages_and_nothing_else(world: World):
    await linked(world, 1_000)

    artala, github = requests(world)
    assert (artala <= 7, github) == (True, 12)  # pages, and a second look at the end of the list
    assert world.writes() == 0


async def test_a_quiet_tick_is_one_request_a_side(world: World):
    await linked(world, 300)
    reset(world)

    report = await world.sync(sweep=None)

    assert requests(world) == (1, 1)
    assert (report.counts["requests_left"], report.counts["requests_right"]) == (1, 1)


async def test_a_quiet_tick_costs_the_same_at_any_size(world: World):
    costs = []
    for count in (100, 900):
        await linked(world, count)
        await world.sync(sweep=None)
        reset(world)
        await world.sync(sweep=False)
        costs.append(requests(world))

    assert costs == [(1, 1), (1, 1)]


async def test_a_changed_item_costs_one_write_on_the_other_side(world: World):
    await linked(world, 300)
    for number in range(1, 31):
        world.edit_issue(number, title=f"Changed {number}")
    for task in world.tasks()[100:130]:
        world.edit_task(task["Id"], title=f"Moved {task['Id'][:8]}")
    reset(world)

    report = await world.sync(sweep=False)

    assert (report.counts["updated_left"], report.counts["updated_right"]) == (30, 30)
    assert requests(world) == (31, 31)


async def test_a_copy_costs_one_request_an_item_and_one_for_each_further_call_the_api_needs(world: World):
    world.write_config(link_more=LIMITS)
    world.artala.seed(generate={"count": 60, "done_every": 0})
    reset(world)

    await world.sync(sweep=None)

    assert requests(world)[1] == 60 + 2
    assert world.github.counts.creates == 60


async def test_memory_does_not_grow_with_the_number_of_items(world: World):
    peaks = []
    for count in (500, 2_000):
        world.write_config(link_more=LIMITS)
        world.artala.seed(generate=count)
        world.github.seed(generate=count)
        async with world.open() as bridge:
            await bridge.plan("app")
            tracemalloc.start()
            await bridge.sync("app", trigger="test")
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    assert peaks[1] < 2 * peaks[0]


async def test_each_further_item_of_a_copy_costs_exactly_one_request(tmp_path):
    costs = []
    for count in (20, 60):
        folder = tmp_path / str(count)
        folder.mkdir()
        with World(folder, link_more=LIMITS) as world:
            world.artala.seed(generate={"count": count, "done_every": 0})
            reset(world)
            await world.sync(sweep=None)
            costs.append(requests(world)[1])

    assert costs[1] - costs[0] == 40


async def test_each_further_pair_of_a_first_contact_costs_its_share_of_a_page(tmp_path):
    costs = []
    for count in (200, 1_200):
        folder = tmp_path / str(count)
        folder.mkdir()
        with World(folder) as world:
            await linked(world, count)
            costs.append(requests(world))

    assert costs[1][1] - costs[0][1] <= 11
    assert costs[1][0] - costs[0][0] <= 5
