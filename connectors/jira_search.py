"""Searches by JQL as walks over pages, and how an instant is written in them.

Cloud: ``/search/jql`` by ``nextPageToken``; a token that comes twice ends the walk. Data Center: by keyset, because
``startAt`` drifts while issues change; ``startAt`` only within one literal, with rows that overlap.
Refuses: records and cursors (connectors.jira_feed).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from bridge.errors import RejectedError, RetryableError
from connectors.instants import instant
from connectors.jira_api import JiraApi
from connectors.jira_errors import unseen
from connectors.jira_wire import Issue, milliseconds
from connectors.status import Response, decode

MODES: Final = ("milliseconds", "relative", "zone")
RECONCILED: Final = 50
"""How many issues a search of Cloud shows as they are, whatever its index says (``reconcileIssues``)."""
_RECENT_S: Final = 300.0
_GAP_MS: Final = 120_000
_OVERLAP_ROWS: Final = 10
_MOST_RESTARTS: Final = 5


class _Page(msgspec.Struct, rename="camel"):
    issues: list[Issue] = []
    next_page_token: str | None = None
    is_last: bool | None = None
    total: int | None = None


PAGE: Final = msgspec.json.Decoder(_Page)


@dataclass(frozen=True, slots=True)
class Batch:
    """One page. ``cut`` is True where the walk ended early, so that not all was seen."""

    rows: list[Issue]
    response: Response
    last: bool
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a search is to answer of each issue."""

    fields: Sequence[str]
    properties: bool = False


@dataclass(slots=True)
class _Recent:
    """Ids that this connector wrote in the last minutes."""

    at: dict[int, float] = field(default_factory=dict)

    def add(self, issue: str) -> None:
        if issue.isdigit():
            self.at[int(issue)] = time.monotonic()

    def ids(self) -> list[int]:
        now = time.monotonic()
        self.at = {one: at for one, at in self.at.items() if now - at < _RECENT_S}
        return sorted(sorted(self.at, key=lambda one: -self.at[one])[:RECONCILED])


