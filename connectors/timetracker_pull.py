"""Listings of tasks and time entries.

A project whose tasks fit on one page is walked: one request, whether something changed or not, and complete. A larger one is
followed by the audit log, where the token may read it.
Refuses: comments (connectors.timetracker_notes), writing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from bridge.errors import GoneError
from bridge.model import Kind, Record, Ref
from connectors import cursors
from connectors.base import Page
from connectors.status import decode
from connectors.timetracker_api import Api, Pagination, Walk, epoch
from connectors.timetracker_feed import Cursor, Log, News, digest_of, is_due
from connectors.timetracker_wire import EntryRow, TaskRow, entry_of, gone_names, stamp, tags_of, task_of

ENTRIES_PER_PAGE: Final = 100
_FEW_ENTRIES: Final = 2


class TaskPage(Struct):
    tasks: list[TaskRow]
    pagination: Pagination


class EntryPage(Struct):
    time_entries: list[EntryRow]
    pagination: Pagination


class _Task(Struct):
    task: TaskRow


class _Entry(Struct):
    time_entry: EntryRow


TASKS: Final = msgspec.json.Decoder(TaskPage)
ENTRIES: Final = msgspec.json.Decoder(EntryPage)
TASK: Final = msgspec.json.Decoder(_Task)
ENTRY: Final = msgspec.json.Decoder(_Entry)


@dataclass(frozen=True, slots=True)
class Feed:
    """How one kind is listed and read. ``entity`` is the log's word for it."""

    kind: str
    path: str
    entity: str
    key: str
    size: int
    pages: msgspec.json.Decoder[Any]


