"""Artala's OData feeds: walks that lose nothing while people work, and the cursor they leave behind.

Refuses: records (connectors.artala_pull), writing.

Assumptions, since the vendor's page says only "OData v4": rows in ``value``; ``@odata.nextLink`` when the server cut a
page; without it a page is never cut below ``smallest_server_page`` rows. Only ``eq, ge, and, $orderby, $top, $skip`` are
used. A next link is taken as "there is more", not followed: it counts rows (``$skip``), and a task that is edited
during the walk leaves its place, so that the row after the page would slip through. Our own walk starts each page at
the last row seen.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from bridge.errors import RetryableError
from connectors.artala_wire import FieldValueRow, TaskLabelRow, TaskRow, TimeRow, instant, iso, stamp
from connectors.clocks import earlier_start, skew_of
from connectors.http import Http
from connectors.status import Response, decode

R = TypeVar("R")

MOST_REMEMBERED: Final = 1000
_MOST_RESTARTS: Final = 5


class _Answer(Struct, Generic[R]):
    value: list[R]
    next_link: str | None = field(default=None, name="@odata.nextLink")


TASKS: Final = msgspec.json.Decoder(_Answer[TaskRow])
TASK_LABELS: Final = msgspec.json.Decoder(_Answer[TaskLabelRow])
FIELD_VALUES: Final = msgspec.json.Decoder(_Answer[FieldValueRow])
TIME_ENTRIES: Final = msgspec.json.Decoder(_Answer[TimeRow])


class Cursor(Struct, omit_defaults=True, frozen=True):
    """How far the feed Tasks is in hand. ``since`` is in the server's own words and inclusive.

    ``seen`` has the digests of the rows from ``since`` on, so that reading them again is recognised as nothing new.
    ``etag`` belongs to the one request that asks from ``since``. ``sweep`` is the digest of the feeds without times.
    ``full`` marks the middle of a full listing. ``cut`` is the most rows that one page has ever had. ``skew`` is what
    connectors.clocks needs.
    """

    v: int = 0
    since: str = ""
    etag: str = ""
    sweep: str = ""
    full: bool = False
    cut: int = 0
    seen: dict[str, str] = {}
    skew: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """One page of a walk: rows with their digests, those at the edge of the page before left out."""

    rows: tuple[tuple[TaskRow, str], ...]
    last: bool
    cut: int
    response: Response
    etag: str = ""
    is_unchanged: bool = False


class Edge:
    """What the newest rows say about where the next listing must start (S30). Fed in the order of the feed.

    ``overlap`` is reckoned back from ``date``, the server's Date at the start of the listing; without one, from the
    newest row.
    """

    def __init__(self, old: Cursor | None, overlap: timedelta) -> None:
        self._old = old or Cursor()
        self._overlap = overlap
        self._floor: datetime | None = None
        self._newest: datetime | None = None
        self._newest_text = ""
        self._at_newest: dict[str, str] = {}
        self._window: dict[str, str] | None = {}

    def start(self, date: datetime | None, begun: Cursor) -> None:
        """``begun`` is the cursor that the listing really began at."""
        self._old = begun
        if self._floor is None and date is not None:
            self._floor = date - self._overlap

    def add(self, row: TaskRow, digest: str) -> None:
        if not row.updated_at:
            return
        if row.updated_at != self._newest_text:
            at = instant(row.updated_at)
            if self._newest is not None and at < self._newest:
                return
            self._newest, self._newest_text, self._at_newest = at, row.updated_at, {}
        self._at_newest[row.id] = digest
        if (
            self._floor is not None
            and self._newest is not None
            and self._newest >= self._floor
            and self._window is not None
        ):
            self._window[row.id] = digest
            if len(self._window) > MOST_REMEMBERED:
                self._window = None

    def cursor(self, *, full: bool, sweep: str, cut: int, etag: str = "") -> Cursor:
        since, seen = self._place()
        seen = seen if seen is not None and len(seen) <= MOST_REMEMBERED else {}
        etag = etag if since == self._old.since else ""
        return Cursor(v=1, since=since, etag=etag, sweep=sweep, full=full, cut=cut, seen=seen, skew=self._old.skew)

    def _place(self) -> tuple[str, dict[str, str] | None]:
        if self._newest is None:
            return self._old.since or (iso(self._floor) if self._floor else ""), self._old.seen
        floor = self._newest - self._overlap if self._floor is None else self._floor
        if self._newest <= floor:
            return self._newest_text, self._at_newest
        return iso(floor), self._window if self._floor is not None else {}


async def walk_from(
    http: Http, condition: str, start: Cursor, *, overlap: timedelta, page_size: int, cut: int, etag: str = ""
) -> AsyncIterator[tuple[Cursor, Batch]]:
    """``walk_tasks`` from a cursor, or from further back where the server's clock was put back; with the cursor that the
    walk really began at.
    """
    batches = walk_tasks(http, condition, since=start.since, page_size=page_size, cut=cut, etag=etag)
    first = await anext(batches)
    skew = skew_of(first.response, start.skew)
    since = instant(start.since) if start.since else None
    if since is not None and (earlier := earlier_start(since, start.skew, first.response, overlap)):
        await batches.aclose()
        start = msgspec.structs.replace(start, since=iso(earlier), etag="", skew=skew)
        batches = walk_tasks(http, condition, since=start.since, page_size=page_size, cut=cut)
    else:
        start = msgspec.structs.replace(start, skew=skew)
        yield start, first
    async for batch in batches:
        yield start, batch


async def walk_tasks(
    http: Http, condition: str, *, since: str, page_size: int, cut: int, etag: str = ""
) -> AsyncGenerator[Batch, None]:
    """Every task that fits, in the order of UpdatedAt; one that changes on the way comes again at its new place.

    Each page starts at the time of the last row before (``ge``), so rows at the edge come twice and are left out once.
    A page of one single time goes on by ``$skip``, one row back, to see whether the rows have moved.
    ``etag`` is for the first request. ``cut``: a shorter page without a next link is the last one.
    """
    position, skip, anchor, restarts = since, 0, "", 0
    edge: set[tuple[str, str]] = set()
    while True:
        path = tasks_path(condition, since=position, top=page_size, skip=skip)
        answer = await http.request("GET", path, etag=etag or None)
        if answer.is_not_modified:
            yield Batch((), last=True, cut=cut, response=answer, etag=etag, is_unchanged=True)
            return
        page = decode(answer, TASKS)
        if anchor and (not page.value or page.value[0].id != anchor):
            restarts += 1
            if restarts > _MOST_RESTARTS:
                raise RetryableError(
                    f"The tasks updated at {position} move faster than they can be read.", hint="Bridge tries again."
                )
            skip, anchor = 0, ""
            continue
        cut = max(cut, len(page.value))
        has_more = bool(page.value) and (page.next_link is not None or len(page.value) >= min(cut, page_size))
        rows = tuple((row, digest) for row in page.value if (row.id, digest := stamp(row)) not in edge)
        is_only = position == since and skip == 0 and not has_more
        yield Batch(rows, last=not has_more, cut=cut, response=answer, etag=(answer.etag or "") if is_only else "")
        if not has_more:
            return
        etag = ""
        newest = page.value[-1].updated_at or ""
        if newest and newest != position:
            position, skip, anchor = newest, 0, ""
            edge = {(row.id, stamp(row)) for row in page.value if row.updated_at == newest}
        else:
            edge |= {(row.id, digest) for row, digest in rows}
            anchor = page.value[-1].id if len(page.value) > 1 else ""
            skip += max(len(page.value) - 1, 1)


async def walk_rows(
    http: Http,
    feed: str,
    decoder: msgspec.json.Decoder[_Answer[R]],
    *,
    condition: str,
    order: str,
    page_size: int,
    cut: int,
) -> AsyncIterator[list[R]]:
    """Every row of a feed without times, by ``$skip``, one row back to see whether the rows have moved.

    Raises: RetryableError when they have.
    """
    skip = 0
    anchor: R | None = None
    while True:
        query = {"$filter": condition, "$orderby": order, "$top": page_size, "$skip": skip or None}
        page = decode(await http.request("GET", f"odata/{feed}?{_query(query)}"), decoder)
        if anchor is not None and (not page.value or page.value[0] != anchor):
            raise RetryableError(f"The feed {feed} changed while it was read.", hint="Bridge reads it again.")
        cut = max(cut, len(page.value))
        yield page.value[1:] if anchor is not None else page.value
        if not page.value or (page.next_link is None and len(page.value) < min(cut, page_size)):
            return
        anchor = page.value[-1] if len(page.value) > 1 else None
        skip += max(len(page.value) - 1, 1)


def tasks_path(condition: str, *, since: str = "", top: int, skip: int = 0) -> str:
    """``odata/Tasks?$filter=BoardId eq … and UpdatedAt ge …&$orderby=UpdatedAt,Id&$top=1000``, encoded."""
    after = f" and UpdatedAt ge {_zoned(since)}" if since else ""
    query = {"$filter": condition + after, "$orderby": "UpdatedAt,Id", "$top": top, "$skip": skip or None}
    return f"odata/Tasks?{_query(query)}"


def literal(text: str) -> str:
    """An OData string: single quotes around, those inside doubled."""
    return "'" + text.replace("'", "''") + "'"


def _zoned(text: str) -> str:
    """An OData instant needs its zone; a time without one is UTC."""
    at = datetime.fromisoformat(text)
    return text if at.tzinfo is not None else f"{text}Z"


def _query(members: dict[str, Any]) -> str:
    return "&".join(f"{name}={quote(str(value), safe=',:()$')}" for name, value in members.items() if value is not None)
