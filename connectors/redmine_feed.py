"""Redmine's list of issues by change: the walk over its pages, and where the next one begins.

Refuses: records.

``updated_on`` is shown in whole seconds and kept with a fraction. So the walk goes by ``>=`` alone: ``<=T`` would miss
rows shown as T. It moves its start to the newest second seen; within one second it goes by offset, taking one row twice
so that it sees when rows have moved, and then begins that second again. Relations, time entries and edited notes move nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from connectors import cursors
from connectors.clocks import earlier_start, skew_of
from connectors.instants import iso
from connectors.redmine_api import RedmineApi, project_path
from connectors.redmine_wire import ISSUES, IssueRow
from connectors.status import Response, decode

MOST_REMEMBERED: Final = 500
_MOST_RESTARTS: Final = 3
_SECOND: Final = timedelta(seconds=1)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """``seen`` are digests by id of rows that the next listing shows again. ``public``: whether anonymous sees the
    project. ``held`` is the comments' own: by issue, a digest and the ids. ``turn``: the issue whose comments were read again last.
    """

    v: int = 1
    since: str = ""
    skew: int = 0
    public: bool = False
    seen: dict[str, str] = {}
    sweep: str = ""
    held: dict[str, list[str]] = {}
    turn: str = ""


def start_of(text: str | None) -> Cursor | None:
    """None for the beginning: no cursor, one that is not understood, one that has seen nothing."""
    cursor = cursors.parsed(Cursor, text)
    return cursor if cursor is not None and cursor.since else None


@dataclass(frozen=True, slots=True)
class Batch:
    """One page: rows of which none was in an earlier page as it is now."""

    rows: tuple[IssueRow, ...]
    response: Response
    last: bool


class Walk:
    """One listing of one project. After it, ``next`` is the cursor of the next one."""

    def __init__(self, api: RedmineApi, container: str, start: Cursor | None, *, relations: bool) -> None:
        self._api = api
        self._container = container
        self._full = start is None
        self.start = start or Cursor()
        self._relations = relations
        self._overlap = timedelta(seconds=api.config.overlap_s)
        self._newest: datetime | None = None
        self._ceiling: datetime | None = None
        self._recent: dict[str, tuple[datetime, str]] = {}

    async def batches(self) -> AsyncIterator[Batch]:
        """Oldest change first; from further back when the server's clock was put back."""
        since = self.start.since
        first = await self._ask(since, 0)
        old = datetime.fromisoformat(since) if since else None
        skew = self.start.skew
        self.start = replace(self.start, skew=skew_of(first, skew))
        if old is not None and (earlier := earlier_start(old, skew, first, self._overlap)) is not None:
            since = _text(earlier)
            self.start = replace(self.start, since=since, seen={})
            first = await self._ask(since, 0)
        if first.date is not None:
            self._ceiling = first.date - self._overlap
        known: dict[int, datetime] = {}
        response, offset, before, restarts = first, 0, 0, 0
        while True:
            found = decode(response, ISSUES)
            rows = found.issues
            moved = offset > 0 and (not rows or rows[0].id != before) and restarts < _MOST_RESTARTS
            last = not moved and (not rows or offset + len(rows) >= found.total_count)
            if self._relations:
                for row in rows:
                    row.relations = row.relations or []  # a list without any may leave them out
            fresh = tuple(row for row in rows if known.get(row.id) != row.updated_on)
            known |= {row.id: row.updated_on for row in rows}
            self._note(fresh)
            yield Batch(fresh, response, last)
            if last:
                return
            since, offset, restarts = self._onward(since, offset, rows, moved=moved, restarts=restarts)
            before = rows[-1].id if rows else 0
            response = await self._ask(since, offset)

    def _onward(
        self, since: str, offset: int, rows: list[IssueRow], *, moved: bool, restarts: int
    ) -> tuple[str, int, int]:
        if moved:
            return since, 0, restarts + 1
        newest = _text(rows[-1].updated_on)
        if newest > since:
            return newest, 0, 0
        return since, offset + max(1, len(rows) - 1), restarts

    def remember(self, row: IssueRow, digest: str) -> None:
        """What the next listing need not tell again."""
        self._recent[str(row.id)] = (row.updated_on, digest)

    @property
    def next(self) -> Cursor:
        """S30: the newest change seen, but no later than the overlap before the listing began by the server's Date."""
        since = self._reached()
        if not since:
            return self.start
        floor = datetime.fromisoformat(since) - _SECOND
        seen = {one: digest for one, (at, digest) in self._recent.items() if at >= floor}
        return replace(self.start, since=since, seen=seen if len(seen) <= MOST_REMEMBERED else {})

    def _reached(self) -> str:
        """While nothing new was seen the start stays, so that a quiet project's cursor does."""
        if self._newest is None:
            return self.start.since or (_text(self._ceiling) if self._ceiling else "")
        return _text(self._newest if self._ceiling is None else min(self._newest, self._ceiling))

    def _note(self, rows: tuple[IssueRow, ...]) -> None:
        for row in rows:
            if self._newest is None or row.updated_on > self._newest:
                self._newest = row.updated_on

    async def _ask(self, since: str, offset: int) -> Response:
        params: dict[str, str | int] = {
            "status_id": "*",
            "subproject_id": "!*",
            "sort": "updated_on:asc,id:asc",
            "limit": self._api.config.page_size,
        }
        if offset:
            params["offset"] = offset
        if since:
            params["updated_on"] = f">={since}"
        if self._relations:
            params["include"] = "relations"
        return await self._api.read(f"{project_path(self._container)}/issues.json", params)


def _text(at: datetime) -> str:
    return iso(at)
