"""The feeds of Jira's worklogs, which are site-wide: what changed, what went, and which of it is in a project.

A cursor is ``{"v": 1, "since": MS, "gone": MS, "last": {id: MS}, "logs": {id: issue}}``: how far both feeds were read, the
entries at that very instant, and to which issue the latest entries belong, as the feed of deletions does not say it.
Refuses: records and writes (connectors.jira_worklogs).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from bridge.errors import RejectedError
from connectors.instants import instant
from connectors.jira_api import JiraApi
from connectors.jira_search import Asked, Search, quoted
from connectors.jira_wire import ISSUE, Issue, milliseconds
from connectors.status import decode

_LISTED: Final = 1000
_IN_QUERY: Final = 50
_KEPT: Final = 5000

Row = dict[str, Any]


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    v: int = 1
    since: int | None = None
    gone: int = 0
    last: dict[str, int] = {}
    logs: dict[str, str] = {}

    def listed(self, rows: Sequence[Row]) -> Cursor:
        """With these entries of a whole listing; those that the feed has from ``since`` on are not news in it."""
        times = {str(row.get("id")): at for row in rows if (at := instant(row.get("updated"))) is not None}
        stamps = {id_: milliseconds(at) for id_, at in times.items()}
        recent = {id_: at for id_, at in stamps.items() if self.since is not None and at >= self.since}
        return replace(self.knowing(rows), last={**self.last, **recent})

    def knowing(self, rows: Sequence[Row]) -> Cursor:
        """With these entries; of too many the oldest are forgotten."""
        logs = {**self.logs, **{str(row.get("id")): str(row.get("issueId")) for row in rows}}
        return replace(self, logs=dict(sorted(logs.items(), key=lambda pair: int(pair[0]))[-_KEPT:]))


class _Change(msgspec.Struct, rename="camel"):
    worklog_id: int
    updated_time: int = 0


class _Changes(msgspec.Struct, rename="camel"):
    values: list[_Change] = []
    until: int | None = None
    last_page: bool = True


class _Listed(msgspec.Struct, rename="camel"):
    worklogs: list[Row] = []
    total: int = 0


class _Issues(msgspec.Struct):
    issues: list[Issue] = []


_ROWS: Final = msgspec.json.Decoder(list[Row])
_CHANGES: Final = msgspec.json.Decoder(_Changes)
_PAGE: Final = msgspec.json.Decoder(_Listed)
_ISSUES: Final = msgspec.json.Decoder(_Issues)


class WorklogFeed:
    """Worklogs of one site, as one account sees them."""

    def __init__(self, api: JiraApi, search: Search) -> None:
        self._api = api
        self._search = search

    async def of_issue(self, container: str, issue: Issue) -> list[Row]:
        """All entries of a found issue. A hidden field is missing in a search, which says nothing of its entries."""
        inline = issue.fields.get("worklog")
        rows = list((inline or {}).get("worklogs") or ())
        if inline is None or int(inline.get("total") or 0) > len(rows):
            rows = []
            while True:
                query: dict[str, str | int] = {"startAt": len(rows), "maxResults": 5000, "expand": "properties"}
                response = await self._api.read(f"issue/{issue.id}/worklog", query, accept=(404,))
                if response.status == 404:
                    raise await self._api.missing(container, f"The issue {issue.id}", response)
                page = decode(response, _PAGE)
                rows += page.worklogs
                if not page.worklogs or len(rows) >= page.total:
                    break
        return [{"issueId": issue.id, **row} for row in rows]

    async def with_properties(self, rows: Sequence[Row]) -> list[Row]:
        """Our marker is looked for in this account's own entries only."""
        own = [int(row["id"]) for row in rows if "properties" not in row and await self._api.is_me(row.get("author"))]
        told = {str(row.get("id")): row for row in await self.rows(own)} if own else {}
        return [{**told.get(str(row.get("id")), {}), **row} for row in rows]

    async def updated(self, start: Cursor) -> tuple[Cursor, list[int]]:
        """How far the feed reaches now, and the ids that are new in it."""
        changes, until = await self._read("updated", start.since or 0)
        ids = [one.worklog_id for one in changes if start.last.get(str(one.worklog_id)) != one.updated_time]
        edge = {str(one.worklog_id): one.updated_time for one in changes if one.updated_time >= until}
        held_back = {id_: at for id_, at in start.last.items() if at >= until}
        return replace(start, since=until, last={**held_back, **edge}), list(dict.fromkeys(ids))

    async def deleted(self, start: Cursor) -> tuple[Cursor, list[str]]:
        changes, until = await self._read("deleted", start.gone)
        gone = [f"{start.logs[id_]}/{id_}" for one in changes if (id_ := str(one.worklog_id)) in start.logs]
        left = {id_: issue for id_, issue in start.logs.items() if f"{issue}/{id_}" not in gone}
        return replace(start, gone=until, logs=left), gone

    async def _read(self, feed: str, since: int) -> tuple[list[_Change], int]:
        """A feed to its last page, and its last ``until``, where the next one begins."""
        found: list[_Change] = []
        while True:
            page = decode(await self._api.read(f"worklog/{feed}", {"since": since}), _CHANGES)
            found += page.values
            until = max(since, page.until if page.until is not None else since)
            if page.last_page or until == since:
                return found, until
            since = until

    async def rows(self, ids: Sequence[int]) -> list[Row]:
        """Entries by their ids; those that this account may not see are missing."""
        found: list[Row] = []
        for start in range(0, len(ids), _LISTED):
            body = {"ids": list(ids[start : start + _LISTED])}
            response = await self._api.ask("worklog/list", body, {"expand": "properties"})
            rows: list[Row] = decode(response, _ROWS)
            found += rows
        return found

    async def here(self, container: str, rows: Sequence[Row]) -> list[Row]:
        """Those whose issue is in the project now."""
        issues = sorted({str(row.get("issueId")) for row in rows}, key=int)
        here: set[str] = set()
        for start in range(0, len(issues), _IN_QUERY):
            here |= await self._of_project(container, issues[start : start + _IN_QUERY])
        return [row for row in rows if str(row.get("issueId")) in here]

    async def _of_project(self, container: str, issues: Sequence[str]) -> set[str]:
        if self._api.is_cloud:  # not by a search, whose index lags
            body = {"issueIdsOrKeys": list(issues), "fields": ["project"]}
            found = decode(await self._api.ask("issue/bulkfetch", body), _ISSUES).issues
        else:
            jql = f"project = {quoted(container)} AND id in ({', '.join(issues)})"
            try:
                found = await self._search.some(jql, Asked(("project",)), most=_IN_QUERY)
            except RejectedError:  # one of them is gone, or not shown
                found = [issue for id_ in issues if (issue := await self._one(id_)) is not None]
        return {row.id for row in found if (row.fields.get("project") or {}).get("key") == container}

    async def _one(self, issue: str) -> Issue | None:
        response = await self._api.read(f"issue/{issue}", {"fields": "project"}, accept=(403, 404))
        return None if response.status >= 400 else decode(response, ISSUE)