class Reader:
    """Tasks and time entries of all projects of one connection."""

    def __init__(self, connection: str, api: Api, log: Log) -> None:
        self._connection = connection
        self._api = api
        self._log = log
        task = Feed("task", "tasks", "Task", "tasks", api.config.page_size, TASKS)
        entry = Feed("time_entry", "time-entries", "TimeEntry", "time_entries", ENTRIES_PER_PAGE, ENTRIES)
        self._feeds = {feed.kind: feed for feed in (task, entry)}

    async def pull(self, container: str, kind: str, text: str | None) -> AsyncIterator[Page]:
        """The contract of ``Connector.pull``, on one page."""
        feed, old = self._feeds[kind], cursors.parsed(Cursor, text)
        project = await self._api.project(container)
        if old is not None and old.log >= 0 and not is_due(old, int(time.time()), self._api.config.walk_every_s):
            news = await self._log.since(feed.entity, old)
            if news is not None and (page := await self._news(feed, container, project, old, news)) is not None:
                yield page
                return
        yield await self._walked(feed, container, project, old)

    async def _news(self, feed: Feed, container: str, project: int, old: Cursor, news: News) -> Page | None:
        """What the log named, one by one; None when walking is cheaper."""
        cursor = news.moved(old)
        if not news.changed and not news.deleted:
            return Page((), cursor=cursors.written(cursor), last=True, quiet=True)
        if len(news.changed) > old.pages:
            return None
        rows, gone = [], [str(number) for number in news.deleted]
        for number in news.changed:
            answer = await self._api.request("GET", f"{feed.path}/{number}", accept=(403, 404))
            if answer.status == 404:
                gone.append(str(number))
            elif answer.status == 200:
                rows.append(decode(answer, TASK).task if feed.kind == "task" else decode(answer, ENTRY).time_entry)
        gone += [str(row.id) for row in rows if row.project_id != project]
        records = await self._records(feed, container, [row for row in rows if row.project_id == project])
        cursor = msgspec.structs.replace(cursor, digest="")
        return Page(tuple(records), cursor=cursors.written(cursor), last=True, gone=tuple(sorted(gone)))

    async def _walked(self, feed: Feed, container: str, project: int, old: Cursor | None) -> Page:
        head = News()
        wants_log = self._api.config.change_feed == "audit" or (old is not None and old.pages > 1)
        if wants_log and self._log.may_be_read:
            head = await self._log.head(feed.entity)
        floor = self._floor(feed, old, head)
        walk = await self._walk(feed, project, floor)
        if walk.pages > 1 and not wants_log and self._log.may_be_read:
            head = await self._log.head(feed.entity)
            if head.log >= 0:  # what was edited before the log was read is on pages that we have already
                walk = await self._walk(feed, project, floor)
        rows = walk.rows if feed.kind == "task" else [row for row in walk.rows if self._counts(row)]
        digest = digest_of((row.id, stamp(row)) for row in rows) if walk.is_whole else ""
        ids = tuple(sorted(str(row.id) for row in rows)) if floor else ()
        pages = old.pages if floor and old else walk.pages
        cursor = Cursor(
            v=1,
            log=head.log,
            seen=head.seen,
            digest=digest,
            pages=pages,
            at=old.at if floor and old else epoch(walk.date),
            floor=floor,
            ids=ids,
        )
        if old is not None and digest and (digest, floor) == (old.digest, old.floor):
            return Page((), cursor=cursors.written(cursor), last=True, quiet=True)
        gone = gone_names(old.ids, ids) if old is not None and floor and old.floor == floor and walk.is_whole else ()
        clock = await self._api.clock() if rows else None
        if clock is not None and feed.kind == "task":
            clock.hear(max((row.updated_at or "" for row in rows), default=""), walk.date)
        records = await self._records(feed, container, rows)
        complete = walk.is_whole and bool(rows) and not floor
        return Page(tuple(records), cursor=cursors.written(cursor), last=True, complete=complete, gone=gone)

    async def _walk(self, feed: Feed, project: int, floor: str) -> Walk[Any]:
        params: dict[str, str | int] = {"project_id": project}
        if floor:
            params["start_date"] = floor
        return await self._api.walk(feed.path, feed.pages, feed.key, size=feed.size, **params)

    def _floor(self, feed: Feed, old: Cursor | None, head: News) -> str:
        """The first day to look at: without the log, many time entries are not all read each time. A Monday, so that the
        window moves once a week.
        """
        if feed.kind == "task" or old is None or old.pages <= _FEW_ENTRIES or head.log >= 0:
            return ""
        if is_due(old, int(time.time()), self._api.config.walk_every_s):
            return ""
        day = datetime.now(UTC).date() - timedelta(days=self._api.config.time_window_days)
        return (day - timedelta(days=day.weekday())).isoformat()

    def _counts(self, row: EntryRow) -> bool:
        """A running timer is no record yet. One without a task counts when we made it: its second request is to come."""
        if row.end_time is None:
            return False
        return row.task_id is not None or self._api.config.taskless_entries or tags_of(row.tags)[1] is not None

    async def _records(self, feed: Feed, container: str, rows: Iterable[Any]) -> list[Record]:
        rows = [row for row in rows if feed.kind == "task" or self._counts(row)]
        return await (self.tasks(container, rows) if feed.kind == "task" else self.entries(container, rows))

    async def tasks(self, container: str, rows: Iterable[TaskRow]) -> list[Record]:
        rows = list(rows)
        if not rows:
            return []
        clock, people = await self._api.clock(), await self._api.person_names(row.assigned_to for row in rows)
        return [
            task_of(
                row,
                Ref(self._connection, container, Kind.TASK.value, str(row.id)),
                clock,
                people.name(row.assigned_to, row.assigned_user),
                task_url(self._api, str(row.id)),
            )
            for row in rows
        ]

    async def entries(self, container: str, rows: Iterable[EntryRow]) -> list[Record]:
        rows = list(rows)
        if not rows:
            return []
        clock, people = await self._api.clock(), await self._api.person_names(row.user_id for row in rows)
        return [
            entry_of(
                row,
                Ref(self._connection, container, Kind.TIME_ENTRY.value, str(row.id)),
                clock,
                people.name(row.user_id, row.user),
            )
            for row in rows
        ]

    async def fetch(self, ref: Ref) -> Record:
        """One record. Raises: GoneError when it is on another project, or not there while its project answers (S25)."""
        feed, project = self._feeds[ref.kind], await self._api.project(ref.container)
        answer = await self._api.request("GET", f"{feed.path}/{ref.id}", accept=(404,))
        if answer.status == 404:
            raise await self._api.missing(ref, answer.url)
        row: Any = decode(answer, TASK).task if ref.kind == "task" else decode(answer, ENTRY).time_entry
        if row.project_id != project:
            raise elsewhere(ref, row.project_id)
        made = self.tasks if ref.kind == "task" else self.entries
        [record] = await made(ref.container, [row])
        return record


def elsewhere(ref: Ref, project: int | None) -> GoneError:
    """The record is on another project."""
    return GoneError(
        f"The {ref.kind.replace('_', ' ')} {ref.id} belongs to {f'the project {project}' if project else 'no project'} now.",
        moved_to=str(project or ""),
        hint="A link for that project takes it up there.",
    )


def task_url(api: Api, task: str) -> str:
    """Where a person looks at a task."""
    return f"{api.config.base_url}/tasks/{task}"
