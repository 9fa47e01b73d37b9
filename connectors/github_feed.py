"""GitHub's lists as pages of records with a cursor: issues and comments by change, labels whole.

Refuses: single items and writes (connectors.github).

A cursor is ``{"v": 1, "since": "2026-11-21T09:30:00Z" | null, "etag": "…" | null}``. ``since`` is sent as it is and
taken as inclusive; ``etag`` belongs to the first page of the listing with that ``since``. ``skew``, where it is worth
telling, is what connectors.clocks needs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from connectors import cursors
from connectors.base import Page
from connectors.clocks import earlier_start, skew_of
from connectors.github_walk import D
from connectors.github_wire import ISSUES, LABELS, issue_record, label_record, newest
from connectors.status import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.model import Record
    from connectors.github_api import GithubApi
    from connectors.github_walk import Batch, Walk
    from connectors.github_wire import Issue


class Cursor(msgspec.Struct, frozen=True):
    v: int = 1
    since: str | None = None
    etag: str | None = None
    skew: int | UnsetType = UNSET


class GithubFeed:
    """The lists of one account. ``overlap_s`` seconds before each listing's start are read again by the next."""

    def __init__(self, api: GithubApi, connection: str, *, per_page: int, overlap_s: int) -> None:
        self._api = api
        self._connection = connection
        self._per_page = per_page
        self._overlap = timedelta(seconds=overlap_s)

    def issues(self, container: str, cursor: Cursor, *, labels: str = "", creator: str = "") -> AsyncIterator[Page]:
        """Oldest change first, pull requests left out; with all of these ``labels``, of this ``creator``, if any."""

        def record(issue: Issue) -> Record | None:
            if issue.pull_request is not None:
                return None
            return issue_record(self._connection, container, issue, accounts=self._api.accounts)

        return self.changes(
            self._api.changes(container, self._per_page, labels=labels, creator=creator), cursor, record
        )

    async def changes(self, walk: Walk[D], cursor: Cursor, record: Callable[[D], Record | None]) -> AsyncIterator[Page]:
        """A dated list as pages. ``record`` is None for a row that is none: a page may hold no record and not be the last.

        A row that changes during the walk moves to its end and is seen again.
        """
        latest = ceiling = None
        pages = rows = 0
        async for start, batch in self._batches(walk, cursor):
            since, response = start.since, batch.response
            if response.is_not_modified:
                yield Page((), cursors.written(start), last=True, quiet=True)
                continue  # there is nothing more
            pages += 1
            rows += batch.size
            latest = newest(batch.rows, latest)
            if pages == 1 and response.date is not None:
                ceiling = response.date - self._overlap
            reached = self._reached(since, latest, ceiling)
            records = tuple([made for row in batch.rows if (made := record(row)) is not None])
            is_only = batch.last and pages == 1
            # an ETag speaks for its page: of use where that page is all there is, has room, and is asked for again
            is_whole = is_only and reached == since and batch.size < self._per_page
            yield Page(
                records,
                cursors.written(Cursor(since=reached, etag=response.etag if is_whole else None, skew=start.skew)),
                last=batch.last,
                quiet=is_only and not records,
                complete=batch.last and cursor.since is None and rows > 0,
            )

    async def _batches(self, walk: Walk[D], cursor: Cursor) -> AsyncIterator[tuple[Cursor, Batch[D]]]:
        """The pages from the cursor on, or from further back where the server's clock was put back; with the cursor that
        they really began at.
        """
        batches = walk.batches(cursor.since, cursor.etag)
        first = await anext(batches)
        skew = cursor.skew or 0
        start = msgspec.structs.replace(cursor, skew=skew_of(first.response, skew) or UNSET)
        since = datetime.fromisoformat(cursor.since) if cursor.since else None
        if since is not None and (earlier := earlier_start(since, skew, first.response, self._overlap)):
            await batches.aclose()
            start = msgspec.structs.replace(start, since=_text(earlier), etag=None)
            batches = walk.batches(start.since, None)
        else:
            yield start, first
        async for batch in batches:
            yield start, batch

    async def labels(self, container: str, cursor: Cursor, web: str) -> AsyncIterator[Page]:
        """All labels each time, since no change of theirs has a date; a 304 when nothing changed and one page is enough.

        ``web`` is the address of the label list for people. One page, whatever their number.
        """
        params: dict[str, str | int] = {"per_page": self._per_page}
        listed = await self._api.whole(container, "/labels", params, LABELS, lambda row: row.name, cursor.etag)
        if listed.first.is_not_modified:
            yield Page((), cursors.written(cursor), last=True, quiet=True)
            return
        has_room = listed.pages == 1 and len(listed.rows) < self._per_page
        yield Page(
            tuple(
                label_record(self._connection, container, label, web + quote(label.name, safe=""))
                for label in listed.rows
            ),
            cursors.written(Cursor(etag=listed.first.etag if has_room else None)),
            last=True,
            quiet=not listed.rows,
            complete=bool(listed.rows),
        )

    async def head(self, container: str) -> Cursor:
        """The cursor from which on everything is listed that changes from now on; the beginning where there is nothing."""
        response = await self._api.read(container, "/issues?state=all&sort=updated&direction=desc&per_page=1")
        rows = decode(response, ISSUES)
        latest = newest(rows, None)
        ceiling = None if response.date is None else response.date - self._overlap
        return Cursor(since=self._reached(None, latest, ceiling), skew=skew_of(response, 0) or UNSET)

    def _reached(self, since: str | None, latest: datetime | None, ceiling: datetime | None) -> str | None:
        """The newest change seen, but no later than the overlap before the listing began, by the server's Date (S30)."""
        if latest is None:
            return since
        until = min(latest, latest - self._overlap if ceiling is None else ceiling)
        return _text(until)


def _text(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
