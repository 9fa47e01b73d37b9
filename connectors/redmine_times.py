"""Time entries.

Refuses: issues.

Redmine has no way to ask which entries changed: no filter, no order by ``updated_on``; and entries move no issue. So a
poll reads the newest hundred and how many there are, and only when that is new, or ``time_walk_s`` has passed, all of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from bridge.errors import GoneError, NotFoundError, RejectedError, RetryableError
from bridge.model import Fields, Marker, Record, Ref, Value
from connectors import cursors, markers
from connectors.base import BeforeSend, Page
from connectors.instants import iso
from connectors.pace import utc_now
from connectors.redmine_api import RedmineApi, project_path
from connectors.redmine_names import ENTRY as ENTRY_FIELDS
from connectors.redmine_names import Names
from connectors.redmine_wire import ENTRIES, ENTRY, Entries, EntryRow, entry_record, hours, marker_word
from connectors.status import Response, decode
from connectors.versions import digest

_TRIES: Final = 3
MOST_REMEMBERED: Final = 500


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Digests of the newest hundred with the number of all, and of all, read at ``walked`` by the server's Date. ``ids`` where
    they are few: the last one's deletion leaves an empty list, which is no evidence.
    """

    v: int = 1
    head: str = ""
    whole: str = ""
    walked: str = ""
    public: bool = False
    ids: list[int] = []


