"""A GitHub that others wrote, kept in step with sandboxes of ours, both ways: with our GitHub, with Artala, with Jira.

Where it is not GitHub (every PATCH moves ``updated_at``, times have milliseconds, no ETag, no sub-issues and
dependencies) the promises hold all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real.emulate import GithubEmulator
from real.github_people import People
from real.killing import killed_at
from trackers.between import Between


class Link(Between):
    """The left side is the emulator: what settled is proved by what it tells of each issue and comment."""

    def __init__(self, folder: Path, server: GithubEmulator, other: str) -> None:
        super().__init__(folder, People(server), other)
        if self.right.TYPE == "github":
            self.kinds.append("label")

    async def settle(self) -> Any:
        await self.sync()
        await self.sync()
        before, writes = self.left.evidence(), self.writes()
        report = await self.sync()
        assert report.state == "done", report.error
        assert self.left.evidence() == before, "a settled run changed something in the emulator"
        assert self.writes() == writes, "a settled run wrote"
        assert report.counts["parked"] == 0, report
        return report

    async def a_pair(self, title: str = "Login form") -> tuple[str, str]:
        mine = self.left.create(title, description="As it is.")
        await self.settle()
        return mine, dict(self.pairs())[mine]


@pytest.fixture(params=["github", "artala", "jira"])
def link(request: pytest.FixtureRequest, tmp_path: Path, emulator: GithubEmulator) -> Iterator[Link]:
    with Link(tmp_path, emulator, request.param) as world:
        yield world


async def test_the_live_check_of_the_link_has_no_errors(link: Link) -> None:
    found = await link.check(live=True)

    assert [each for each in found if each.level == "error"] == []


async def test_tasks_are_made_on_both_sides(link: Link) -> None:
    mine = link.left.create("From the emulator", description="Some *words*.\n\n- one\n- two", labels={"bug", "ui"})
    theirs = link.right.create("From there", description=None)
    await link.settle()

    partners = dict(link.pairs())
    assert set(partners) == {mine, *partners}
    assert theirs in partners.values()
    assert link.right.task(partners[mine])["marker"] == f"left {link.left.container}#{mine}"
    back = next(item for item, other in partners.items() if other == theirs)
    assert link.left.task(back)["marker"] == f"right {link.right.container}#{theirs}"
    if "labels" in link.both:
        assert link.right.task(partners[mine])["labels"] == {"bug", "ui"}


async def test_edits_closing_and_reopening_go_both_ways(link: Link) -> None:
    here, there = link.left, link.right
    mine, theirs = await link.a_pair()

    here.edit(mine, title="Renamed in the emulator")
    there.close(theirs)
    await link.settle()
    assert there.task(theirs)["title"] == "Renamed in the emulator"
    assert here.task(mine)["is_closed"]

    there.edit(theirs, title="Renamed there")
    here.reopen(mine)
    await link.settle()
    assert here.task(mine)["title"] == "Renamed there"
    assert not there.task(theirs)["is_closed"]

    here.close(mine)
    await link.settle()
    assert there.task(theirs)["is_closed"]
    there.reopen(theirs)
    await link.settle()
    assert not here.task(mine)["is_closed"]


async def test_labels_of_both_sides_are_put_together(link: Link) -> None:
    if "labels" not in link.both:
        pytest.skip("the other side has no labels that people give")
    mine, theirs = await link.a_pair()
    for side, item in ((link.left, mine), (link.right, theirs)):
        side.edit(item, labels={"bug", "docs", "ui"})
        side.edit(item, labels={"docs"})
    await link.settle()

    link.left.edit(mine, labels={"docs", "bug"})
    link.right.edit(theirs, labels={"ui"})
    await link.settle()

    assert link.left.task(mine)["labels"] == link.right.task(theirs)["labels"] == {"bug", "ui"}


async def test_comments_are_carried_edited_and_deleted_both_ways(link: Link) -> None:
    if "comment" not in link.both:
        pytest.skip("the other side has no comments")
    here, there = link.left, link.right
    mine, theirs = await link.a_pair()
    one = here.comment(mine, "said in the emulator")
    other = there.comment(theirs, "said over there")
    await link.settle()
    assert _words(here, mine) == _words(there, theirs) == ["said in the emulator", "said over there"]

    here.edit_comment(mine, one, "said better in the emulator")
    await link.settle()
    assert _words(here, mine) == _words(there, theirs) == ["said better in the emulator", "said over there"]

    if "delete-comment" in link.both:
        here.delete_comment(mine, one)
        there.delete_comment(theirs, other)
        await link.sync(full=True)
        await link.settle()
        assert _words(here, mine) == _words(there, theirs) == []


async def test_time_in_comments_goes_both_ways(link: Link) -> None:
    if "time" not in link.both:
        pytest.skip("the other side has no time entries")
    mine, theirs = await link.a_pair()
    one = link.left.log_time(mine, 5400, on="2026-11-19", note="in the emulator")
    link.right.log_time(theirs, 3600, on="2026-11-20", note="over there")
    await link.settle()
    assert _spent(link.left) == _spent(link.right) == [("2026-11-19", 5400), ("2026-11-20", 3600)]

    if link.right.TYPE != "artala":  # its API changes no entry
        link.left.edit_time(one, seconds=7200)
        await link.settle()
        assert _spent(link.left) == _spent(link.right) == [("2026-11-19", 7200), ("2026-11-20", 3600)]


async def test_a_run_that_was_killed_leaves_nothing_twice(tmp_path: Path, emulator: GithubEmulator) -> None:
    with Link(tmp_path, emulator, "github") as link:
        await link.settle()
        for fault in ("hold", "hold_reply"):
            for after in range(2):
                item = link.right.create(f"{fault} {after}", labels={"bug"})
                link.right.comment(item, "said over there")
                assert killed_at(link, fault, after)

        await link.settle()

        assert len(link.pairs()) == 4
        for mine, _ in link.pairs():
            assert _words(link.left, mine) == ["said over there"]


def _words(side: Any, item: str) -> list[str]:
    """What was said, without bylines and what the dialect puts around it."""
    known = ("said in the emulator", "said over there", "said better in the emulator")
    return sorted(next(one for one in known if one in str(row["text"])) for row in side.comments(item).values())


def _spent(side: Any) -> list[tuple[str, int]]:
    return sorted((row["on"], row["seconds"]) for row in side.times().values())
