"""The comments of one Jira issue, with what says that they are ours or restricted.

Refuses: records (connectors.jira_comments).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.jira_api import JiraApi
from connectors.jira_wire import Issue
from connectors.status import decode

_PAGE: Final = 100
_LISTED: Final = 1000
_DESK: Final = "sd.public.comment"

Row = dict[str, Any]


class _Page(msgspec.Struct, rename="camel"):
    comments: list[Row] = []
    values: list[Row] = []
    total: int = 0


_ROWS: Final = msgspec.json.Decoder(_Page)


class Threads:
    """Comments as one account sees them."""

    def __init__(self, api: JiraApi) -> None:
        self._api = api

    async def whole(self, container: str, issue: str) -> list[Row]:
        """All comments of an issue with their properties, oldest first. Raises: GoneError when the issue is gone."""
        found: list[Row] = []
        while True:
            query: dict[str, str | int] = {"startAt": len(found), "maxResults": _PAGE, "expand": "properties"}
            response = await self._api.read(f"issue/{issue}/comment", query, accept=(404,))
            if response.status == 404:
                raise await self._api.missing(container, f"The issue {issue}", response)
            page = decode(response, _ROWS)
            found += page.comments
            if not page.comments or len(found) >= page.total:
                return found

    async def of_row(self, row: Issue) -> list[Row]:
        inline = row.fields.get("comment") or {}
        if not is_cut(row):
            return list(inline.get("comments") or ())
        return await self.whole(str((row.fields.get("project") or {}).get("key", "")), row.id)

    async def must_be_deep(self, container: str, fresh: Sequence[Row]) -> bool:
        """Data Center does not say in a list whether a comment of Service Management is internal."""
        unsaid = any("jsdPublic" not in one and "properties" not in one for one in fresh)
        return unsaid and not self._api.is_cloud and await self._api.is_desk(container)

    async def deep(self, container: str, row: Issue, fresh: Sequence[Row]) -> list[Row]:
        ids = {str(one.get("id")) for one in fresh}
        return [one for one in await self.whole(container, row.id) if str(one.get("id")) in ids]

    async def with_properties(self, row: Issue, comments: Sequence[Row]) -> Sequence[Row]:
        """Our marker is looked for in this account's own comments only."""
        own = [one for one in comments if "properties" not in one and await self._api.is_me(one.get("author"))]
        if not own:
            return comments
        ids = {str(one.get("id")) for one in own}
        if self._api.is_cloud:
            told = {str(one.get("id")): one for one in await self._by_id(sorted(map(int, ids)))}
        else:
            container = str((row.fields.get("project") or {}).get("key", ""))
            told = {str(one.get("id")): one for one in await self.whole(container, row.id)}
        return [{**told.get(str(one.get("id")), {}), **one} for one in comments]

    async def _by_id(self, ids: Sequence[int]) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(ids), _LISTED):
            body = {"ids": list(ids[start : start + _LISTED])}
            response = await self._api.ask("comment/list", body, {"expand": "properties"})
            found += decode(response, _ROWS).values
        return found


def is_restricted(row: Mapping[str, Any]) -> bool:
    """For a group or role only, or internal to the team of a service project."""
    if row.get("visibility") or row.get("jsdPublic") is False:
        return True
    told: Iterable[Any] = row.get("properties") or ()
    values = [one.get("value") for one in told if isinstance(one, dict) and one.get("key") == _DESK]
    return any(isinstance(value, dict) and value.get("internal") for value in values)


def is_cut(row: Issue) -> bool:
    """Whether the search said less than all; it says nothing where a field configuration hides the field."""
    inline = row.fields.get("comment")
    return inline is None or int(inline.get("total") or 0) > len(inline.get("comments") or ())
