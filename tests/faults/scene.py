"""A day's work on both sides, and whether everything that was promised of it was kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from faults.hours import Weathered

from bridge.engine.report import RunReport
from bridge.sandbox.server import Sandbox

PEOPLE = ("alice", "sam@example.com")
LATER_S = 2 * 3600


@dataclass(frozen=True, slots=True, order=True)
class Seen:
    """One item as a person sees it, on either side."""

    title: str
    text: str = ""
    is_done: bool = False
    labels: tuple[str, ...] = ()


class Scene:
    """Four pairs made from issues and four from tasks; then somebody edits each of them, and makes two new ones."""

    def __init__(self, world: Weathered) -> None:
        self.world = world
        self.tasks: dict[str, str] = {}

    async def begin(self) -> None:
        world = self.world
        world.artala.seed(labels=[{"name": "bug"}])
        for place in range(1, 5):
            world.new_issue(f"Pump {place}", "It leaks.")
            world.new_task(f"Fence {place}", "It rusts.")
        await world.sync()
        self.tasks = {task["Title"]: task["Id"] for task in world.tasks()}
        self.begun = {box.tracker.name: len(box.log) for box in (world.artala, world.github)}

    def work(self) -> None:
        """What people do while the weather turns."""
        world = self.world
        world.edit_issue(1, title="Pump 1 mended")
        world.edit_issue(2, body="It drips.")
        world.edit_issue(3, state="closed")
        world.edit_issue(4, labels=["bug"])
        world.edit_task(self.tasks["Fence 1"], title="Fence 1 painted")
        world.edit_task(self.tasks["Fence 2"], description="It is green.")
        world.move_task(self.tasks["Fence 3"], "Done")
        world.label_task(self.tasks["Fence 4"], "bug")
        world.new_issue("Roof", "It is open.", labels=["bug"])
        world.new_task("Door", "It is shut.", status="Done")

    wanted = sorted(
        [
            Seen("Pump 1 mended", "It leaks."),
            Seen("Pump 2", "It drips."),
            Seen("Pump 3", "It leaks.", is_done=True),
            Seen("Pump 4", "It leaks.", labels=("bug",)),
            Seen("Fence 1 painted", "It rusts."),
            Seen("Fence 2", "It is green."),
            Seen("Fence 3", "It rusts.", is_done=True),
            Seen("Fence 4", "It rusts.", labels=("bug",)),
            Seen("Roof", "It is open.", labels=("bug",)),
            Seen("Door", "It is shut.", is_done=True),
        ]
    )

    def on_github(self) -> list[Seen]:
        return issues_of(self.world)

    def on_artala(self) -> list[Seen]:
        return tasks_of(self.world)

    async def kept(self, *, later_s: float = LATER_S) -> RunReport:
        """The fault is gone: everything is where it belongs, once, after two runs, and a third writes nothing."""
        for box in (self.world.artala, self.world.github):
            box.faults.clear()
        self.world.hours.go_by(later_s)
        report = await self.world.settle()

        assert report.error == ""
        assert self.on_github() == self.wanted
        assert self.on_artala() == self.wanted
        assert (self.ours(self.world.github, "create"), self.ours(self.world.artala, "create")) == (1, 1)
        assert nothing_was_deleted(self.world)
        assert report.exit_code == 0
        return report

    def ours(self, box: Sandbox, verb: str) -> int:
        """Accepted writes of Bridge since the work began."""
        since = box.log[self.begun[box.tracker.name] :]
        return sum(entry.verb == verb and entry.author not in PEOPLE for entry in since)


def nothing_was_deleted(world: Weathered) -> bool:
    return not any(entry.verb == "delete" for box in (world.artala, world.github) for entry in box.log)


def issues_of(world: Weathered) -> list[Seen]:
    found = []
    for page in range(1, 100):
        _, rows = world.github.call(
            "GET", f"/repos/acme/app/issues?state=all&per_page=100&page={page}&direction=asc", who="alice"
        )
        found += rows
        if len(rows) < 100:
            break
    return sorted(
        Seen(row["title"], _text(row["body"]), row["state"] == "closed", _names(row["labels"])) for row in found
    )


def tasks_of(world: Weathered) -> list[Seen]:
    return sorted(
        Seen(row["Title"], _text(row["Description"]), row["Status"] == "Done", tuple(world.labels_of(row["Id"])))
        for row in world.tasks()
    )


def _text(words: str | None) -> str:
    return re.sub(r"<!--.*?-->", "", words or "").strip()


def _names(labels: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(label["name"] for label in labels))
