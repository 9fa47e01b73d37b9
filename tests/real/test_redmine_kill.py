"""Bridge is killed (SIGKILL) while a write to the real Redmine is under way, again and again."""

from __future__ import annotations

from pathlib import Path

from real.killing import killed_at
from real.redmine import Real
from real.redmine_people import People
from trackers.between import Between


async def test_a_run_that_was_killed_leaves_nothing_twice_and_nothing_behind(tmp_path: Path, real: Real) -> None:
    with Between(tmp_path, People(real), "jira") as link:
        here, there = link.left, link.right
        await link.settle()
        killed: list[tuple[str, int]] = []
        for fault in ("hold", "hold_reply"):
            for after in range(4):
                title = f"{fault} {after}"
                item = there.create(title, labels={"bug"}, estimate=3600)
                there.comment(item, f"said in {title}")
                there.log_time(item, 1800, on="2026-11-19", note=title)
                if killed_at(link, fault, after):
                    killed.append((fault, after))
        assert len(killed) >= 6, killed

        await link.settle()

        partner = {other: item for item, other in link.pairs()}
        rows = here.times().values()
        for item, row in there.tasks().items():
            mine = partner[item]
            shown = here.task(mine)
            assert shown["labels"] == {"bug"}
            assert shown["estimate"] == 3600
            assert len(here.comments(mine)) == 1, row["title"]
            assert [each["seconds"] for each in rows if each["task"] == mine] == [1800], row["title"]
        assert len(there.times()) == len(there.tasks()) == 8
