"""Workestra's list of tasks as pages of records with a cursor.

There is no filter for changes. So a project is read as a whole and a digest of it kept: when nothing moved, nothing is
handed on. Where more than one page is needed, and the list was seen to obey ``sort=updated_at`` (which no page promises),
its newest changes are read instead; a count that does not fit, or a row out of order, leads back to the whole walk.

A page ends the walk when it is short, unless ``count`` was seen to speak of more than one page: then ``count`` decides.
A walk that found fewer tasks than ``count``, or during which ``count`` fell, is walked again: pages count rows, and a
task that leaves shifts the others. What slips through all the same is there at the next poll.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Final, Literal

import msgspec

from bridge.model import Marker, Record
from connectors import cursors
from connectors.base import Page
from connectors.workestra_api import Api, Listing
from connectors.workestra_config import WorkestraConfig
from connectors.workestra_wire import Row, Wire

_TRIES: Final = 3
_MOST_REMEMBERED: Final = 1000
_TRASHED: Final = "trash"


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """``digest`` and ``rows`` are of the last walk; ``since`` is the overlap before it began, or before its newest change.

    ``sorts``: whether the list obeys ``sort=updated_at``; "" while nobody knows. ``seen`` has the versions of the tasks
    that changed at ``since`` or later. Without a digest the next poll hands on everything.
    """

    v: int = 0
    digest: str = ""
    rows: int = 0
    since: datetime | None = None
    sorts: Literal["", "yes", "no"] = ""
    seen: dict[str, str] = {}


def _read(text: str | None) -> Cursor:
    return cursors.parsed(Cursor, text) or Cursor(v=1)


@dataclass(slots=True)
class Walked:
    """What one walk found: tasks by id, the largest count, when it began by the server's Date."""

    rows: dict[str, Row] = field(default_factory=dict)
    began: datetime | None = None
    counts: list[int] = field(default_factory=list)
    is_counted: bool = False
    pages: int = 0

    def add(self, listing: Listing) -> int:
        """Take one page in. How many of its rows are new."""
        before = len(self.rows)
        self.pages += 1
        self.began = self.began or listing.date
        self.rows |= {str(row["id"]): row for row in listing.rows}
        if listing.count is not None:
            self.counts.append(listing.count)
            self.is_counted = self.is_counted or listing.count > len(listing.rows)
        return len(self.rows) - before

    def is_over(self, listing: Listing, new: int, per_page: int) -> bool:
        if not new:
            return True
        if self.is_counted and listing.count is not None:
            return len(self.rows) >= listing.count
        return len(listing.rows) < per_page

    @property
    def holds(self) -> bool:
        """Whether nothing says that a task slipped through."""
        return not self.is_counted or (self.is_steady and len(self.rows) >= self.counts[-1])

    @property
    def is_steady(self) -> bool:
        """Whether the count never fell, which would shift the tasks over the pages."""
        return not any(later < earlier for earlier, later in pairwise(self.counts))


