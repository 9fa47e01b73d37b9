"""What the Artala sandbox remembers: one workspace with boards, tasks, labels, fields, comments, time and hooks."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.sandbox.faults import Fault

HISTORY = 50_000
PRIORITIES = ("Critical", "High", "Medium", "Low", "None")


@dataclass(frozen=True, slots=True)
class Task:
    """One task. Instants are epoch milliseconds; ``values`` are (field id, text) pairs; ``effort`` story points."""

    id: str
    board_id: str
    title: str
    created_at: int
    updated_at: int
    description: str | None = None
    assignee_id: str | None = None
    priority: int = 2
    due_date: int | None = None
    start_date: int | None = None
    effort: int | None = None
    cover_color: str | None = None
    status: str = "To Do"
    external_id: str | None = None
    external_source: str | None = None
    is_backlog: bool = False
    is_archived: bool = False
    completed_at: int | None = None
    labels: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    sort_order: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    id: str
    full_name: str
    email: str
    role: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Board:
    """``members`` limits who sees a private board; Owners and Admins see all."""

    id: str
    name: str
    created_at: int
    updated_at: int
    description: str | None = None
    is_private: bool = False
    is_archived: bool = False
    is_backlog: bool = False
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    id: str
    name: str
    color: str = "#9E9E9E"
    sort_order: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    id: str
    name: str
    color: str = "#9E9E9E"
    is_default: bool = False
    is_done: bool = False
    sort_order: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """A custom field; ``options`` are the choices of a Choice field."""

    id: str
    name: str
    type: str = "Text"
    options: tuple[str, ...] = ()
    is_required: bool = False
    sort_order: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """A checklist item."""

    id: str
    task_id: str
    title: str
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    id: str
    task_id: str
    author_id: str
    content: str
    created_at: int
    parent_id: str | None = None
    is_edited: bool = False


@dataclass(frozen=True, slots=True)
class TimeEntry:
    """``hours`` in quarter steps; ``logged_on`` a date."""

    id: str
    task_id: str
    user_id: str
    logged_on: str
    hours: float
    created_at: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    id: str
    name: str
    url: str
    secret: str
    events: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Audit:
    """One row of TaskHistory."""

    id: str
    task_id: str
    field: str
    old: str | None
    new: str | None
    by_id: str
    at: int


TABLES: dict[str, Any] = {
    "boards": Board,
    "members": Member,
    "labels": Label,
    "statuses": Status,
    "fields": Field,
    "items": Item,
    "comments": Comment,
    "time": TimeEntry,
    "hooks": Hook,
}


@dataclass(slots=True)
class ArtalaStore:
    """The workspace. ``version`` moves with every change, ``decor`` with what alters how tasks look; ``lists``
    counts the feeds that were answered; ``approved`` are weeks by member and Monday.
    """

    tasks: dict[str, Task] = field(default_factory=dict)
    boards: dict[str, Board] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    fields: dict[str, Field] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    comments: dict[str, Comment] = field(default_factory=dict)
    time: dict[str, TimeEntry] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    blockers: dict[tuple[str, str], int] = field(default_factory=dict)
    audit: list[Audit] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    approved: set[tuple[str, str]] = field(default_factory=set)
    by_update: list[tuple[int, str]] = field(default_factory=list)
    history: deque[tuple[float, int, str, Task | None]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    lists: int = 0
    version: int = 0
    decor: int = 0

    def put(self, task: Task, at: float) -> Task:
        """Store a new or changed task and note what it was."""
        before = self.tasks.get(task.id)
        if before is not None:
            del self.by_update[bisect_left(self.by_update, (before.updated_at, before.id))]
        self.tasks[task.id] = task
        insort(self.by_update, (task.updated_at, task.id))
        self.history.append((at, self.lists, task.id, before))
        self.version += 1
        return task

    def put_many(self, tasks: list[Task]) -> None:
        """Store many new tasks at once, without history."""
        self.tasks |= {task.id: task for task in tasks}
        self.by_update = sorted((task.updated_at, task.id) for task in self.tasks.values())
        self.version += 1

    def drop(self, task: Task, at: float) -> None:
        """Delete for good, with checklist, comments, time and blockers."""
        del self.tasks[task.id]
        del self.by_update[bisect_left(self.by_update, (task.updated_at, task.id))]
        self.history.append((at, self.lists, task.id, task))
        for name in ("items", "comments", "time"):
            rows = getattr(self, name)
            for key in [key for key, row in rows.items() if row.task_id == task.id]:
                del rows[key]
        self.blockers = {pair: at_ms for pair, at_ms in self.blockers.items() if task.id not in pair}
        self.version += 1

    def keep(self, table: str, row: Any) -> Any:
        """Store a row of another table under its id."""
        getattr(self, table)[row.id] = row
        self.version += 1
        self.decor += 1
        return row

    def remove(self, table: str, row_id: str) -> None:
        del getattr(self, table)[row_id]
        self.version += 1
        self.decor += 1

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
        state: dict[str, Any] = {name: [asdict(row) for row in getattr(self, name).values()] for name in TABLES}
        return state | {
            "tasks": [asdict(task) for task in self.tasks.values()],
            "blockers": [[*pair, at_ms] for pair, at_ms in self.blockers.items()],
            "audit": [asdict(row) for row in self.audit],
            "tokens": self.tokens,
            "approved": sorted(self.approved),
        }

    def load(self, state: dict[str, Any]) -> None:
        for name, table in TABLES.items():
            rows = [
                table(**{key: tuple(v) if isinstance(v, list) else v for key, v in row.items()}) for row in state[name]
            ]
            setattr(self, name, {row.id: row for row in rows})
        self.tasks.clear()
        self.put_many(
            [
                Task(**row | {"labels": tuple(row["labels"]), "values": tuple((a, b) for a, b in row["values"])})
                for row in state["tasks"]
            ]
        )
        self.blockers = {(blocked, blocking): at_ms for blocked, blocking, at_ms in state["blockers"]}
        self.audit = [Audit(**row) for row in state["audit"]]
        self.tokens = dict(state["tokens"])
        self.approved = {(who, monday) for who, monday in state.get("approved", ())}
        self.decor += 1
