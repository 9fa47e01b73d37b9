"""TimeTracker's JSON as records, and back: tags with our marker among them, times without a zone.

Refuses: requests.

The marker is a tag, ``bridge:v1:SOURCE:ID``, in which every byte but letters, digits and ``. / # -`` stands as ``=XX``: a tag
ends at a comma, and the filter by tags reads ``_`` and ``%`` as wildcards.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from bridge.errors import RejectedError
from bridge.model import Marker, Record, Ref, Value
from connectors import markers
from connectors.base import ordered
from connectors.instants import iso
from connectors.versions import digest

TAGS_MAX: Final = 500
DELETED: Final = "[Comment deleted]"
_JOINER: Final = "\u2060"
_MARK: Final = re.compile(r"bridge:v1:([A-Za-z0-9./#=-]+):([A-Za-z0-9./#=-]+)")
_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9./#-]")
_CODE: Final = re.compile(rb"=([0-9A-F]{2})")
_SLACK: Final = timedelta(seconds=90)


class TaskRow(Struct):
    """One task. What is computed from time entries is left out: it does not move ``updated_at``."""

    id: int
    project_id: int
    name: str
    status: str
    priority: str | None = None
    description: str | None = None
    assigned_to: int | None = None
    assigned_user: str | None = None
    due_date: str | None = None
    estimated_hours: float | None = None
    tags: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class EntryRow(Struct):
    """One time entry; ``end_time`` is None while its timer runs."""

    id: int
    start_time: str
    user_id: int
    end_time: str | None = None
    project_id: int | None = None
    task_id: int | None = None
    duration_seconds: int | None = None
    break_seconds: int | None = None
    notes: str | None = None
    tags: str | None = None
    billable: bool = True
    user: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class CommentRow(Struct):
    id: int
    content: str | None = None
    task_id: int | None = None
    user_id: int | None = None
    author: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class UserRow(Struct):
    id: int
    username: str
    email: str | None = None
    role: str = ""
    is_active: bool = True


class ProjectRow(Struct):
    id: int
    name: str
    code: str | None = None
    status: str = "active"
    is_archived: bool = False


class ColumnRow(Struct):
    key: str
    is_active: bool = True
    is_complete_state: bool = False


class AuditRow(Struct):
    """``entity_name`` of a comment reads ``<Comment by NAME on Task 5>``: nothing else there says whose it is."""

    id: int
    entity_id: int
    action: str
    entity_name: str | None = None


class Clock:
    """What the digits of this server mean: its zone, and whether its database keeps UTC.

    The times of time entries are always in the zone. The others are UTC or in the zone (``is_utc``); until something speaks
    against it they are taken for whichever is later, because only that guess can be refuted: by a time in the future.
    """

    def __init__(self, zone: ZoneInfo, is_utc: bool | None) -> None:
        self.zone = zone
        self.is_utc = is_utc

    def hear(self, stamp: str | None, now: datetime | None) -> None:
        """A time that is not later than ``now``, the server's own Date."""
        if stamp and now is not None and self.is_utc is None:
            guess = self._guess(now)
            if self._read(stamp, is_utc=guess) > now + _SLACK:
                self.is_utc = not guess

    def calibrate(self, stamp: str | None, now: datetime | None) -> None:
        """A time that was ``now``: of a record that this answer made."""
        if stamp and now is not None and self.is_utc is None:
            apart = {guess: abs(self._read(stamp, is_utc=guess) - now) for guess in (True, False)}
            if apart[True] != apart[False] and min(apart.values()) < _SLACK:
                self.is_utc = apart[True] < apart[False]

    def instant(self, stamp: str | None) -> datetime | None:
        """A time of a task or a comment as aware UTC."""
        if not stamp:
            return None
        is_utc = self.is_utc
        return self._read(stamp, is_utc=self._guess(datetime.now(UTC)) if is_utc is None else is_utc)

    def local(self, stamp: str) -> datetime:
        """A time of a time entry as aware UTC."""
        return self._read(stamp, is_utc=False)

    def digits(self, instant: datetime) -> datetime:
        """An instant as it stands there: naive, in the zone."""
        return instant.astimezone(self.zone).replace(tzinfo=None)

    def _guess(self, now: datetime) -> bool:
        return (self.zone.utcoffset(now.astimezone(self.zone).replace(tzinfo=None)) or timedelta()) > timedelta()

    def _read(self, stamp: str, *, is_utc: bool) -> datetime:
        moment = datetime.fromisoformat(stamp)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC if is_utc else self.zone)
        return moment.astimezone(UTC)


