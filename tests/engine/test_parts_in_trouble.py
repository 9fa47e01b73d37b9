"""Parts whose task comes back, that cannot be moved, or whose words look different in another dialect."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from trackers.between import Between

from bridge.config.loader import load
from bridge.engine import relink
from bridge.engine.link import MatchFields
from bridge.wiring import Bridge
from state import links, pairs

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def on_state(world, work):
    with Bridge.open(load(world.folder / "bridge.toml")).store as store:
        return store.run_sync(work)


def the_task(session):
    link = links.all_links(session)[0].id
    [pair] = pairs.walk(session, link, "task", after=0, limit=9, statuses=("live", "unlinked"))
    return pair


def unlink(session):
    pair = the_task(session)
    relink.unlink(session, pair.link_id, 0, pair, "left", "by a tester", NOW)


def link_again(session):
    pair = the_task(session)
    relink.relink(session, pair.link_id, pair, "by a tester", NOW)


async def test_what_was_said_on_an_unlinked_task_follows_when_it_is_linked_again(tmp_path):
    with Between(tmp_path, "github", "jira") as world:
        task = world.left.create("A task")
        await world.settle()
        on_state(world, unlink)
        world.left.comment(task, "said meanwhile")
        await world.settle()
        [there] = world.right.tasks()
        assert world.right.comments(there) == {}

        on_state(world, link_again)
        await world.settle()

        assert len(world.right.comments(there)) == 1


@pytest.mark.parametrize("target", ["github", "gipo"])
async def test_an_entry_moves_to_another_task_soon_after_it_was_made(tmp_path, target):
    with Between(tmp_path, "redmine", target) as world:
        first, second = world.left.create("First"), world.left.create("Second")
        await world.settle()
        there = dict(world.pairs())
        entry = world.left.log_time(first, 3600)
        await world.settle()

        for task in (second, first):
            world.left.edit_time(entry, task=task)
            await world.settle()

            assert [row["task"] for row in world.right.times().values()] == [there[task]]


async def test_a_move_that_a_tracker_forbids_is_parked_with_its_reason(tmp_path):
    with Between(tmp_path, "redmine", "github") as world:
        first, second = world.left.create("First"), world.left.create("Second")
        await world.settle()
        there = dict(world.pairs())
        entry = world.left.log_time(first, 3600)
        await world.settle()
        world.right.box.fault("status", status=403, message="This period is locked.", method="DELETE", times=-1)
        world.left.edit_time(entry, task=second)

        report = await world.settle()

        assert report.state == "done"
        assert report.counts["parked"] == 1
        assert [row["task"] for row in world.right.times().values()] == [there[first]]

        world.right.box.faults.clear()
        world.left.edit_time(entry, seconds=7200)
        report = await world.settle()

        assert report.counts["parked"] == 0
        assert [(row["task"], row["seconds"]) for row in world.right.times().values()] == [(there[second], 7200)]


@pytest.mark.parametrize(
    "other",
    [
        '{"content":[{"content":[{"text":"say \\"hi\\" \\\\ now","type":"text"}],"type":"paragraph"}],"type":"doc"}',
        "<p>Say &quot;hi&quot;&nbsp;\\ <b>now</b></p>",
        "say **hi**\n\nnow",
    ],
)
def test_comments_of_two_dialects_match_by_their_words(other):
    match = MatchFields(("body",), ("body",), by_words=True)

    assert match.key("left", {"body": 'Say "hi" \\ now'}) == match.key("right", {"body": other})


def test_a_text_that_begins_with_a_brace_has_words_too():
    match = MatchFields(("body",), ("body",), by_words=True)

    assert match.key("left", {"body": "{code} fails"}) == match.key("right", {"body": "<p>{code} fails</p>"})
