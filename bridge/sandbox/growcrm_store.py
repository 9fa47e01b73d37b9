"""What the Grow CRM sandbox remembers: team, projects with milestones, tasks, comments and timers."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.sandbox.faults import Fault

HISTORY = 20_000


@dataclass(frozen=True, slots=True)
class Member:
    """``status`` is active, suspended or deleted; role 1 is Administrator, 3 Staff."""

    id: int
    first_name: str
    last_name: str
    email: str
    role_id: int = 3
    status: str = "active"

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class Choice:
    """A task status or a priority. ``is_completed``: a task in this status is done."""

    id: int
    title: str
    color: str = "#4f8cff"
    is_completed: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    title: str
    created_at: float
    client_id: int = 12
    client_name: str = "Acme Inc"
    status: str = "in_progress"
    active_state: str = "active"


@dataclass(frozen=True, slots=True)
class Milestone:
    """``type`` is categorised, or uncategorised for the one of each project that cannot be deleted."""

    id: int
    project_id: int
    title: str
    type: str = "categorised"


@dataclass(frozen=True, slots=True)
class Task:
    """One task. Instants are epoch seconds, dates ISO text; ``completer_id`` is not shown by the API."""

    id: int
    project_id: int
    title: str
    status_id: int
    priority_id: int
    milestone_id: int
    created_at: float
    updated_at: float
    description: str | None = None
    date_start: str | None = None
    date_due: str | None = None
    active_state: str = "active"
    client_visibility: str = "no"
    billable: str = "no"
    assigned: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    completer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    task_id: int
    creator_id: int
    text: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Timer:
    """A time entry; ``created`` is the day of the work. A running one has no end yet."""

    id: int
    task_id: int
    user_id: int
    seconds: int
    created: str
    recorded_by: int = 1
    status: str = "stopped"
    started_at: float | None = None
    stopped_at: float | None = None
    billing_status: str = "not_invoiced"
    invoice_id: int | None = None


TABLES: dict[str, Any] = {
    "team": Member,
    "statuses": Choice,
    "priorities": Choice,
    "projects": Project,
    "milestones": Milestone,
    "tasks": Task,
    "comments": Comment,
    "timers": Timer,
}


@dataclass(slots=True)
class GrowcrmStore:
    """``history`` holds each change of a listed row: when, after how many lists, which table and id, and what was before."""

    team: dict[int, Member] = field(default_factory=dict)
    statuses: dict[int, Choice] = field(default_factory=dict)
    priorities: dict[int, Choice] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)
    milestones: dict[int, Milestone] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    timers: dict[int, Timer] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    next_id: int = 100
    lists: int = 0
    history: deque[tuple[float, int, str, int, Any]] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def keep(self, table: str, row: Any, at: float) -> Any:
        """Store a row under its id."""
        rows = getattr(self, table)
        self.history.append((at, self.lists, table, row.id, rows.get(row.id)))
        rows[row.id] = row
        return row

    def remove(self, table: str, row_id: int, at: float) -> None:
        rows = getattr(self, table)
        self.history.append((at, self.lists, table, row_id, rows.pop(row_id)))

    def drop_task(self, task_id: int, at: float) -> None:
        """For good, with its comments and its time."""
        for table in ("comments", "timers"):
            for row in [row for row in getattr(self, table).values() if row.task_id == task_id]:
                self.remove(table, row.id, at)
        self.remove("tasks", task_id, at)

    def drop_project(self, project_id: int, at: float) -> None:
        """For good, with all that is in it."""
        for task in [row for row in self.tasks.values() if row.project_id == project_id]:
            self.drop_task(task.id, at)
        for row in [row for row in self.milestones.values() if row.project_id == project_id]:
            self.remove("milestones", row.id, at)
        self.remove("projects", project_id, at)

    def as_of(self, table: str, fault: Fault | None, now: float) -> dict[int, Any]:
        """A table's rows as they were as long ago as a fault ``stale`` says."""
        rows = dict(getattr(self, table))
        if fault is None:
            return rows
        changes = [entry for entry in reversed(self.history) if entry[2] == table]
        for undone, (at, lists, _, row_id, before) in enumerate(changes):
            if not fault.is_late(at, now, lists=self.lists - lists, undone=undone):
                break
            if not re.search(fault.item, str(row_id)):
                continue
            if before is None:
                rows.pop(row_id, None)
            else:
                rows[row_id] = before
        return rows

    def dump(self) -> dict[str, Any]:
        state: dict[str, Any] = {name: [asdict(row) for row in getattr(self, name).values()] for name in TABLES}
        return state | {"keys": self.keys, "next_id": self.next_id}

    def load(self, state: dict[str, Any]) -> None:
        for name, table in TABLES.items():
            rows = [
                table(**{key: tuple(v) if isinstance(v, list) else v for key, v in row.items()}) for row in state[name]
            ]
            setattr(self, name, {row.id: row for row in rows})
        self.keys, self.next_id = dict(state["keys"]), state["next_id"]
        self.history.clear()
