"""Reading Grow CRM's tasks: the list of a project, one by its id, some by their markers.

Refuses: writing. Nothing in the API says what changed since when, so the active tasks are walked at each poll and compared by
digest. The archived ones are walked with a sweep, and when an active one is missing: it may have gone there.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Iterable
from typing import Any, Final

from bridge.errors import GoneError, TrackerError
from bridge.model import Marker, Record, Ref
from connectors import cursors
from connectors.base import Page
from connectors.growcrm_config import GrowcrmConfig
from connectors.growcrm_errors import unseen
from connectors.growcrm_names import People, Vocabulary
from connectors.growcrm_walk import Lists, TaskCursor, Walk, few
from connectors.growcrm_wire import TASK, TASKS, TaskRow, digest, number, task_record
from connectors.http import Http
from connectors.status import decode, shown

_OLDEST: Final = {"sort": "task_created", "order": "asc"}
_NEWEST: Final = {"sort": "task_created", "order": "desc"}
_SAME_RUN_S: Final = 10.0
STATES: Final = ("active", "archived")


class Tasks:
    """Tasks of all projects of one connection."""

    def __init__(
        self, connection: str, http: Http, config: GrowcrmConfig, lists: Lists, people: People, words: Vocabulary
    ) -> None:
        self._connection = connection
        self._http = http
        self._config = config
        self._lists = lists
        self._people = people
        self._words = words
        self._walked: dict[str, tuple[float, tuple[int, ...]]] = {}

    async def pull(
        self, project: str, text: str | None, *, fields: Collection[str], sweep: bool
    ) -> AsyncIterator[Page]:
        """The contract of ``Connector.pull``. A quiet project costs one request for each hundred active tasks.

        A change among the active ones yields all of these; ``complete`` is a listing for which the archived ones were
        walked as well.
        """
        old = cursors.parsed(TaskCursor, text)
        active = await self._walk(project, "active")
        cursor = old or TaskCursor()
        same = old is not None and digest(active.rows) == old.active
        walked_both = old is None or sweep or (not same and _ids(active.rows, old.top) != old.ids)
        archived: Walk[TaskRow] = await self._walk(project, "archived") if walked_both else Walk((), whole=True)
        there = digest(archived.rows) if walked_both else cursor.archived
        whole = active.whole and archived.whole
        top = max([number(row.id) for row in (*active.rows, *archived.rows)], default=cursor.top)
        rows = (*active.rows, *archived.rows)
        if old is not None and same and there == old.archived:
            yield Page((), cursors.written(old), last=True, quiet=True)
            return
        ids = {number(row.id) for row in rows}
        known = few(ids) if walked_both else few(ids | set(cursor.few))
        new = TaskCursor(active=digest(active.rows), ids=_ids(active.rows, top), top=top, archived=there, few=known)
        gone = tuple(str(one) for one in cursor.few if one not in ids) if walked_both and whole else ()
        records = await self.records(rows, fields)
        stays = cursor if not whole else new  # what was not read whole is read again
        yield Page(records, cursors.written(stays), last=True, complete=whole and walked_both and bool(rows), gone=gone)

    async def ids(self, project: str, *, archived: bool) -> tuple[int, ...]:
        """The ids of a project's tasks; those of the active ones as a listing of this very run has just shown them."""
        at, known = self._walked.get(project, (0.0, ()))
        if not at or time.monotonic() - at > _SAME_RUN_S:
            known = tuple(number(row.id) for row in (await self._walk(project, "active")).rows)
        if archived:
            known += tuple(number(row.id) for row in (await self._walk(project, "archived")).rows)
        return tuple(sorted(set(known)))

    async def records(self, rows: Iterable[TaskRow], fields: Collection[str] = ("assignees",)) -> tuple[Record, ...]:
        rows = tuple(rows)
        if "assignees" in fields:
            await self._people.know(one.id for row in rows for one in row.assigned)
        return tuple(self._record(row) for row in rows)

    def _record(self, row: TaskRow) -> Record:
        ref = Ref(self._connection, str(row.project.id), "task", str(row.id))
        template, how = self._config.task_url, self._config.uncategorised
        url = template.format(project=ref.container, id=ref.id) if template else ""
        return task_record(row, ref, email=self._people.email, uncategorised=how, url=url)

    async def fetch(self, ref: Ref, fields: Collection[str]) -> Record:
        """Raises: GoneError when the task is in another project, or 404 while its project answers; else ContainerError."""
        row = await self.row(ref)
        if str(row.project.id) != ref.container:
            raise GoneError(
                f"The task {ref.id} is in the project {row.project.id} now.",
                moved_to=str(row.project.id),
                hint="A link for that project takes it up there.",
            )
        [record] = await self.records([row], fields)
        return record

    async def row(self, ref: Ref) -> TaskRow:
        answer = await self._http.request("GET", f"api/tasks/{ref.id}", accept=(404,))
        if answer.status == 404:
            raise await self.missing(ref, shown(answer.url))
        row: TaskRow = decode(answer, TASK).data
        self._words.hear([row])
        return row

    async def missing(self, ref: Ref, url: str, what: str = "task") -> TrackerError:
        """What a 404 means: gone while its project answers, else nothing about it (S25)."""
        if not await self.healthy(ref.container):
            return unseen(ref.container, url)
        item = ref.id.partition("/")[0]
        hint = "Its project answers, it does not."
        return GoneError(f"The {what} {item} was deleted in Grow CRM.", hint=hint, status=404, url=url)

    async def healthy(self, project: str) -> bool:
        """Whether the project answers. One that is archived still shows its tasks."""
        answer = await self._http.request("GET", f"api/projects/{project}", accept=(404,))
        return answer.status == 200

    async def find(self, project: str, markers: Collection[Marker], since: str | None) -> dict[Marker, Record]:
        """Newest first: the mark is in the description, and the search of the API looks at titles only.

        No page is read that holds only tasks older than ``since``.
        """
        wanted = set(markers)
        top = (cursors.parsed(TaskCursor, since) or TaskCursor()).top
        found: dict[Marker, TaskRow] = {}
        for state in STATES:
            page = 1
            while wanted - found.keys():
                query = {"project_id": project, "active_state": state, **_NEWEST}
                listed: Any = await self._lists.page("api/tasks", query, TASKS, page=page)
                self._words.hear(listed.data)
                for row in listed.data:
                    mark = self._record(row).marker
                    if mark in wanted and mark is not None:
                        found[mark] = row  # the oldest of several
                old = all(number(row.id) <= top for row in listed.data)
                if old or page >= listed.meta.last_page:
                    break
                page += 1
        return dict(zip(found, await self.records(found.values()), strict=True))

    async def _walk(self, project: str, state: str) -> Walk[TaskRow]:
        """What an unfiltered list holds is not documented: the state is always said."""
        query = {"project_id": project, "active_state": state, **_OLDEST}
        walk = await self._lists.walk("api/tasks", query, TASKS)
        self._words.hear(walk.rows)
        if state == "active" and not walk.rows and not await self.healthy(project):
            raise unseen(project, "")
        if state == "active" and walk.whole:
            self._walked[project] = (time.monotonic(), tuple(number(row.id) for row in walk.rows))
        return walk


def _ids(rows: Iterable[TaskRow], top: int) -> str:
    """Says whether one of the tasks up to ``top`` is missing: newer ones do not count."""
    return digest(sorted(found for row in rows if (found := number(row.id)) <= top))