def tag_of(marker: Marker) -> str:
    return f"bridge:v1:{_coded(marker.source)}:{_coded(marker.id)}"


def tags_of(tags: str | None) -> tuple[tuple[str, ...], Marker | None]:
    """People's tags and our marker."""
    found, marker = [], None
    for part in (tags or "").split(","):
        name = part.strip()
        if mark := _MARK.fullmatch(name):
            marker = Marker(_plain(mark[1]), _plain(mark[2]))
        elif name:
            found.append(name)
    return ordered(found), marker


def join_tags(names: Value, marker: Marker | None) -> str:
    """The text to write.

    Raises: RejectedError for the field ``labels`` when a name holds a comma or all of them are too long.
    """
    labels = sorted(names) if isinstance(names, tuple) else []
    if bad := next((name for name in labels if "," in name), None):
        raise RejectedError(
            f'TimeTracker keeps tags in one text with commas between them, so "{bad}" cannot be one.',
            hint="Rename the label on the other side or map it to another name.",
            field="labels",
        )
    text = ",".join([*labels, *([tag_of(marker)] if marker else [])])
    if len(text) > TAGS_MAX:
        raise RejectedError(
            f"The tags of one record have {len(text)} characters with Bridge's own, and TimeTracker takes {TAGS_MAX}.",
            hint="Use fewer or shorter labels.",
            field="labels",
        )
    return text


def _coded(text: str) -> str:
    return _UNSAFE.sub(lambda found: b"=%02X" % found[0][0], text.encode()).decode()


def _plain(text: str) -> str:
    return _CODE.sub(lambda found: bytes([int(found[1], 16)]), text.encode()).decode("utf-8", "replace")


def quietly(text: str, *, neutral: bool) -> str:
    """A text that calls nobody."""
    return text.replace("@", f"@{_JOINER}") if neutral else text


def loudly(text: str) -> str:
    return text.replace(f"@{_JOINER}", "@")


def stamp(row: Struct) -> str:
    """What changes whenever anything that we read of a row changes."""
    return digest(row)


def task_of(row: TaskRow, ref: Ref, clock: Clock, assignee: str | None, url: str) -> Record:
    labels, marker = tags_of(row.tags)
    hours = row.estimated_hours
    fields: dict[str, Value] = {
        "title": row.name,
        "description": row.description,
        "status": row.status,
        "priority": row.priority,
        "assignee": assignee,
        "due_on": row.due_date[:10] if row.due_date else None,
        "estimate": None if hours is None else round(hours * 3600),
        "labels": labels,
        "created_at": iso(clock.instant(row.created_at)),
    }
    return Record(ref, fields, stamp(row), clock.instant(row.updated_at), url, marker)


def comment_of(row: CommentRow, ref: Ref, clock: Clock, author: str | None, url: str) -> Record | None:
    """None for what Bridge itself says, and for the shell of a deleted comment."""
    text, marker = markers.split(row.content)
    if (marker is not None and marker.source == markers.CONVERSATION) or row.content == DELETED:
        return None
    fields: dict[str, Value] = {
        "task": str(row.task_id) if row.task_id else None,
        "body": loudly(text or ""),
        "author": author,
        "created_at": iso(clock.instant(row.created_at)),
    }
    return Record(ref, fields, stamp(row), clock.instant(row.updated_at), url, marker)


def entry_of(row: EntryRow, ref: Ref, clock: Clock, person: str | None) -> Record:
    """``version`` is ``updated_at`` as it was read: what a write is made conditional on."""
    labels, marker = tags_of(row.tags)
    fields: dict[str, Value] = {
        "task": str(row.task_id) if row.task_id else None,
        "person": person,
        "spent_on": row.start_time[:10],
        "started_at": iso(clock.local(row.start_time)),
        "seconds": row.duration_seconds or 0,
        "note": row.notes or None,
        "billable": row.billable,
        "labels": labels,
        "local_start": row.start_time,
        "break_s": row.break_seconds or 0,
    }
    at = clock.local(row.updated_at) if row.updated_at else None
    return Record(ref, fields, row.updated_at or stamp(row), at, "", marker)


def gone_names(old: Collection[str], new: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(old) - set(new)))
