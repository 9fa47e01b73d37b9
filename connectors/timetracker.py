"""TimeTracker (DRYTRIX): tasks, comments and time entries of a project.

What the parts know: timetracker_config the settings, timetracker_wire the JSON, the marker and what the digits of times mean,
timetracker_api requests and what is known of the server, timetracker_feed the audit log and the cursor, timetracker_pull
listings, timetracker_tasks and timetracker_time writes, timetracker_thread and
timetracker_notes comments, timetracker_hooks webhooks,
timetracker_check schema and live check. Refuses: anything about another tracker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

from bridge.errors import ContainerError, RejectedError
from bridge.model import Fields, Marker, Record, Ref, Schema
from connectors import timetracker_check, timetracker_hooks, timetracker_tasks, timetracker_time
from connectors.account import bearer, client
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
    Step,
    Usage,
)
from connectors.http import Timeouts, Transport
from connectors.pace import Retry
from connectors.timetracker_api import Api, refusal
from connectors.timetracker_config import TimeTrackerConfig
from connectors.timetracker_feed import Log
from connectors.timetracker_notes import Notes
from connectors.timetracker_people import Users
from connectors.timetracker_pull import Reader, task_url
from connectors.timetracker_tasks import Tasks
from connectors.timetracker_thread import BODY_MAX, Thread
from connectors.timetracker_time import Entries

NO_DELETE: Final = "Deleting a task in TimeTracker is final and leaves its time entries behind without a task."
NO_HOOKS: Final = "TimeTracker sends no webhooks for {} that were written through its API; they are polled."
NO_LABELS: Final = "TimeTracker has no labels of their own: tags are words on tasks and time entries."
KEY_ROOM: Final = 300
"""Characters of a comment that are left for our last line."""


class TimeTracker:
    """One API token on one installation. Containers are projects, by id, name or code."""

    def __init__(
        self,
        name: str,
        config: TimeTrackerConfig,
        *,
        transport: Transport | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.name = name
        self._config = config
        self._http = client(
            name,
            config,
            bearer(config.token),
            refusal,
            transport=transport,
            retry=retry,
            user_agent=config.user_agent,
            timeouts=Timeouts(read_s=config.timeout_s),
        )
        self._api = api = Api(self._http, config)
        log = Log(api)
        self._reader = Reader(name, api, log)
        self._tasks = Tasks(api, self._reader)
        self._entries = Entries(api, self._reader)
        thread = Thread(name, api)
        self._notes = Notes(api, log, thread)
        self.comments: Comments | None = thread
        self.directory: Directory | None = Users(api)
        self._given: set[str] = set()

    def kinds(self) -> Mapping[str, Capabilities]:
        may_delete, lag = self._config.allow_task_delete, self._config.index_lag_s
        task_reasons = {"webhooks": NO_HOOKS.format("tasks"), "label": NO_LABELS}
        return {
            "task": Capabilities(
                delete=may_delete,
                webhooks=False,
                index_lag_s=lag,
                comments=True,
                comments_move=False,
                comment_max=BODY_MAX - KEY_ROOM,
                closes={"status": self._config.closed_status},
                reasons=task_reasons if may_delete else {**task_reasons, "delete": NO_DELETE},
            ),
            "comment": Capabilities(
                delete=True, webhooks=False, index_lag_s=lag, reasons={"webhooks": NO_HOOKS.format("comments")}
            ),
            "time_entry": Capabilities(delete=True, index_lag_s=lag),
        }

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        return await timetracker_check.Check(self._api).run(container, kind, verbs, maps)

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:  # noqa: ARG002 — all projects share one
        return timetracker_check.schema(self._config, kind)

    async def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        """All fields are in every row; there is nothing to sweep."""
        del fields, sweep
        self._given.add(container)
        pages = self._notes.pull(container, cursor) if kind == "comment" else self._reader.pull(container, kind, cursor)
        async for page in pages:
            yield page

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        del fields
        return await (self._notes.fetch(ref) if ref.kind == "comment" else self._reader.fetch(ref))

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        if kind == "task":
            return timetracker_tasks.steps(fields, creating=creating)
        if kind == "time_entry":
            at_once = self._config.task_id_on_create
            return timetracker_time.steps(fields, creating=creating, task_at_once=at_once)
        return (Step("create" if creating else "fields", frozenset(fields)),)

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
        """Only time entries have idempotency keys."""
        if kind == "time_entry":
            return await self._entries.create(container, fields, marker, key, before_send)
        if kind == "comment":
            return await self._notes.create(container, fields, marker, before_send)
        return await self._tasks.create(container, fields, marker, before_send)

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        mine = {name: value for name, value in changes.items() if name in step.fields}
        if ref.kind == "time_entry":
            return await self._entries.update(ref, mine, current, before_send)
        if ref.kind == "comment":
            return await self._notes.update(ref, mine, current, before_send)
        return await self._tasks.update(ref, mine, current, before_send)

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        if ref.kind == "time_entry":
            return await self._entries.delete(ref, before_send)
        if ref.kind == "comment":
            return await self._notes.delete(ref, before_send)
        if not self._config.allow_task_delete:
            raise RejectedError(NO_DELETE, hint="Set allow_task_delete for this connection if you mean it.")
        return await self._tasks.delete(ref, before_send)

    async def container_healthy(self, container: str) -> bool:
        try:
            return await self._api.is_healthy(await self._api.project(container))
        except ContainerError:
            return False

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        if kind == "time_entry":
            return await self._entries.find(container, markers)
        if kind == "comment":
            return await self._notes.find(container, markers, since)
        return await self._tasks.find(container, markers)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        return timetracker_hooks.verify(self._config, headers, body, self._given, self._api.project_names)

    def usage(self) -> Usage:
        return self._http.usage()

    def item_url(self, ref: Ref) -> str:
        return "" if ref.kind == "time_entry" else task_url(self._api, ref.id.partition("/")[0])

    async def aclose(self) -> None:
        await self._http.aclose()


def connect(name: str, config: TimeTrackerConfig) -> Connector:
    """The connector of one connection. No I/O."""
    return TimeTracker(name, config)


PLUGIN: Final = Plugin("timetracker", TimeTrackerConfig, connect)
