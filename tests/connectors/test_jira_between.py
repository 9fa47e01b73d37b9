"""A Jira Cloud and a Jira Data Center kept in step by the whole of Bridge: what only these two can hold, and what it costs."""

from __future__ import annotations

import json

import pytest
from trackers.between import Between, people_of
from trackers.jira import People
from trackers.redmine import TRACKER

from bridge.sandbox.jira_scheme import TYPES


@pytest.fixture
def world(tmp_path):
    with Between(tmp_path, People(dialect="cloud"), People(dialect="dc")) as both:
        yield both


async def test_parents_links_dates_and_estimates_go_across(world):
    here, there = world.left, world.right
    whole = here.create("Whole", estimate=7200, due_on="2026-12-24", start_on="2026-12-01", priority="High")
    await world.settle()
    part = here.create("Part", parent=whole, assignee=here.persons["bob"])
    other = here.create("Other", blocks=[whole])
    report = await world.settle()
    assert report.counts["parked"] == 0, report

    across = dict(world.pairs())
    shown = there.task(across[whole])
    assert (shown["estimate"], shown["due_on"], shown["start_on"]) == (7200, "2026-12-24", "2026-12-01")
    assert shown["priority"] == "High"
    assert there.task(across[part])["parent"] == across[whole]
    assert there.task(across[part])["assignee"] == there.persons["bob"]
    assert there.task(across[other])["blocks"] == {across[whole]}

    here.edit(other, blocks=[part])
    there.edit(across[whole], due_on=None, estimate=3600)
    await world.settle()
    assert there.task(across[other])["blocks"] == {across[part]}
    assert (here.task(whole)["due_on"], here.task(whole)["estimate"]) == (None, 3600)


async def test_every_status_is_reached_through_the_workflow(world):
    here, there = world.left, world.right
    one = here.create("One")
    await world.settle()
    partner = dict(world.pairs())[one]

    for status in ("In Review", "Done", "Cancelled", "To Do"):
        here.edit(one, status=status)
        report = await world.settle()
        assert there.task(partner)["status"] == status, report


async def test_deleted_comments_and_times_are_deleted_across_without_a_full_listing(world):
    here, there = world.left, world.right
    one = here.create("One")
    await world.settle()
    partner = dict(world.pairs())[one]
    said, spent = here.comment(one, "A word"), here.log_time(one, 3600)
    await world.settle()
    assert (len(there.comments(partner)), len(there.times())) == (1, 1)

    here.delete_time(spent)
    here.delete_comment(one, said)
    await world.sync()
    await world.settle()

    assert (there.comments(partner), there.times()) == ({}, {})


async def test_texts_of_both_dialects_are_no_echo(world):
    here, there = world.left, world.right
    one = there.create("One", description="h2. Head\n\nSome *bold* words and {{code}}.\n\n* one\n* two")
    report = await world.settle()
    assert report.counts["parked"] == 0, report

    [(mine, _)] = [pair for pair in world.pairs() if pair[1] == one]
    assert '"type":"heading"' in here.task(mine)["description"]
    assert '"type":"bulletList"' in here.task(mine)["description"]


async def test_a_quiet_link_costs_one_request_a_side_and_kind(world):
    one = world.left.create("One")
    world.left.comment(one, "A word")
    world.left.log_time(one, 3600)
    await world.settle()
    before = world.left.requests(), world.right.requests()

    await world.sync(sweep=False)

    assert (world.left.requests() - before[0], world.right.requests() - before[1]) == (3, 3)


async def test_a_child_and_its_new_parent_go_over_together(tmp_path):
    """The parent first, whatever the order of the listing: Jira takes a parent at creation only (S23)."""
    with Between(tmp_path, "jira", people_of("redmine", derive_parents=False)) as world:
        top = world.right.create("Top")
        middle = world.right.create("Middle", parent=top)

        report = await world.settle()

        titles = {row["title"]: item for item, row in world.left.tasks().items()}
        assert world.left.task(titles["Middle"])["parent"] == titles["Top"]
        assert report.counts["parked"] == 0
        assert middle != top


async def test_time_that_is_made_anew_under_another_task_still_says_whose_it_is(tmp_path):
    """Its copy went to another issue in Redmine; Jira cannot move a worklog, and its API writes as one account."""
    with Between(tmp_path, "jira", "redmine") as world:
        one, two = world.left.create("One"), world.left.create("Two")
        await world.settle()
        world.left.log_time(one, 3600, note=world.left.text("looked"))
        await world.settle()
        [(copy, _)] = world.right.times().items()
        across = dict(world.pairs())

        world.right.move_time(copy, across[two])
        await world.settle()

        [entry] = world.left.times().values()
        assert entry["task"] == two
        assert "looked" in str(entry["note"])
        assert str(entry["note"]).count("(right):") + str(entry["note"]).count("(left):") == 1


def of_jira(world: Between, item: str) -> str:
    return TYPES[world.left.box.store.issues[int(item)].type][0]


async def test_a_new_item_gets_the_type_of_its_original_and_keeps_its_own_afterwards(tmp_path):
    with Between(tmp_path, "jira", "redmine") as both:
        both.left.box.seed(issues=[{"summary": "Fault", "type": "Bug"}, {"summary": "Wish", "type": "Story"}])
        fault, help_ = both.right.create("Leak", type="Bug"), both.right.create("Question", type="Support")
        report = await both.settle()
        there = both.right.box.store.issues
        of = {issue.subject: issue.tracker for issue in there.values()}
        across = {right: left for left, right in both.pairs()}
        here = {name: of_jira(both, across[item]) for name, item in (("Leak", fault), ("Question", help_))}

        both.right.edit(fault, title="Leak in the roof", type="Feature")
        await both.settle()

        assert report.counts["parked"] == 0, report
        assert (of["Fault"], of["Wish"]) == (TRACKER["Bug"], TRACKER["Feature"])
        assert here == {"Leak": "Bug", "Question": "Task"}
        assert of_jira(both, across[fault]) == "Bug"


async def test_a_mention_calls_nobody_on_the_other_side_and_is_a_mention_again_on_its_own(world):
    here, there = world.left, world.right
    body = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [
        {"type": "mention", "attrs": {"id": "5b10a", "text": "@Ada"}}, {"type": "text", "text": " knows [~bob] and @eve"},
    ]}]}  # fmt: skip
    one = here.create("One", description=json.dumps(body))
    two = there.create("Two", description="[~ada] knows, {code}[~bob]{code}")
    report = await world.settle()
    assert report.counts["parked"] == 0, report
    across = dict(world.pairs())
    (back,) = [mine for mine, partner in across.items() if partner == two]

    there.edit(across[one], description=there.task(across[one])["description"].replace("knows", "knows all,"))
    await world.settle()

    set_off = [each for side in (here, there) for each in side.box.effects if each["author"] == side.BRIDGE]
    assert set_off == []
    assert '"type":"mention"' in here.task(one)["description"]
    assert "knows all," in here.task(one)["description"]
    assert '"type":"mention"' not in here.task(back)["description"]
    assert there.task(two)["description"].startswith("[~ada] knows")
