"""Time entries of Grow CRM: its timesheets, whole minutes on a day. Only the duration of one can be changed.

There is no text in an entry, so no note and no mark. An entry whose POST was not answered is looked for at once among the
newer entries of the same task, person, day and duration; a later process cannot tell it from a person's.
Refuses: timers that run, entries of other projects.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from typing import Any, Final

from bridge.errors import GoneError, RejectedError, UnknownOutcome
from bridge.model import Fields, FieldSpec, FieldType, Record, Ref, Schema, Value
from connectors import cursors
from connectors.base import BeforeSend, Page
from connectors.growcrm_config import GrowcrmConfig
from connectors.growcrm_names import People
from connectors.growcrm_tasks import Tasks
from connectors.growcrm_walk import Lists, TimeCursor, few
from connectors.growcrm_wire import TIME, TIMES, TimeRow, day, digest, encoded, number
from connectors.http import Http
from connectors.status import decode, shown

MINUTE: Final = 60

SCHEMA: Final = Schema(
    "time_entry",
    {
        spec.name: spec
        for spec in (
            FieldSpec("task", FieldType.REF, writable="create"),
            FieldSpec("person", FieldType.PERSON, writable="create", emails=True),
            FieldSpec("spent_on", FieldType.DATE, writable="create"),
            FieldSpec("seconds", FieldType.DURATION, step=MINUTE),
            FieldSpec("is_invoiced", FieldType.BOOL, writable="never"),
        )
    },
)
"""An entry's task, person and day are fixed once it is made."""

_NEWEST: Final = {"sort": "timer_created", "order": "desc"}
_PATH: Final = "api/timesheets"


