"""Redmine's JSON, and the records it becomes.

Refuses: requests, and names that only a request resolves (connectors.redmine_names).

Lines of texts end with LF in records; Redmine stores descriptions with CRLF. Hours are shown with two decimals for
time entries and as they were written for estimates.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from bridge.model import FieldSpec, FieldType, Kind, Marker, Record, Ref, Schema, Value
from connectors import markers
from connectors.base import ordered
from connectors.instants import iso
from connectors.redmine_config import RedmineConfig
from connectors.versions import digest

CUSTOM: Final = "custom."
TITLE_MAX: Final = 255
NOTE_MAX: Final = 1024
TEXT_MAX: Final = 60_000
LIVE: Final = frozenset({"mention", "mention-in-code", "number", "revision", "resource", "macro", "page"})
"""What a description or note sets off. A mention notifies since Redmine 5, inside a line of code as well: only what stands in
a fence or in ``<pre>`` is passed over (``Mentionable`` in Redmine's source). The others are links and macros that would
mean something of this Redmine (its page "Links" of the text formatting).
"""
MARKER_ROOM: Final = 200
HOUR_S: Final = 3600
HUNDREDTH_S: Final = 36


class Named(msgspec.Struct):
    id: int
    name: str = ""
    is_closed: bool = False
    is_default: bool = False


class Parent(msgspec.Struct):
    id: int


class CustomRow(msgspec.Struct):
    id: int
    name: str
    value: str | list[str] | None = None
    multiple: bool = False


class RelationRow(msgspec.Struct):
    id: int
    issue_id: int
    issue_to_id: int
    relation_type: str


class JournalRow(msgspec.Struct):
    id: int
    created_on: datetime
    user: Named | None = None
    notes: str | None = None
    private_notes: bool = False


class IssueRow(msgspec.Struct):
    id: int
    project: Named
    tracker: Named
    status: Named
    priority: Named
    subject: str
    updated_on: datetime
    author: Named | None = None
    assigned_to: Named | None = None
    category: Named | None = None
    fixed_version: Named | None = None
    parent: Parent | None = None
    description: str | None = None
    start_date: str | None = None
    due_date: str | None = None
    done_ratio: int = 0
    is_private: bool = False
    estimated_hours: float | None = None
    custom_fields: list[CustomRow] = []
    relations: list[RelationRow] | None = None
    journals: list[JournalRow] = []
    allowed_statuses: list[Named] = []


class EntryRow(msgspec.Struct):
    id: int
    project: Named
    user: Named
    activity: Named
    hours: float
    spent_on: str
    updated_on: datetime
    issue: Parent | None = None
    comments: str | None = None
    custom_fields: list[CustomRow] = []


class Issues(msgspec.Struct):
    issues: list[IssueRow]
    total_count: int = 0


class IssueBox(msgspec.Struct):
    issue: IssueRow


class Entries(msgspec.Struct):
    time_entries: list[EntryRow]
    total_count: int = 0


class EntryBox(msgspec.Struct):
    time_entry: EntryRow


class Relations(msgspec.Struct):
    relations: list[RelationRow]


ISSUES: Final = msgspec.json.Decoder(Issues)
ISSUE: Final = msgspec.json.Decoder(IssueBox)
ENTRIES: Final = msgspec.json.Decoder(Entries)
ENTRY: Final = msgspec.json.Decoder(EntryBox)
RELATIONS: Final = msgspec.json.Decoder(Relations)


def lines(text: str | None) -> str | None:
    """A text with LF at line ends; None when it is empty."""
    return (text or "").replace("\r\n", "\n").replace("\r", "\n") or None


def marker_word(marker: Marker) -> str:
    """The marker as the value of a text field: ``SOURCE ID``, each percent-encoded where it has blanks."""
    return f"{quote(marker.source, safe='/:.#@-_~')} {quote(marker.id, safe='/:.#@-_~')}"


def marker_in(rows: list[CustomRow], name: str) -> Marker | None:
    """The marker in the field of that name, if it is one of ours."""
    row = next((one for one in rows if one.name == name), None)
    words = row.value.split() if row is not None and isinstance(row.value, str) else []
    return Marker(unquote(words[0]), unquote(words[1])) if len(words) == 2 else None


def blocked_by(row_id: int, relations: list[RelationRow]) -> tuple[str, ...]:
    """Ids of the issues that an issue blocks."""
    return ordered(
        [str(one.issue_to_id) for one in relations if one.relation_type == "blocks" and one.issue_id == row_id]
    )


def issue_record(
    connection: str,
    container: str,
    row: IssueRow,
    config: RedmineConfig,
    people: Mapping[int, str],
    formats: Mapping[str, str],
) -> Record:
    """``people`` are names by user id; ``formats`` are field formats by name, as far as they are known."""
    description, visible = markers.split(lines(row.description))
    held = {one.name: one for one in row.custom_fields}
    labels = held.get(config.labels_field)
    fields: dict[str, Value] = {
        "title": " ".join(row.subject.splitlines()),
        "description": description,
        "status": row.status.name,
        "priority": row.priority.name,
        "type": row.tracker.name,
        "assignee": people.get(row.assigned_to.id) if row.assigned_to is not None else None,
        "category": row.category.name if row.category is not None else None,
        "milestone": row.fixed_version.name if row.fixed_version is not None else None,
        "parent": str(row.parent.id) if row.parent is not None else None,
        "start_on": row.start_date,
        "due_on": row.due_date,
        "estimate": None if row.estimated_hours is None else round(row.estimated_hours * HOUR_S),
        "done_ratio": row.done_ratio,
        "author_name": row.author.name if row.author is not None else None,
    }
    if config.labels_field:
        fields["labels"] = ordered(labels.value) if labels is not None and isinstance(labels.value, list) else ()
    for name, one in held.items():
        if name not in (config.labels_field, config.marker_field):
            fields[CUSTOM + name] = custom_value(one, formats.get(name, "string"))
    marker = marker_in(row.custom_fields, config.marker_field) or visible
    version = digest(sorted(fields.items()), marker)
    if row.relations is not None:
        fields["blocks"] = blocked_by(row.id, row.relations)
    return Record(
        Ref(connection, container, Kind.TASK.value, str(row.id)),
        fields,
        version,
        updated_at=row.updated_on,
        url=f"{config.base_url}/issues/{row.id}",
        marker=marker,
    )


def custom_value(row: CustomRow, kind: str) -> Value:
    """A custom field's value as the field's format says; what does not fit it stays text."""
    value = row.value
    if isinstance(value, list):
        return ordered(value)
    if not value:
        return None
    if kind == "bool":
        return value == "1"
    read = {"int": int, "float": float}.get(kind, lines)
    try:
        return read(value)
    except ValueError:
        return value


def custom_text(value: Value) -> str | list[str]:
    """The other way round; "" clears."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)


def entry_record(
    connection: str, container: str, row: EntryRow, config: RedmineConfig, people: Mapping[int, str]
) -> Record:
    note, visible = markers.split(lines(row.comments))
    fields: dict[str, Value] = {
        "task": str(row.issue.id) if row.issue is not None else None,
        "person": people.get(row.user.id),
        "spent_on": row.spent_on,
        "seconds": round(row.hours * 100) * HUNDREDTH_S,
        "note": note,
        "activity": row.activity.name,
    }
    marker = marker_in(row.custom_fields, config.marker_field) or visible
    return Record(
        Ref(connection, container, Kind.TIME_ENTRY.value, str(row.id)),
        fields,
        digest(sorted(fields.items()), marker),
        updated_at=row.updated_on,
        url=f"{config.base_url}/time_entries/{row.id}/edit",
        marker=marker,
    )


def comment_record(
    connection: str, container: str, task: int, row: JournalRow, config: RedmineConfig, people: Mapping[int, str]
) -> Record | None:
    """A note as a comment; None for a journal without words, a private note, and what Bridge itself says."""
    text, marker = markers.split(lines(row.notes))
    if row.private_notes or not (text or marker) or (marker is not None and marker.source == markers.CONVERSATION):
        return None
    fields: dict[str, Value] = {
        "task": str(task),
        "body": text,
        "author": people.get(row.user.id) if row.user is not None else None,
        "created_at": iso(row.created_on),
    }
    return Record(
        Ref(connection, container, Kind.COMMENT.value, f"{task}/{row.id}"),
        fields,
        digest(text, marker),
        updated_at=row.created_on,
        url=f"{config.base_url}/issues/{task}#change-{row.id}",
        marker=marker,
    )


_TYPES: Final = {
    "int": FieldType.INTEGER,
    "float": FieldType.NUMBER,
    "bool": FieldType.BOOL,
    "date": FieldType.DATE,
    "text": FieldType.TEXT,
    "list": FieldType.CHOICE,
    "enumeration": FieldType.CHOICE,
}


def custom_spec(
    name: str, kind: str, *, multiple: bool, possible: tuple[str, ...], dialect: RedmineConfig
) -> FieldSpec:
    """Fields that name users, versions or attachments by id can be read only."""
    is_known = kind in ("string", "text", "int", "float", "bool", "date", "list", "link")
    return FieldSpec(
        CUSTOM + name,
        FieldType.SET if multiple else _TYPES.get(kind, FieldType.LINE),
        writable="always" if is_known else "never",
        choices=possible if kind == "list" and not multiple else None,
        dialect=dialect.dialect if kind == "text" else "plain",
        live=LIVE if kind == "text" else frozenset(),
    )


def task_schema(config: RedmineConfig, custom: tuple[FieldSpec, ...]) -> Schema:
    by_mail = config.people_by == "email"
    specs = [
        FieldSpec("title", FieldType.LINE, max_length=TITLE_MAX),
        FieldSpec("description", FieldType.TEXT, max_length=TEXT_MAX - MARKER_ROOM, dialect=config.dialect, live=LIVE),
        FieldSpec("status", FieldType.CHOICE),
        FieldSpec("priority", FieldType.CHOICE),
        FieldSpec("type", FieldType.CHOICE),
        FieldSpec("assignee", FieldType.PERSON, emails=by_mail),
        FieldSpec("category", FieldType.CHOICE),
        FieldSpec("milestone", FieldType.CHOICE),
        FieldSpec("parent", FieldType.REF),
        FieldSpec("blocks", FieldType.REFS, in_feed=False),
        FieldSpec("start_on", FieldType.DATE),
        FieldSpec("due_on", FieldType.DATE),
        FieldSpec("estimate", FieldType.DURATION),
        FieldSpec("done_ratio", FieldType.INTEGER),
        FieldSpec("author_name", FieldType.LINE, writable="never"),
        *custom,
    ]
    if config.labels_field:
        specs.append(FieldSpec("labels", FieldType.SET, makes=False))
    return Schema(Kind.TASK.value, {spec.name: spec for spec in specs})


def comment_schema(config: RedmineConfig) -> Schema:
    specs = (
        FieldSpec("task", FieldType.REF, writable="create"),
        FieldSpec(
            "body",
            FieldType.TEXT,
            max_length=TEXT_MAX - MARKER_ROOM,
            dialect=config.dialect,
            in_feed=False,
            live=LIVE,
        ),
        FieldSpec(
            "author",
            FieldType.PERSON,
            writable="create" if config.switch_user else "never",
            emails=config.people_by == "email",
        ),
        FieldSpec("created_at", FieldType.INSTANT, writable="never"),
    )
    return Schema(Kind.COMMENT.value, {spec.name: spec for spec in specs})


def entry_schema(config: RedmineConfig, *, for_others: bool) -> Schema:
    """Hours have two decimals: ``seconds`` are multiples of 36."""
    specs = (
        FieldSpec("task", FieldType.REF),
        FieldSpec(
            "person",
            FieldType.PERSON,
            writable="always" if for_others else "never",
            emails=config.people_by == "email",
        ),
        FieldSpec("spent_on", FieldType.DATE),
        FieldSpec("seconds", FieldType.DURATION, step=HUNDREDTH_S),
        FieldSpec("note", FieldType.TEXT, max_length=NOTE_MAX - MARKER_ROOM),
        FieldSpec("activity", FieldType.CHOICE),
    )
    return Schema(Kind.TIME_ENTRY.value, {spec.name: spec for spec in specs})


def hours(seconds: Value) -> float:
    """Seconds as hours with two decimals."""
    return round(int(seconds or 0) / HUNDREDTH_S) / 100 if isinstance(seconds, int | float) else 0.0
