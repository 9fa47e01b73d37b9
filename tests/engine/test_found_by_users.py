"""What an operations engineer met who tried comments and time between trackers by the command line; each was a bug once."""

from __future__ import annotations

from functools import partial

import pytest
from trackers.between import Between, people_of

from bridge.config.loader import load
from bridge.engine import why
from bridge.engine.restore import restore
from bridge.wiring import Bridge
from state import conflicts, pairs


@pytest.fixture
def between(tmp_path):
    def make(left, right, **more):
        return Between(tmp_path, left, right, **more)

    return make


async def told(pair, item):
    async with Bridge.open(load(pair.folder / "bridge.toml")) as bridge:
        return await bridge.store.read(lambda session: why.tell(session, item, names={}))


async def parked(pair):
    from state import parked as rows

    async with Bridge.open(load(pair.folder / "bridge.toml")) as bridge:
        return [(one.kind, one.message) for one in await bridge.store.read(rows.find)]


async def test_a_part_that_cannot_be_made_without_what_was_refused_is_parked(between):
    """It was tried again in every run, without a word in ``bridge parked``."""
    with between("redmine", "timetracker") as pair:
        pair.left.log_time(pair.left.create("A"), 0, note="nothing")

        report = await pair.sync()
        await pair.sync()

        assert report.state == "done"
        assert [kind for kind, _ in await parked(pair)] == ["time_entry"]
        assert "longer than nothing" in (await parked(pair))[0][1]


async def test_many_entries_of_one_day_all_find_room(between):
    """Those that were sent at once took the same free hour, and all but one were refused."""
    with between("redmine", "timetracker") as pair:
        task = pair.left.create("A")
        for number in range(8):
            pair.left.log_time(task, 3600, note=f"n{number}")

        await pair.settle()

        assert await parked(pair) == []
        assert sorted(row["note"] for row in pair.right.times().values()) == [f"n{number}" for number in range(8)]


async def test_why_knows_comments_and_time_by_their_ids(between):
    with between("jira", "redmine") as pair:
        task = pair.left.create("A")
        comment, entry = pair.left.comment(task, "words"), pair.left.log_time(task, 3600, note="work")
        await pair.settle()

        assert [story.kind for story in await told(pair, comment)] == ["comment"]
        assert [story.kind for story in await told(pair, f"APP#{entry}")] == ["time_entry"]
        assert [story.kind for story in await told(pair, f"APP#{task}")] == ["task"]


async def test_a_byline_names_no_account_by_number(between):
    with between("jira", "redmine") as pair:
        task = pair.right.create("A")
        pair.right.comment(task, "words")
        await pair.settle()

        [copy] = [row for item in pair.left.tasks() for row in pair.left.comments(item).values()]
        assert "ann (right):" in copy["text"]
        assert "712020" not in copy["text"]


async def test_a_comment_and_an_entry_can_be_restored(between):
    """Restoring them ended with "task has no partner", though its task was in step."""
    with between("jira", "redmine") as pair:
        task = pair.left.create("A")
        comment, entry = pair.left.comment(task, "words"), pair.left.log_time(task, 3600, note="work")
        await pair.settle()
        pair.left.delete_comment(task, comment)
        pair.left.delete_time(entry)
        await pair.settle()
        assert not pair.left.times()
        assert not pair.right.times()

        async with Bridge.open(load(pair.folder / "bridge.toml")) as bridge:
            for kind in ("comment", "time_entry"):
                rows = await bridge.store.read(pairs.walk, 1, kind, after=0, limit=9, statuses=("deleted", "unlinked"))
                await bridge.run("pair", partial(restore, pair_id=rows[0].id), trigger="test")

        [there] = pair.left.tasks()
        assert len(pair.left.comments(there)) == len(pair.left.times()) == len(pair.right.times()) == 1


async def test_a_plan_tells_once_why_a_part_waits_and_in_words(between):
    with between("jira", "redmine") as pair:
        pair.left.comment(pair.left.create("A"), "some words")

        async with Bridge.open(load(pair.folder / "bridge.toml")) as bridge:
            plan = await bridge.plan("pair")

        assert [op.title for op in plan.plan.operations if op.op == "hold"] == ["some words"]


async def test_a_status_that_cannot_be_reached_is_parked_and_makes_no_conflict(between):
    """The steps that Bridge had gone on the way were taken for a person's edit, which the next run put against the other's."""
    with between(
        people_of("jira", done_screen="customfield_10016", done_required="customfield_10016"), "redmine"
    ) as pair:
        task = pair.left.create("A")
        await pair.settle()
        [(_, copy)] = pair.pairs()
        pair.right.close(copy)

        await pair.settle()

        async with Bridge.open(load(pair.folder / "bridge.toml")) as bridge:
            assert await bridge.store.read(conflicts.find) == []
        assert pair.left.task(task)["status"] == "To Do"
        assert pair.right.task(copy)["status"] == "Closed"
        assert ["no way" in message for _, message in await parked(pair)] == [True]
