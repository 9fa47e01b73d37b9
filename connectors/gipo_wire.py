"""Gipo's JSON and ours: rows as they come, records, and the values of a write.

Refuses: requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bridge.model import Fields, Value
from connectors.base import ordered
from connectors.instants import with_milliseconds
from connectors.markers import split
from connectors.versions import digest

T = TypeVar("T")

HOUR_S: Final = 3600
HOUR_STEP_S: Final = 36
"""Hours are decimal; two places are what can be relied on."""
MARKER_ROOM: Final = 400
PRIORITIES: Final = ("low", "normal", "high", "urgent")


class One(Struct, Generic[T]):
    """The envelope of a single resource."""

    data: T


class Pagination(Struct, rename="camel"):
    next_cursor: str | None = None


class Many(Struct, Generic[T]):
    """A list: ``total`` with offsets, ``pagination`` with cursors."""

    data: list[T]
    total: int | None = None
    pagination: Pagination | None = None


class Named(Struct):
    id: str
    name: str = ""


class Assigned(Struct):
    user: Named


class Tagged(Struct):
    tag: Named


class StageRow(Struct, rename="camel"):
    id: str
    name: str = ""
    is_finalizing: bool = False
    sort_order: int = 0


class SubtaskRow(Struct, rename="camel"):
    id: str
    name: str = ""
    group_id: str | None = None
    sort_order: int = 0
    finalized_at: str | None = None
    created_at: str | None = None


class TaskRow(Struct, rename="camel"):
    """A task. What an answer leaves out is UNSET: not observed."""

    id: str
    subject: str | UnsetType = UNSET
    workspace_id: str | UnsetType = UNSET
    stage_id: str | UnsetType = UNSET
    stage: StageRow | UnsetType | None = UNSET
    description_html: str | UnsetType | None = UNSET
    priority: str | UnsetType | None = UNSET
    expected_start_date: str | UnsetType | None = UNSET
    expected_end_date: str | UnsetType | None = UNSET
    estimated_hours: float | str | UnsetType | None = UNSET
    finalized_at: str | UnsetType | None = UNSET
    assignees: list[Assigned] | UnsetType = UNSET
    tags: list[Tagged] | UnsetType = UNSET
    task_type: Named | UnsetType | None = UNSET
    project: Named | UnsetType | None = UNSET
    subtasks: list[SubtaskRow] | UnsetType = UNSET
    updated_at: str | UnsetType | None = UNSET


class Board(Struct):
    id: str
    name: str = ""
    stages: list[StageRow] = []
    tasks: list[TaskRow] = []


class User(Struct):
    id: str
    name: str = ""
    email: str | None = None


class Member(Struct):
    user: User
    role: str = ""


class EntryRow(Struct, rename="camel"):
    id: str
    user_id: str = ""
    task_id: str | None = None
    subtask_id: str | None = None
    description: str | None = None
    started_at: str = ""
    ended_at: str | None = None
    duration_seconds: int | None = None
    source: str = ""
    updated_at: str | None = None


TASK: Final = msgspec.json.Decoder(One[TaskRow])
TASKS: Final = msgspec.json.Decoder(Many[TaskRow])
BOARD: Final = msgspec.json.Decoder(One[Board])
BOARDS: Final = msgspec.json.Decoder(Many[Board])
MEMBERS: Final = msgspec.json.Decoder(Many[Member])
NAMED: Final = msgspec.json.Decoder(Many[Named])
SUBTASKS: Final = msgspec.json.Decoder(Many[SubtaskRow])
SUBTASK: Final = msgspec.json.Decoder(One[SubtaskRow])
ENTRY: Final = msgspec.json.Decoder(One[EntryRow])
ENTRIES: Final = msgspec.json.Decoder(Many[EntryRow])
ANYTHING: Final = msgspec.json.Decoder(dict[str, Any])


def stage_of(row: TaskRow) -> str:
    """The id of a task's stage; "" when the answer does not say."""
    if isinstance(row.stage_id, str):
        return row.stage_id
    return row.stage.id if isinstance(row.stage, StageRow) else ""


