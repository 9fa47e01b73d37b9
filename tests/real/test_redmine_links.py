"""A real Redmine kept in step with the sandbox of another tracker, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from real.redmine import Real
from real.redmine_people import People
from trackers.between import Between


class Link(Between):
    """The left side is real: what settled is proved by its own database."""

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


@pytest.fixture(params=["github", "jira"])
def link(request: pytest.FixtureRequest, tmp_path: Path, real: Real):
    with Link(tmp_path, People(real), request.param) as world:
        yield world


async def test_tasks_are_made_and_edited_both_ways(link):
    here, there = link.left, link.right
    mine = here.create("From Redmine", description="h1. Words\n\nwith *weight*")
    theirs = there.create("From the other side")
    await link.settle()
    partners = dict(link.pairs())
    assert partners[mine]
    there.edit(partners[mine], title="Renamed on the other side")
    back = {other: item for item, other in partners.items()}[theirs]
    here.edit(back, title="Renamed in Redmine")
    await link.settle()
    assert here.task(mine)["title"] == "Renamed on the other side"
    assert there.task(theirs)["title"] == "Renamed in Redmine"
