"""Comments of GitHub issues: all of one issue, and one more.

Refuses: comments as records of their own (connectors.github_parts).

A comment in which Bridge speaks ends in a line ``<!-- bridge:v1 SOURCE KEY -->``, which GitHub does not show.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bridge.errors import RejectedError
from bridge.model import Kind, Marker, Ref
from connectors.base import Comment
from connectors.github_wire import BODY_LIMIT, COMMENT, COMMENTS, Row, join_body, login_of, split_body
from connectors.github_write import tail_of
from connectors.markers import CONVERSATION
from connectors.status import decode

if TYPE_CHECKING:
    from connectors.base import BeforeSend
    from connectors.github_api import GithubApi


class GithubComments:
    """Comments of all issues of one account."""

    def __init__(self, api: GithubApi) -> None:
        self._api = api

    async def post(self, ref: Ref, text: str, *, key: str, before_send: BeforeSend | None = None) -> Comment:
        """One POST; refused before it is sent when GitHub would find it too long."""
        body = join_body(text, Marker(CONVERSATION, key)) or ""
        if len(body) > BODY_LIMIT:
            raise RejectedError(
                f"A comment of {len(body)} characters is too long for GitHub, which takes {BODY_LIMIT}.",
                hint="Shorten it.",
            )
        answer = await self._api.write("POST", ref.container, _tail(ref), {"body": body}, before_send=before_send)
        return _comment(decode(answer, COMMENT))

    async def read(self, ref: Ref, since: datetime | None = None) -> tuple[Comment, ...]:
        """By ``updated_at``, inclusive, in whole seconds."""
        params: dict[str, str | int] = {"per_page": 100}
        if since is not None:
            params["since"] = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        found = await self._api.whole(ref.container, _tail(ref), params, COMMENTS, lambda row: row.number)
        return tuple(_comment(row) for row in sorted(found.rows, key=lambda row: (row.created_at, row.number)))


def _tail(ref: Ref) -> str:
    if ref.kind != Kind.TASK.value:
        raise RejectedError(f"GitHub has no comments on a {ref.kind}.", hint="Only issues have comments.")
    return f"{tail_of(ref)}/comments"


def _comment(row: Row) -> Comment:
    text, marker = split_body(row.body)
    if marker is not None and marker.source != CONVERSATION:
        text, marker = row.body, None
    return Comment(
        id=str(row.number),
        author=login_of(row),
        text=text or "",
        created_at=row.created_at.astimezone(UTC),
        updated_at=row.updated_at.astimezone(UTC),
        key=marker.id if marker is not None else None,
        url=row.html_url,
    )
