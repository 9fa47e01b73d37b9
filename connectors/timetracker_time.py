"""Writing TimeTracker's time entries: two requests for a new one, a place in the day, and a condition on each change.

An entry has a start and an end and may not overlap another one of the same person. Its task is refused in the POST by 5.10.0
and given by a PATCH. Refuses: deciding what to write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any, Final

import msgspec

from bridge.errors import NotFoundError, RejectedError
from bridge.model import Fields, Marker, Record, Ref, Value
from connectors.base import BeforeSend, Step
from connectors.status import Response, decode, unshown
from connectors.timetracker_api import Api, Overlap
from connectors.timetracker_pull import ENTRIES, ENTRIES_PER_PAGE, ENTRY, Reader, elsewhere
from connectors.timetracker_tasks import of_markers
from connectors.timetracker_wire import EntryRow, join_tags

NOTE_MAX: Final = 5000
_TIMES: Final = frozenset({"spent_on", "started_at", "seconds"})
_TRIES: Final = 3
_OLD_REPLY: Final = timedelta(minutes=10)

Busy = list[tuple[datetime, datetime]]


def steps(fields: Collection[str], *, creating: bool, task_at_once: bool) -> tuple[Step, ...]:
    """The create call, and the call that names its task."""
    wanted = frozenset(fields)
    if not creating:
        return (Step("fields", wanted),)
    if task_at_once or "task" not in wanted:
        return (Step("create", wanted),)
    return (Step("create", wanted - {"task"}), Step("fields", frozenset({"task"})))


class Entries:
    """Time entries of all projects of one connection, one at a time."""

    def __init__(self, api: Api, reader: Reader) -> None:
        self._api = api
        self._reader = reader
        self._placing = asyncio.Lock()  # two that look for room at once would find the same

    async def create(
        self, container: str, fields: Fields, marker: Marker, key: str, before_send: BeforeSend | None
    ) -> Record:
        """``POST /time-entries`` with an Idempotency-Key, so that a lost answer is asked for again by itself.

        Where the person has no time then, the next free time of the day is taken. Raises: RejectedError when there is none.
        """
        project = await self._api.project(container)
        length = _length(fields.get("seconds"))
        start = await self._start(fields)
        body: dict[str, Any] = {"project_id": project, "tags": join_tags(fields.get("labels"), marker)}
        body |= self._texts(fields)
        if fields.get("person") is not None:
            body["user_id"] = await self._api.person_id(str(fields["person"]), "person")
        if fields.get("task") is not None:
            body["task_id"] = int(str(fields["task"]))
        unique = blake2b(f"{key} {sorted(fields.items(), key=str)}".encode(), digest_size=24).hexdigest()

        def at(begin: datetime) -> dict[str, Any]:
            return body | {"start_time": begin.isoformat(), "end_time": (begin + length).isoformat()}

        try:
            return await self._posted(container, at(start), unique, marker, before_send)
        except Overlap:
            if self._api.config.on_overlap == "refuse":
                raise
        async with self._placing:
            for left in reversed(range(_TRIES)):
                start = placed(start, length, await self._busy(body.get("user_id"), start, 0))
                try:
                    return await self._posted(container, at(start), unique, marker, before_send)
                except Overlap:
                    if not left:
                        raise
        raise AssertionError

    async def _posted(
        self, container: str, body: dict[str, Any], key: str, marker: Marker, before_send: BeforeSend | None
    ) -> Record:
        headers = {"idempotency-key": key}
        try:
            answer = await self._api.request(
                "POST", "time-entries", json=body, headers=headers, idempotent=True, before_send=before_send
            )
        except RejectedError as error:
            made = await self.find(container, [marker]) if error.status == 500 else {}
            if marker in made:
                return made[marker]
            raise
        row = await self._made(container, answer, marker)
        if isinstance(row, Record):
            return row
        clock = await self._api.clock()
        if row.created_at and answer.date and answer.date - clock.local(row.created_at) > _OLD_REPLY:
            seen = await self._api.request("GET", f"time-entries/{row.id}", accept=(404,))
            if seen.status == 404:  # the reply of a day ago: that entry was deleted since
                return await self._posted(container, body, f"{key}-{row.id}", marker, before_send)
            row = decode(seen, ENTRY).time_entry
        [record] = await self._reader.entries(container, [row])
        return record

    async def _made(self, container: str, answer: Response, marker: Marker) -> EntryRow | Record:
        try:
            return ENTRY.decode(answer.content).time_entry
        except msgspec.MsgspecError:
            found = await self.find(container, [marker])
            if marker in found:
                return found[marker]
            raise unshown(answer, "the new time entry") from None

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """``PATCH /time-entries/{id}`` on the condition that it is as it was seen. Null changes nothing there, so texts
        are emptied by "".

        Raises: StaleWrite when somebody changed it; GoneError; RejectedError.
        """
        body = self._texts(changes)
        if "labels" in changes:
            body["tags"] = join_tags(changes["labels"], current.marker)
        if "task" in changes:
            body["task_id"] = _task(changes["task"])
        if "person" in changes and changes["person"] != current.fields.get("person"):
            raise RejectedError(
                "A time entry stays with its person in TimeTracker.", hint="Log it anew for the other.", field="person"
            )
        if current.version[:4].isdigit() and "T" in current.version:
            body["if_updated_at"] = current.version
        if not _TIMES & changes.keys():
            return await self._sent("PATCH", ref, body, before_send)
        start, length = await self._moved(changes, current)
        for left in reversed(range(_TRIES)):
            times = {"start_time": start.isoformat(), "end_time": (start + length).isoformat()}
            try:
                return await self._sent("PATCH", ref, body | times, before_send)
            except Overlap:
                if self._api.config.on_overlap == "refuse" or not left:
                    raise
                row = decode(await self._api.request("GET", f"time-entries/{ref.id}"), ENTRY).time_entry
                start = placed(start, length, await self._busy(row.user_id, start, row.id))
        raise AssertionError

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        await self._answered("DELETE", ref, None, before_send)

    async def find(self, container: str, markers: Collection[Marker]) -> Mapping[Marker, Record]:
        """There is no filter by tags: all entries of the project are read, as far as that takes."""
        project = await self._api.project(container)
        walk = await self._api.walk("time-entries", ENTRIES, "time_entries", size=ENTRIES_PER_PAGE, project_id=project)
        return of_markers(await self._reader.entries(container, walk.rows), markers)

    async def _sent(self, method: str, ref: Ref, body: Any, before_send: BeforeSend | None) -> Record:
        answer = await self._answered(method, ref, body, before_send)
        row = decode(answer, ENTRY).time_entry
        if row.project_id != await self._api.project(ref.container):
            raise elsewhere(ref, row.project_id)
        [record] = await self._reader.entries(ref.container, [row])
        return record

    async def _answered(self, method: str, ref: Ref, body: Any, before_send: BeforeSend | None) -> Response:
        """An entry that is not there is a 400."""
        try:
            return await self._api.request(method, f"time-entries/{ref.id}", json=body, before_send=before_send)
        except NotFoundError as error:
            raise await self._api.missing(ref, error.url) from error

    async def _start(self, fields: Fields) -> datetime:
        """Where a new entry begins, in the program's digits."""
        if fields.get("started_at"):
            return (await self._api.clock()).digits(_instant(fields["started_at"]))
        if fields.get("spent_on"):
            return datetime.combine(date.fromisoformat(str(fields["spent_on"])), self._morning())
        raise RejectedError("A time entry needs its day.", hint="Map spent_on or started_at.", field="spent_on")

    async def _moved(self, changes: Fields, current: Record) -> tuple[datetime, timedelta]:
        """Start and length after the changes. A new day keeps the time of day; a new length keeps the start."""
        known = {**current.fields, **changes}
        was = str(current.fields.get("local_start") or "")
        if changes.get("started_at"):
            start = (await self._api.clock()).digits(_instant(changes["started_at"]))
        elif was:
            start = datetime.fromisoformat(was)
        else:
            start = await self._start(known)
        if changes.get("spent_on") and not changes.get("started_at"):
            start = datetime.combine(date.fromisoformat(str(changes["spent_on"])), start.time())
        pause = current.fields.get("break_s")
        return start, _length(known.get("seconds")) + timedelta(seconds=pause if isinstance(pause, int) else 0)

    async def _busy(self, user: int | None, start: datetime, but: int) -> Busy:
        """The person's other entries around that day, of all projects."""
        if user is None:
            user = (await self._api.me()).user.id
        day = start.date()
        walk = await self._api.walk(
            "time-entries",
            ENTRIES,
            "time_entries",
            size=ENTRIES_PER_PAGE,
            user_id=user,
            start_date=(day - timedelta(days=1)).isoformat(),
            end_date=(day + timedelta(days=2)).isoformat(),
        )
        rows: Iterable[EntryRow] = (row for row in walk.rows if row.end_time is not None and row.id != but)
        return sorted(
            (datetime.fromisoformat(row.start_time), datetime.fromisoformat(row.end_time or "")) for row in rows
        )

    def _morning(self) -> time:
        return time.fromisoformat(self._api.config.day_starts)

    @staticmethod
    def _texts(fields: Fields) -> dict[str, Any]:
        body: dict[str, Any] = {}
        if "note" in fields:
            note = str(fields["note"] or "")
            if len(note) > NOTE_MAX:
                raise RejectedError(
                    f"A note of {len(note)} characters is too long for TimeTracker, which takes {NOTE_MAX}.",
                    hint="Shorten it.",
                    field="note",
                )
            body["notes"] = note
        if fields.get("billable") is not None:
            body["billable"] = bool(fields["billable"])
        return body


def placed(start: datetime, length: timedelta, busy: Busy) -> datetime:
    """The next start on the same day from which ``length`` is free; else the first one before it.

    Raises: RejectedError when the day is full.
    """
    midnight = datetime.combine(start.date(), time())
    for first in (start, midnight):
        for candidate in sorted({first, *(end for _, end in busy if end > first)}):
            is_free = all(candidate >= end or candidate + length <= begin for begin, end in busy)
            if candidate.date() == start.date() and is_free:
                return candidate
    raise RejectedError(
        f"The {start:%Y-%m-%d} has no free time left for {length} of this person, and TimeTracker lets nobody do two things "
        "at once.",
        hint="Shorten or move one of the entries of that day.",
        field="spent_on",
    )


def _length(value: Value) -> timedelta:
    seconds = value if isinstance(value, int) else 0
    if seconds <= 0:
        raise RejectedError("A time entry must be longer than nothing.", hint="Give it a duration.", field="seconds")
    return timedelta(seconds=seconds)


def _task(value: Value) -> int:
    if value is None:
        raise RejectedError(
            "A time entry cannot be taken off its task in TimeTracker.", hint="Give it another task.", field="task"
        )
    return int(str(value))


def _instant(value: Value) -> datetime:
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
