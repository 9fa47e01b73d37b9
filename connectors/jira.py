"""Jira: issues as tasks, their comments, worklogs as time entries. Cloud (REST v3) and Data Center (REST v2).

What the parts know: jira_config the settings, jira_api and jira_errors calls and refusals, jira_names custom fields and
people, jira_text rich text, jira_wire the JSON, jira_search and jira_queries JQL, jira_feed listings and cursor,
jira_write and jira_paths changes, jira_comments and jira_threads comments, jira_worklogs and jira_worklog_feed time,
jira_hooks webhooks, jira_check the live check. Refuses: anything about another tracker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

from bridge.model import Fields, Marker, Record, Ref, Schema
from connectors.base import (
    BeforeSend,
    Capabilities,
    Comments,
    Connector,
    Delivery,
    Directory,
    Finding,
    Page,
    Plugin,
    Queries,
    Step,
    Usage,
)
from connectors.http import Transport
from connectors.jira_api import JiraApi
from connectors.jira_check import check as live_check
from connectors.jira_comments import CommentRecords, IssueComments
from connectors.jira_config import JiraConfig
from connectors.jira_feed import Feed
from connectors.jira_hooks import verify as verified
from connectors.jira_names import CUSTOM, Names
from connectors.jira_paths import Paths
from connectors.jira_people import Assignable
from connectors.jira_queries import Jql
from connectors.jira_search import Search
from connectors.jira_wire import TEXT_LIMIT, Wire, task_schema
from connectors.jira_worklogs import Worklogs
from connectors.jira_write import NO_DELETE, Writer, steps
from connectors.pace import Retry

NO_LABELS: Final = "Jira has no list of labels to make: a label is there as soon as an issue carries it."


class Jira:
    """One account on one site. Containers are projects, by key; an issue's id is its number, which outlives its key."""

    def __init__(
        self, name: str, config: JiraConfig, *, transport: Transport | None = None, retry: Retry | None = None
    ) -> None:
        self.name = name
        self._config = config
        self._api = api = JiraApi(name, config, transport=transport, retry=retry)
        self._names = names = Names(api)
        self._wire = wire = Wire(api, names)
        search = Search(api)
        self._feed = feed = Feed(api, names, wire, search)
        self._writer = Writer(api, names, wire, feed, Paths(api, search))
        self._talk = CommentRecords(api, feed, wire)
        self._time = Worklogs(api, feed, wire, search)
        self.comments: Comments | None = IssueComments(self._talk, api, wire)
        self.directory: Directory | None = Assignable(api)
        self.queries: Queries | None = Jql(feed, search)

    def kinds(self) -> Mapping[str, Capabilities]:
        config = self._config
        reasons = {"label": NO_LABELS} | ({} if config.allow_task_delete else {"delete": NO_DELETE})
        return {
            "task": Capabilities(
                delete=config.allow_task_delete,
                answers_writes=config.is_cloud and config.read_after_create,
                index_lag_s=config.index_lag_s,
                comments=True,
                comment_max=TEXT_LIMIT - 1000,
                closes={"status": config.closed_status},
                reasons=reasons,
            ),
            "comment": Capabilities(delete=True, index_lag_s=config.index_lag_s),
            "time_entry": Capabilities(delete=True, index_lag_s=config.worklog_lag_s),
        }

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        return await live_check(self._api, self._names, container, kind, verbs, maps)

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:  # noqa: ARG002 — a site's projects share one
        if kind == "comment":
            return self._talk.schema()
        if kind == "time_entry":
            return self._time.schema()
        custom = {name for name in fields if name.startswith(CUSTOM)}
        return task_schema(self._api, await self._names.fields(custom))

    async def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        if kind == "comment":
            pages = self._talk.pull(container, cursor)
        elif kind == "time_entry":
            pages = self._time.pull(container, cursor, sweep=sweep)
        else:
            pages = self._feed.pull(container, cursor, fields)
        async for page in pages:
            yield page

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        if ref.kind == "comment":
            return await self._talk.fetch(ref)
        return await (self._time.fetch(ref) if ref.kind == "time_entry" else self._feed.fetch(ref, fields))

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        if kind == "task":
            return steps(fields, creating=creating)
        return (Step("create" if creating else kind, frozenset(fields)),)

    async def create(
        self,
        container: str,
        kind: str,
        fields: Fields,
        marker: Marker,
        *,
        key: str,
        before_send: BeforeSend | None = None,
    ) -> Record:
        """Jira honours no idempotency key."""
        del key
        if kind == "comment":
            return await self._talk.create(container, fields, marker, before_send)
        maker = self._time if kind == "time_entry" else self._writer
        return await maker.create(container, fields, marker, before_send)

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        if ref.kind == "comment":
            return await self._talk.update(ref, changes, current, before_send)
        if ref.kind == "time_entry":
            return await self._time.update(ref, changes, current, before_send)
        return await self._writer.update(ref, step, changes, current, before_send)

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        if ref.kind == "comment":
            return await self._talk.delete(ref, before_send)
        return await (self._time if ref.kind == "time_entry" else self._writer).delete(ref, before_send)

    async def container_healthy(self, container: str) -> bool:
        return await self._api.healthy(container)

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        """Jira cannot search by entity properties: what this account made since is read and compared."""
        if kind == "comment":
            return await self._talk.find(container, markers, since)
        return await (self._time if kind == "time_entry" else self._feed).find(container, markers, since)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        return verified(self._config, headers, body)

    def usage(self) -> Usage:
        return self._api.http.usage()

    def item_url(self, ref: Ref) -> str:
        """Jira opens an issue by its number as well as by its key."""
        issue = ref.id.partition("/")[0]
        return self._wire.url(issue) if issue.isdigit() else ""

    async def aclose(self) -> None:
        await self._api.http.aclose()


def connect(name: str, config: JiraConfig) -> Connector:
    """The connector of one connection. No I/O."""
    return Jira(name, config)


PLUGIN: Final = Plugin("jira", JiraConfig, connect)
