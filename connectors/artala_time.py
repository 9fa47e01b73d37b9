"""Time entries of Artala: quarter hours on a date, of a task and a person. They can be logged and read, nothing else.

``POST /timesheets`` logs one; no call changes or deletes one. They are read from the feed TimeEntries, which has no times of
changes: a list of one page is read whole by each poll, a longer one by a sweep, and a poll in between reads what is new.
What a person corrects in the app is seen by that. Our marker is the last words of the note.
Refuses: submitting and approving weeks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta
from typing import Final, Literal

import msgspec
from msgspec import Struct

from bridge.errors import (
    GoneError,
    NotFoundError,
    PermissionError_,
    RejectedError,
    RetryableError,
    StaleWrite,
    TrackerError,
)
from bridge.model import Fields, FieldSpec, FieldType, Marker, Record, Ref, Schema, Value
from connectors import cursors, markers
from connectors.artala_config import ArtalaConfig
from connectors.artala_errors import unseen
from connectors.artala_feed import TIME_ENTRIES, walk_rows
from connectors.artala_item import Items
from connectors.artala_names import Names
from connectors.artala_wire import CREATED, GUID, TimeRow, date_of, instant, iso
from connectors.base import BeforeSend, Page
from connectors.http import Http
from connectors.status import Response, shown, unshown
from connectors.versions import digest

QUARTER_S: Final = 900
HOUR_S: Final = 3600
MARK_ROOM: Final = 400
"""Characters of a note or comment that are left for our marker."""

_MOST_QUARTERS: Final = 24 * 4
_FEW: Final = 200
_TRIES: Final = 3


def schema(config: ArtalaConfig) -> Schema:
    """Nothing of an entry can be changed once it is logged."""
    who: Literal["create", "never"] = "create" if config.log_for_others else "never"
    specs = (
        FieldSpec("task", FieldType.REF, writable="create"),
        FieldSpec("person", FieldType.PERSON, writable=who, emails=True),
        FieldSpec("spent_on", FieldType.DATE, writable="create"),
        FieldSpec("seconds", FieldType.DURATION, writable="create", step=QUARTER_S),
        FieldSpec("note", FieldType.TEXT, writable="create", max_length=config.note_max - MARK_ROOM),
        FieldSpec("week_status", FieldType.LINE, writable="never"),
    )
    return Schema("time_entry", {spec.name: spec for spec in specs})


class TimeCursor(Struct, frozen=True, omit_defaults=True):
    """Digests of all entries and of those made since ``since``, which is in the server's own words and inclusive.

    ``few`` are their ids while there are not many, so that the last one can be missed as well: an empty list says nothing.
    ``cut`` is the most rows that one page has ever had. ``long``: there is more than one page.
    """

    v: int = 0
    all: str = ""
    new: str = ""
    since: str = ""
    few: tuple[str, ...] = ()
    cut: int = 0
    long: bool = False


class Times:
    """Time entries of all boards of one connection. Ref ids are ``TASK/ENTRY``."""

    def __init__(self, connection: str, http: Http, config: ArtalaConfig, names: Names, items: Items) -> None:
        self._connection = connection
        self._http = http
        self._config = config
        self._names = names
        self._items = items

    async def pull(self, board: str, text: str | None, *, sweep: bool) -> AsyncIterator[Page]:
        """The contract of ``Connector.pull``; one request for each page of entries, one in all while nothing is new."""
        old = cursors.parsed(TimeCursor, text)
        if old is not None and old.long and not sweep:
            yield await self._recent(board, old)
            return
        rows, cut = await self._walk(f"BoardId eq {board}", old)
        now = TimeCursor(
            v=1,
            all=_digest(rows),
            since=(since := self._since(rows) or (old.since if old is not None else "")),
            new=_digest(
                [row for row in rows if since and row.created_at and instant(row.created_at) >= instant(since)]
            ),
            few=tuple(sorted(_id(row) for row in rows)) if len(rows) <= _FEW else (),
            cut=cut,
            long=len(rows) >= min(cut, self._config.page_size),
        )
        cursor = cursors.written(now)
        if old is not None and old.all == now.all:
            yield Page((), cursor, last=True, quiet=True)
            return
        there = {_id(row) for row in rows}
        gone = tuple(one for one in (old.few if old is not None else ()) if one not in there)
        yield Page(await self._records(board, rows), cursor, last=True, complete=bool(rows), gone=gone)

    async def _recent(self, board: str, old: TimeCursor) -> Page:
        """What was logged since; edits and deletions of older entries wait for a sweep."""
        rows, cut = await self._walk(_after(f"BoardId eq {board}", old.since), old)
        if _digest(rows) == old.new:
            return Page((), cursors.written(old), last=True, quiet=True)
        now = msgspec.structs.replace(old, new=_digest(rows), cut=cut)
        return Page(await self._records(board, rows), cursors.written(now), last=True)

    async def fetch(self, ref: Ref) -> Record:
        """One request. The feed without an entry is evidence only while its task answers and is not archived: nothing says
        whether the time of archived tasks stays in the feed.

        Raises: GoneError; NotFoundError for an archived task; ContainerError.
        """
        task, entry = parts(ref)
        rows, _ = await self._walk(f"Id eq {entry}", None)
        if rows and _id(rows[0]) == ref.id:
            if (board := (rows[0].board_id or "").lower()) and board != ref.container:
                raise GoneError(f"The task of the time entry {ref.id} was moved to the board {board}.", moved_to=board)
            [record] = await self._records(ref.container, rows[:1])
            return record
        said = f"The time entry {ref.id} was deleted in Artala."
        try:
            row = await self._items.row(Ref(ref.connection, ref.container, "task", task))
        except GoneError as error:
            raise GoneError(said, hint="Its task was deleted.", status=error.status, url=error.url) from error
        if row.is_archived:
            raise NotFoundError(f"The time entry {ref.id} is not shown: its task is archived.", hint="Look in Artala.")
        if not await self._names.board_is_healthy(ref.container):
            raise unseen(ref.container, "")
        raise GoneError(said, hint="Its task answers; the feed TimeEntries is without it.")

    async def create(self, board: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        """``POST /timesheets``. Raises: RejectedError for a locked week; UnknownOutcome where the answer has no id and the
        feed does not show the entry yet.
        """
        task, day, quarters = str(fields["task"]), str(fields["spent_on"]), _quarters(fields["seconds"])
        note = markers.join(str(fields.get("note") or ""), marker, how="inline")
        if len(note) > self._config.note_max:
            raise RejectedError(
                f"A note of {len(note)} characters is too long for Artala.", hint="Shorten it.", field="note"
            )
        body: dict[str, Value] = {"taskId": task, "loggedDate": day, "hours": quarters / 4, "note": note}
        who = fields.get("person") if self._config.log_for_others else None
        if who is not None:
            body["targetUserId"] = await self._person(str(who))
        answer = await self._posted(board, body, before_send)
        try:
            made = CREATED.decode(answer.content).id
        except msgspec.MsgspecError:
            made = None
        if not made or not GUID.fullmatch(made):
            return await self._looked_up(board, marker, answer)
        sent: dict[str, Value] = {
            "task": task,
            "spent_on": day,
            "seconds": quarters * QUARTER_S,
            "note": fields.get("note") or None,
        }
        if who is not None:
            sent["person"] = str(who)
        ref = Ref(self._connection, board, "time_entry", f"{task}/{made.lower()}")
        return Record(ref, sent, digest(tuple(sent.values())), marker=marker)

    async def find(self, board: str, wanted: Collection[Marker], since: str | None) -> dict[Marker, Record]:
        """Among the entries made since: nothing else than their notes has our marker."""
        old = cursors.parsed(TimeCursor, since)
        rows, _ = await self._walk(_after(f"BoardId eq {board}", old.since if old is not None else ""), old)
        mine = [row for row in rows if markers.split(row.note)[1] in set(wanted)]
        records = await self._records(board, mine)
        return {record.marker: record for record in reversed(records) if record.marker is not None}

    async def _posted(self, board: str, body: Fields, before_send: BeforeSend | None) -> Response:
        """Artala does not say why it refuses; how it answers for a locked week is not documented (assumption: 400, 403, 409)."""
        try:
            answer = await self._http.request(
                "POST", "api/timesheets", json=body, accept=(404,), before_send=before_send
            )
        except (RejectedError, PermissionError_, StaleWrite) as error:
            raise await self._why(body, error) from error
        if answer.status == 404:
            raise await self._items.missing(
                Ref(self._connection, board, "task", str(body["taskId"])), shown(answer.url)
            )
        return answer

    async def _why(self, body: Fields, error: TrackerError) -> TrackerError:
        """What the feed says about that day of that person, in words for a person."""
        day, who = str(body["loggedDate"]), body.get("targetUserId")
        rows = (await self._walk(f"UserId eq {who} and LoggedDate eq {day}", None))[0] if who else []
        if locked := next((row.week_status for row in rows if row.week_status in ("Approved", "Submitted")), None):
            said = f"The week of {day} is {locked.lower()} in Artala and takes no more time."
            return RejectedError(
                said, hint="Reopen the week there.", status=error.status, url=error.url, field="spent_on"
            )
        said = f"{error.message} Artala does not say why it refuses this time on {day}."
        hint = "An approved week is locked: reopen it there. Only the key of an Owner or Admin logs the time of others."
        return RejectedError(said, hint=hint, status=error.status, url=error.url)

    async def _person(self, email: str) -> str:
        try:
            return await self._names.member_id(email)
        except RejectedError as error:
            raise RejectedError(error.message, hint=error.hint, field="person") from error

    async def _looked_up(self, board: str, marker: Marker, answer: Response) -> Record:
        found = await self.find(board, [marker], None)
        if marker in found:
            return found[marker]
        raise unshown(answer, "the new time entry's id")

    async def _walk(self, condition: str, old: TimeCursor | None) -> tuple[list[TimeRow], int]:
        """All rows in the order of their making, so that a new one during the walk does no harm; and the largest page."""
        cut = max(self._config.smallest_server_page, old.cut if old is not None else 0)
        for tries_left in reversed(range(_TRIES)):
            rows: list[TimeRow] = []
            try:
                async for page in walk_rows(
                    self._http,
                    "TimeEntries",
                    TIME_ENTRIES,
                    condition=condition,
                    order="CreatedAt,Id",
                    page_size=self._config.page_size,
                    cut=cut,
                ):
                    rows += page
                    cut = max(cut, len(page))
            except RetryableError as error:
                if error.status is not None or not tries_left:
                    raise
                continue
            return rows, cut
        return [], cut

    def _since(self, rows: Sequence[TimeRow]) -> str:
        """An overlap before the newest entry, by the server's own clock; "" where the feed tells no times."""
        made = [instant(row.created_at) for row in rows if row.created_at]
        return iso(max(made) - timedelta(seconds=self._config.overlap_s)) if made else ""

    async def _records(self, board: str, rows: Sequence[TimeRow]) -> tuple[Record, ...]:
        emails = await self._names.emails_of({row.user_id.lower() for row in rows if row.user_id})
        found = []
        for row in rows:
            note, marker = markers.split(row.note)
            who = (row.user_id or "").lower()
            fields: dict[str, Value] = {
                "task": row.task_id.lower(),
                "person": emails.get(who, who) or None,
                "spent_on": date_of(row.logged_date),
                "seconds": round(row.hours * HOUR_S),
                "note": note,
                "week_status": row.week_status,
            }
            ref = Ref(self._connection, board, "time_entry", _id(row))
            found.append(Record(ref, fields, digest((*fields.values(), str(marker))), marker=marker))
        return tuple(found)


