"""What Bridge and people say to each other on Artala's tasks: all comments of one task with the replies, and one more.

Refuses: comments as records of their own (connectors.artala_notes); replies of ours.

A comment of Bridge ends in a line ``[bridge:KEY]``: whether Artala hides HTML comments is not documented.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote

from bridge.errors import RejectedError
from bridge.model import Ref
from connectors import markers
from connectors.artala_config import ArtalaConfig
from connectors.artala_names import Names
from connectors.artala_thread import KEY, Row, Thread
from connectors.base import BeforeSend, Comment

KEY_ROOM: Final = 200
"""Characters of a comment that are left for our key."""


class TaskComments:
    """Comments of all tasks of one connection. One request a task: no feed has them."""

    def __init__(self, config: ArtalaConfig, names: Names, thread: Thread) -> None:
        self._config = config
        self._names = names
        self._thread = thread

    async def read(self, ref: Ref, since: datetime | None = None) -> tuple[Comment, ...]:
        """Artala does not say when a comment was edited, so an edited one is listed whatever ``since``.

        Raises: GoneError and ContainerError as ``Items.missing`` says.
        """
        _of_task(ref)
        rows = await self._thread.rows(ref.container, ref.id)
        found = [await self._comment(row) for row in rows if since is None or row.is_edited or row.at >= since]
        return tuple(sorted(found, key=lambda one: (one.created_at, one.id)))

    async def post(self, ref: Ref, text: str, *, key: str, before_send: BeforeSend | None = None) -> Comment:
        """One POST. Raises: RejectedError before it is sent when it is too long; UnknownOutcome for an odd answer."""
        _of_task(ref)
        content = f"{text.rstrip()}\n\n[bridge:{quote(key, safe='/#:@+,=~')}]".lstrip("\n")
        if len(content) > self._config.comment_max:
            raise RejectedError(
                f"A comment of {len(content)} characters is too long for Artala, which takes {self._config.comment_max}.",
                hint="Shorten it.",
            )
        return await self._comment(await self._thread.post(ref.container, ref.id, content, before_send))

    async def _comment(self, row: Row) -> Comment:
        content = row.text
        key = KEY.search(content)
        who = (row.author_id or "").lower()
        emails = await self._names.emails_of({who}) if who else {}
        return Comment(
            id=row.id.lower(),
            author=emails.get(who) or who or row.author_name or "",
            text=content[: key.start()].rstrip() if key else markers.split(content)[0] or "",
            created_at=row.at,
            key=unquote(key[1]) if key else None,
        )


def _of_task(ref: Ref) -> None:
    if ref.kind != "task":
        raise RejectedError(f"Artala has no comments on a {ref.kind}.", hint="Only tasks have comments.")
