"""Comments of Jira's issues: as records of their own, and as the talk in which Bridge asks people.

Noticed through the issue, whose ``updated`` moves when one is added or edited: one search over the issues that changed
brings their comments along. What a search cuts off is read issue by issue. Restricted comments (a group, a role, internal
ones of Service Management) are never shown to anybody, nor those in which Bridge speaks (``markers.CONVERSATION``).
A deleted comment is noticed where the issue's list had been read before: by this process, or within the overlap.
Refuses: making a restricted comment public.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from bridge.errors import PermissionError_, RejectedError
from bridge.model import Fields, FieldSpec, FieldType, Marker, Record, Ref, Schema, Value
from connectors import cursors, markers
from connectors.base import BeforeSend, Comment, Page
from connectors.instants import instant, iso
from connectors.jira_api import JiraApi
from connectors.jira_feed import Cursor, Feed, Tail
from connectors.jira_names import shown_name
from connectors.jira_search import Asked, updated_ms
from connectors.jira_text import plain_adf, plain_text, stored_of, value_of
from connectors.jira_threads import Row, Threads, is_cut, is_restricted
from connectors.jira_wire import Issue, Wire, listed_property, property_of, room
from connectors.status import decode
from connectors.versions import digest

_ASKED: Final = Asked(("updated", "comment", "project"))
_ROW: Final = msgspec.json.Decoder(Row)


class CommentRecords:
    """The kind ``comment``. A record's id is ``ISSUEID/COMMENTID``."""

    def __init__(self, api: JiraApi, feed: Feed, wire: Wire) -> None:
        self._api = api
        self._feed = feed
        self._wire = wire
        self._threads = Threads(api)
        self._listed: dict[str, set[str]] = {}

    def schema(self) -> Schema:
        """Text of at most 32,767 characters, of ADF after Jira's own conversion; the author is the account that writes."""
        cloud, emails = self._api.is_cloud, self._api.config.people_by == "email"
        specs = (
            FieldSpec("task", FieldType.REF, writable="create"),
            FieldSpec("body", FieldType.TEXT, **room(cloud=cloud)),
            FieldSpec("author", FieldType.PERSON, writable="never", emails=emails),
            FieldSpec("author_name", FieldType.LINE, writable="never"),
            FieldSpec("created_at", FieldType.INSTANT, writable="never"),
        )
        return Schema("comment", {spec.name: spec for spec in specs})

    async def pull(self, container: str, text: str | None) -> AsyncIterator[Page]:
        """One request while no issue changes; the first listing reads all issues, a page of them at a time."""
        old = cursors.parsed(Cursor, text) or Cursor()
        tail, is_first, count = Tail(self._api.config.overlap_s), True, 0
        async for start, batch in self._feed.walk(container, old, _ASKED):
            tail.begin(batch.response)
            found: list[Record] = []
            gone: list[str] = []
            for row in batch.rows:
                stamp, fresh, dropped = await self._changes(container, row, start.seen.get(row.id, ""))
                tail.add(row, stamp)
                found += await self._records(container, row, fresh)
                gone += dropped
            count += len(found)
            yield Page(
                tuple(found),
                cursors.written(tail.cursor(start)),
                last=batch.last,
                quiet=is_first and batch.last and not found and not gone,
                complete=batch.last and not batch.cut and old.since is None and count > 0,
                gone=tuple(gone),
            )
            is_first = False

    async def fetch(self, ref: Ref) -> Record:
        """Raises: GoneError when it was deleted; PermissionError_ when it is restricted; else as for an issue."""
        issue, id_ = parts(ref.id)
        response = await self._api.read(f"issue/{issue}/comment/{id_}", {"expand": "properties"}, accept=(404,))
        if response.status == 404:
            raise await self._api.missing(ref.container, f"The comment {ref.id}", response)
        row = decode(response, _ROW)
        if is_restricted(row):
            raise PermissionError_(
                f"The comment {ref.id} is restricted in Jira.",
                hint="Bridge leaves restricted comments alone.",
                status=200,
            )
        return self._record(ref.container, issue, "", row)

    async def create(self, container: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        """One POST with the marker as a property of the comment."""
        issue = str(fields["task"])
        row = await self.post(container, issue, self._stored(fields.get("body")), marker, before_send)
        return self._record(container, issue, "", row, marker)

    async def post(self, container: str, issue: str, body: Any, marker: Marker, before_send: BeforeSend | None) -> Row:
        """Raises: GoneError when the issue is gone."""
        payload = {
            "body": body,
            "properties": [{"key": self._api.config.property_key, "value": property_of(marker)}],
        }
        response = await self._api.write(
            "POST", f"issue/{issue}/comment", payload, accept=(404,), before_send=before_send
        )
        if response.status == 404:
            raise await self._api.missing(container, f"The issue {issue}", response)
        self._feed.wrote(issue)
        return decode(response, _ROW)

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        if "body" not in changes:
            raise RejectedError("Only the text of a comment in Jira can be changed.", hint="Take the others out.")
        issue, id_ = parts(ref.id)
        response = await self._api.write(
            "PUT",
            f"issue/{issue}/comment/{id_}",
            {"body": self._stored(changes["body"])},
            accept=(404,),
            before_send=before_send,
        )
        if response.status == 404:
            raise await self._api.missing(ref.container, f"The comment {ref.id}", response)
        self._feed.wrote(issue)
        row: Row = decode(response, _ROW)
        return self._record(ref.container, issue, "", row, current.marker)

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        issue, id_ = parts(ref.id)
        path = f"issue/{issue}/comment/{id_}"
        response = await self._api.write("DELETE", path, accept=(404,), before_send=before_send)
        if response.status == 404:
            raise await self._api.missing(ref.container, f"The comment {ref.id}", response)
        self._feed.wrote(issue)

    async def find(self, container: str, wanted: Collection[Marker], since: str | None) -> dict[Marker, Record]:
        """Among the comments of the issues that changed since; only this account's own carry our marker."""
        start, found = cursors.parsed(Cursor, since) or Cursor(), dict[Marker, Record]()
        async for _, batch in self._feed.walk(container, start, _ASKED):
            for row in batch.rows:
                for comment in await self._threads.with_properties(row, await self._threads.of_row(row)):
                    marker = listed_property(comment, self._api.config.property_key)
                    if marker is not None and marker in wanted and not is_restricted(comment):
                        found[marker] = self._record(container, row.id, row.key, comment)
        return found

    async def _changes(self, container: str, row: Issue, before: str) -> tuple[str, list[Row], list[str]]:
        """The stamp of an issue's comments now, those that are new against ``before``, and the ids of those that went."""
        at, _, listed = before.partition(" ")
        had = dict(pair.split(":", 1) for pair in listed.split() if ":" in pair)
        if at == str(updated_ms(row)) and is_cut(row):
            return before, [], []
        rows = await self._threads.of_row(row)
        now = {str(one.get("id")): digest((one.get("updated"), one.get("body")))[:8] for one in rows}
        fresh = [one for one in rows if had.get(str(one.get("id"))) != now[str(one.get("id"))]]
        known = self._listed.get(row.id, set()) | had.keys()
        self._listed[row.id] = set(now)
        if container and await self._threads.must_be_deep(container, fresh):
            fresh = await self._threads.deep(container, row, fresh)
        stamp = " ".join([str(updated_ms(row)), *(f"{id_}:{version}" for id_, version in sorted(now.items()))])
        return stamp, fresh, [f"{row.id}/{id_}" for id_ in sorted(known - now.keys())]

    async def _records(self, container: str, row: Issue, fresh: Sequence[Row]) -> list[Record]:
        found = []
        for one in await self._threads.with_properties(row, fresh):
            if is_restricted(one):
                continue
            record = self._record(container, row.id, row.key, one)
            if record.marker is None or record.marker.source != markers.CONVERSATION:
                found.append(record)
        return found

    def _stored(self, body: Value) -> Any:
        return stored_of("" if body is None else body, cloud=self._api.is_cloud)

    def _record(
        self, container: str, issue: str, key: str, row: Mapping[str, Any], marker: Marker | None = None
    ) -> Record:
        id_ = str(row.get("id"))
        fields: dict[str, Value] = {
            "task": issue,
            "body": value_of(row.get("body")),
            "author": self._wire.person(row.get("author")),
            "author_name": shown_name(row.get("author")),
            "created_at": iso(instant(row.get("created"))),
        }
        marker = listed_property(row, self._api.config.property_key) or marker
        url = self._wire.url(key)
        return Record(
            Ref(self._api.name, container, "comment", f"{issue}/{id_}"),
            fields,
            digest((fields, marker)),
            instant(row.get("updated")),
            f"{url}?focusedCommentId={id_}" if url else "",
            marker,
        )


class IssueComments:
    """``Connector.comments``: what Bridge asks people on an issue, and what they answer."""

    def __init__(self, records: CommentRecords, api: JiraApi, wire: Wire) -> None:
        self._records = records
        self._threads = Threads(api)
        self._api = api
        self._wire = wire

    async def post(self, ref: Ref, text: str, *, key: str, before_send: BeforeSend | None = None) -> Comment:
        _only_issues(ref)
        body = plain_adf(text) if self._api.is_cloud else text
        marker = Marker(markers.CONVERSATION, key)
        row = await self._records.post(ref.container, ref.id, body, marker, before_send)
        return self._comment(row, key)

    async def read(self, ref: Ref, since: datetime | None = None) -> tuple[Comment, ...]:
        _only_issues(ref)
        rows = await self._threads.whole(ref.container, ref.id)
        found = [self._comment(row) for row in rows if not is_restricted(row)]
        return tuple(one for one in found if since is None or (one.updated_at or one.created_at) >= since)

    def _comment(self, row: Row, key: str | None = None) -> Comment:
        marker = listed_property(row, self._api.config.property_key)
        if marker is not None and marker.source == markers.CONVERSATION:
            key = marker.id
        updated = instant(row.get("updated"))
        created = instant(row.get("created")) or updated
        if created is None:
            raise RejectedError(f"Jira's comment {row.get('id')} has no time.", hint="Check base_url.")
        author = self._wire.person(row.get("author")) or ""
        return Comment(str(row.get("id")), author, plain_text(row.get("body")), created, updated, key)


def parts(id_: str) -> tuple[str, str]:
    """``ISSUEID/ID``. Raises: RejectedError for another form, which would become part of an address."""
    issue, _, inner = id_.partition("/")
    if not issue.isdigit() or not inner.isdigit():
        raise RejectedError(f"{id_!r} is no id of a comment or worklog in Jira.", hint="Use ISSUEID/ID.")
    return issue, inner


def _only_issues(ref: Ref) -> None:
    if ref.kind != "task":
        raise RejectedError(f"Jira has no comments on a {ref.kind}.", hint="Only issues have comments.")
