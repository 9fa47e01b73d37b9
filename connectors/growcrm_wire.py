"""Grow CRM's JSON and forms: rows as they are listed, records of them, bodies as they are sent.

Refuses: requests. Names that are read and names that are written differ (``title``, ``task_title``), and flags read
``yes``/``no`` but are written ``on`` or left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlencode

import msgspec

from bridge.model import Fields, Marker, Record, Ref, Value
from connectors import markers, versions
from connectors.base import ordered
from connectors.instants import instant

Id: TypeAlias = int | str
"""Numbers, says each resource's page; "opaque", says the first page."""


class Named(msgspec.Struct):
    """A status, priority, project (``title``), milestone or person (``name``)."""

    id: Id
    title: str | None = None
    name: str | None = None


class Dates(msgspec.Struct):
    start: str | None = None
    due: str | None = None
    created: str | None = None
    updated: str | None = None


class TaskRow(msgspec.Struct):
    id: Id
    title: str
    status: Named
    priority: Named
    project: Named
    description: str | None = None
    milestone: Named | None = None
    active_state: str = "active"
    client_visibility: str = "no"
    billable: str = "no"
    dates: Dates = msgspec.field(default_factory=Dates)
    time_logged: int | None = 0
    assigned: list[Named] = msgspec.field(default_factory=list)
    tags: list[str] = msgspec.field(default_factory=list)


class Billing(msgspec.Struct):
    status: str = "not_invoiced"


class TimeDates(msgspec.Struct):
    created: str


class TimeRow(msgspec.Struct):
    id: Id
    task_id: Id
    worked_by_id: Id
    time_seconds: int
    dates: TimeDates
    project_id: Id | None = None
    status: str = "stopped"
    billing: Billing = msgspec.field(default_factory=Billing)


class CommentRow(msgspec.Struct):
    """Assumption: as the comments of checklists, which the documents show; dates perhaps."""

    id: Id
    text: str | None = None
    creator: Named | None = None
    dates: Dates | None = None


class MemberRow(msgspec.Struct):
    id: Id
    name: str = ""
    email: str | None = None
    status: str = "active"


class Meta(msgspec.Struct):
    current_page: int = 1
    last_page: int = 1
    total: int | None = None


class Tasks(msgspec.Struct):
    data: list[TaskRow]
    meta: Meta = msgspec.field(default_factory=Meta)


class Times(msgspec.Struct):
    data: list[TimeRow]
    meta: Meta = msgspec.field(default_factory=Meta)


class CommentRows(msgspec.Struct):
    data: list[CommentRow]
    meta: Meta = msgspec.field(default_factory=Meta)


class Team(msgspec.Struct):
    data: list[MemberRow]
    meta: Meta = msgspec.field(default_factory=Meta)


class Names(msgspec.Struct):
    data: list[Named]
    meta: Meta = msgspec.field(default_factory=Meta)


class OneTask(msgspec.Struct):
    data: TaskRow


class OneTime(msgspec.Struct):
    data: TimeRow


class OneComment(msgspec.Struct):
    data: CommentRow


TASKS: Final = msgspec.json.Decoder(Tasks)
TIMES: Final = msgspec.json.Decoder(Times)
COMMENTS: Final = msgspec.json.Decoder(CommentRows)
TEAM: Final = msgspec.json.Decoder(Team)
NAMES: Final = msgspec.json.Decoder(Names)
TASK: Final = msgspec.json.Decoder(OneTask)
TIME: Final = msgspec.json.Decoder(OneTime)
COMMENT: Final = msgspec.json.Decoder(OneComment)

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def digest(rows: Iterable[Any]) -> str:
    """The same for rows that hold the same, in whatever order they were listed."""
    return versions.digest(sorted(_ENCODER.encode(row) for row in rows))


def number(value: Id) -> int:
    """An id for comparing ages; they count up."""
    text = str(value)
    return int(text) if text.isdigit() else 0


def day(text: str | None) -> str | None:
    """The date of a date, or of a timestamp that stands where a date is documented; None for none or zeros."""
    head = (text or "")[:10]
    return head if len(head) == 10 and not head.startswith("0000") else None


def task_record(
    row: TaskRow, ref: Ref, *, email: Callable[[Id], str], uncategorised: str, url: str = ""
) -> Record:  # fmt: skip
    """A task as everybody else sees it. The ids behind the titles stay, because a write needs them."""
    description, marker = markers.split(row.description)
    milestone = row.milestone
    place = (milestone.name or milestone.title) if milestone is not None else None
    fields: dict[str, Value] = {
        "title": row.title,
        "description": description,
        "status": row.status.title,
        "status_id": str(row.status.id),
        "priority": row.priority.title,
        "priority_id": str(row.priority.id),
        "milestone": None if place is None or place.casefold() == uncategorised.casefold() else place,
        "milestone_id": None if milestone is None else str(milestone.id),
        "labels": ordered(row.tags),
        "assignees": ordered([email(one.id) for one in row.assigned]),
        "start_on": day(row.dates.start),
        "due_on": day(row.dates.due),
        "billable": row.billable == "yes",
        "client_visible": row.client_visibility == "yes",
        "is_archived": row.active_state != "active",
        "time_logged": row.time_logged or 0,
    }
    return Record(ref, fields, digest([row]), instant(row.dates.updated), url, marker)


def task_body(values: Fields, marker: Marker | None, how: Literal["html", "line"]) -> dict[str, str]:
    """The members of POST and PATCH. What is None is sent empty, which clears it (assumption); a flag that is off is left
    out.
    """
    body = {
        "task_title": _text(values.get("title")),
        "task_description": markers.join(_text(values.get("description")), marker, how=how),
        "task_status": _text(values.get("status_id")),
        "task_priority": _text(values.get("priority_id")),
        "task_date_start": _text(values.get("start_on")),
        "task_date_due": _text(values.get("due_on")),
    }
    if values.get("milestone_id"):
        body["task_milestoneid"] = _text(values["milestone_id"])
    if values.get("client_visible"):
        body["task_client_visibility"] = "on"
    if values.get("billable"):
        body["task_billable"] = "on"
    return body


def encoded(body: Mapping[str, str | list[str]], encoding: str) -> tuple[bytes, dict[str, str]]:
    """A body and its headers. A list is ``name[]`` once for each; an empty one only JSON can carry."""
    if encoding == "json" or any(value == [] for value in body.values()):
        return msgspec.json.encode(body), {"content-type": "application/json"}
    pairs = [
        pair
        for name, value in body.items()
        for pair in ([(f"{name}[]", one) for one in value] if isinstance(value, list) else [(name, value)])
    ]
    return urlencode(pairs).encode(), {"content-type": "application/x-www-form-urlencoded"}


def _text(value: Value) -> str:
    return "" if value is None else str(value)
