"""Random histories of people on both sides of a link with a real Redmine, compared with what they meant."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from real.redmine import Real
from real.redmine_people import People
from trackers.between import Between

LABELS = ("bug", "ui", "docs", "p1")
TEXTS = (
    "plain words",
    "*weight* and _stress_",
    "- one\n- two",
    "a < b & c > d",
    "Größe 10 € 🙂",
    "line\n\nother  line",
)
ROUNDS = 10


@dataclass
class Meant:
    """What people mean a task to be; ``ids`` by side."""

    title: str
    ids: dict[str, str] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    is_closed: bool = False
    due_on: str | None = None
    said: dict[str, tuple[str, str]] = field(default_factory=dict)
    spent: dict[str, tuple[str, int, str]] = field(default_factory=dict)


class History:
    def __init__(self, link: Between, seed: int) -> None:
        self.link, self.dice = link, random.Random(seed)
        self.sides = {"left": link.left, "right": link.right}
        self.tasks: list[Meant] = []
        self.number = 0
        self.story: list[str] = []

    def fresh(self, what: str) -> str:
        self.number += 1
        return f"{what} {self.number:03d}"

    async def play(self) -> None:
        for _ in range(ROUNDS):
            for _ in range(self.dice.randint(1, 5)):
                self.deed()
            await self.link.sync(full=self.dice.random() < 0.2)
            self.learn()
        await self.link.sync(full=True)
        await self.link.settle()
        self.learn()

    def deed(self) -> None:
        """Something on one side; what was made on the other since the last run is not known here."""
        name = self.dice.choice(("left", "right"))
        people = self.sides[name]
        known = [task for task in self.tasks if name in task.ids]
        if len(known) < 3 or self.dice.random() < 0.1:
            task = Meant(self.fresh("task"), labels=set(self.dice.sample(LABELS, self.dice.randint(0, 2))))
            description = self.dice.choice(TEXTS) if name == "left" else None
            task.ids[name] = people.create(task.title, labels=task.labels, description=description)
            self.tasks.append(task)
            self.story.append(f"{name} creates {task.title} {sorted(task.labels)}")
            return
        task = self.dice.choice([each for each in known if getattr(each, "by", name) == name] or known)
        deeds = ("title", "labels", "toggle", "due", "say", "reword", "unsay", "log", "relog", "unlog", "move")
        deed = self.dice.choice(deeds)
        self.story.append(f"{name} {deed} {task.title}")
        getattr(self, f"_{deed}")(name, people, task, known)

    def _may(self, name: str, task: Meant, what: str) -> bool:
        """One side only touches a field between two runs: two would be a conflict, which is another test."""
        return self.touched.setdefault((task.title.split()[1], what), name) == name

    @property
    def touched(self) -> dict[Any, str]:
        return self.__dict__.setdefault("_touched", {})

    def _title(self, name: str, people: Any, task: Meant, _known: Any) -> None:
        if self._may(name, task, "title"):
            task.title = f"task {task.title.split()[1]} {self.fresh('renamed')}"
            people.edit(task.ids[name], title=task.title)

    def _labels(self, name: str, people: Any, task: Meant, _known: Any) -> None:
        if self._may(name, task, "labels"):
            task.labels = set(self.dice.sample(LABELS, self.dice.randint(0, 3)))
            people.edit(task.ids[name], labels=task.labels)

    def _toggle(self, name: str, people: Any, task: Meant, _known: Any) -> None:
        if self._may(name, task, "status"):
            task.is_closed = not task.is_closed
            (people.close if task.is_closed else people.reopen)(task.ids[name])

    def _due(self, name: str, people: Any, task: Meant, _known: Any) -> None:
        if self._may(name, task, "due"):
            task.due_on = self.dice.choice((None, "2026-12-24", "2027-01-31"))
            people.edit(task.ids[name], due_on=task.due_on)

    def _say(self, name: str, people: Any, task: Meant, _known: Any) -> None:
        text = self.fresh("words")
        task.said[text] = (name, people.comment(task.ids[name], text))

    def _reword(self, name: str, people: Any, task: Meant, _known: Any) -> None:
        if mine := [text for text, (side, _) in task.said.items() if side == name]:
            old = self.dice.choice(mine)
            side, item = task.said.pop(old)
            text = self.fresh("words")
            people.edit_comment(task.ids[name], item, text)
            task.said[text] = (side, item)

    def _unsay(self, name: str, people: Any, task: Meant, _known: Any) -> None:
        if mine := [text for text, (side, _) in task.said.items() if side == name]:
            people.delete_comment(task.ids[name], task.said.pop(self.dice.choice(mine))[1])

    def _log(self, name: str, people: Any, task: Meant, _known: Any) -> None:
        note, seconds = self.fresh("note"), self.dice.randint(1, 30) * 900
        task.spent[note] = (name, seconds, people.log_time(task.ids[name], seconds, on="2026-11-19", note=note))

    def _relog(self, name: str, people: Any, task: Meant, _known: Any) -> None:
        if mine := [note for note, (side, *_) in task.spent.items() if side == name]:
            note, seconds = self.dice.choice(mine), self.dice.randint(1, 30) * 900
            people.edit_time(task.spent[note][2], seconds=seconds)
            task.spent[note] = (name, seconds, task.spent[note][2])

    def _unlog(self, name: str, people: Any, task: Meant, _known: Any) -> None:
        if mine := [note for note, (side, *_) in task.spent.items() if side == name]:
            people.delete_time(task.spent.pop(self.dice.choice(mine))[2])

    def _move(self, name: str, people: Any, task: Meant, known: list[Meant]) -> None:
        mine = [note for note, (side, *_) in task.spent.items() if side == name]
        if mine and name == "left":
            note, other = self.dice.choice(mine), self.dice.choice(known)
            people.move_time(task.spent[note][2], other.ids[name])
            other.spent[note] = task.spent.pop(note)

    def learn(self) -> None:
        """After a run everybody sees everything; which record is which is told by the number in its title."""
        self.touched.clear()
        for name, people in self.sides.items():
            by_number = {row["title"].split()[1]: item for item, row in people.tasks().items()}
            assert len(by_number) == len(people.tasks()), "a task stands twice"
            for task in self.tasks:
                task.ids[name] = by_number[task.title.split()[1]]

    def compare(self) -> None:
        for name, people in self.sides.items():
            tasks, entries = people.tasks(), people.times()
            assert len(tasks) == len(self.tasks)
            for task in self.tasks:
                row = tasks[task.ids[name]]
                shown = (row["title"], set(row["labels"]), row["is_closed"], row["due_on"])
                assert shown == (task.title, task.labels, task.is_closed, task.due_on), name
                said = [str(each["text"]) for each in people.comments(task.ids[name]).values()]
                assert len(said) == len(task.said), (name, task.title, said, task.said)
                assert all(any(text in each for each in said) for text in task.said), (name, said, task.said)
                spent = Counter(each["seconds"] for each in entries.values() if each["task"] == task.ids[name])
                assert spent == Counter(seconds for _, seconds, _ in task.spent.values()), (name, task.title)


@pytest.mark.parametrize("seed", [int(seed) for seed in os.environ.get("REAL_SEEDS", "1").split()])
async def test_a_random_history_ends_as_people_meant_it(tmp_path: Path, real: Real, seed: int) -> None:
    with Between(tmp_path, People(real), "jira") as link:
        history = History(link, seed)
        await history.play()
        before = link.left.evidence()
        report = await link.sync()
        assert report.counts["parked"] == report.counts["conflicts_open"] == 0, history.story
        assert link.left.evidence() == before
        history.compare()
