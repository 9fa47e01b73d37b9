"""Artala's JSON as structs, and a task row as a Record.

Refuses: requests, and what needs one (an e-mail for a member id: connectors.artala_names).

OData columns are in PascalCase, REST members in camelCase. The shape of ``GET /tasks/{id}`` is not documented;
assumption: the names of the OData columns in camelCase. Either case is read, and no member but the id is required: what
is missing was not observed.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bridge.model import Fields, Marker, Record, Ref, Value

Text: TypeAlias = str | UnsetType | None
Flag: TypeAlias = bool | UnsetType | None

GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class TaskRow(Struct, rename="pascal", gc=False):
    """A row of ``/odata/Tasks``, and a task of the REST API once its names are in PascalCase."""

    id: str
    board_id: Text = UNSET
    title: Text = UNSET
    description: Text = UNSET
    status: Text = UNSET
    priority: int | str | UnsetType | None = UNSET
    priority_name: Text = UNSET
    assignee_id: Text = UNSET
    due_date: Text = UNSET
    start_date: Text = UNSET
    effort: int | float | UnsetType | None = UNSET
    cover_color: Text = UNSET
    is_backlog: Flag = UNSET
    is_archived: Flag = UNSET
    completed_at: Text = UNSET
    created_at: Text = UNSET
    updated_at: Text = UNSET
    external_id: Text = UNSET
    external_source: Text = UNSET


class TaskLabelRow(Struct, rename="pascal", gc=False):
    """A row of ``/odata/TaskLabels``: one label on one task."""

    task_id: str
    label_name: str


class FieldValueRow(Struct, rename="pascal", gc=False):
    """A row of ``/odata/TaskFieldValues``: one value on one task."""

    task_id: str
    field_name: str
    field_type: str = "Text"
    value: str | None = None


class TimeRow(Struct, rename="pascal", gc=False):
    """A row of ``/odata/TimeEntries``. ``hours`` in quarters; the date may come as an instant."""

    id: str
    task_id: str
    hours: float
    logged_date: str
    board_id: str | None = None
    user_id: str | None = None
    note: str | None = None
    week_status: str | None = None
    created_at: str | None = None


class LabelRow(Struct, rename="camel"):
    id: str
    name: str
    color: str | None = None
    sort_order: int | None = None


class StatusRow(Struct, rename="camel"):
    name: str
    is_default: bool = False
    is_done: bool = False
    sort_order: int = 0


class MemberRow(Struct, rename="camel"):
    id: str
    email: str | None = None
    full_name: str | None = None
    role: str | None = None
    is_active: bool = True


class FieldRow(Struct, rename="camel"):
    """``choice_options`` is a JSON array inside a string."""

    id: str
    name: str
    field_type: str = "Text"
    choice_options: str | None = None

    @property
    def choices(self) -> tuple[str, ...] | None:
        if self.field_type != "Choice" or not self.choice_options:
            return None
        try:
            return tuple(msgspec.json.decode(self.choice_options, type=list[str]))
        except msgspec.MsgspecError:
            return None


class TaskFieldRow(Struct, rename="camel"):
    name: str
    field_type: str = "Text"
    value: str | None = None


class BoardRow(Struct, rename="camel"):
    id: str
    name: str = ""
    is_archived: bool = False


class Created(Struct, rename="camel"):
    """The answer to a POST. Assumption: it has the new id."""

    id: str | None = None


LABELS: Final = msgspec.json.Decoder(list[LabelRow])
STATUSES: Final = msgspec.json.Decoder(list[StatusRow])
MEMBERS: Final = msgspec.json.Decoder(list[MemberRow])
FIELDS: Final = msgspec.json.Decoder(list[FieldRow])
TASK_FIELDS: Final = msgspec.json.Decoder(list[TaskFieldRow])
BOARDS: Final = msgspec.json.Decoder(list[BoardRow])
BOARD: Final = msgspec.json.Decoder(BoardRow)
CREATED: Final = msgspec.json.Decoder(Created)
ANY_OBJECT: Final[msgspec.json.Decoder[dict[str, Any]]] = msgspec.json.Decoder(dict[str, Any])

_encode: Final = msgspec.json.Encoder().encode


def task_of(members: Mapping[str, Any]) -> TaskRow:
    """A REST answer as a row. Raises: msgspec.ValidationError when it is no task."""
    return msgspec.convert({name[:1].upper() + name[1:]: value for name, value in members.items()}, TaskRow)


def stamp(row: TaskRow) -> str:
    """A short digest of all that a person can change, for clocks that tick slower than people type.

    Archive and backlog count, computed columns do not. Missing and null are the same, so that feed and REST agree.
    """
    told = (
        row.updated_at or None,
        row.title or None,
        row.description or None,
        row.status or None,
        row.priority or None,
        row.assignee_id or None,
        row.due_date or None,
        row.start_date or None,
        row.effort or None,
        row.cover_color or None,
        row.is_archived or None,
        row.is_backlog or None,
        row.board_id or None,
    )
    return hashlib.blake2b(_encode(told), digest_size=6).hexdigest()


def version_of(row: TaskRow, digest: str) -> str:
    return f"{row.updated_at or ''}~{digest}"


def record_of(
    row: TaskRow,
    ref: Ref,
    digest: str,
    *,
    emails: Mapping[str, str],
    priorities: Mapping[int, str],
    more: Fields,
    url: str,
) -> Record:
    """``emails`` by member id; an id that is not in it stands for itself, so that nobody is taken for nobody.

    ``due_at``, ``start_at`` and ``assignee_id`` are the tracker's own words, kept so that a full replace can repeat them.
    """
    fields = _texts(row)
    if row.assignee_id is not UNSET:
        who = row.assignee_id.lower() if row.assignee_id else None
        fields["assignee_id"] = who
        fields["assignee"] = emails.get(who, who) if who else None
    if row.effort is not UNSET:
        effort = row.effort
        fields["estimate_points"] = int(effort) if isinstance(effort, float) and effort.is_integer() else effort
    if (priority := _priority(row, priorities)) is not UNSET:
        fields["priority"] = priority
    fields.update(more)
    return Record(
        ref=ref,
        fields=fields,
        version=version_of(row, digest),
        updated_at=instant(row.updated_at) if row.updated_at else None,
        url=url,
        marker=Marker(row.external_source, row.external_id) if row.external_source and row.external_id else None,
    )


def _texts(row: TaskRow) -> dict[str, Value]:
    """The members that need nothing but the row. Each test stands alone: this runs for every row of a listing."""
    fields: dict[str, Value] = {}
    if row.title is not UNSET:
        fields["title"] = row.title
    if row.description is not UNSET:
        fields["description"] = row.description
    if row.status is not UNSET:
        fields["status"] = row.status
    if row.cover_color is not UNSET:
        fields["cover_color"] = row.cover_color
    if row.due_date is not UNSET:
        fields["due_at"] = row.due_date
        fields["due_on"] = date_of(row.due_date)
    if row.start_date is not UNSET:
        fields["start_at"] = row.start_date
        fields["start_on"] = date_of(row.start_date)
    if row.is_archived is not UNSET:
        fields["is_archived"] = bool(row.is_archived)
    if row.is_backlog is not UNSET:
        fields["is_backlog"] = bool(row.is_backlog)
    if row.completed_at is not UNSET:
        fields["completed_at"] = _instant(row.completed_at)
    return fields


def _priority(row: TaskRow, priorities: Mapping[int, str]) -> str | UnsetType | None:
    """The name the tracker gives has precedence over the number: the vendor's page contradicts itself on numbers."""
    if row.priority_name:
        return row.priority_name.lower()
    if isinstance(row.priority, int):
        return priorities.get(row.priority, str(row.priority))
    return row.priority.lower() if isinstance(row.priority, str) else row.priority


def instant(text: str) -> datetime:
    """Aware UTC; a time without a zone is UTC."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC) if at.tzinfo is not UTC else at


def iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _instant(text: str | None) -> str | None:
    return iso(instant(text)) if text else None


def date_of(text: str | None) -> str | None:
    """The date of an instant in UTC."""
    if not text:
        return None
    return text[:10] if len(text) == 10 or text[-1] == "Z" else instant(text).date().isoformat()


def value_of(field_type: str, text: str | None) -> Value:
    """A custom field's value, always a string on the wire, as the schema types it. What does not parse stays text."""
    if text is None or (text == "" and field_type != "Text"):
        return None
    if field_type == "Bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        if field_type == "Number" and math.isfinite(number := float(text)):
            return int(number) if number.is_integer() else number
        return date_of(text) if field_type == "Date" else text
    except ValueError:
        return text


def text_of(value: Value) -> str | None:
    """The wire form of a custom field's value; None clears it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