class Search:
    """Searches of one account."""

    def __init__(self, api: JiraApi) -> None:
        self._api = api
        self._recent = _Recent()
        self._mode: str = "" if api.config.updated_literal == "auto" else api.config.updated_literal

    def wrote(self, issue: str) -> None:
        """Let the searches of the next minutes show this issue as it is."""
        self._recent.add(issue)

    async def changes(
        self, container: str, since: int | None, how: str, asked: Asked, *, more: str = "", skew_s: int = 0
    ) -> AsyncIterator[Batch]:
        """The issues of a project that were updated at ``since`` (epoch milliseconds) or later, oldest change first.

        Raises: ContainerError when the project does not answer.
        """
        base = f"project = {quoted(container)}{f' AND {more}' if more else ''}"
        walk = self._tokens if self._api.is_cloud else self._keyset
        try:
            async for batch in walk(base, since, how, asked, skew_s):
                yield batch
        except RejectedError as error:
            if not await self._api.healthy(container):
                raise unseen(container, status=error.status, url=error.url) from error
            raise

    async def some(self, jql: str, asked: Asked, *, most: int = 50, fresh: Sequence[int] = ()) -> list[Issue]:
        """One page of a search. ``fresh``: issues that it is to show as they are now, in place of those we wrote last."""
        if self._api.is_cloud:
            response = await self._ask(jql, asked, most, None, list(fresh) or self._recent.ids())
        else:
            response = await self._get(jql, asked, 0, most)
        return decode(response, PAGE).issues

    async def mode(self, container: str, known: tuple[str, int]) -> str:
        """How this site takes an instant in JQL: the first of ``MODES`` that finds an issue whose ``updated`` is known and
        leaves out what is older than an instant after it. "" when the issue is not there any more.
        Raises: RetryableError when the site breaks on all forms that were tried: that is not about the form.

        The literal without a zone is a much repeated trap: a date is read in the zone of the account's profile. Kept, as it
        is the same for all projects.
        """
        if not self._mode:
            self._mode = await self._probed(container, known)
        return self._mode

    async def _probed(self, container: str, known: tuple[str, int]) -> str:
        self._recent.add(known[0])
        at, is_there, answered = known[1], False, False
        broke: RetryableError | None = None
        for how in MODES[:-1]:
            try:
                found = await self._found(container, await self.literal(at, how))
                is_there, answered = is_there or bool(found), True
                if not any(updated >= at for updated in found):
                    continue
                if how == "milliseconds":
                    later = await self._found(container, await self.literal(at + _GAP_MS, how))
                    if any(updated < at + _GAP_MS for updated in later):
                        continue
            except RejectedError:
                is_there = answered = True
                continue
            except RetryableError as error:
                if error.status not in (None, 500):
                    raise
                broke = broke or error  # old sites break, or hang up, on what they cannot read as a date
                continue
            return how
        if broke is not None and not answered:
            raise broke
        return MODES[-1] if is_there else ""

    async def literal(self, since: int, how: str, skew_s: int = 0) -> str:
        """``since`` in JQL. ``skew_s``: the server's clock less ours, for the relative form, which has minutes only."""
        if how == "relative":
            usage = self._api.http.usage().skew_s
            now = time.time() + (skew_s if usage is None else usage)
            return f"-{max(1, int((now - since / 1000) // 60) + 2)}m"
        if how == "zone":
            return f'"{await self._local(since):%Y-%m-%d %H:%M}"'
        return str(since)

    async def _local(self, since: int) -> datetime:
        """In the zone of the account's profile, which is read each time; one hour earlier where an hour comes twice."""
        me = await self._api.me(fresh=True)
        try:
            zone = ZoneInfo(me.time_zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            return datetime.fromtimestamp(since / 1000, UTC) - timedelta(hours=14)
        at = datetime.fromtimestamp(since / 1000, zone)
        twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
        return at.replace(tzinfo=None) - timedelta(hours=1 if twice else 0)

    async def _found(self, container: str, literal: str) -> list[int]:
        jql = f"project = {quoted(container)} AND updated >= {literal} ORDER BY updated ASC"
        rows = await self.some(jql, Asked(("updated",)), most=2)
        return [at for row in rows if (at := updated_ms(row)) is not None]

    async def _tokens(self, base: str, since: int | None, how: str, asked: Asked, skew_s: int) -> AsyncIterator[Batch]:
        when = "" if since is None else f" AND updated >= {await self.literal(since, how, skew_s)}"
        jql, recent = f"{base}{when} ORDER BY updated ASC, id ASC", self._recent.ids()
        token, tokens = None, set[str]()
        while True:
            response = await self._ask(jql, asked, self._api.config.page_size, token, recent)
            page = decode(response, PAGE)
            token = None if page.is_last else page.next_page_token
            is_stuck = token is not None and token in tokens
            yield Batch(page.issues, response, last=token is None or is_stuck, cut=is_stuck)
            if token is None or is_stuck:
                return
            tokens.add(token)

    async def _keyset(self, base: str, since: int | None, how: str, asked: Asked, skew_s: int) -> AsyncIterator[Batch]:
        size, seen = self._api.config.page_size, set[tuple[str, int | None]]()
        at, literal, start, restarts = since, "", 0, 0
        while True:
            now = "" if at is None else await self.literal(at, how or MODES[0], skew_s)
            if now != literal:
                literal, start = now, 0
            jql = f"{base}{f' AND updated >= {now}' if now else ''} ORDER BY updated ASC, key ASC"
            response = await self._get(jql, asked, start, size)
            page = decode(response, PAGE)
            keys = [(row.id, updated_ms(row)) for row in page.issues]
            if start and page.issues and keys[0] not in seen and restarts < _MOST_RESTARTS:
                start, restarts = 0, restarts + 1  # rows moved by more than the overlap
                continue
            fresh = [row for row, key in zip(page.issues, keys, strict=True) if key not in seen]
            seen.update(keys)
            last = not page.issues or (page.total is not None and start + len(page.issues) >= page.total)
            yield Batch(fresh, response, last=last, cut=last and restarts >= _MOST_RESTARTS)
            if last:
                return
            start += max(1, len(page.issues) - min(_OVERLAP_ROWS, len(page.issues) // 2))
            # an instant is written as the last walk found out; without one only startAt is left
            at = (keys[-1][1] or at) if how else at

    async def _ask(self, jql: str, asked: Asked, size: int, token: str | None, recent: list[int]) -> Response:
        body: dict[str, Any] = {"jql": jql, "fields": list(asked.fields), "maxResults": size}
        if token:
            body["nextPageToken"] = token
        if asked.properties:
            body["properties"] = [self._api.config.property_key]
        if recent:
            body["reconcileIssues"] = recent
        return await self._api.ask("search/jql", body)

    async def _get(self, jql: str, asked: Asked, start: int, size: int) -> Response:
        query: dict[str, str | int] = {
            "jql": jql,
            "startAt": start,
            "maxResults": size,
            "fields": ",".join(asked.fields),
        }
        if asked.properties and self._api.config.search_properties:
            query["properties"] = self._api.config.property_key
        return await self._api.read("search", query)


def updated_ms(row: Issue) -> int | None:
    at = instant(row.fields.get("updated"))
    return None if at is None else milliseconds(at)


def quoted(text: str) -> str:
    """A string of JQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def by_id(rows: Sequence[Issue]) -> Mapping[str, Issue]:
    return {row.id: row for row in rows}
