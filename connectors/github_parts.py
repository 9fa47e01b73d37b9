"""Comments of GitHub issues as records, and those that begin with ``/spend 1h30m`` as time entries, where that is switched on.

Refuses: the conversation of Bridge with people (connectors.github_comments); comments on pull requests.

The grammar is GitLab's: ``/spend 1h 30m [2026-01-02] [note]``, units w d h m, a minus sign for time taken back (which is
no entry here). The note may go on below. GitHub leaves the text as it is; the comment's author is the person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from bridge.errors import GoneError, NotFoundError, RejectedError
from bridge.model import Fields, FieldSpec, FieldType, Kind, Marker, Record, Ref, Schema, Value
from connectors.github_api import repo_path
from connectors.github_walk import Walk
from connectors.github_wire import BODY_LIMIT, COMMENT, COMMENTS, LIVE, MARKER_ROOM, Row, believed, join_body, login_of
from connectors.markers import CONVERSATION
from connectors.status import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from connectors.base import BeforeSend, Page
    from connectors.github_api import GithubApi
    from connectors.github_config import GithubConfig
    from connectors.github_feed import Cursor, GithubFeed

KINDS: Final = frozenset({Kind.COMMENT.value, Kind.TIME_ENTRY.value})

_SPEND: Final = re.compile(r"/spend[ \t]+(?P<time>(?:\d+(?:\.\d+)?[wdhm][ \t]*)+)(?P<rest>[^\n]*)(?:\n|$)")
_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?)([wdhm])")
_DAY: Final = re.compile(r"[ \t]*(\d{4}-\d{2}-\d{2})(?:[ \t]|$)")
_STEP_S: Final = 60


@dataclass(frozen=True, slots=True)
class Spent:
    """What a ``/spend`` comment says. ``on`` is None where it leaves that to the day it was written."""

    seconds: int
    on: str | None
    note: str | None


class GithubParts:
    """The comments of all repositories of one account, as records of both kinds."""

    def __init__(self, api: GithubApi, feed: GithubFeed, connection: str, config: GithubConfig) -> None:
        self._api = api
        self._feed = feed
        self._connection = connection
        self._config = config

    def pull(self, container: str, kind: str, cursor: Cursor) -> AsyncIterator[Page]:
        """By change; comments on pull requests, Bridge's own words and the other kind are left out."""
        params: dict[str, str | int] = {"sort": "updated", "direction": "asc", "per_page": self._config.page_size}
        walk = Walk(self._api.http, f"{repo_path(container)}/issues/comments", params, COMMENTS)
        return self._feed.changes(walk, cursor, lambda row: self._record(container, kind, row))

    async def fetch(self, ref: Ref) -> Record:
        """One comment. Raises: GoneError also for one that is no longer of this kind."""
        row = decode(await self._api.read(ref.container, _tail(ref)), COMMENT)
        if "/pull/" in row.html_url:
            raise NotFoundError(f"{ref.key} is a comment on a pull request.", status=200, url=row.html_url)
        record = self._record(ref.container, ref.kind, row)
        if record is None:
            said = "begins with /spend" if ref.kind == Kind.COMMENT.value else "does not begin with /spend any more"
            raise GoneError(f"The comment {ref.id} {said}: it is no {ref.kind} now.", status=410, url=row.html_url)
        return record

    async def create(
        self, container: str, kind: str, fields: Fields, marker: Marker, before_send: BeforeSend | None
    ) -> Record:
        """One POST, marker included."""
        task = str(fields.get("task") or "")
        body = self._body(kind, fields, {}, marker)
        answer = await self._api.write(
            "POST", container, f"/issues/{quote(task, safe='')}/comments", {"body": body}, before_send=before_send
        )
        return self._made(container, kind, decode(answer, COMMENT))

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """One PATCH of the text."""
        body = self._body(ref.kind, changes, current.fields, current.marker)
        answer = await self._api.write("PATCH", ref.container, _tail(ref), {"body": body}, before_send=before_send)
        return self._made(ref.container, ref.kind, decode(answer, COMMENT))

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        """Raises: GoneError when it is gone already."""
        await self._api.write("DELETE", ref.container, _tail(ref), before_send=before_send)

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], cursor: Cursor
    ) -> Mapping[Marker, Record]:
        """Walks the list of changes; the newest comment that carries a marker counts."""
        wanted, found = set(markers), dict[Marker, Record]()
        async for page in self.pull(container, kind, msgspec.structs.replace(cursor, etag=None)):
            for record in page.records:
                if record.marker in wanted:
                    found[record.marker] = record
        return found

    def _record(self, container: str, kind: str, row: Row) -> Record | None:
        if "/pull/" in row.html_url:
            return None
        text, marker = believed(row.body, row.user, self._api.accounts)
        if marker is not None and marker.source == CONVERSATION:
            return None
        spent = self._spent(text) if self._config.spend_comments else None
        if (spent is not None) != (kind == Kind.TIME_ENTRY.value):
            return None
        fields: dict[str, Value] = {"task": row.issue_url.rpartition("/")[2]}
        if spent is None:
            at = f"{row.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
            fields |= {"body": text, "author": login_of(row), "created_at": at}
        else:
            on = spent.on or f"{row.created_at.astimezone(UTC):%Y-%m-%d}"
            fields |= {"seconds": spent.seconds, "spent_on": on, "note": spent.note, "person": login_of(row)}
        version = blake2b(msgspec.msgpack.encode((fields, marker)), digest_size=10).hexdigest()
        ref = Ref(self._connection, container, kind, str(row.number))
        return Record(ref, fields, version, row.updated_at, row.html_url, marker)

    def _made(self, container: str, kind: str, row: Row) -> Record:
        record = self._record(container, kind, row)
        if record is None:
            raise RejectedError(f"GitHub stored the comment {row.number} as something else.", url=row.html_url)
        return record

    def _body(self, kind: str, changes: Fields, held: Fields, marker: Marker | None) -> str:
        fields = {**held, **changes}
        text = str(fields.get("body") or "") if kind == Kind.COMMENT.value else _line(fields)
        if kind == Kind.COMMENT.value and self._config.spend_comments and self._spent(text) is not None:
            raise RejectedError("A comment that begins with /spend would be taken for a time entry.", field="body")
        body = join_body(text, marker) or ""
        if len(body) > BODY_LIMIT:
            raise RejectedError(
                f"A comment of {len(body)} characters is too long for GitHub, which takes {BODY_LIMIT}.",
                hint="Shorten it.",
                field="body" if kind == Kind.COMMENT.value else "note",
            )
        return body

    def _spent(self, text: str | None) -> Spent | None:
        """What a comment says was spent; None when it is no such comment."""
        found = _SPEND.match(text or "")
        if text is None or found is None:
            return None
        hours = {"w": self._config.days_per_week * self._config.hours_per_day, "d": self._config.hours_per_day, "h": 1}
        seconds = sum(
            float(amount) * (3600 * hours[unit] if unit in hours else 60)
            for amount, unit in _AMOUNT.findall(found["time"])
        )
        rest, on = found["rest"], None
        if day := _DAY.match(rest):
            if not _is_day(day[1]):
                return None  # a day that does not exist: whose mistake it is must be seen
            on, rest = day[1], rest[day.end() :]
        note = "\n".join(part for part in (rest.strip(), text[found.end() :].strip()) if part)
        return Spent(round(seconds), on, note or None)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _line(fields: Fields) -> str:
    seconds = fields.get("seconds")
    minutes = round(seconds / 60) if isinstance(seconds, int) else 0
    if minutes <= 0:
        raise RejectedError("A time entry on GitHub needs at least a minute.", field="seconds")
    hours, rest = divmod(minutes, 60)
    time = f"{f'{hours}h' if hours else ''}{f'{rest}m' if rest else ''}"
    day = fields.get("spent_on")
    note = fields.get("note")
    return f"/spend {time}{f' {day}' if day else ''}{f'{chr(10) * 2}{note}' if note else ''}"


def _tail(ref: Ref) -> str:
    return f"/issues/comments/{quote(ref.id, safe='')}"


def parts_schema(kind: str) -> Schema:
    """A comment, or a time entry in whole minutes; its author is who wrote the comment."""
    specs: tuple[FieldSpec, ...] = (FieldSpec("task", FieldType.REF, writable="create"),)
    room: dict[str, Any] = {"max_length": BODY_LIMIT - MARKER_ROOM, "dialect": "markdown", "live": LIVE}
    if kind == Kind.COMMENT.value:
        specs += (
            FieldSpec("body", FieldType.TEXT, **room),
            FieldSpec("author", FieldType.PERSON, writable="never"),
            FieldSpec("created_at", FieldType.INSTANT, writable="never"),
        )
    else:
        specs += (
            FieldSpec("person", FieldType.PERSON, writable="never"),
            FieldSpec("spent_on", FieldType.DATE),
            FieldSpec("seconds", FieldType.DURATION, step=_STEP_S),
            FieldSpec("note", FieldType.TEXT, **room),
        )
    return Schema(kind, {spec.name: spec for spec in specs})
