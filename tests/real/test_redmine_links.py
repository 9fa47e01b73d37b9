"""A real Redmine kept in step with the sandbox of another tracker, both ways, every kind that both have.

What a settled run wrote is asked of Redmine's own database, where a change of anything leaves a row or a time of
microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real.redmine import Real
from real.redmine_people import People
from trackers.between import Between


class Link(Between):
    """The left side is real."""

    def __init__(self, folder: Path, server: Real, other: str) -> None:
        policy = "delete" if other == "jira" else "close"  # GitHub's API deletes no issue
        super().__init__(folder, People(server), other, more=f'on_delete = "{policy}"')

    async def settle(self) -> Any:
        await self.sync()
        await self.sync()
        before, writes = self.left.evidence(), self.writes()
        report = await self.sync()
        assert report.state == "done", report.error
        assert self.left.evidence() == before, "a settled run changed something in the real Redmine"
        assert self.writes() == writes, "a settled run wrote"
        assert report.counts["parked"] == 0, report
        return report

    async def a_pair(self, title: str = "Login form") -> tuple[str, str]:
        """One task that is on both sides."""
        mine = self.left.create(title, description="As it is.")
        await self.settle()
        return mine, dict(self.pairs())[mine]


@pytest.fixture(params=["github", "jira"])
def link(request: pytest.FixtureRequest, tmp_path: Path, real: Real) -> Iterator[Link]:
    with Link(tmp_path, real, request.param) as world:
        yield world


async def test_the_live_check_of_the_link_has_no_errors(link: Link) -> None:
    found = await link.check(live=True)

    assert [each for each in found if each.level == "error"] == []


async def test_tasks_are_made_on_both_sides_with_all_that_both_hold(link: Link) -> None:
    here, there = link.left, link.right
    full: dict[str, Any] = {"labels": {"bug", "ui"}}
    if {"due", "start", "estimate", "priority"} <= link.both:
        full |= {"due_on": "2026-12-24", "start_on": "2026-12-01", "estimate": 7200}
    mine = here.create("From Redmine", description="Some *words*.", assignee=here.persons["ann"], **full)
    theirs = there.create("From there", assignee=next(iter(there.persons.values())), **full)
    await link.settle()

    partners = dict(link.pairs())
    assert len(partners) == 2
    back = {other: item for item, other in partners.items()}
    for item, people, person in (
        (partners[mine], there, next(iter(there.persons.values()))),
        (back[theirs], here, here.persons["ann"]),
    ):
        shown = people.task(item)
        assert {name: shown[name] for name in full} == full
        assert shown["assignee"] == person
    assert "words" in there.task(partners[mine])["description"]
    assert there.task(partners[mine])["marker"] == f"left {link.left.container}#{mine}"


async def test_edits_closing_and_reopening_go_both_ways(link: Link) -> None:
    here, there = link.left, link.right
    mine, theirs = await link.a_pair()

    here.edit(mine, title="Renamed in Redmine")
    there.edit(theirs, labels={"bug"})
    await link.settle()
    assert there.task(theirs)["title"] == "Renamed in Redmine"
    assert here.task(mine)["labels"] == {"bug"}

    here.edit(mine, labels={"bug", "docs"})
    there.close(theirs)
    await link.settle()
    assert there.task(theirs)["labels"] == {"bug", "docs"}
    assert here.task(mine)["is_closed"]

    here.reopen(mine)
    there.edit(theirs, title="Renamed there")
    await link.settle()
    assert not there.task(theirs)["is_closed"]
    assert here.task(mine)["title"] == "Renamed there"

    here.close(mine)
    await link.settle()
    assert there.task(theirs)["is_closed"]
    there.reopen(theirs)
    await link.settle()
    assert not here.task(mine)["is_closed"]


async def test_labels_of_both_sides_are_put_together(link: Link) -> None:
    mine, theirs = await link.a_pair()
    link.left.edit(mine, labels={"bug", "p1"})
    await link.settle()

    link.left.edit(mine, labels={"bug"})
    link.right.edit(theirs, labels={"bug", "p1", "ui"})
    await link.settle()

    assert link.left.task(mine)["labels"] == link.right.task(theirs)["labels"] == {"bug", "ui"}


async def test_comments_are_carried_edited_and_deleted_both_ways(link: Link) -> None:
    here, there = link.left, link.right
    mine, theirs = await link.a_pair()
    one = here.comment(mine, "said in Redmine")
    other = there.comment(theirs, "said over there")
    await link.settle()
    assert _words(here, mine) == _words(there, theirs) == {"said in Redmine", "said over there"}

    here.edit_comment(mine, one, "said better in Redmine")
    there.edit_comment(theirs, other, "said better over there")
    await link.sync(full=True)
    await link.settle()
    assert _words(here, mine) == _words(there, theirs) == {"said better in Redmine", "said better over there"}

    here.delete_comment(mine, one)
    there.delete_comment(theirs, other)
    await link.sync(full=True)
    await link.settle()
    assert _words(here, mine) == _words(there, theirs) == set()


async def test_time_is_logged_changed_moved_and_deleted_both_ways(link: Link) -> None:
    here, there = link.left, link.right
    first = here.create("First")
    second = here.create("Second")
    await link.settle()
    partner = dict(link.pairs())
    one = here.log_time(first, 5400, on="2026-11-19", note="in Redmine")
    other = there.log_time(partner[first], 3600, on="2026-11-20", note="over there")
    await link.settle()
    assert _spent(here) == {(first, "2026-11-19", 5400), (first, "2026-11-20", 3600)}
    assert _spent(there) == {(partner[first], "2026-11-19", 5400), (partner[first], "2026-11-20", 3600)}

    here.edit_time(one, seconds=7200)
    there.edit_time(other, seconds=1800)
    await link.settle()
    assert _spent(here) == {(first, "2026-11-19", 7200), (first, "2026-11-20", 1800)}
    assert _spent(there) == {(partner[first], "2026-11-19", 7200), (partner[first], "2026-11-20", 1800)}

    here.move_time(one, second)
    await link.sync(full=True)
    await link.settle()
    assert _spent(here) == {(second, "2026-11-19", 7200), (first, "2026-11-20", 1800)}
    assert _spent(there) == {(partner[second], "2026-11-19", 7200), (partner[first], "2026-11-20", 1800)}

    here.delete_time(one)
    there.delete_time(other)
    await link.sync(full=True)
    await link.settle()
    assert _spent(here) == _spent(there) == set()


async def test_parents_and_blocks_go_both_ways(tmp_path: Path, real: Real) -> None:
    with Link(tmp_path, real, "jira") as link:
        here, there = link.left, link.right
        parent = here.create("Parent")
        child = here.create("Child", parent=parent)
        blocker = there.create("Blocker")
        await link.settle()
        partner = dict(link.pairs())
        back = {other: item for item, other in partner.items()}
        assert there.task(partner[child])["parent"] == partner[parent]

        here.edit(parent, blocks={back[blocker]})
        theirs = there.create("Child of the other side", parent=partner[parent])
        await link.settle()
        back = {other: item for item, other in link.pairs()}
        assert there.task(partner[parent])["blocks"] == {blocker}
        assert here.task(back[theirs])["parent"] == parent

        there.edit(partner[parent], blocks=set())
        there.edit(blocker, blocks={theirs})
        await link.settle()
        assert here.task(parent)["blocks"] == set()
        assert here.task(back[blocker])["blocks"] == {back[theirs]}


async def test_what_was_deleted_on_one_side_is_deleted_or_closed_on_the_other(link: Link) -> None:
    here, there = link.left, link.right
    mine, theirs = here.create("Goes in Redmine"), here.create("Goes over there")
    await link.settle()
    partner = dict(link.pairs())

    here.delete(mine)
    there.delete(partner[theirs])
    await link.sync(full=True)
    await link.settle()

    for side in (here, there):
        assert [row["title"] for row in side.tasks().values() if not row["is_closed"]] == []


def _words(side: Any, item: str) -> set[str]:
    """What was said, without bylines and what the dialect puts around it."""
    known = {"said in Redmine", "said over there", "said better in Redmine", "said better over there"}
    rows = [str(row["text"]) for row in side.comments(item).values()]
    found = [[words for words in known if words in text] for text in rows]
    assert all(len(each) == 1 for each in found), rows
    assert len({each[0] for each in found}) == len(found), rows
    return {each[0] for each in found}


def _spent(side: Any) -> set[tuple[str, str, int]]:
    rows = [(row["task"], row["on"], row["seconds"]) for row in side.times().values()]
    assert len(set(rows)) == len(rows), "an entry stands twice"
    return set(rows)
