"""What the Gipo sandbox remembers: one organization with workspaces, projects, tasks, subtasks, time entries and registries."""

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
    """A member: ``id`` is the user's, ``membership`` the membership's. ``role`` is owner, admin or member."""

    id: str
    membership: str
    name: str
    email: str
    role: str
    created_at: int
    is_banned: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """An API key; ``expires_at`` in epoch milliseconds."""

    user: str
    expires_at: int
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    id: str
    workspace: str
    name: str
    sort_order: int
    is_finalizing: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A workspace, a tag or a task type."""

    id: str
    name: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Project:
    id: str
    name: str
    created_at: int
    updated_at: int
    description: str | None = None
    client: str | None = None
    status: str = "notStarted"
    expected_end: int | None = None
    finalized_at: int | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """Instants are epoch milliseconds; ``assignees`` are ids of users, ``tags`` of tags."""

    id: str
    workspace: str
    stage: str
    subject: str
    created_at: int
    updated_at: int
    description: str | None = None
    priority: str = "normal"
    project: str | None = None
    task_type: str | None = None
    start: int | None = None
    end: int | None = None
    hours: float | None = None
    finalized_at: int | None = None
    assignees: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sort_order: int = 0


@dataclass(frozen=True, slots=True)
class Subtask:
    id: str
    task: str
    group: str
    name: str
    created_at: int
    updated_at: int
    description: str | None = None
    sort_order: int = 0
    finalized_at: int | None = None
    assignees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A time entry. ``seconds`` is None while its timer runs."""

    id: str
    user: str
    started_at: int
    seconds: int | None
    created_at: int
    updated_at: int
    task: str | None = None
    subtask: str | None = None
    description: str | None = None
    source: str = "manual"
    auto_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What a creating POST with this Idempotency-Key was answered, for the same body."""

    path: str
    body: str
    status: int
    content: str
    at: float


TABLES: dict[str, Any] = {
    "users": User,
    "keys": Key,
    "workspaces": Named,
    "stages": Stage,
    "tags": Named,
    "types": Named,
    "projects": Project,
    "tasks": Task,
    "trash": Task,
    "subtasks": Subtask,
    "entries": Entry,
    "past": Entry,
    "answered": Answered,
}


@dataclass(slots=True)
class GipoStore:
    """The organization. ``trash`` keeps deleted tasks, ``past`` deleted entries: a cursor may still name them.

    ``history`` notes what a row was before a change: when, after how many lists, table, id, row or None.
    """

    users: dict[str, User] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    workspaces: dict[str, Named] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)
    tags: dict[str, Named] = field(default_factory=dict)
    types: dict[str, Named] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    trash: dict[str, Task] = field(default_factory=dict)
    subtasks: dict[str, Subtask] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    past: dict[str, Entry] = field(default_factory=dict)
    answered: dict[str, Answered] = field(default_factory=dict)
    history: deque[tuple[float, int, str, str, Any]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    lists: int = 0

    def put(self, table: str, row: Any, at: float) -> Any:
        """Store a new or changed row and note what it was."""
        rows = getattr(self, table)
        self.history.append((at, self.lists, table, row.id, rows.get(row.id)))
        rows[row.id] = row
        return row

    def drop(self, table: str, row: Any, at: float) -> None:
        self.history.append((at, self.lists, table, row.id, row))
        del getattr(self, table)[row.id]

    def as_of(self, table: str, fault: Fault | None, now: float) -> dict[str, Any]:
        """The rows of a table, as they were as long ago as the fault says."""
        rows = dict(getattr(self, table))
        if fault is None:
            return rows
        changes = [one for one in reversed(self.history) if one[2] == table]
        for undone, (at, lists, _, row_id, before) in enumerate(changes):
            if not fault.is_late(at, now, lists=self.lists - lists, undone=undone):
                break
            if not re.search(fault.item, row_id):
                continue
            if before is None:
                rows.pop(row_id, None)
            else:
                rows[row_id] = before
        return rows

    def stages_of(self, workspace: str) -> list[Stage]:
        return sorted(
            (row for row in self.stages.values() if row.workspace == workspace), key=lambda row: row.sort_order
        )

    def dump(self) -> dict[str, Any]:
        return {name: {key: asdict(row) for key, row in getattr(self, name).items()} for name in TABLES}

    def load(self, state: dict[str, Any]) -> None:
        for name, table in TABLES.items():
            rows = {
                key: table(**{member: tuple(v) if isinstance(v, list) else v for member, v in row.items()})
                for key, row in state[name].items()
            }
            setattr(self, name, rows)
        self.history.clear()
