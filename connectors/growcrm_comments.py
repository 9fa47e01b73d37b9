"""Comments of Grow CRM's tasks, as records of their own and as what Bridge says and hears on a task.

There is no list of all comments and no trace of one in its task: one request a task. A first listing and a sweep read those
of all tasks; a poll in between reads those of a few, in turn. A comment cannot be edited, and whoever wrote it elsewhere, its
author here is the main administrator.
Refuses: checklists and their comments.
"""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from bridge.errors import GoneError, RejectedError, UnknownOutcome
from bridge.model import Fields, FieldSpec, FieldType, Marker, Record, Ref, Schema, Value
from connectors import cursors, markers
from connectors.base import BeforeSend, Comment, Page
from connectors.growcrm_config import GrowcrmConfig
from connectors.growcrm_names import People
from connectors.growcrm_tasks import Tasks
from connectors.growcrm_walk import CommentCursor
from connectors.growcrm_wire import COMMENT, COMMENTS, CommentRow, digest, encoded, number
from connectors.http import Http
from connectors.instants import instant, iso
from connectors.status import decode, shown

KEY_ROOM: Final = 400
"""Characters of a comment that are left for our mark."""

_CHUNK: Final = 50
_BREAK: Final = re.compile(r"<br\s*/?>|</(?:p|div|li|h\d)>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>")


def schema(config: GrowcrmConfig) -> Schema:
    dialect: Literal["html", "plain"] = config.text_format
    specs = (
        FieldSpec("task", FieldType.REF, writable="create"),
        FieldSpec("body", FieldType.TEXT, writable="create", max_length=config.text_max - KEY_ROOM, dialect=dialect),
        FieldSpec("author", FieldType.PERSON, writable="never", emails=True),
        FieldSpec("created_at", FieldType.INSTANT, writable="never"),
    )
    return Schema("comment", {spec.name: spec for spec in specs})


_Held = dict[str, tuple[str, tuple[int, ...]]]