class Times:
    """Time entries of all projects of one connection."""

    def __init__(
        self, connection: str, http: Http, config: GrowcrmConfig, lists: Lists, people: People, tasks: Tasks
    ) -> None:
        self._connection = connection
        self._http = http
        self._config = config
        self._lists = lists
        self._people = people
        self._tasks = tasks
        self._top = 0

    async def pull(self, project: str, text: str | None, *, sweep: bool) -> AsyncIterator[Page]:
        """One request while the newest page is as it was; the rest is read when it is not, and with a sweep."""
        old = cursors.parsed(TimeCursor, text)
        query = {"project_id": project, **_NEWEST}
        first: Any = await self._lists.page(_PATH, query, TIMES)
        head = f"{digest(_stopped(first.data))}/{first.meta.total}"
        if old is not None and old.head == head and not sweep:
            self._saw(first.data)
            yield Page((), cursors.written(old), last=True, quiet=True)
            return
        walk = await self._lists.walk(_PATH, query, TIMES, first=first)
        self._saw(walk.rows)
        rows = _stopped(walk.rows)
        entries = digest(rows)
        ids = {number(row.id) for row in rows}
        before = old or TimeCursor()
        cursor = TimeCursor(head=head, entries=entries, few=few(ids)) if walk.whole else before
        gone = tuple(str(one) for one in before.few if one not in ids) if walk.whole else ()
        if old is not None and old.entries == entries and walk.whole:
            yield Page((), cursors.written(cursor), last=True, quiet=True)
            return
        records = await self._records(project, rows)
        yield Page(records, cursors.written(cursor), last=True, complete=walk.whole and bool(rows), gone=gone)

    async def fetch(self, ref: Ref) -> Record:
        """Raises: GoneError with evidence, also for an entry of another project."""
        answer = await self._http.request("GET", f"{_PATH}/{ref.id}", accept=(404,))
        if answer.status == 404:
            raise await self._tasks.missing(ref, shown(answer.url), "time entry")
        row: TimeRow = decode(answer, TIME).data
        if row.project_id is not None and str(row.project_id) != ref.container:
            raise GoneError(
                f"The time entry {ref.id} belongs to the project {row.project_id} now.", moved_to=str(row.project_id)
            )
        [record] = await self._records(ref.container, [row])
        return record

    async def create(self, project: str, fields: Fields, before_send: BeforeSend | None) -> Record:
        """``POST /timesheets`` for whomever ``person`` names. Raises: UnknownOutcome when it may have happened."""
        if not fields.get("person"):
            raise RejectedError(
                "Grow CRM logs time for somebody, and this entry's person is nobody there.",
                hint="Name the person in [[people]].",
                field="person",
            )
        [person] = await self._people.ids([str(fields["person"])], "person")
        body = {
            "task_id": str(fields["task"]),
            "user_id": person,
            "timer_created": str(fields["spent_on"]),
            **_duration(fields["seconds"]),
        }
        content, headers = encoded(body, self._config.encoding)
        try:
            answer = await self._http.request(
                "POST", _PATH, content=content, headers=headers, accept=(404,), before_send=before_send
            )
            if answer.status == 404:
                ref = Ref(self._connection, project, "task", str(fields["task"]))
                raise await self._tasks.missing(ref, shown(answer.url))
            row: TimeRow = decode(answer, TIME).data
        except UnknownOutcome:
            found = await self._just_made(body)
            if found is None:
                raise
            row = found
        [record] = await self._records(project, [row])
        return record

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """``PATCH``: hours and minutes, nothing else."""
        _may_change(current.fields)
        content, headers = encoded(_duration(changes["seconds"]), self._config.encoding)
        answer = await self._http.request(
            "PATCH", f"{_PATH}/{ref.id}", content=content, headers=headers, accept=(404,), before_send=before_send
        )
        if answer.status == 404:
            raise await self._tasks.missing(ref, shown(answer.url), "time entry")
        [record] = await self._records(ref.container, [decode(answer, TIME).data])
        return record

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        answer = await self._http.request("DELETE", f"{_PATH}/{ref.id}", accept=(404,), before_send=before_send)
        if answer.status == 404:
            raise await self._tasks.missing(ref, shown(answer.url), "time entry")

    async def _just_made(self, body: dict[str, str]) -> TimeRow | None:
        """The one entry that is newer than all we saw and says what was sent; None when that is not sure."""
        if not self._top:
            return None
        query = {"task_id": body["task_id"], "user_id": body["user_id"], **_NEWEST}
        walk = await self._lists.walk(_PATH, query, TIMES)
        seconds = (int(body["hours"]) * 60 + int(body["minutes"])) * MINUTE
        same = [
            row
            for row in _stopped(walk.rows)
            if number(row.id) > self._top
            and (row.time_seconds, day(row.dates.created)) == (seconds, body["timer_created"])
        ]
        return same[0] if len(same) == 1 and walk.whole else None

    def _saw(self, rows: Iterable[TimeRow]) -> None:
        self._top = max([self._top, 1, *(number(row.id) for row in rows)])

    async def _records(self, project: str, rows: Collection[TimeRow]) -> tuple[Record, ...]:
        await self._people.know(row.worked_by_id for row in rows)
        self._saw(rows)
        return tuple(self._record(project, row) for row in rows)

    def _record(self, project: str, row: TimeRow) -> Record:
        fields: dict[str, Value] = {
            "task": str(row.task_id),
            "person": self._people.email(row.worked_by_id),
            "spent_on": day(row.dates.created),
            "seconds": row.time_seconds,
            "is_invoiced": row.billing.status == "invoiced",
        }
        return Record(Ref(self._connection, project, "time_entry", str(row.id)), fields, digest([row]))


def _stopped(rows: Iterable[TimeRow]) -> list[TimeRow]:
    return [row for row in rows if row.status == "stopped" and row.time_seconds > 0]


def _duration(seconds: Value) -> dict[str, str]:
    """Whole minutes, the nearest. Raises: RejectedError below one."""
    minutes = (int(seconds) + MINUTE // 2) // MINUTE if isinstance(seconds, int) else 0
    if minutes < 1:
        raise RejectedError("Grow CRM takes no time below one minute.", hint="Log a minute or more.", field="seconds")
    return {"hours": str(minutes // 60), "minutes": str(minutes % 60)}


def _may_change(known: Fields) -> None:
    if known.get("is_invoiced"):
        raise RejectedError(
            "This time was invoiced in Grow CRM and cannot be changed there.",
            hint="Correct the invoice in the CRM, or take the change back on the other side.",
            field="seconds",
        )