class Feed:
    """The lists of one account."""

    def __init__(self, api: Api, config: WorkestraConfig, wire: Wire) -> None:
        self._api = api
        self._config = config
        self._wire = wire
        self._overlap = timedelta(seconds=config.overlap_s)

    async def pull(self, project: str, text: str | None, *, sweep: bool) -> AsyncIterator[Page]:
        """The contract of ``Connector.pull``. A quiet project costs one request for each 100 tasks, or one in all."""
        old = _read(text)
        may_probe = self._config.sort_by_change == "probe"
        is_large = old.rows > self._config.page_size
        if may_probe and is_large and old.digest and old.sorts == "yes" and not sweep:
            if (page := await self._changes(project, old)) is not None:
                yield page
                return
            old = msgspec.structs.replace(old, sorts="")
        walked = await self._walk(project)
        records = self._records(project, walked.rows.values())
        sorts = old.sorts
        if may_probe and not sorts and len(walked.rows) > self._config.page_size:
            sorts = await self._probe(project, walked)
        cursor = self._cursor(walked, records, sorts)
        if old.digest and cursor.digest == old.digest and walked.holds:
            yield Page(
                (), (text or "") if sorts == _read(text).sorts else cursors.written(cursor), last=True, quiet=True
            )
            return
        size = self._config.page_size
        parts = [records[start : start + size] for start in range(0, len(records), size)] or [()]
        for part in parts[:-1]:
            yield Page(part, cursors.written(Cursor(v=1, sorts=sorts)), last=False)
        is_whole = walked.holds and bool(records)
        yield Page(parts[-1], cursors.written(cursor), last=True, quiet=not records, complete=is_whole)

    async def find(self, project: str, markers: Collection[Marker], since: str | None) -> Mapping[Marker, Record]:
        """By one walk, newest task first, back to the cursor's time. Of several with one marker the oldest counts: the
        others are copies, which the app makes with description and custom fields.
        """
        wanted, found = set(markers), dict[Marker, Record]()
        until = _read(since).since
        walked, page = Walked(), 1
        while True:
            listing = await self._page(project, page, "created_at", "desc")
            new = walked.add(listing)
            for record in self._records(project, listing.rows):
                if record.marker in wanted:
                    found[record.marker] = record
            made = self._wire.instant(listing.rows[-1], "created_at") if listing.rows else None
            if walked.is_over(listing, new, self._config.page_size) or (until and made and made < until):
                return found
            page += 1

    async def _walk(self, project: str) -> Walked:
        """All tasks, oldest first, so that what is made meanwhile comes at the end."""
        walked = Walked()
        for _ in range(_TRIES):
            walked, page = Walked(), 1
            while True:
                listing = await self._page(project, page, "created_at", "asc")
                if walked.is_over(listing, walked.add(listing), self._config.page_size):
                    break
                page += 1
            if walked.holds:
                break
        return walked

    async def _changes(self, project: str, old: Cursor) -> Page | None:
        """What changed since, newest first; None where something does not fit, and the whole has to be read."""
        walked = Walked()
        if (recent := await self._newest(project, old, walked)) is None:
            return None
        records = self._records(project, recent)
        trashed = {str(row["id"]): _TRASHED for row in recent if self._wire.in_trash(row)}
        news = tuple(record for record in records if old.seen.get(record.ref.id) != record.version)
        gone = tuple(task for task in trashed if old.seen.get(task) != _TRASHED)
        if old.seen.keys() - trashed.keys() - {record.ref.id for record in records}:
            return None  # times only grow: these tasks have left, or the order is another
        new = sum(1 for record in news if record.ref.id not in old.seen)
        counts = walked.counts if walked.is_counted else []
        if not walked.is_steady or any(not 0 <= count - old.rows <= new for count in counts):
            return None
        if not news and not gone:
            return Page((), cursors.written(old), last=True, quiet=True)
        since = self._since(walked, records) or old.since
        cursor = msgspec.structs.replace(
            old,
            digest="changes",
            since=since,
            seen={**trashed, **self._window(records, since)},
            rows=counts[-1] if counts else old.rows,
        )
        return Page(news, cursors.written(cursor), last=True, gone=gone)

    async def _newest(self, project: str, old: Cursor, walked: Walked) -> list[Row] | None:
        """The tasks that changed at the cursor's time or later; None for rows out of order, and for a page that is short."""
        recent: list[Row] = []
        last, page, since = None, 1, old.since or datetime.min.replace(tzinfo=UTC)
        while True:
            listing = await self._page(project, page, "updated_at", "desc")
            new = walked.add(listing)
            if walked.is_counted and len(listing.rows) < self._size_of(page, listing.count or 0):
                return None
            for row in listing.rows:
                at = self._wire.instant(row, self._config.updated_field)
                if at is None or (last is not None and at > last):
                    return None
                last = at
                recent += [row] if at >= since else []
            if (last is not None and last < since) or walked.is_over(listing, new, self._config.page_size):
                return recent
            page += 1

    async def _probe(self, project: str, walked: Walked) -> Literal["", "yes", "no"]:
        """Whether the list obeys ``sort=updated_at``: it begins with the newest change of the walk, is in that order and
        in no other. "" where no task tells.
        """
        listing = await self._page(project, 1, "updated_at", "desc")
        field = self._config.updated_field
        changed = [self._wire.instant(row, field) for row in listing.rows]
        made = [self._wire.instant(row, "created_at") for row in listing.rows]
        newest = max((at for row in walked.rows.values() if (at := self._wire.instant(row, field))), default=None)
        if newest is None or any(at is None for at in (*changed, *made)):
            return "no"
        if _rises(changed) or not changed or changed[0] is None or changed[0] < newest:
            return "no"
        return "yes" if _rises(made) else ""

    def _size_of(self, page: int, count: int) -> int:
        """How many tasks a page should have."""
        return min(self._config.page_size, count - (page - 1) * self._config.page_size)

    async def _page(self, project: str, page: int, sort: str, order: str) -> Listing:
        return await self._api.tasks(project, page=page, per_page=self._config.page_size, sort=sort, order=order)

    def _records(self, project: str, rows: Collection[Row]) -> tuple[Record, ...]:
        """Without what is in the trash or on other projects."""
        return tuple(
            self._wire.record(row, project)
            for row in rows
            if self._wire.is_of(row, project) and not self._wire.in_trash(row)
        )

    def _cursor(self, walked: Walked, records: tuple[Record, ...], sorts: Literal["", "yes", "no"]) -> Cursor:
        digest = blake2b(digest_size=12)
        for record in sorted(records, key=lambda record: record.ref):
            digest.update(f"{record.ref.id} {record.version}\n".encode())
        since = self._since(walked, records)
        return Cursor(
            v=1,
            digest=digest.hexdigest() if walked.holds else "",
            rows=len(walked.rows),
            since=since,
            sorts=sorts,
            seen=self._window(records, since) if sorts == "yes" else {},
        )

    def _since(self, walked: Walked, records: tuple[Record, ...]) -> datetime | None:
        """The overlap before the newest change that was read, or before the walk began, whichever is earlier (S30)."""
        ends = [record.updated_at for record in records if record.updated_at is not None]
        starts = [at for at in (max(ends, default=None), walked.began) if at is not None]
        return min(starts).astimezone(UTC) - self._overlap if starts else None

    def _window(self, records: tuple[Record, ...], since: datetime | None) -> dict[str, str]:
        if since is None:
            return {}
        found = {r.ref.id: r.version for r in records if r.updated_at is not None and r.updated_at >= since}
        return found if len(found) <= _MOST_REMEMBERED else {}


def _rises(instants: list[Any]) -> bool:
    return any(later > earlier for earlier, later in pairwise(instants))
