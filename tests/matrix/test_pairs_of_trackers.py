"""Every pair of trackers: create, edit, close, label, comment and log time wherever both can; I1, I3 and I5 hold."""

from __future__ import annotations

from itertools import combinations

import pytest
from trackers.between import TYPES, Between

from mappings.text.convert import canonical, convert

PAIRS = [pytest.param(left, right, id=f"{left}-{right}") for left, right in combinations(TYPES, 2)]


@pytest.mark.parametrize(("left", "right"), PAIRS)
async def test_two_trackers_are_kept_in_step(tmp_path, left, right):
    with Between(tmp_path, left, right) as world:
        found = await world.check(live=True)
        assert not [each for each in found if each.level == "error"], found
        await _tasks_are_created_and_edited_both_ways(world)
        await _formatted_text_goes_both_ways(world)
        if "comment" in world.both:
            await _comments_go_both_ways(world)
        if "time" in world.both:
            await _time_goes_both_ways(world)


async def _tasks_are_created_and_edited_both_ways(world):
    here, there = world.left, world.right
    first = here.create("From the left", description=None)
    there.create("From the right")
    report = await world.settle()
    assert report.counts["parked"] == 0, report
    assert len(world.pairs()) == 2

    partner = dict(world.pairs())[first]
    here.edit(first, title="Renamed on the left")
    there.close(partner)
    await world.settle()
    assert there.task(partner)["title"] == "Renamed on the left"
    assert here.task(first)["is_closed"]
    assert there.task(partner)["is_closed"]

    here.reopen(first)
    await world.settle()
    assert not there.task(partner)["is_closed"]
    if "labels" in world.both:
        await _labels_are_merged(world, first, partner)
    await _plain_fields_go_both_ways(world, first, partner)


async def _plain_fields_go_both_ways(world, first, partner):
    values = {"due": ("due_on", "2026-12-24"), "start": ("start_on", "2026-12-01"), "estimate": ("estimate", 7200)}
    fields = dict(values[can] for can in values if can in world.both)
    if fields:
        world.right.edit(partner, **fields)
        await world.settle()
        seen = world.left.task(first)
        assert {name: seen[name] for name in fields} == fields
    if "assignee" in world.both:
        (mine, _), (theirs, _) = (list(side.persons.values()) for side in (world.left, world.right))
        world.left.edit(first, assignee=mine)
        await world.settle()
        assert world.right.task(partner)["assignee"] == theirs


TEXT = "Some **bold** words and `code`.\n\n- one\n- two"


async def _formatted_text_goes_both_ways(world):
    left, right = await world.dialects()
    item = world.left.create("With a text", description=convert(TEXT, "markdown", left))
    report = await world.settle()
    assert report.counts["parked"] == 0, report
    partner = dict(world.pairs())[item]
    held = world.right.task(partner)["description"]
    assert canonical(held, right) == canonical(TEXT, "markdown")

    world.right.edit(partner, description=convert(TEXT.replace("two", "three"), "markdown", right))
    await world.settle()
    assert canonical(world.left.task(item)["description"], left) == canonical(TEXT.replace("two", "three"), "markdown")


async def _labels_are_merged(world, first, partner):
    for side in (world.left, world.right):  # where labels must be declared, people have declared them
        other = world.right if side is world.left else world.left
        item = first if side is world.left else partner
        side.edit(item, labels={"bug", "ui"})
        side.edit(item, labels=set())
        assert other is not side
    await world.settle()
    world.left.edit(first, labels={"bug"})
    world.right.edit(partner, labels={"ui"})
    await world.settle()
    assert world.left.task(first)["labels"] == world.right.task(partner)["labels"] == {"bug", "ui"}


async def _comments_go_both_ways(world):
    (first, partner), *_ = world.pairs()
    mine = world.left.comment(first, "said on the left")
    world.right.comment(partner, "said on the right")
    report = await world.settle()
    assert report.counts["parked"] == 0, report
    assert _texts(world.left, first) == _texts(world.right, partner) == ["said on the left", "said on the right"]

    if "edit-comment" in world.both:
        world.left.edit_comment(first, mine, "said better on the left")
        await world.settle()
        assert "said better on the left" in _texts(world.right, partner)
    if "delete-comment" in world.both:
        world.left.delete_comment(first, mine)
        await world.sync(full=True)
        await world.settle()
        assert _texts(world.right, partner) == ["said on the right"]


def _texts(side, item):
    """What was said, by the last line, without bylines and whatever the dialect puts around it."""
    known = ("said on the left", "said on the right", "said better on the left")
    return sorted(next(one for one in known if one in str(row["text"])) for row in side.comments(item).values())


async def _time_goes_both_ways(world):
    (first, partner), *_ = world.pairs()
    mine = world.left.log_time(first, 5400, on="2026-11-19", note="on the left")
    world.right.log_time(partner, 3600, on="2026-11-20", note="on the right")
    report = await world.settle()
    assert report.counts["parked"] == 0, report
    assert _spent(world.left) == _spent(world.right) == [("2026-11-19", 5400), ("2026-11-20", 3600)]

    if "edit-time" in world.both:
        world.left.edit_time(mine, seconds=7200)
        await world.settle()
        assert _spent(world.left) == _spent(world.right) == [("2026-11-19", 7200), ("2026-11-20", 3600)]
    if "delete-time" in world.both:
        world.left.delete_time(mine)
        await world.sync(full=True)
        await world.settle()
        assert _spent(world.left) == _spent(world.right) == [("2026-11-20", 3600)]


def _spent(side):
    return sorted((row["on"], row["seconds"]) for row in side.times().values())