def parts(ref: Ref) -> tuple[str, str]:
    """``TASK/ID``. Raises: RejectedError for another form, which would become part of an address."""
    task, _, inner = ref.id.partition("/")
    if not GUID.fullmatch(task) or not GUID.fullmatch(inner):
        raise RejectedError(f"{ref.id!r} is no id of a {ref.kind} in Artala.", hint="Use TASK/ID.")
    return task, inner


def _after(condition: str, since: str) -> str:
    return f"{condition} and CreatedAt ge {since}" if since else condition


def _id(row: TimeRow) -> str:
    return f"{row.task_id.lower()}/{row.id.lower()}"


def _digest(rows: Sequence[TimeRow]) -> str:
    told = [(_id(row), row.user_id, row.logged_date, row.hours, row.note, row.week_status) for row in rows]
    return digest(sorted(told, key=repr))


def _quarters(seconds: Value) -> int:
    """The nearest quarter hours, at least one. Raises: RejectedError for nothing and for more than a day."""
    if not isinstance(seconds, int) or seconds <= 0:
        raise RejectedError("Artala takes no time entry of no time.", hint="Give it a duration.", field="seconds")
    quarters = max((seconds + QUARTER_S // 2) // QUARTER_S, 1)
    if quarters > _MOST_QUARTERS:
        raise RejectedError("Artala takes at most 24 hours in one entry.", hint="Split it.", field="seconds")
    return quarters
