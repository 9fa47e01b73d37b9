"""The comments of one TimeTracker task, and what Bridge and people say to each other there.

Refuses: which tasks have news (connectors.timetracker_notes).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from bridge.errors import NotFoundError, RejectedError, TrackerError, UnknownOutcome
from bridge.model import Kind, Marker, Record, Ref
from connectors import markers
from connectors.base import BeforeSend, Comment
from connectors.status import Response, decode, unshown
from connectors.timetracker_api import Api
from connectors.timetracker_pull import task_url
from connectors.timetracker_wire import DELETED, CommentRow, comment_of, loudly, quietly

BODY_MAX: Final = 10_000


class _Comments(Struct):
    comments: list[CommentRow]


class _Comment(Struct):
    comment: CommentRow


_ROWS: Final = msgspec.json.Decoder(_Comments)
ROW: Final = msgspec.json.Decoder(_Comment)


class Thread:
    """Comments of all tasks of one connection, a task at a time. ``Ref.id`` is ``TASK/COMMENT``."""

    def __init__(self, connection: str, api: Api) -> None:
        self.connection = connection
        self._api = api

    async def rows(self, task: int) -> list[CommentRow]:
        answer = await self._api.request("GET", "comments", params={"task_id": task}, accept=(404,))
        if answer.status == 404:
            return []
        rows = decode(answer, _ROWS).comments
        (await self._api.clock()).hear(max((row.updated_at or "" for row in rows), default=""), answer.date)
        return rows

    async def records(self, container: str, rows: Iterable[CommentRow]) -> list[Record]:
        made = [await self.record(container, row) for row in rows if row.task_id]
        return [record for record in made if record is not None]

    async def record(self, container: str, row: CommentRow) -> Record | None:
        clock, people = await self._api.clock(), await self._api.person_names([row.user_id])
        ref = Ref(self.connection, container, Kind.COMMENT.value, f"{row.task_id}/{row.id}")
        url = task_url(self._api, str(row.task_id))
        return comment_of(row, ref, clock, people.name(row.user_id, row.author), url)

    async def post(self, ref: Ref, text: str, *, key: str, before_send: BeforeSend | None = None) -> Comment:
        """One POST; its last line says that it is Bridge's."""
        marker = Marker(markers.CONVERSATION, key)
        return await self._said(await self.posted(ref, markers.join(text.rstrip(), marker), marker, before_send))

    async def read(self, ref: Ref, since: datetime | None = None) -> tuple[Comment, ...]:
        rows = await self.rows(task_in(ref))
        if not rows and not await self._api.is_healthy(await self._api.project(ref.container)):
            raise await self._api.missing(ref, self._api.config.base_url)
        said = [await self._said(row) for row in rows if row.content != DELETED]
        said = [one for one in said if since is None or (one.updated_at or one.created_at) >= since]
        return tuple(sorted(said, key=lambda one: (one.created_at, int(one.id))))

    async def _said(self, row: CommentRow) -> Comment:
        clock, people = await self._api.clock(), await self._api.person_names([row.user_id])
        text, marker = markers.split(row.content)
        is_ours = marker is not None and marker.source == markers.CONVERSATION
        return Comment(
            id=str(row.id),
            author=people.name(row.user_id, row.author) or "",
            text=loudly(text or ""),
            created_at=clock.instant(row.created_at) or datetime.now(UTC),
            updated_at=clock.instant(row.updated_at),
            key=marker.id if marker is not None and is_ours else None,
            url=task_url(self._api, str(row.task_id)),
        )

    async def posted(self, ref: Ref, text: str, marker: Marker, before_send: BeforeSend | None) -> CommentRow:
        body = {"content": self.content(text), "task_id": task_in(ref)}
        try:
            answer = await self._api.request("POST", "comments", json=body, before_send=before_send)
        except (RejectedError, UnknownOutcome) as error:
            if error.status not in (400, 500):
                raise
            return await self._after_all(ref, marker, error)
        try:
            row = ROW.decode(answer.content).comment
        except msgspec.MsgspecError:
            raise unshown(answer, "the new comment", by="among the task's comments") from None
        (await self._api.clock()).calibrate(row.created_at, answer.date)
        return row

    async def _after_all(self, ref: Ref, marker: Marker, error: TrackerError) -> CommentRow:
        """What a refused comment, or one over which the server stumbled, came to: a task that is gone is a 500 there.

        Raises: GoneError or ContainerError for such a task; else ``error``, unless the comment is there.
        """
        answer = await self._api.request("GET", f"tasks/{task_in(ref)}", accept=(404,))
        if answer.status == 404:
            task = Ref(ref.connection, ref.container, Kind.TASK.value, str(task_in(ref)))
            raise await self._api.missing(task, answer.url)
        for row in await self.rows(task_in(ref)) if error.status == 500 else ():
            if markers.split(row.content)[1] == marker:
                return row
        raise error

    def content(self, text: str) -> str:
        """Raises: RejectedError for one that would be refused."""
        content = quietly(text.strip(), neutral=self._api.config.neutralise_mentions)
        if not content:
            raise RejectedError("An empty comment cannot be made.", hint="Write something.", field="body")
        return content

    async def written(self, method: str, ref: Ref, body: Any, before_send: BeforeSend | None) -> Response:
        path = f"comments/{ref.id.partition('/')[2]}"
        try:
            return await self._api.request(method, path, json=body, before_send=before_send)
        except NotFoundError as error:
            raise await self._api.missing(ref, error.url) from error


def task_in(ref: Ref) -> int:
    """The task of a comment, or the task itself.

    Raises: RejectedError for what has no comments.
    """
    if ref.kind not in (Kind.TASK.value, Kind.COMMENT.value):
        raise RejectedError(f"TimeTracker has no comments on a {ref.kind}.", hint="Only tasks have comments.")
    return int(ref.id.partition("/")[0])