class TaskComments:
    """Comments of all tasks of one connection. Ref ids are ``TASK/COMMENT``."""

    def __init__(self, connection: str, http: Http, config: GrowcrmConfig, people: People, tasks: Tasks) -> None:
        self._connection = connection
        self._http = http
        self._config = config
        self._people = people
        self._tasks = tasks
        self._unanswered: dict[Marker, str] = {}

    # --- as records -----------------------------------------------------------------------------------------------

    async def pull(self, project: str, text: str | None, *, sweep: bool) -> AsyncIterator[Page]:
        """A first listing reads every task's comments, page by page; a sweep too; else those of a few tasks, in turn."""
        old = cursors.parsed(CommentCursor, text)
        if old is None or old.full:
            async for page in self._first(project, old):
                yield page
            return
        ids = await self._tasks.ids(project, archived=sweep)
        if sweep and len(ids) <= self._config.comments_sweep_max:
            rows = await self._of_tasks(project, ids)
            now = _held(rows)
            cursor = cursors.written(CommentCursor(tasks=now, after=old.after))
            if now == old.tasks:
                yield Page((), cursor, last=True, quiet=True)
            else:
                records = await self._records(project, rows)
                yield Page(records, cursor, last=True, complete=bool(records), gone=_gone(old.tasks, now))
            return
        turn = ([one for one in ids if one > old.after] + [one for one in ids if one <= old.after])[
            : self._config.comments_per_poll
        ]
        rows = await self._of_tasks(project, turn)
        now = _held(rows)
        before = {str(one): old.tasks[str(one)] for one in turn if str(one) in old.tasks}
        news = await self._records(
            project, {task: mine for task, mine in rows.items() if before.get(task) != now.get(task)}
        )
        gone = _gone(before, now)
        others = {task: held for task, held in old.tasks.items() if task not in before}
        cursor = cursors.written(CommentCursor(tasks=others | now, after=turn[-1] if turn else 0))
        yield Page(news, cursor, last=True, quiet=not news and not gone, gone=gone)

    async def _first(self, project: str, resumed: CommentCursor | None) -> AsyncIterator[Page]:
        start, held = (0, {}) if resumed is None else (resumed.after, dict(resumed.tasks))
        ids = [one for one in await self._tasks.ids(project, archived=True) if one > start]
        for begin in range(0, max(len(ids), 1), _CHUNK):
            part = ids[begin : begin + _CHUNK]
            rows = await self._of_tasks(project, part)
            held = held | _held(rows)
            records = await self._records(project, rows)
            last = begin + _CHUNK >= len(ids)
            cursor = CommentCursor(tasks=held, after=0 if last else part[-1], full=not last)
            yield Page(records, cursors.written(cursor), last=last, complete=last and resumed is None and bool(held))

    async def fetch(self, ref: Ref) -> Record:
        """Raises: GoneError when the task answers without this comment; what ``Tasks.missing`` says without the task."""
        task, url, rows = ref.id.partition("/")[0], "", await self._rows(ref)
        for row in rows:
            if f"{task}/{row.id}" == ref.id:
                return await self._record(ref.container, task, row)
        raise GoneError(f"The comment {ref.id} was deleted in Grow CRM.", hint="Its task answers, without it.", url=url)

    async def create(
        self, project: str, fields: Fields, marker: Marker, before_send: BeforeSend | None
    ) -> Record:  # fmt: skip
        """``POST``, with the mark as its last words."""
        task = str(fields["task"])
        how: Literal["html", "line"] = "html" if self._config.text_format == "html" else "line"
        try:
            row = await self._post(project, task, markers.join(_body(fields), marker, how=how), before_send)
        except UnknownOutcome:
            self._unanswered[marker] = task
            raise
        return await self._record(project, task, row)

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        task, _, comment = ref.id.partition("/")
        path = f"api/tasks/{task}/comments/{comment}"
        answer = await self._http.request("DELETE", path, accept=(404,), before_send=before_send)
        if answer.status == 404:
            raise await self._tasks.missing(ref, shown(answer.url), "comment")

    async def find(self, project: str, wanted: Collection[Marker]) -> dict[Marker, Record]:
        """On the tasks whose comment was not answered first; else on all of them, the newest first: rare and dear."""
        found: dict[Marker, Record] = {}
        likely = [int(task) for mark in wanted if (task := self._unanswered.get(mark, "")).isdigit()]
        ids = await self._tasks.ids(project, archived=True)
        for part in (likely, *([one] for one in reversed(ids) if one not in likely)):
            if found.keys() >= set(wanted):
                break
            for record in await self._records(project, await self._of_tasks(project, part)):
                if record.marker in wanted and record.marker is not None:
                    found.setdefault(record.marker, record)
        for mark in found:
            self._unanswered.pop(mark, None)
        return found

    # --- as what is said on a task --------------------------------------------------------------------------------

    async def read(self, ref: Ref, since: datetime | None = None) -> tuple[Comment, ...]:
        """Comments of one task; where the CRM does not say when one was written, it counts as new."""
        _of_task(ref)
        rows = await self._rows(ref)
        await self._people.know(row.creator.id for row in rows if row.creator is not None)
        found = [self._said(row) for row in rows]
        return tuple(
            sorted(
                (one for one in found if since is None or one.created_at >= since),
                key=lambda one: (one.created_at, int(one.id) if one.id.isdigit() else 0),
            )
        )

    async def post(self, ref: Ref, text: str, *, key: str, before_send: BeforeSend | None = None) -> Comment:
        """One POST. Raises: RejectedError before it is sent when it is too long."""
        _of_task(ref)
        mark = Marker(markers.CONVERSATION, key)
        if self._config.text_format == "html":
            words = "".join(f"<p>{html.escape(line, quote=False)}</p>" for line in text.split("\n") if line.strip())
            content = markers.join(words, mark, how="html")
        else:
            content = markers.join(text, mark)
        if len(content) > self._config.text_max:
            raise RejectedError(f"A comment of {len(content)} characters is too long.", hint="Shorten it.")
        row = await self._post(ref.container, ref.id, content, before_send)
        if row.creator is not None:
            await self._people.know([row.creator.id])
        return self._said(row)

    # --- both -----------------------------------------------------------------------------------------------------

    async def _post(self, project: str, task: str, text: str, before_send: BeforeSend | None) -> CommentRow:
        content, headers = encoded({"comment": text}, self._config.encoding)
        path = f"api/tasks/{task}/comments"
        answer = await self._http.request(
            "POST", path, content=content, headers=headers, accept=(404,), before_send=before_send
        )
        if answer.status == 404:
            ref = Ref(self._connection, project, "task", task)
            raise await self._tasks.missing(ref, shown(answer.url))
        row: CommentRow = decode(answer, COMMENT).data
        return row

    async def _rows(self, ref: Ref) -> list[CommentRow]:
        """All comments of the task of ``ref``, a task or a comment."""
        task = ref.id.partition("/")[0]
        rows: list[CommentRow] = []
        page = 1
        while True:
            path, params = f"api/tasks/{task}/comments", {"limit": self._config.page_size, "page": page}
            answer = await self._http.request("GET", path, params=params, accept=(404,))
            if answer.status == 404:
                raise await self._tasks.missing(ref, shown(answer.url))
            said: Any = decode(answer, COMMENTS)
            rows += said.data
            if page >= said.meta.last_page or not said.data:
                return rows
            page += 1

    async def _of_tasks(self, project: str, ids: Sequence[int]) -> dict[str, list[CommentRow]]:
        """What is said on some tasks, but for what Bridge itself says; several at once, as far as the pace lets them."""
        found: dict[str, list[CommentRow]] = {}
        for begin in range(0, len(ids), self._config.concurrency):
            part = ids[begin : begin + self._config.concurrency]
            refs = [Ref(self._connection, project, "task", str(one)) for one in part]
            for ref, rows in zip(refs, await asyncio.gather(*(self._rows_if_there(ref) for ref in refs)), strict=True):
                if mine := [row for row in rows if not _is_ours(row)]:
                    found[ref.id] = mine
        return found

    async def _records(self, project: str, rows: Mapping[str, Sequence[CommentRow]]) -> tuple[Record, ...]:
        return tuple([await self._record(project, task, row) for task, mine in rows.items() for row in mine])

    async def _rows_if_there(self, ref: Ref) -> list[CommentRow]:
        """A task that went meanwhile has none."""
        try:
            return await self._rows(ref)
        except GoneError:
            return []

    async def _record(self, project: str, task: str, row: CommentRow) -> Record:
        body, marker = markers.split(row.text)
        author = ""
        if row.creator is not None:
            await self._people.know([row.creator.id])
            author = self._people.email(row.creator.id)
        at = instant(row.dates.created) if row.dates is not None else None
        fields: dict[str, Value] = {
            "task": task,
            "body": body,
            "author": author or None,
            "created_at": iso(at),
        }
        ref = Ref(self._connection, project, "comment", f"{task}/{row.id}")
        return Record(ref, fields, digest([row]), at, marker=marker, updated_by=author or None)

    def _said(self, row: CommentRow) -> Comment:
        text, mark = markers.split(row.text)
        at = instant(row.dates.created) if row.dates is not None else None
        is_ours = mark is not None and mark.source == markers.CONVERSATION
        return Comment(
            id=str(row.id),
            author=self._people.email(row.creator.id) if row.creator is not None else "",
            text=_words(text or "") if self._config.text_format == "html" else text or "",
            created_at=at or datetime.now(UTC),
            key=mark.id if is_ours and mark is not None else None,
        )


def _held(rows: Mapping[str, Sequence[CommentRow]]) -> _Held:
    return {task: (digest(mine), tuple(number(row.id) for row in mine)) for task, mine in rows.items()}


def _gone(before: _Held, now: _Held) -> tuple[str, ...]:
    """The ids of comments that are not on their task any more."""
    return tuple(
        f"{task}/{one}"
        for task, (_, ids) in sorted(before.items())
        for one in ids
        if one not in now.get(task, ("", ()))[1]
    )


def _is_ours(row: CommentRow) -> bool:
    """Whether Bridge itself speaks in it: a question about a conflict, no record."""
    marker = markers.split(row.text)[1]
    return marker is not None and marker.source == markers.CONVERSATION


def _of_task(ref: Ref) -> None:
    if ref.kind != "task":
        raise RejectedError(f"Grow CRM has no comments on a {ref.kind}.", hint="Only tasks have comments.")


def _body(fields: Fields) -> str:
    return str(fields.get("body") or "")


def _words(text: str) -> str:
    """The words of a comment without its HTML: an answer to Bridge is read in them."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text))).strip()
