"""Jira's issues as pages of records with a cursor, single issues, and issues by their markers.

Refuses: writing; comments and worklogs (files of their own).

A cursor is ``{"v": 1, "since": 1767323045000, "how": "milliseconds", "seen": {id: digest}}``. ``since`` is taken as
inclusive; ``seen`` are the issues at ``since`` or later that were read already; ``known`` an issue to find out ``how`` with;
``fields`` Jira's fields by our names, so that a process that begins with a quiet poll need not ask for them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from bridge.errors import GoneError
from bridge.model import Marker, Record, Ref
from connectors import cursors
from connectors.base import Page
from connectors.clocks import earlier_start, skew_of
from connectors.jira_api import JiraApi
from connectors.jira_names import Field, Names
from connectors.jira_search import Asked, Batch, Search, quoted, updated_ms
from connectors.jira_wire import ISSUE, PROPERTY, Issue, Wire, marker_of, milliseconds
from connectors.status import Response, decode
from connectors.versions import digest

_MOST_SEEN = 5000


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    v: int = 1
    since: int | None = None
    how: str = ""
    seen: dict[str, str] = {}
    known: tuple[str, int] | None = None
    skew: int | UnsetType = UNSET
    fields: dict[str, Field] = {}


class Tail:
    """What a walk over changes has reached: the next cursor (S30)."""

    def __init__(self, overlap_s: int) -> None:
        self._overlap = timedelta(seconds=overlap_s)
        self._ceiling: int | None = None
        self._latest: tuple[str, int] | None = None
        self._rows: dict[str, tuple[int, str]] = {}

    def begin(self, response: Response) -> None:
        if self._ceiling is None and response.date is not None:
            self._ceiling = milliseconds(response.date - self._overlap)

    def add(self, row: Issue, stamp: str) -> None:
        if (at := updated_ms(row)) is not None:
            self._rows[row.id] = (at, stamp)
            if self._latest is None or at >= self._latest[1]:
                self._latest = (row.id, at)

    def cursor(self, start: Cursor) -> Cursor:
        """No later than the overlap before the walk began, by the server's Date."""
        if self._latest is None:
            return start
        newest = self._latest[1]
        ceiling = newest - round(self._overlap.total_seconds() * 1000) if self._ceiling is None else self._ceiling
        since = min(newest, ceiling)
        seen = {id_: stamp for id_, (at, stamp) in self._rows.items() if at >= since}
        return replace(start, since=since, seen=seen if len(seen) <= _MOST_SEEN else {}, known=self._latest)


