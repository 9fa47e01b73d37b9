"""The comments of one Artala task: the calls, and a row as a record.

``Ref.id`` of a comment is ``TASK/COMMENT``: nothing lists a comment but its task. Replies are comments like the others.
Refuses: which tasks have news (connectors.artala_notes); what Bridge and people say to each other (artala_comments).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from bridge.errors import GoneError, NotFoundError, PermissionError_, RejectedError, UnknownOutcome
from bridge.model import Fields, FieldSpec, FieldType, Marker, Record, Ref, Schema, Value
from connectors import markers
from connectors.artala_config import ArtalaConfig
from connectors.artala_item import Items
from connectors.artala_names import Names
from connectors.artala_time import MARK_ROOM, parts
from connectors.artala_wire import GUID, instant, iso
from connectors.base import BeforeSend
from connectors.http import Http
from connectors.status import decode, shown, unshown

KEY: Final = re.compile(r"(?:^|\n)\[bridge:([^\]\s]+)\]$")
"""The last line of a comment in which Bridge itself speaks."""

_HINT: Final = "Use the API key of an Owner or Admin: others may change their own comments only, and for 24 hours."


class Row(msgspec.Struct, rename="camel"):
    id: str
    created_at: str
    content: str | None = None
    author_id: str | None = None
    author_name: str | None = None
    is_edited: bool = False
    replies: list[Row] | None = None

    @property
    def text(self) -> str:
        return (self.content or "").replace("\r\n", "\n").rstrip()

    @property
    def at(self) -> datetime:
        return instant(self.created_at)


ROW: Final = msgspec.json.Decoder(Row)
ROWS: Final = msgspec.json.Decoder(list[Row])


def schema(config: ArtalaConfig) -> Schema:
    """The author is always the key's user."""
    specs = (
        FieldSpec("task", FieldType.REF, writable="create"),
        FieldSpec("body", FieldType.TEXT, max_length=config.comment_max - MARK_ROOM, dialect="markdown"),
        FieldSpec("author", FieldType.PERSON, writable="never", emails=True),
        FieldSpec("created_at", FieldType.INSTANT, writable="never"),
    )
    return Schema("comment", {spec.name: spec for spec in specs})


