"""Sub-issues and dependencies of GitHub's issues: the fields ``parent`` and ``blocks`` of a task.

Lists show an issue's parent and how many others it blocks, but not which: those few that block any are asked one by one,
and only when the mapping names ``blocks``. Neither relation need move ``updated_at``, so a sweep reads the whole list.
Writing takes the database id of an issue, which its record keeps.

Refuses: which record is read when (connectors.github), pages and cursors (connectors.github_feed).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from bridge.errors import RejectedError
from bridge.model import Fields, Record, Ref, Value
from connectors.base import Page, Step, ordered
from connectors.github_api import repo_path
from connectors.github_feed import Cursor
from connectors.github_wire import ISSUE, ISSUES, Issue, digest, issue_record
from connectors.paginate import link_targets
from connectors.status import decode, described, shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from connectors.base import BeforeSend
    from connectors.github_api import GithubApi
    from connectors.github_feed import GithubFeed
    from connectors.status import Response

RELATIONS: Final = ("parent", "blocks")
"""The fields that are written by calls of their own; the names of their steps as well."""

_REFUSED: Final = (400, 404, 410, 422)


def relation_steps(fields: Collection[str]) -> tuple[Step, ...]:
    return tuple(Step(name, frozenset({name})) for name in RELATIONS if name in fields)


class GithubRelations:
    """The relations of issues, for one account."""

    def __init__(self, api: GithubApi, feed: GithubFeed, connection: str) -> None:
        self._api = api
        self._feed = feed
        self._connection = connection

    async def pull(
        self,
        container: str,
        cursor: Cursor,
        fields: frozenset[str],
        *,
        sweep: bool,
        labels: str = "",
        creator: str = "",
    ) -> AsyncIterator[Page]:
        """The feed's pages, with ``blocks`` where it is wanted; with ``sweep`` the last one says what all are related to."""
        wanted = fields & set(RELATIONS)
        swept: dict[str, Fields] | None = None
        if wanted and sweep and cursor.since is not None:
            swept = await self._all(container, wanted)
        async for page in self._feed.issues(container, cursor, labels=labels, creator=creator):
            records = await self.completed(page.records) if "blocks" in wanted else page.records
            full = replace(page, records=tuple(records))
            if page.last and swept is not None:
                nothing: Fields = {name: None if name == "parent" else () for name in wanted}
                full = replace(full, sweep=swept, sweep_default=nothing)
            yield full

    async def completed(self, records: Sequence[Record]) -> Sequence[Record]:
        """The records with ``blocks``; one request for each that blocks others."""
        return await asyncio.gather(*(self._completed(record) for record in records))

    async def fetched(self, ref: Ref, issue: Issue, fields: Collection[str]) -> Record:
        """The record of an issue, with ``blocks`` where that is wanted."""
        record = issue_record(self._connection, ref.container, issue, accounts=self._api.accounts)
        return await self._completed(record) if "blocks" in fields else record

    async def write(
        self, ref: Ref, step: Step, changes: Fields, current: Record, before_send: BeforeSend | None
    ) -> Record:
        """One request for a parent, one for each issue that is blocked anew or no more; repeating them does no harm.

        The answer keeps the version from before: a list that lags shows it again, and must not be taken for an edit.
        Raises: RejectedError for what GitHub refuses (a cycle, too many, too deep, gone).
        """
        current = await self._known(ref, step.name, current)
        value = changes.get(step.name)
        if step.name == "parent":
            kept: Value = await self._adopt(ref, value if isinstance(value, str) else None, current, before_send)
        else:
            kept = await self._block(ref, set(value) if isinstance(value, tuple) else set(), current, before_send)
        fields = {**current.fields, step.name: kept}
        return msgspec.structs.replace(current, fields=fields, provisional=True)

    # ---- reading

    async def _all(self, container: str, wanted: Collection[str]) -> dict[str, Fields]:
        """What each issue that is related to any is related to: a walk of everything."""
        found: dict[str, Fields] = {}
        async for page in self._feed.issues(container, Cursor()):
            for record in await self.completed(page.records) if "blocks" in wanted else page.records:
                values = {name: record.fields[name] for name in wanted if name in record.fields}
                if len(values) < len(wanted) or any(values.values()):
                    found[record.ref.id] = values
        return found

    async def _completed(self, record: Record) -> Record:
        """With ``blocks``; as it is where that cannot be read just now, so that it is looked at by itself."""
        if "blocks" in record.fields or (blocks := await self._blocked(record.ref, record.url)) is None:
            return record
        fields = {**record.fields, "blocks": blocks}
        return msgspec.structs.replace(record, fields=fields, version=digest(fields, record.marker))

    async def _blocked(self, ref: Ref, url: str) -> tuple[str, ...] | None:
        """What an issue blocks: by number, in other repositories as ``owner/repo#number``."""
        path: str | None = f"{_place(ref, ref.id)}/dependencies/blocking"
        params: dict[str, str | int] | None = {"per_page": 100}
        names: list[str] = []
        while path is not None:
            response = await self._api.http.request("GET", path, params=params, follow=True, accept=(404, 410))
            if response.status >= 400:
                return None
            names += [_name(issue, url) for issue in decode(response, ISSUES) if issue.pull_request is None]
            path, params = link_targets(response.headers.get("link", "")).get("next"), None
        return ordered(names)

    async def _now(self, ref: Ref, name: str) -> Record:
        issue = decode(await self._api.read(ref.container, f"/issues/{quote(ref.id, safe='')}"), ISSUE)
        return await self.fetched(ref, issue, (name,))

    async def _known(self, ref: Ref, name: str, current: Record) -> Record:
        """With what a write needs; one that was stored before relations were mapped is read."""
        if current.fields.get("database_id") is not None and name in current.fields:
            return current
        now = await self._now(ref, name)
        return msgspec.structs.replace(current, fields={**now.fields, **current.fields})

    # ---- writing

    async def _adopt(self, ref: Ref, parent: str | None, current: Record, before_send: BeforeSend | None) -> Value:
        """The parent that the issue has afterwards."""
        held = current.fields.get("parent")
        if parent == held:
            return held
        body: dict[str, Any] = {"sub_issue_id": _id(current)}
        if parent is None:
            answer = await self._send("DELETE", f"{_place(ref, str(held))}/sub_issue", body, before_send)
        else:
            body["replace_parent"] = True
            answer = await self._send("POST", f"{_place(ref, parent)}/sub_issues", body, before_send)
        if answer.status < 300:
            return parent
        now = (await self._now(ref, "parent")).fields.get("parent")
        if now == parent or (parent is None and now != held):
            return now
        raise _refused(answer, "parent", f"as its parent {parent}" if parent is not None else "without its parent")

    async def _block(
        self, ref: Ref, wanted: set[str], current: Record, before_send: BeforeSend | None
    ) -> tuple[str, ...]:
        """What the issue blocks afterwards. One that is refused keeps no other from being written."""
        known = current.fields.get("blocks")
        held = set(known) if isinstance(known, tuple) else set[str]()
        refused: dict[str, Response] = {}
        for other in sorted(wanted ^ held):
            place = f"{_place(ref, other)}/dependencies/blocked_by"
            if other in wanted:
                answer = await self._send("POST", place, {"issue_id": _id(current)}, before_send)
            else:
                answer = await self._send("DELETE", f"{place}/{_id(current)}", None, before_send)
            if answer.status >= 300:
                refused[other] = answer
        if not refused:
            return ordered(wanted)
        now = await self._blocked(ref, current.url) or ()
        for other, answer in refused.items():
            if (other in now) != (other in wanted):
                raise _refused(
                    answer, "blocks", f"as blocking {other}" if other in wanted else f"as not blocking {other}"
                )
        return now

    async def _send(self, method: str, path: str, body: Any, before_send: BeforeSend | None) -> Response:
        return await self._api.http.request(
            method,
            path,
            json=body,
            follow=True,
            idempotent=True,
            accept=_REFUSED,
            before_send=before_send,
        )


def _place(ref: Ref, name: str) -> str:
    """The address of an issue by its name in a field of ``ref``."""
    elsewhere, _, number = name.rpartition("#")
    return f"{repo_path(elsewhere or ref.container)}/issues/{quote(number, safe='')}"


def _name(issue: Issue, url: str) -> str:
    """An issue as the one at ``url``, its address for people, calls it."""
    if issue.html_url.rpartition("/issues/")[0] == url.rpartition("/issues/")[0]:
        return str(issue.number)
    return f"{issue.repository_url.partition('/repos/')[2]}#{issue.number}"


def _id(current: Record) -> int:
    return int(str(current.fields["database_id"]))


def _refused(answer: Response, field: str, what: str) -> RejectedError:
    return RejectedError(
        f"GitHub does not take the issue {what}: {described(answer)}",
        hint="Allowed are 100 sub-issues, 8 levels, one owner and no cycle; the token needs triage rights.",
        field=field,
        status=answer.status,
        url=shown(answer.url),
    )
