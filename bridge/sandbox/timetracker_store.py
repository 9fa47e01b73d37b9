"""What the TimeTracker sandbox remembers: clients, projects, tasks, time entries, comments, people, columns, the audit log."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.sandbox.faults import Fault

HISTORY = 20_000


@dataclass(frozen=True, slots=True)
class User:
    """``token`` is the one API token of this person, ``scopes`` what it may do."""

    id: int
    username: str
    token: str
    scopes: tuple[str, ...]
    role: str = "user"
    email: str | None = None
    is_active: bool = True

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


@dataclass(frozen=True, slots=True)
class Client:
    """A client; instants are epoch seconds with a fraction everywhere in this module."""

    id: int
    name: str
    created_at: float
    updated_at: float
    email: str | None = None
    custom_fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    name: str
    client_id: int
    created_at: float
    updated_at: float
    code: str | None = None
    description: str | None = None
    billable: bool = True
    hourly_rate: float | None = None
    status: str = "active"
    archived_at: float | None = None


@dataclass(frozen=True, slots=True)
class Task:
    id: int
    project_id: int
    name: str
    created_by: int
    created_at: float
    updated_at: float
    description: str | None = None
    status: str = "todo"
    priority: str = "medium"
    assigned_to: int | None = None
    due_date: str | None = None
    estimated_hours: float | None = None
    tags: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A time entry. ``start`` and ``end`` are the digits as the database keeps them, without a zone."""

    id: int
    user_id: int
    project_id: int | None
    start: str
    end: str | None
    created_at: float
    updated_at: float
    task_id: int | None = None
    notes: str | None = None
    tags: str | None = None
    billable: bool = True
    paid: bool = False
    break_seconds: int = 0
    source: str = "manual"


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    user_id: int
    content: str
    created_at: float
    updated_at: float
    task_id: int | None = None
    project_id: int | None = None
    parent_id: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the kanban board: what a status may be."""

    id: int
    key: str
    label: str
    position: int
    is_complete_state: bool = False
    project_id: int | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    id: int
    name: str
    url: str
    secret: str
    events: tuple[str, ...]
    user_id: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Audit:
    """One row of the audit log."""

    id: int
    user_id: int | None
    entity_type: str
    entity_id: int
    entity_name: str
    action: str
    created_at: float
    field_name: str | None = None
    old_value: str | None = None
    new_value: str | None = None
    user_agent: str = ""
    request_path: str = ""


TABLES: dict[str, Any] = {
    "users": User,
    "clients": Client,
    "projects": Project,
    "tasks": Task,
    "entries": Entry,
    "comments": Comment,
    "columns": Column,
    "hooks": Hook,
}


@dataclass(slots=True)
class TimeTrackerStore:
    """The whole installation. ``replies`` are the answers kept for idempotency keys; ``lists`` counts the lists answered."""

    users: dict[int, User] = field(default_factory=dict)
    clients: dict[int, Client] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    columns: dict[int, Column] = field(default_factory=dict)
    hooks: dict[int, Hook] = field(default_factory=dict)
    audit: list[Audit] = field(default_factory=list)
    replies: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    history: deque[tuple[float, int, str, int, Any]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    lists: int = 0

    def number(self, table: str) -> int:
        """The next id of a table; ids are never used again."""
        self.numbers[table] = max(self.numbers.get(table, 0), *getattr(self, table), 0) + 1
        return self.numbers[table]

    def put(self, table: str, row: Any, at: float) -> Any:
        """Store a new or changed row and note what it was."""
        rows = getattr(self, table)
        self.history.append((at, self.lists, table, row.id, rows.get(row.id)))
        rows[row.id] = row
        return row

    def drop(self, table: str, row: Any, at: float) -> None:
        self.history.append((at, self.lists, table, row.id, row))
        del getattr(self, table)[row.id]

    def as_of(self, table: str, fault: Fault, now: float) -> dict[int, Any]:
        """The rows of a table as they were as long ago as the fault says."""
        rows = dict(getattr(self, table))
        changes = [change for change in reversed(self.history) if change[2] == table]
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
        return state | {
            "audit": [asdict(row) for row in self.audit],
            "replies": self.replies,
            "numbers": self.numbers,
        }

    def load(self, state: dict[str, Any]) -> None:
        for name, table in TABLES.items():
            rows = [table(**{key: _frozen(value) for key, value in row.items()}) for row in state[name]]
            setattr(self, name, {row.id: row for row in rows})
        self.audit = [Audit(**row) for row in state["audit"]]
        self.replies, self.numbers = dict(state["replies"]), dict(state["numbers"])
        self.history.clear()


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