class Thread:
    """Comments of all tasks of one connection, a task at a time."""

    def __init__(self, connection: str, http: Http, config: ArtalaConfig, names: Names, items: Items) -> None:
        self._connection = connection
        self._http = http
        self._config = config
        self._names = names
        self._items = items

    async def rows(self, board: str, task: str) -> list[Row]:
        """All of the task's, replies among them. One request. Raises: what ``Items.missing`` says of a 404."""
        answer = await self._http.request("GET", f"api/comments/task/{task}", accept=(404,))
        if answer.status == 404:
            raise await self._items.missing(self._task(board, task), shown(answer.url))
        there: list[Row] = decode(answer, ROWS)
        return list(flat(there))

    async def records(self, board: str, task: str, rows: Sequence[Row]) -> list[Record]:
        """Without those in which Bridge itself speaks."""
        emails = await self._names.emails_of({row.author_id.lower() for row in rows if row.author_id})
        found = []
        for row in rows:
            body, marker = markers.split(row.text)
            if is_ours(row):
                continue
            who = (row.author_id or "").lower()
            fields: dict[str, Value] = {
                "task": task,
                "body": body,
                "author": emails.get(who) or who or row.author_name,
                "created_at": iso(row.at),
            }
            ref = Ref(self._connection, board, "comment", f"{task}/{row.id.lower()}")
            at = None if row.is_edited else row.at  # when it was edited is not said
            found.append(Record(ref, fields, stamp([row]), at, marker=marker, updated_by=emails.get(who)))
        return found

    async def fetch(self, ref: Ref) -> Record:
        """The task, then its comments: a webhook does not say on which board a comment is.

        Raises: GoneError when its task answers without it or is on another board; NotFoundError for one of Bridge's questions.
        """
        task, id_ = parts(ref)
        await self._items.here(self._task(ref.container, task))
        for row in await self.rows(ref.container, task):
            if row.id.lower() == id_.lower():
                for record in await self.records(ref.container, task, [row]):
                    return replace(record, ref=ref)
                raise NotFoundError(f"In the comment {ref.id} Bridge itself speaks.", hint="It stays where it is.")
        raise GoneError(f"The comment {ref.id} was deleted in Artala.", hint="Its task answers, without it.")

    async def create(self, board: str, fields: Fields, marker: Marker, before_send: BeforeSend | None) -> Record:
        """One POST. An answer without the comment is looked up on its task at once."""
        task = str(fields["task"])
        content = self._content(fields.get("body"), marker)
        try:
            row = await self.post(board, task, content, before_send)
        except UnknownOutcome as error:
            if error.status is None or error.status >= 300:
                raise
            mine = [each for each in await self.rows(board, task) if markers.split(each.text)[1] == marker]
            if not mine:
                raise
            row = mine[0]
        row = replace(row, content=content) if row.content is None else row
        [record] = await self.records(board, task, [row])
        return record

    async def post(self, board: str, task: str, content: str, before_send: BeforeSend | None) -> Row:
        """Raises: UnknownOutcome for an answer without the comment."""
        body = {"taskId": task, "content": content}
        answer = await self._http.request("POST", "api/comments", json=body, accept=(404,), before_send=before_send)
        if answer.status == 404:
            raise await self._items.missing(self._task(board, task), shown(answer.url))
        try:
            return ROW.decode(answer.content)
        except (msgspec.MsgspecError, ValueError):
            raise unshown(answer, "the new comment", by="among the task's comments") from None

    async def update(self, ref: Ref, changes: Fields, current: Record, before_send: BeforeSend | None) -> Record:
        """``PUT /comments/{id}``, answered by 204."""
        if changes.keys() != {"body"}:
            raise RejectedError("Only the text of a comment in Artala can be changed.", hint="Take the others out.")
        await self._write("PUT", ref, {"content": self._content(changes["body"], current.marker)}, before_send)
        return replace(current, fields={**current.fields, **changes})

    async def delete(self, ref: Ref, before_send: BeforeSend | None) -> None:
        """Looks first: a comment takes its replies with it. Raises: RejectedError for one that has some."""
        if not self._config.delete_replies:
            await self._be_without_replies(ref)
        await self._write("DELETE", ref, None, before_send)

    async def _be_without_replies(self, ref: Ref) -> None:
        task, id_ = parts(ref)
        for row in await self.rows(ref.container, task):
            if row.id.lower() == id_.lower() and row.replies:
                raise RejectedError(
                    f"The comment {ref.id} has {len(row.replies)} replies, which Artala would delete with it.",
                    hint="Delete it there by hand, or set delete_replies for this connection.",
                )

    async def _write(self, method: str, ref: Ref, body: Fields | None, before_send: BeforeSend | None) -> None:
        path = f"api/comments/{parts(ref)[1]}"
        try:
            answer = await self._http.request(method, path, json=body, accept=(404,), before_send=before_send)
        except PermissionError_ as error:
            raise PermissionError_(error.message, hint=_HINT, status=error.status, url=error.url) from error
        if answer.status == 404:
            await self.fetch(ref)
            raise NotFoundError(f"{shown(answer.url)} answered 404 for a comment that its task has.", status=404)

    def _content(self, body: Value, marker: Marker | None) -> str:
        content = markers.join(str(body or ""), marker)
        if len(content) > self._config.comment_max:
            raise RejectedError(
                f"A comment of {len(content)} characters is too long for Artala.", hint="Shorten it.", field="body"
            )
        return content

    def _task(self, board: str, task: str) -> Ref:
        if not GUID.fullmatch(task):
            raise RejectedError(f"{task!r} is no task's id in Artala.", hint="A comment needs its task.", field="task")
        return Ref(self._connection, board, "task", task)


def flat(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield row
        yield from flat(row.replies or ())


def is_ours(row: Row) -> bool:
    """Whether Bridge itself speaks in it: a question about a conflict, no record."""
    marker = markers.split(row.text)[1]
    return KEY.search(row.text) is not None or (marker is not None and marker.source == markers.CONVERSATION)


def stamp(rows: Iterable[Row]) -> str:
    """A digest of what can change: replies have rows of their own."""
    told = sorted((row.id, row.content or "", row.is_edited) for row in rows)
    return hashlib.blake2b(repr(told).encode(), digest_size=6).hexdigest()