class Times:
    """The time entries of all projects of one connection."""

    def __init__(self, api: RedmineApi, names: Names) -> None:
        self._api = api
        self._config = api.config
        self._names = names

    async def for_others(self) -> bool:
        """Whether the account may log time of others."""
        match self._config.log_for_others:
            case "auto":
                return (await self._api.me()).admin
            case said:
                return said == "yes"

    async def pull(self, container: str, text: str | None, *, sweep: bool) -> AsyncIterator[Page]:
        """One page: nothing where nothing changed, else all entries. A quiet project costs one request."""
        old = cursors.parsed(Cursor, text)
        old = old if old is not None and old.whole else None
        is_public = (await self._names.project(container, anew=True)).is_public if old is None else old.public
        if is_public:
            await self._api.ensure_known()
        response = await self._ask(container, 0)
        first = decode(response, ENTRIES)
        head = digest(first.total_count, _marks(first.time_entries))
        now = response.date or utc_now()
        if old is not None and head == old.head and not self._is_due(old, first, now, sweep=sweep):
            yield Page((), cursors.written(old), last=True, quiet=True)
            return
        rows, is_whole = await self._walk(container, first)
        whole = digest(_marks(rows))
        ids = sorted(row.id for row in rows)
        few = ids if len(ids) <= MOST_REMEMBERED else []
        cursor = Cursor(head=head, whole=whole, walked=iso(now), public=is_public, ids=few)
        lost = set(old.ids) - set(ids) if old is not None else set()
        is_same = old is not None and old.whole == whole
        records = () if is_same else await self._records(container, rows)
        yield Page(
            tuple(records),
            cursors.written(cursor),
            last=True,
            quiet=is_same,
            complete=is_whole and bool(rows) and not is_same,
            gone=tuple(str(one) for one in sorted(lost)),
        )

    async def fetch(self, ref: Ref) -> Record:
        try:
            row = decode(await self._api.read(f"time_entries/{ref.id}.json"), ENTRY).time_entry
        except NotFoundError as error:
            raise await self._api.gone(ref, error) from error
        project = await self._names.project(ref.container)
        if row.project.id != project.id:
            moved_to = f"{row.project.name}#{row.id}"
            raise GoneError(f"{ref.key} was moved to the project {row.project.name}.", moved_to=moved_to)
        if row.issue is None:
            raise NotFoundError(f"{ref.key} belongs to no issue any more, but to the project as a whole.")
        [record] = await self._records(ref.container, [row])
        return record

    async def create(self, container: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        """One POST, marker included."""
        sent: dict[str, Value] = {name: value for name, value in fields.items() if value is not None}
        if self._config.activity:
            sent.setdefault("activity", self._config.activity)
        login = ""
        if self._config.switch_user and "person" in sent:
            login = await self._names.accounts.login(container, sent.pop("person"), "person")
        body = await self._body(container, sent, marker, creating=True)
        answer = await self._api.write(
            "POST", "time_entries.json", {"time_entry": body}, before_send=before_send, login=login
        )
        [record] = await self._records(container, [decode(answer, ENTRY).time_entry])
        return record

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """One PUT, moving to another issue included. It answers nothing."""
        if all(name in current.fields and current.fields[name] == value for name, value in changes.items()):
            return current
        body = await self._body(ref.container, changes, current.marker, creating=False)
        try:
            await self._api.write("PUT", f"time_entries/{ref.id}.json", {"time_entry": body}, before_send=before_send)
        except NotFoundError as error:
            raise await self._api.gone(ref, error) from error
        if self._config.read_back:
            return await self.fetch(ref)
        return replace(current, fields={**current.fields, **changes})

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        try:
            await self._api.write("DELETE", f"time_entries/{ref.id}.json", before_send=before_send)
        except NotFoundError as error:
            raise await self._api.gone(ref, error) from error

    async def find(self, container: str, wanted: Collection[Marker]) -> Mapping[Marker, Record]:
        """Among all entries, the newest first; stops when all are found."""
        found: dict[Marker, Record] = {}
        offset, total = 0, 1
        while offset < total and len(found) < len(wanted):
            page = decode(await self._ask(container, offset), ENTRIES)
            for record in await self._records(container, page.time_entries):
                if record.marker is not None and record.marker in wanted:
                    found.setdefault(record.marker, record)
            total = page.total_count if page.time_entries else 0
            offset += len(page.time_entries)
        return found

    # ---- parts

    def _is_due(self, old: Cursor, first: Entries, now: datetime, *, sweep: bool) -> bool:
        """Whether all must be read although the newest hundred are as they were."""
        if len(first.time_entries) >= first.total_count:
            return False
        walked = datetime.fromisoformat(old.walked)
        return sweep or now < walked or now - walked >= timedelta(seconds=self._config.time_walk_s)

    async def _walk(self, container: str, first: Entries) -> tuple[list[EntryRow], bool]:
        """All entries, begun anew when their number changes on the way; whether that came to an end."""
        for _ in range(_TRIES):
            rows, page = {row.id: row for row in first.time_entries}, first
            offset = len(page.time_entries)
            while page.time_entries and offset < first.total_count and page.total_count == first.total_count:
                page = decode(await self._ask(container, offset), ENTRIES)
                rows |= {row.id: row for row in page.time_entries}
                offset += len(page.time_entries)
            if page.total_count == first.total_count == len(rows):
                return list(rows.values()), True
            first = decode(await self._ask(container, 0), ENTRIES)
        raise RetryableError(
            f"The time entries of {container} change while they are read.", hint="Bridge asks again on the next run."
        )

    async def _ask(self, container: str, offset: int) -> Response:
        params: dict[str, str | int] = {
            "sort": "created_on:desc",
            "limit": self._config.page_size,
            "subproject_id": "!*",
        }
        if offset:
            params["offset"] = offset
        if self._config.time_from is not None:
            params["from"] = self._config.time_from.isoformat()
        return await self._api.read(f"{project_path(container)}/time_entries.json", params)

    async def _records(self, container: str, rows: Collection[EntryRow]) -> list[Record]:
        """Entries of issues; what was logged on the project as a whole belongs to no task."""
        for row in rows:
            self._names.fields.learn(ENTRY_FIELDS, row.custom_fields, None)
        people = await self._names.accounts.names(row.user.id for row in rows if row.issue is not None)
        return [
            entry_record(self._api.name, container, row, self._config, people) for row in rows if row.issue is not None
        ]

    async def _body(
        self, container: str, changes: Fields, marker: Marker | None, *, creating: bool
    ) -> dict[str, object]:
        body: dict[str, object] = {}
        place = await self._names.fields.find(container, ENTRY_FIELDS, self._config.marker_field) if marker else None
        if "note" in changes or (creating and marker is not None):
            note = changes.get("note")
            words = note if isinstance(note, str) else None
            body["comments"] = markers.join(words, marker if place is None else None, how="inline")
            if place is not None and marker is not None:
                body["custom_fields"] = [{"id": place.id, "value": marker_word(marker)}]
        if "task" in changes:
            body["issue_id"] = _issue_of(changes["task"])
        if "seconds" in changes:
            body["hours"] = hours(changes["seconds"])
        if "spent_on" in changes:
            body["spent_on"] = changes["spent_on"]
        if "activity" in changes:
            body["activity_id"] = await self._names.id_of(container, "activity", changes["activity"])
        if "person" in changes:
            body["user_id"] = await self._names.accounts.id_of(container, changes["person"], "person")
        return body


def _issue_of(task: Value) -> str:
    if not isinstance(task, str) or not task:
        raise RejectedError("A time entry here needs an issue.", hint="Sync its task first.", field="task")
    return task


def _marks(rows: Collection[EntryRow]) -> list[tuple[object, ...]]:
    """What tells an entry's changes: its time of change alone is too coarse for two within one second."""
    return sorted(
        (row.id, row.updated_on.isoformat(), row.hours, row.spent_on, row.comments or "", row.user.id,
         row.activity.name, row.issue.id if row.issue else 0, repr([one.value for one in row.custom_fields]))
        for row in rows
    )  # fmt: skip
