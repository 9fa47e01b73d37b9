"""Comments of Artala tasks: all of one task with the replies, and one more.

Refuses: comments as records of their own; replies of ours.

A comment of Bridge ends in a line ``[bridge:KEY]``: whether Artala hides HTML comments is not documented.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from bridge.errors import RejectedError, UnknownOutcome
from bridge.model import Ref
from connectors.artala_config import ArtalaConfig
from connectors.artala_item import Items
from connectors.artala_names import Names
from connectors.artala_wire import instant
from connectors.base import BeforeSend, Comment
from connectors.http import Http
from connectors.status import decode, shown

KEY_ROOM: Final = 200
"""Characters of a comment that are left for our key."""

_KEY: Final = re.compile(r"(?:^|\n)\[bridge:([^\]\s]+)\]$")


class Row(msgspec.Struct, rename="camel"):
    id: str
    created_at: str
    content: str | None = None
    author_id: str | None = None
    author_name: str | None = None
    is_edited: bool = False
    replies: list[Row] | None = None


_ROW: Final = msgspec.json.Decoder(Row)
_ROWS: Final = msgspec.json.Decoder(list[Row])


class TaskComments:
    """Comments of all tasks of one connection. One request a task: no feed has them."""

    def __init__(self, http: Http, config: ArtalaConfig, names: Names, items: Items) -> None:
        self._http = http
        self._config = config
        self._names = names
        self._items = items

    async def read(self, ref: Ref, since: datetime | None = None) -> tuple[Comment, ...]:
        """Artala does not say when a comment was edited, so an edited one is listed whatever ``since``.

        Raises: GoneError and ContainerError as ``Items.missing`` says.
        """
        answer = await self._http.request("GET", f"api/comments/task/{_task(ref)}", accept=(404,))
        if answer.status == 404:
            raise await self._items.missing(ref, shown(answer.url))
        there: list[Row] = decode(answer, _ROWS)
        rows = list(_flat(there))
        found = [await self._comment(row) for row in rows if since is None or row.is_edited or _at(row) >= since]
        return tuple(sorted(found, key=lambda one: (one.created_at, one.id)))

    async def post(self, ref: Ref, text: str, *, key: str, before_send: BeforeSend | None = None) -> Comment:
        """One POST. Raises: RejectedError before it is sent when it is too long; UnknownOutcome for an odd answer."""
        content = f"{text.rstrip()}\n\n[bridge:{quote(key, safe='/#:@+,=~')}]".lstrip("\n")
        if len(content) > self._config.comment_max:
            raise RejectedError(
                f"A comment of {len(content)} characters is too long for Artala, which takes {self._config.comment_max}.",
                hint="Shorten it.",
            )
        body = {"taskId": _task(ref), "content": content}
        answer = await self._http.request("POST", "api/comments", json=body, accept=(404,), before_send=before_send)
        if answer.status == 404:
            raise await self._items.missing(ref, shown(answer.url))
        try:
            return await self._comment(_ROW.decode(answer.content))
        except (msgspec.MsgspecError, ValueError):
            raise UnknownOutcome(
                f"{shown(answer.url)} answered {answer.status} without the new comment.",
                hint="Bridge looks for it among the task's comments.",
                status=answer.status,
                url=shown(answer.url),
            ) from None

    async def _comment(self, row: Row) -> Comment:
        content = (row.content or "").replace("\r\n", "\n").rstrip()
        key = _KEY.search(content)
        who = (row.author_id or "").lower()
        emails = await self._names.emails_of({who}) if who else {}
        return Comment(
            id=row.id.lower(),
            author=emails.get(who) or who or row.author_name or "",
            text=content[: key.start()].rstrip() if key else content,
            created_at=_at(row),
            key=unquote(key[1]) if key else None,
        )


def _task(ref: Ref) -> str:
    if ref.kind != "task":
        raise RejectedError(f"Artala has no comments on a {ref.kind}.", hint="Only tasks have comments.")
    return ref.id


def _flat(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield row
        yield from _flat(row.replies or ())


def _at(row: Row) -> datetime:
    return instant(row.created_at)
