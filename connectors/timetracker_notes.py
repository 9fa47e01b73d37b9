"""Comments of TimeTracker's tasks as records of their own.

They can be listed for one task at a time only. The audit log tells which tasks have news; without it a part of the tasks is
read in each poll. Refuses: comments of projects; pictures and files.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from bridge.errors import GoneError, RejectedError
from bridge.model import Fields, Kind, Marker, Record, Ref
from connectors import cursors, markers
from connectors.base import BeforeSend, Page
from connectors.timetracker_api import Api, epoch
from connectors.timetracker_feed import Cursor, Log, News, digest_of, is_due
from connectors.timetracker_pull import TASKS
from connectors.timetracker_tasks import of_markers
from connectors.timetracker_thread import ROW, Thread, task_in
from connectors.timetracker_wire import gone_names

ENTITY: Final = "Comment"
_BATCH: Final = 25
_ON_TASK: Final = re.compile(r" on Task (\d+)>$")


class Notes:
    """Comments of all tasks of one connection. ``Ref.id`` is ``TASK/COMMENT``."""

    def __init__(self, api: Api, log: Log, thread: Thread) -> None:
        self._api = api
        self._log = log
        self._thread = thread

    async def pull(self, container: str, text: str | None) -> AsyncIterator[Page]:
        """The contract of ``Connector.pull``. A first listing is cut into pages of a few tasks, so that it goes on where a
        limit stopped it.
        """
        project, old = await self._api.project(container), cursors.parsed(Cursor, text)
        if old is not None and not old.full:
            page = await self._later(container, project, old)
            if page is not None:
                yield page
                return
            old = None
        async for page in self._everything(container, project, old):
            yield page

    async def _everything(self, container: str, project: int, old: Cursor | None) -> AsyncIterator[Page]:
        head = News(log=old.log, seen=old.seen) if old is not None else await self._log.head(ENTITY)
        tasks, date = await self._tasks(project)
        after = 0 if old is None else old.after
        held = {} if old is None else dict(old.held)
        left = [task for task in tasks if task > after]
        found = False
        for start in range(0, max(len(left), 1), _BATCH):
            batch = left[start : start + _BATCH]
            records = await self._of_tasks(container, batch, held)
            found = found or bool(held)
            is_last = start + _BATCH >= len(left)
            cursor = Cursor(v=1, log=head.log, seen=head.seen, pages=max(len(tasks), 1), at=epoch(date), held=held,
                            full=not is_last, after=0 if is_last else batch[-1])  # fmt: skip
            yield Page(
                tuple(records), cursor=cursors.written(cursor), last=is_last, complete=is_last and old is None and found
            )

    async def _later(self, container: str, project: int, old: Cursor) -> Page | None:
        """What the log names, or the next few tasks; None when all is to be read again."""
        if old.log < 0:
            return await self._some(container, project, old)
        if is_due(old, int(time.time()), self._api.config.walk_every_s):
            return None
        news = await self._log.since(ENTITY, old)
        if news is None:
            return None
        named = {
            int(on[1]) for name in (*news.changed.values(), *news.deleted.values()) if (on := _ON_TASK.search(name))
        }
        if not named:
            return Page((), cursor=cursors.written(news.moved(old)), last=True, quiet=True)
        there = set((await self._tasks(project))[0])
        held = dict(old.held)
        known = {number for task in named for number in held.get(str(task), ())[1:]}
        records = await self._of_tasks(container, sorted(named & there), held)
        left = {number for task in named & there for number in held.get(str(task), ())[1:]}
        lost = {f"{task}/{number}" for task in named - there for number in held.pop(str(task), ())[1:]}
        cursor = msgspec.structs.replace(news.moved(old), held=held)
        gone = tuple(sorted({*gone_names(known, left), *lost}))
        return Page(
            tuple(records), cursor=cursors.written(cursor), last=True, gone=gone, quiet=not records and not gone
        )

    async def _some(self, container: str, project: int, old: Cursor) -> Page:
        """Without the log: so many tasks at each poll, in turn."""
        tasks, _ = await self._tasks(project)
        later = [task for task in tasks if task > old.after] or tasks
        batch = later[: self._api.config.comments_per_poll]
        held = dict(old.held)
        lost = [number for task in sorted(set(held) - {str(one) for one in tasks}) for number in held.pop(task)[1:]]
        before = {task: held.get(str(task), ()) for task in batch}
        records = await self._of_tasks(container, batch, held)
        moved = {task for task in batch if held.get(str(task), ()) != before[task]}
        gone = {number for task in moved for number in gone_names(before[task][1:], held.get(str(task), ())[1:])}
        news = [record for record in records if int(record.ref.id.partition("/")[0]) in moved]
        cursor = msgspec.structs.replace(old, held=held, after=batch[-1] if batch else 0)
        return Page(
            tuple(news),
            cursor=cursors.written(cursor),
            last=True,
            gone=tuple(sorted({*gone, *lost})),
            quiet=not (news or gone or lost),
        )

    async def _tasks(self, project: int) -> tuple[list[int], datetime | None]:
        walk = await self._api.walk("tasks", TASKS, "tasks", size=self._api.config.page_size, project_id=project)
        return sorted(row.id for row in walk.rows), walk.date

    async def _of_tasks(self, container: str, tasks: Iterable[int], held: dict[str, tuple[str, ...]]) -> list[Record]:
        """The comments of these tasks; ``held`` learns what each has: a digest, then the ids."""
        found: list[Record] = []
        for task in tasks:
            records = await self._thread.records(container, await self._thread.rows(task))
            held.pop(str(task), None)
            if records:
                digest = digest_of((int(record.ref.id.partition("/")[2]), record.version) for record in records)
                held[str(task)] = (digest, *(record.ref.id for record in records))
            found += records
        return found

    async def fetch(self, ref: Ref) -> Record:
        """One request: the comments of its task, and the project when it is not among them."""
        for record in await self._thread.records(ref.container, await self._thread.rows(task_in(ref))):
            if record.ref == ref:
                return record
        raise await self._api.missing(ref, self._api.config.base_url)

    async def create(self, container: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        if fields.get("task") is None:
            raise RejectedError("A comment needs its task.", hint="Map the field task.", field="task")
        ref = Ref(self._thread.connection, container, Kind.TASK.value, str(fields["task"]))
        try:
            row = await self._thread.posted(
                ref, markers.join(str(fields.get("body") or ""), marker), marker, before_send
            )
        except GoneError as error:
            raise RejectedError(error.message, hint="There is nothing left to comment on.", field="task") from error
        record = await self._thread.record(container, row)
        if record is None:
            raise RejectedError("A comment of this text is none for TimeTracker.", hint="Change it.", field="body")
        return record

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """``PUT /comments/{id}``: the author and admins."""
        body = {"content": self._thread.content(markers.join(str(changes.get("body") or ""), current.marker))}
        answer = await self._thread.written("PUT", ref, body, before_send)
        try:
            row = ROW.decode(answer.content).comment
        except msgspec.MsgspecError:  # what it says of itself is not known for every version
            return await self.fetch(ref)
        record = await self._thread.record(ref.container, row)
        return current if record is None else record

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        """One with replies only loses its text, which is as good as gone."""
        await self._thread.written("DELETE", ref, None, before_send)

    async def find(self, container: str, wanted: Collection[Marker], since: str | None) -> Mapping[Marker, Record]:
        """Nothing finds a comment by its text: the tasks that the log names since, else all tasks are read."""
        project, old = await self._api.project(container), cursors.parsed(Cursor, since)
        news = await self._log.since(ENTITY, old) if old is not None and old.log >= 0 else None
        tasks = (await self._tasks(project))[0]
        if news is not None:
            named = {int(on[1]) for name in news.changed.values() if (on := _ON_TASK.search(name))}
            tasks = [task for task in tasks if task in named]
        return of_markers(await self._of_tasks(container, tasks, {}), wanted)
