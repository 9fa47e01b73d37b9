"""Worklogs of Jira's issues as time entries: ``/worklog/updated``, ``/deleted`` and ``/list``, which are site-wide.

Durations have a grain of a minute; the author is the account that calls, always. Each write leaves the remaining estimate
alone (``adjustEstimate=leave``). Restricted worklogs are left alone, as restricted comments are.
Refuses: reading the feeds (connectors.jira_worklog_feed).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from bridge.errors import GoneError, PermissionError_, RejectedError
from bridge.model import Fields, FieldSpec, FieldType, Marker, Record, Ref, Schema, Value
from connectors import cursors
from connectors.base import BeforeSend, Page
from connectors.instants import instant, iso
from connectors.jira_api import JiraApi
from connectors.jira_comments import parts
from connectors.jira_feed import Feed
from connectors.jira_names import shown_name
from connectors.jira_search import Asked, Search
from connectors.jira_text import stored_of, value_of
from connectors.jira_threads import is_restricted
from connectors.jira_wire import Wire, jira_time, listed_property, milliseconds, property_of, room
from connectors.jira_worklog_feed import Cursor, Row, WorklogFeed
from connectors.status import decode
from connectors.versions import digest

GRAIN_S: Final = 60
_ASKED: Final = Asked(("worklog",))
_BACK_MS: Final = 180_000  # the last minute is held back, and clocks differ

_ROW: Final = msgspec.json.Decoder(Row)


class Worklogs:
    """The kind ``time_entry``. A record's id is ``ISSUEID/WORKLOGID``."""

    def __init__(self, api: JiraApi, feed: Feed, wire: Wire, search: Search) -> None:
        self._api = api
        self._feed = feed
        self._wire = wire
        self._search = search
        self._logs = WorklogFeed(api, search)
        self._zone = ZoneInfo(api.config.timezone)

    def schema(self) -> Schema:
        """``seconds`` is a multiple of 60: Jira keeps whole minutes and takes none below one."""
        emails = self._api.config.people_by == "email"
        specs = (
            FieldSpec("task", FieldType.REF, writable="create"),
            FieldSpec("person", FieldType.PERSON, writable="never", emails=emails),
            FieldSpec("author_name", FieldType.LINE, writable="never"),
            FieldSpec("spent_on", FieldType.DATE),
            FieldSpec("started_at", FieldType.INSTANT),
            FieldSpec("seconds", FieldType.DURATION, step=GRAIN_S),
            FieldSpec("note", FieldType.TEXT, **room(cloud=self._api.is_cloud)),
        )
        return Schema("time_entry", {spec.name: spec for spec in specs})

    async def pull(self, container: str, text: str | None, *, sweep: bool) -> AsyncIterator[Page]:
        """One request while nothing changes on the site, two with ``sweep``, which reads the deletions."""
        start = cursors.parsed(Cursor, text) or Cursor()
        if start.since is None:
            async for page in self._whole(container):
                yield page
            return
        reached, fresh = await self._logs.updated(start)
        rows = await self._logs.rows(fresh)
        here = await self._logs.here(container, rows)
        moved = [
            f"{start.logs[id_]}/{id_}" for id_, issue in _places(rows).items() if start.logs.get(id_, issue) != issue
        ]
        reached, gone = await self._logs.deleted(reached) if sweep or fresh else (reached, [])
        found = tuple(self._record(container, row) for row in here if not is_restricted(row))
        yield Page(
            found,
            cursors.written(reached.knowing(here)),
            last=True,
            quiet=not found and not gone and not moved,
            gone=tuple(dict.fromkeys([*moved, *gone])),
        )

    async def fetch(self, ref: Ref) -> Record:
        """Raises: GoneError when it was deleted, or its issue is in another project; PermissionError_ when restricted."""
        issue, id_ = parts(ref.id)
        response = await self._api.read(f"issue/{issue}/worklog/{id_}", {"expand": "properties"}, accept=(404,))
        if response.status == 404:
            raise await self._api.missing(ref.container, f"The worklog {ref.id}", response)
        row = decode(response, _ROW)
        row.setdefault("issueId", issue)
        if is_restricted(row):
            raise PermissionError_(
                f"The worklog {ref.id} is restricted in Jira.",
                hint="Bridge leaves restricted worklogs alone.",
                status=200,
            )
        if not await self._logs.here(ref.container, [row]):
            raise GoneError(f"The issue of the worklog {ref.id} is in another project.", moved_to=issue)
        return self._record(ref.container, row)

    async def create(self, container: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        """One POST with the marker as a property of the worklog."""
        issue = str(fields["task"])
        sent = {name: value for name, value in fields.items() if value is not None}
        body = self._body(sent, None)
        if "started" not in body:
            raise RejectedError("A worklog needs the day it was spent on.", hint="Map spent_on.", field="spent_on")
        body["properties"] = [{"key": self._api.config.property_key, "value": property_of(marker)}]
        row = await self._sent("POST", container, f"issue/{issue}/worklog", body, f"The issue {issue}", before_send)
        self._feed.wrote(issue)
        return self._record(container, {"issueId": issue, **row}, marker)

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        if "task" in changes:
            raise RejectedError(
                "Jira moves no worklog to another issue.", hint="Delete it and log it anew.", field="task"
            )
        issue, id_ = parts(ref.id)
        body = self._body(changes, current)
        path = f"issue/{issue}/worklog/{id_}"
        row = await self._sent("PUT", ref.container, path, body, f"The worklog {ref.id}", before_send)
        self._feed.wrote(issue)
        return self._record(ref.container, {"issueId": issue, **row}, current.marker)

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        issue, id_ = parts(ref.id)
        path = f"issue/{issue}/worklog/{id_}"
        await self._sent("DELETE", ref.container, path, None, f"The worklog {ref.id}", before_send)
        self._feed.wrote(issue)

    async def find(self, container: str, wanted: Collection[Marker], since: str | None) -> dict[Marker, Record]:
        """Among the entries that changed since; the feed shows none younger than a minute."""
        start = cursors.parsed(Cursor, since) or Cursor()
        found: dict[Marker, Record] = {}
        if start.since is None:
            async for page in self._whole(container):
                found |= {one.marker: one for one in page.records if one.marker is not None and one.marker in wanted}
            return found
        _, fresh = await self._logs.updated(replace(start, last={}))
        for row in await self._logs.here(container, await self._logs.rows(fresh)):
            marker = listed_property(row, self._api.config.property_key)
            if marker is not None and marker in wanted:
                found[marker] = self._record(container, row)
        return found

    async def _whole(self, container: str) -> AsyncIterator[Page]:
        """The entries of each issue of the project; a search brings 20 of each, the others are read issue by issue."""
        cursor, count = Cursor(), 0
        async for batch in self._search.changes(container, None, "", _ASKED):
            if cursor.since is None:
                since = milliseconds(batch.response.date or datetime.now(UTC)) - _BACK_MS
                cursor = Cursor(since=since, gone=since)
            rows = [row for issue in batch.rows for row in await self._logs.of_issue(container, issue)]
            rows = await self._logs.with_properties(rows)
            cursor = cursor.listed(rows)
            found = tuple(self._record(container, row) for row in rows if not is_restricted(row))
            count += len(found)
            yield Page(
                found,
                cursors.written(cursor if batch.last and not batch.cut else Cursor()),
                last=batch.last,
                quiet=False,
                complete=batch.last and not batch.cut and count > 0,
            )

    async def _sent(
        self, method: str, container: str, path: str, body: Any, what: str, before_send: BeforeSend | None
    ) -> Row:
        query = {"adjustEstimate": "leave"}
        response = await self._api.write(
            method, path, body, query=query, notifies=True, accept=(404,), before_send=before_send
        )
        if response.status == 404:
            raise await self._api.missing(container, what, response)
        return decode(response, _ROW) if response.content else {}

    def _body(self, values: Fields, current: Record | None) -> Row:
        """Members of a create or edit.

        Raises: RejectedError for a time below a minute and for fields that cannot be written.
        """
        body: Row = {}
        for name in values:
            if name not in ("task", "spent_on", "started_at", "seconds", "note"):
                raise RejectedError(
                    f"Jira cannot write the field {name!r} of a worklog.",
                    hint="Take it out of the mapping.",
                    field=name,
                )
        if "seconds" in values:
            seconds = values["seconds"] if isinstance(values["seconds"], int) else 0
            if seconds < GRAIN_S:
                raise RejectedError(
                    f"Jira takes no worklog of {seconds} s.",
                    hint="It keeps whole minutes, one at least.",
                    field="seconds",
                )
            body["timeSpentSeconds"] = (seconds + GRAIN_S // 2) // GRAIN_S * GRAIN_S
        if (started := self._started(values, current)) is not None:
            body["started"] = jira_time(started)
        if "note" in values:
            body["comment"] = stored_of(values["note"] or "", cloud=self._api.is_cloud)
        return body

    def _started(self, values: Fields, current: Record | None) -> datetime | None:
        """When it began: ``started_at`` as it is; a day alone keeps the time of day, or begins as the settings say."""
        at = values.get("started_at")
        if isinstance(at, str):
            return datetime.fromisoformat(at)
        day = values.get("spent_on")
        if not isinstance(day, str):
            return None
        clock = time.fromisoformat(self._api.config.day_starts)
        had = current.fields.get("started_at") if current is not None else None
        if isinstance(had, str):
            clock = datetime.fromisoformat(had).astimezone(self._zone).time()
        return datetime.combine(date.fromisoformat(day), clock, self._zone) + timedelta()

    def _record(self, container: str, row: Mapping[str, Any], marker: Marker | None = None) -> Record:
        id_, issue = str(row.get("id")), str(row.get("issueId"))
        started = instant(row.get("started"))
        spent = row.get("timeSpentSeconds")
        fields: dict[str, Value] = {
            "task": issue,
            "person": self._wire.person(row.get("author")),
            "author_name": shown_name(row.get("author")),
            "spent_on": f"{started.astimezone(self._zone):%Y-%m-%d}" if started else None,
            "started_at": iso(started),
            "seconds": spent if isinstance(spent, int) else 0,
            "note": value_of(row.get("comment")),
        }
        marker = listed_property(row, self._api.config.property_key) or marker
        ref = Ref(self._api.name, container, "time_entry", f"{issue}/{id_}")
        return Record(ref, fields, digest((fields, marker)), instant(row.get("updated")), "", marker)


def _places(rows: Sequence[Row]) -> dict[str, str]:
    return {str(row.get("id")): str(row.get("issueId")) for row in rows}
