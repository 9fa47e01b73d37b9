"""Gipo's time entries: a walk over the last weeks, and single entries. Whole seconds; the task of an entry never changes.

The list is the organization's, newest start first; what belongs to the board is told by its tasks. Entries of subtasks and
running timers are not yielded. Refuses: tasks.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from bridge.errors import GoneError, NotFoundError, RejectedError
from bridge.model import Fields, FieldSpec, FieldType, Marker, Record, Ref, Schema, Value
from connectors import cursors, markers, versions
from connectors.base import BeforeSend, Page
from connectors.gipo_api import GipoApi
from connectors.gipo_board import Boards
from connectors.gipo_config import GipoConfig
from connectors.gipo_names import Names
from connectors.gipo_wire import (
    ENTRIES,
    ENTRY,
    MARKER_ROOM,
    EntryRow,
    begin_of,
    entry_fields,
    instant_of,
)
from connectors.instants import with_milliseconds
from connectors.status import Response, decode

_KIND: Final = "time_entry"


class Cursor(msgspec.Struct, omit_defaults=True):
    """``day``: the server's day at the last look. ``digest`` of what the window, and ``swept`` of what a wider look showed.

    ``ids``: the board's entries in the window by the day of their start, each id as 16 bytes in base 64: what is missing
    in the next look was deleted or moved out of the window.
    """

    v: int = 1
    day: str = ""
    digest: str = ""
    swept: str = ""
    ids: dict[str, str] = {}


class TimeEntries:
    """Time on the tasks of all boards of one connection."""

    def __init__(self, connection: str, api: GipoApi, config: GipoConfig, names: Names, boards: Boards) -> None:
        self._connection = connection
        self._api = api
        self._config = config
        self._names = names
        self._boards = boards

    def schema(self) -> Schema:
        """Seconds in steps of one. The person can be chosen only with keys of other users, or where the API names one."""
        chooses = bool(self._config.person_keys or self._config.time_user_field)
        specs = [
            FieldSpec("task", FieldType.REF, writable="create"),
            FieldSpec("person", FieldType.PERSON, writable="create" if chooses else "never", emails=True),
            FieldSpec("spent_on", FieldType.DATE),
            FieldSpec("started_at", FieldType.INSTANT),
            FieldSpec("seconds", FieldType.DURATION, step=1),
            FieldSpec("note", FieldType.TEXT, max_length=self._config.note_max - MARKER_ROOM),
            FieldSpec("source", FieldType.CHOICE, writable="never"),
        ]
        return Schema(_KIND, {spec.name: spec for spec in specs})

    async def pull(self, board: str, text: str | None, *, sweep: bool) -> AsyncIterator[Page]:
        """All entries at first, then those of ``time_window_days``, or of ``time_sweep_days`` in a wider look.

        Quiet: a request per 100 entries of the window, whosever they are.
        """
        old = cursors.parsed(Cursor, text)
        old = old if old is not None and old.day else None
        window = _since(old, self._config.time_window_days)
        start = _since(old, self._config.time_sweep_days) if sweep else window
        rows, day = await self._walk(start)
        ours = await self._of_board(board, rows)
        recent = [row for row in rows if row.started_at >= window]
        digest, swept = (versions.digest(repr([(row, row.id in ours) for row in some])) for some in (recent, rows))
        held = Cursor(
            day=day or (old.day if old else ""), digest=digest, swept=swept if sweep or old is None else old.swept
        )
        if old is not None and digest == old.digest and (not sweep or swept == old.swept):
            yield Page((), cursor=cursors.written(replace(held, ids=old.ids)), last=True, quiet=True)
            return
        by_day: dict[str, list[str]] = {}
        for row in recent:
            if row.id in ours:
                by_day.setdefault(row.started_at[:10], []).append(row.id)
        held.ids = {key: _packed(ids) for key, ids in by_day.items()}
        before = [one for key, ids in (old.ids if old else {}).items() if key >= window[:10] for one in _unpacked(ids)]
        yield Page(
            tuple(await self._records(board, [row for row in rows if row.id in ours])),
            cursor=cursors.written(held),
            last=True,
            complete=old is None and bool(ours),
            gone=tuple(one for one in before if one not in ours),
        )

    async def _walk(self, start: str) -> tuple[list[EntryRow], str]:
        """Entries that ended, newest first, and the server's day when the walk began."""
        rows: list[EntryRow] = []
        day = ""
        async for page, response in self._api.walk("time-entries", ENTRIES, {"startDate": start} if start else {}):
            day = day or _day_of(response)
            rows += [row for row in page if row.ended_at is not None and row.duration_seconds is not None]
        return rows, day

    async def _of_board(self, board: str, rows: Collection[EntryRow]) -> set[str]:
        """The ids of entries on tasks of the board. One look at it if a task is on no board that was seen."""
        known = frozenset().union(*self._boards.tasks.values())
        tasks = {row.task_id for row in rows if row.task_id is not None}
        if board not in self._boards.tasks or tasks - known - self._boards.elsewhere:
            await self._boards.look_again(board)
            known = frozenset().union(*self._boards.tasks.values())
            self._boards.elsewhere = tasks - known
        there = self._boards.tasks[board]
        return {row.id for row in rows if row.task_id in there}

    async def _records(self, board: str, rows: Collection[EntryRow]) -> list[Record]:
        emails = await self._names.emails(row.user_id for row in rows if row.user_id)
        return [self._record(board, row, emails) for row in rows]

    def _record(self, board: str, row: EntryRow, emails: Mapping[str, str]) -> Record:
        return Record(
            Ref(self._connection, board, _KIND, row.id),
            entry_fields(row, self._boards.zone, emails),
            versions.digest(repr(row)),
            updated_at=instant_of(row.updated_at).replace(microsecond=0) if row.updated_at else None,
            marker=markers.split(row.description)[1],
        )

    # --- single entries -----------------------------------------------------------------------------------------------

    async def fetch(self, ref: Ref) -> Record:
        """Raises: GoneError for a 404 while the board answers, and for an entry whose task is not on this board."""
        board = await self._names.board(ref.container)
        found = await self._api.look(f"time-entries/{ref.id}", ENTRY)
        if found is None:
            raise await self._missing(ref, board)
        row = found.data
        if row.task_id is None or row.ended_at is None:
            raise NotFoundError(f"The time entry {ref.id} is a running timer or one of a subtask.", status=200)
        if row.task_id not in self._boards.tasks.get(board, frozenset()):
            await self._boards.fetch(Ref(ref.connection, ref.container, "task", row.task_id), ())
        [record] = await self._records(board, [row])
        return record

    async def _missing(self, ref: Ref, board: str) -> GoneError | NotFoundError:
        if not await self._boards.is_there(board):
            return NotFoundError(f"Neither the time entry {ref.id} nor its board answers.", status=404)
        return GoneError(f"The time entry {ref.id} was deleted in Gipo.", hint="Its board answers.", status=404)

    async def create(
        self, board: str, fields: Fields, marker: Marker, key: str, before_send: BeforeSend | None
    ) -> Record:
        """One POST with the marker in the description and an Idempotency-Key, by the person's own key where there is one.

        Raises: RejectedError for a person in whose name nothing can be logged, and for an entry without a task.
        """
        if not fields.get("task"):
            raise RejectedError("A time entry in Gipo needs a task.", field="task", hint="Its task must be synced too.")
        email, named = await self._for(fields.get("person"))
        body = {
            "taskId": fields["task"],
            "startedAt": self._start(fields, None),
            "durationSeconds": fields.get("seconds"),
            "description": _note(fields.get("note"), marker),
            **named,
        }
        answer = await self._api.create("time-entries", body, key=key, before_send=before_send, email=email)
        return await self._kept(board, answer)

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """One PATCH. ``spent_on`` alone moves the entry to that day and keeps its time of day."""
        body: dict[str, Any] = {}
        if "seconds" in changes:
            body["durationSeconds"] = changes["seconds"]
        if "started_at" in changes or "spent_on" in changes:
            body["startedAt"] = self._start(changes, current)
        if "note" in changes:
            body["description"] = _note(changes["note"], current.marker) or None
        if not body:
            return current
        email = _email(current.fields.get("person"))
        answer = await self._api.write("PATCH", f"time-entries/{ref.id}", body, before_send=before_send, email=email)
        return await self._kept(await self._names.board(ref.container), answer)

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        path = f"time-entries/{ref.id}"
        answer = await self._api.write("DELETE", path, accept=(404,), before_send=before_send)
        if answer.status == 404:
            raise await self._missing(ref, await self._names.board(ref.container))

    async def find(self, board: str, wanted: Collection[Marker]) -> dict[Marker, Record]:
        """Newest start first, until all are found: an entry may be dated back."""
        left, rows = set(wanted), dict[Marker, EntryRow]()
        async for page, _ in self._api.walk("time-entries", ENTRIES, {}):
            for row in page:
                marker = markers.split(row.description)[1]
                if marker is not None and marker in left and row.task_id is not None:
                    rows[marker] = row
                    left.discard(marker)
            if not left:
                break
        records = await self._records(board, list(rows.values()))
        return dict(zip(rows, records, strict=True))

    async def _kept(self, board: str, answer: Response) -> Record:
        [record] = await self._records(board, [decode(answer, ENTRY).data])
        return record

    async def _for(self, person: Value) -> tuple[str | None, dict[str, str]]:
        """Whose key to use, and how the write names the person."""
        email = _email(person)
        if email is None or self._api.has_key_of(email):
            return email, {}
        if self._config.time_user_field:
            [user] = await self._names.user_ids([email], "person")
            return None, {self._config.time_user_field: user}
        if self._config.person_keys is not None:
            hint = "Add a line with their e-mail and API key to person_keys."
            raise RejectedError(f"There is no key of {email}, in whose name the time is logged.", hint=hint)
        return None, {}

    def _start(self, fields: Fields, current: Record | None) -> str:
        """``startedAt``: the instant given, else the day at the time of day that it had, else when days start."""
        zone, day = self._boards.zone, fields.get("spent_on")
        given = fields.get("started_at")
        if isinstance(given, str):
            return with_milliseconds(instant_of(given))
        old = current.fields.get("started_at") if current is not None else None
        if isinstance(day, str) and isinstance(old, str):
            at = instant_of(old).astimezone(zone)
            return with_milliseconds(datetime.combine(date.fromisoformat(day), at.time(), tzinfo=zone))
        start = begin_of(day, zone, self._config.day_starts)
        if start is None:
            raise RejectedError(
                "A time entry in Gipo needs a day.", field="spent_on", hint="Map spent_on or started_at."
            )
        return start


def _since(old: Cursor | None, days: int) -> str:
    """From the server's own day (S30); "" for everything."""
    if old is None:
        return ""
    first = date.fromisoformat(old.day) - timedelta(days=days)
    return f"{first.isoformat()}T00:00:00.000Z"


def _email(person: Value) -> str | None:
    return person.lower() if isinstance(person, str) else None


def _note(note: Value, marker: Marker | None) -> str:
    return markers.join(note if isinstance(note, str) else None, marker, how="inline")


def _day_of(response: Response) -> str:
    return "" if response.date is None else response.date.astimezone(UTC).date().isoformat()


def _packed(ids: Collection[str]) -> str:
    return base64.b64encode(b"".join(uuid.UUID(one).bytes for one in sorted(ids))).decode()


def _unpacked(text: str) -> list[str]:
    raw = base64.b64decode(text)
    return [str(uuid.UUID(bytes=raw[at : at + 16])) for at in range(0, len(raw), 16)]
