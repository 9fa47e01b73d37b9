"""What the Workestra sandbox remembers: one workspace with projects, tasks, people and keys."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.sandbox.faults import Fault

HISTORY = 50_000
PRIORITIES = ("low", "normal", "high", "urgent")
PROJECT_STATUSES = ("active", "paused", "completed", "cancelled")
STATUSES = ("backlog", "todo", "in_progress", "in_review", "done", "cancelled")
DONE = ("done", "cancelled")
ROLES = ("Viewer", "Member", "Lead")


@dataclass(frozen=True, slots=True)
class Task:
    """One task. Instants are epoch milliseconds; ``number`` says in which order tasks were made."""

    id: str
    project_id: str
    number: int
    title: str
    created_at: int
    updated_at: int
    description: str | None = None
    status: str = "todo"
    priority: str = "normal"
    assignee_id: str | None = None
    labels: tuple[str, ...] = ()
    custom_fields: tuple[tuple[str, Any], ...] = ()
    due_date: str | None = None
    estimate_hours: float | None = None
    deleted_at: int | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """``roles`` are (person, role) pairs; who has none does not see it. ``statuses``: the first is that of a new task."""

    id: str
    name: str
    description: str | None = None
    status: str = "active"
    priority: str = "normal"
    target_date: str | None = None
    statuses: tuple[str, ...] = ("todo", *(name for name in STATUSES if name != "todo"))
    labels: tuple[str, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    created_at: int = 0
    deleted_at: int | None = None

    def role(self, who: str) -> str | None:
        return dict(self.roles).get(who)


@dataclass(slots=True)
class WorkestraStore:
    """The workspace. ``fields`` are the custom fields by key: text or number. ``lists`` counts the lists answered."""

    tasks: dict[str, Task] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    made: int = 0
    lists: int = 0
    history: deque[tuple[float, int, str, Task | None]] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def next_number(self) -> int:
        self.made += 1
        return self.made

    def put(self, task: Task, at: float) -> Task:
        """Store a new or changed task and note what it was."""
        self.history.append((at, self.lists, task.id, self.tasks.get(task.id)))
        self.tasks[task.id] = task
        return task

    def drop(self, task_id: str) -> None:
        """Delete for good."""
        del self.tasks[task_id]

    def as_of(self, fault: Fault, now: float) -> dict[str, Task]:
        """The tasks as they were as long ago as the fault says."""
        rows = dict(self.tasks)
        for undone, (at, lists, task_id, before) in enumerate(reversed(self.history)):
            if not fault.is_late(at, now, lists=self.lists - lists, undone=undone):
                break
            if not re.search(fault.item, task_id):
                continue
            if before is None:
                rows.pop(task_id, None)
            else:
                rows[task_id] = before
        return rows

    def dump(self) -> dict[str, Any]:
        return {
            "tasks": [asdict(task) for task in self.tasks.values()],
            "projects": [asdict(project) for project in self.projects.values()],
            "people": self.people,
            "tokens": self.tokens,
            "fields": self.fields,
            "made": self.made,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.tasks = {
            row["id"]: Task(**row | {"labels": tuple(row["labels"]), "custom_fields": _pairs(row["custom_fields"])})
            for row in state["tasks"]
        }
        self.projects = {
            row["id"]: Project(
                **row
                | {"statuses": tuple(row["statuses"]), "labels": tuple(row["labels"]), "roles": _pairs(row["roles"])}
            )
            for row in state["projects"]
        }
        self.people, self.tokens = dict(state["people"]), dict(state["tokens"])
        self.fields, self.made = dict(state["fields"]), int(state["made"])
        self.history.clear()


def _pairs(rows: list[list[Any]]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, value) for name, value in rows)