class Feed:
    """Issues of one connection."""

    def __init__(self, api: JiraApi, names: Names, wire: Wire, search: Search) -> None:
        self._api = api
        self._names = names
        self._wire = wire
        self._search = search
        self._markers: dict[str, Marker | None] = {}
        self._has_properties = api.is_cloud or api.config.search_properties

    async def pull(
        self, container: str, text: str | None, fields: Collection[str], *, more: str = ""
    ) -> AsyncIterator[Page]:
        """The contract of ``Connector.pull``; ``more`` is a clause of JQL. A quiet project costs one request."""
        old = cursors.parsed(Cursor, text) or Cursor()
        custom = await self._names.fields(fields, old.fields)
        asked = Asked(self._wire.asked(custom), properties=True)
        old = replace(old, fields=self._names.noted(fields, custom))
        tail, is_first, rows = Tail(self._api.config.overlap_s), True, 0
        async for start, batch in self.walk(container, old, asked, more=more):
            tail.begin(batch.response)
            rows += len(batch.rows)
            found = []
            for row in batch.rows:
                stamp = digest((row.key, row.fields, row.properties))
                tail.add(row, stamp)
                if start.since is None or start.seen.get(row.id) != stamp:
                    found.append(await self._record(container, row, custom))
            yield Page(
                tuple(found),
                cursors.written(tail.cursor(start)),
                last=batch.last,
                quiet=is_first and batch.last and not found,
                complete=batch.last and not batch.cut and old.since is None and rows > 0,
            )
            is_first = False

    async def head(self, container: str) -> Cursor:
        """The cursor from which on everything is listed that changes from now on; the beginning where there is nothing."""
        rows = await self._search.some(
            f"project = {quoted(container)} ORDER BY updated DESC", Asked(("updated",)), most=1
        )
        found = [(row.id, at) for row in rows if (at := updated_ms(row)) is not None]
        if not found:
            return Cursor()
        return Cursor(since=found[0][1] - self._api.config.overlap_s * 1000, known=found[0])

    async def walk(
        self, container: str, cursor: Cursor, asked: Asked, *, more: str = ""
    ) -> AsyncIterator[tuple[Cursor, Batch]]:
        """The changes from a cursor on, or from further back where the server's clock was put back, each with the cursor
        that the walk really began at.
        """
        start = await self._placed(container, cursor)
        skew = 0 if isinstance(start.skew, UnsetType) else start.skew
        walk = self._search.changes(container, start.since, start.how, asked, more=more, skew_s=skew)
        first = await anext(walk)
        start = replace(start, skew=skew_of(first.response, skew) or UNSET)
        overlap = timedelta(seconds=self._api.config.overlap_s)
        since = None if start.since is None else datetime.fromtimestamp(start.since / 1000, UTC)
        if since is not None and (earlier := earlier_start(since, skew, first.response, overlap)):
            await walk.aclose()  # type: ignore[attr-defined]
            start = replace(start, since=milliseconds(earlier))
            walk = self._search.changes(container, start.since, start.how, asked, more=more)
        else:
            yield start, first
        async for batch in walk:
            yield start, batch

    async def fetch(self, ref: Ref, fields: Collection[str]) -> Record:
        """One issue, by its number, which stays when the key changes.

        Raises: GoneError when it is in another project, or 404 while its project answers; else ContainerError.
        """
        custom = await self._names.fields(fields)
        return await self._record(ref.container, await self.issue(ref, self._wire.asked(custom)), custom)

    async def issue(self, ref: Ref, fields: Iterable[str]) -> Issue:
        """Raises as ``fetch``."""
        query: dict[str, str | int] = {"fields": ",".join({**dict.fromkeys(fields), "project": None})}
        if self._api.is_cloud:
            query["properties"] = self._api.config.property_key
        response = await self._api.read(f"issue/{ref.id}", query, accept=(404,))
        if response.status == 404:
            raise await self._api.missing(ref.container, f"The issue {ref.id}", response)
        issue = decode(response, ISSUE)
        place = _project(issue)
        if place != ref.container:
            if (renamed := await self._api.renamed(ref.container, place)) is not None:
                raise renamed
            raise GoneError(
                f"The issue {ref.id} was moved to the project {place}, as {issue.key}.",
                moved_to=issue.key,
                hint="A link for that project takes it up there.",
            )
        return issue

    async def find(self, container: str, markers: Collection[Marker], since: str | None) -> dict[Marker, Record]:
        """Among the issues that this account made, or all of them where it is not known how to ask since when."""
        wanted, found = set(markers), dict[Marker, Record]()
        asked = Asked(self._wire.asked({}), properties=True)
        async for _, batch in self.walk(
            container, cursors.parsed(Cursor, since) or Cursor(), asked, more="creator = currentUser()"
        ):
            for row in batch.rows:
                record = await self._record(container, row, {})
                marker = record.marker
                if marker in wanted and (marker not in found or int(found[marker].ref.id) > int(row.id)):
                    found[marker] = record
        return found

    def born(self, issue: str, marker: Marker) -> None:
        """Remember the marker that an issue carries from its create on."""
        self._markers[issue] = marker
        self._search.wrote(issue)

    def wrote(self, issue: str) -> None:
        """Let the searches of the next minutes show this issue as it is."""
        self._search.wrote(issue)

    async def _record(self, container: str, row: Issue, custom: Mapping[str, Field]) -> Record:
        """Raises: ContainerError for a project that has another key by now: links and parents go by it."""
        place = _project(row)
        if place and place != container and (renamed := await self._api.renamed(container, place)) is not None:
            raise renamed
        marker = None if row.properties is not None else await self._marker(row)
        return self._wire.record(container, row, custom, marker)

    async def _marker(self, row: Issue) -> Marker | None:
        """The property of an issue that this account made; it never changes, so it is read once."""
        if self._has_properties or not await self._api.is_me(row.fields.get("creator")):
            return self._markers.get(row.id)
        if row.id not in self._markers:
            path = f"issue/{row.id}/properties/{self._api.config.property_key}"
            response = await self._api.read(path, accept=(404,))
            said = None if response.status == 404 else decode(response, PROPERTY)
            self._markers[row.id] = marker_of(said and said.value)
        return self._markers[row.id]

    async def _placed(self, container: str, cursor: Cursor) -> Cursor:
        """The cursor with ``how`` known, which is found out once; the beginning while it cannot be."""
        if cursor.since is None or cursor.how:
            return cursor
        how = await self._search.mode(container, cursor.known) if cursor.known is not None else ""
        return replace(cursor, how=how) if how else Cursor()


def _project(issue: Issue) -> str:
    return str((issue.fields.get("project") or {}).get("key") or issue.key.rpartition("-")[0])