def version_of(row: TaskRow) -> str:
    """A digest of what a record's fields are made of; lists in one order, as the server's own may change."""
    people = sorted(one.user.id for one in row.assignees) if row.assignees else []
    tags = sorted(one.tag.name for one in row.tags) if row.tags else []
    named = [one.name if isinstance(one, Named) else "" for one in (row.task_type, row.project)]
    held = (row.subject, row.description_html, row.priority, row.expected_start_date, row.expected_end_date)
    more = (row.estimated_hours, row.finalized_at, stage_of(row), row.workspace_id, people, tags, named)
    return digest(repr((held, more)))


def fields_of(row: TaskRow, zone: ZoneInfo) -> dict[str, Value]:
    """What a row says by itself: neither status nor assignees, which need names from elsewhere; no marker."""
    said: dict[str, Value | UnsetType] = {
        "title": row.subject,
        "description": _when(row.description_html, lambda text: split(text)[0]),
        "priority": row.priority,
        "due_on": _when(row.expected_end_date, lambda at: day_of(at, zone)),
        "start_on": _when(row.expected_start_date, lambda at: day_of(at, zone)),
        "estimate": _when(row.estimated_hours, lambda hours: None if hours is None else round(float(hours) * HOUR_S)),
        "finalized_at": _when(row.finalized_at, second_of),
        "labels": _when(row.tags, lambda tags: ordered([one.tag.name for one in tags])),
        "type": _when(row.task_type, name_of),
        "project": _when(row.project, name_of),
    }
    return {name: value for name, value in said.items() if value is not UNSET}


def name_of(named: Named | None) -> str | None:
    return None if named is None else named.name


def _when(value: T | UnsetType, read: Callable[[T], Value]) -> Value | UnsetType:
    return UNSET if value is UNSET else read(value)


def instant_of(text: str) -> datetime:
    """Aware UTC."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def second_of(text: str | None) -> str | None:
    """An instant as a Value: whole seconds."""
    return None if not text else instant_of(text).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_of(text: str | None, zone: ZoneInfo) -> str | None:
    """The day that a person in the zone reads."""
    return None if not text else instant_of(text).astimezone(zone).date().isoformat()


def begin_of(day: Value, zone: ZoneInfo, clock: str = "00:00") -> str | None:
    """The instant at which a day, or its working time, begins in the zone."""
    if not isinstance(day, str):
        return None
    return with_milliseconds(datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), tzinfo=zone))


def simple_body(changes: Fields, zone: ZoneInfo) -> dict[str, Any]:
    """The members of a write that need no names from elsewhere; no description, which carries the marker."""
    body: dict[str, Any] = {}
    for name, member in (("title", "subject"), ("priority", "priority")):
        if name in changes:
            body[member] = changes[name]
    for name, member in (("due_on", "expectedEndDate"), ("start_on", "expectedStartDate")):
        if name in changes:
            body[member] = begin_of(changes[name], zone)
    if "estimate" in changes:
        seconds = changes["estimate"]
        body["estimatedHours"] = None if not isinstance(seconds, int) else round(seconds / HOUR_S, 2)
    return body


def checklist_of(rows: list[SubtaskRow]) -> str | None:
    """Subtasks as a task list in Markdown, one line each; None where there are none."""
    lines = [f"- [{'x' if row.finalized_at else ' '}] {' '.join(row.name.split())}" for row in in_order(rows)]
    return "\n".join(lines) or None


def in_order(rows: list[SubtaskRow]) -> list[SubtaskRow]:
    """Group by group, the groups by their oldest subtask; in a group as it is shown."""
    oldest: dict[str, str] = {}
    for row in rows:
        group, born = row.group_id or "", row.created_at or ""
        oldest[group] = min(oldest.get(group, born), born)
    return sorted(rows, key=lambda row: (oldest[row.group_id or ""], row.group_id or "", row.sort_order, row.id))


def entry_fields(row: EntryRow, zone: ZoneInfo, people: Mapping[str, str]) -> dict[str, Value]:
    return {
        "task": row.task_id,
        "person": people.get(row.user_id, row.user_id or None),
        "spent_on": day_of(row.started_at, zone),
        "started_at": second_of(row.started_at),
        "seconds": row.duration_seconds,
        "note": split(row.description)[0],
        "source": row.source or None,
    }
