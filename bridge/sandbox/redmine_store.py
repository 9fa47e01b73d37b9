"""What the Redmine sandbox remembers: projects, people with roles, issues, journals, relations and time entries."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from bridge.sandbox.faults import Fault

HISTORY = 50_000

CustomValue: TypeAlias = str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class User:
    id: int
    login: str
    firstname: str
    lastname: str
    mail: str
    is_admin: bool = False
    hides_mail: bool = True

    @property
    def name(self) -> str:
        return f"{self.firstname} {self.lastname}"


@dataclass(frozen=True, slots=True)
class Project:
    """``status`` is 1 active, 5 closed, 9 archived; ``roles`` are (user id, role) pairs."""

    id: int
    name: str
    identifier: str
    is_public: bool = False
    status: int = 1
    parent: int | None = None
    roles: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A row of one of the small lists. ``project`` for categories and versions; ``flag`` is default or closed."""

    id: int
    name: str
    flag: bool = False
    project: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class CustomField:
    """``about`` is issue or time_entry; ``trackers`` are those whose issues have it."""

    id: int
    name: str
    about: str = "issue"
    format: str = "string"
    is_multiple: bool = False
    possible: tuple[str, ...] = ()
    is_filter: bool = True
    trackers: tuple[int, ...] = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Issue:
    """Times are epoch seconds with their fraction, which the API never shows. ``values`` are (field id, value) pairs."""

    id: int
    project: int
    tracker: int
    status: int
    priority: int
    author: int
    subject: str
    created_at: float
    updated_at: float
    description: str | None = None
    assigned: int | None = None
    category: int | None = None
    version: int | None = None
    parent: int | None = None
    start: str | None = None
    due: str | None = None
    done: int = 0
    is_private: bool = False
    estimated: float | None = None
    closed_at: float | None = None
    values: tuple[tuple[int, CustomValue], ...] = ()


@dataclass(frozen=True, slots=True)
class Journal:
    """``details`` are (property, name, old, new)."""

    id: int
    issue: int
    user: int
    notes: str
    at: float
    is_private: bool = False
    details: tuple[tuple[str, str, str | None, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    id: int
    source: int
    target: int
    type: str = "relates"
    delay: int | None = None


@dataclass(frozen=True, slots=True)
class TimeEntry:
    """``hours`` as they were sent; the API shows two decimals."""

    id: int
    project: int
    issue: int | None
    user: int
    activity: int
    hours: float
    comments: str | None
    spent_on: str
    created_at: float
    updated_at: float
    values: tuple[tuple[int, CustomValue], ...] = ()


TABLES: dict[str, Any] = {
    "users": User,
    "projects": Project,
    "statuses": Named,
    "trackers": Named,
    "priorities": Named,
    "activities": Named,
    "categories": Named,
    "versions": Named,
    "fields": CustomField,
    "issues": Issue,
    "journals": Journal,
    "relations": Relation,
    "entries": TimeEntry,
}


@dataclass(slots=True)
class RedmineStore:
    """One Redmine. ``lists`` counts the listings that were answered; ``last`` holds the newest id of each table."""

    users: dict[int, User] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)
    statuses: dict[int, Named] = field(default_factory=dict)
    trackers: dict[int, Named] = field(default_factory=dict)
    priorities: dict[int, Named] = field(default_factory=dict)
    activities: dict[int, Named] = field(default_factory=dict)
    categories: dict[int, Named] = field(default_factory=dict)
    versions: dict[int, Named] = field(default_factory=dict)
    fields: dict[int, CustomField] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    journals: dict[int, Journal] = field(default_factory=dict)
    relations: dict[int, Relation] = field(default_factory=dict)
    entries: dict[int, TimeEntry] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    history: deque[tuple[float, int, str, int, Any]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    lists: int = 0

    def new_id(self, table: str) -> int:
        """Ids are never used twice."""
        self.last[table] = max(self.last.get(table, 0), max(getattr(self, table), default=0)) + 1
        return self.last[table]

    def put(self, table: str, row: Any, at: float) -> Any:
        rows = getattr(self, table)
        self.history.append((at, self.lists, table, row.id, rows.get(row.id)))
        rows[row.id] = row
        return row

    def drop(self, table: str, row_id: int, at: float) -> None:
        rows = getattr(self, table)
        self.history.append((at, self.lists, table, row_id, rows[row_id]))
        self.last[table] = max(self.last.get(table, 0), row_id)
        del rows[row_id]

    def as_of(self, table: str, fault: Fault, now: float) -> dict[int, Any]:
        """A table as it was as long ago as the fault says."""
        rows = dict(getattr(self, table))
        undone = 0
        for at, lists, name, row_id, before in reversed(self.history):
            if name != table:
                continue
            if not fault.is_late(at, now, lists=self.lists - lists, undone=undone):
                break
            undone += 1
            if re.search(fault.item, str(row_id)):
                rows.pop(row_id, None)
                if before is not None:
                    rows[row_id] = before
        return rows

    def by_identifier(self, name: str) -> Project | None:
        """A project by identifier or id."""
        if name.isdigit():
            return self.projects.get(int(name))
        return next((row for row in self.projects.values() if row.identifier == name), None)

    def children(self, issue: int) -> list[Issue]:
        return [row for row in self.issues.values() if row.parent == issue]

    def dump(self) -> dict[str, Any]:
        state: dict[str, Any] = {name: [asdict(row) for row in getattr(self, name).values()] for name in TABLES}
        return state | {"tokens": self.tokens, "last": self.last}

    def load(self, state: dict[str, Any]) -> None:
        for name, table in TABLES.items():
            rows = [table(**{key: _frozen(value) for key, value in row.items()}) for row in state[name]]
            setattr(self, name, {row.id: row for row in rows})
        self.tokens, self.last = dict(state["tokens"]), dict(state["last"])
        self.history.clear()


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list | tuple) else value
