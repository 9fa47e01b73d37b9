"""Redmine 5: issues as tasks, notes as comments, time entries. REST with JSON.

What the parts know: redmine_config the settings, redmine_api requests and refusals, redmine_wire the JSON, redmine_names
ids and names, redmine_body what a write sends, redmine_feed the list of issues by change, redmine_tasks issues, redmine_comments notes, redmine_times
time entries, redmine_check the live check. Refuses: anything about another tracker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

from bridge.errors import RejectedError, SignatureError
from bridge.model import Fields, Kind, Marker, Record, Ref, Schema
from connectors import redmine_check, redmine_tasks
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
from connectors.http import Transport
from connectors.pace import Retry
from connectors.redmine_api import RedmineApi
from connectors.redmine_comments import Notes
from connectors.redmine_config import RedmineConfig
from connectors.redmine_names import Names
from connectors.redmine_people import Members
from connectors.redmine_tasks import Tasks
from connectors.redmine_times import Times
from connectors.redmine_wire import (
    CUSTOM,
    MARKER_ROOM,
    TEXT_MAX,
    comment_schema,
    entry_schema,
    task_schema,
)

NO_DELETE: Final = "Deleting an issue in Redmine is final and takes its children, comments and time entries with it."
NO_HOOKS: Final = "Redmine 5 sends no webhooks; Bridge polls."
NO_LABELS: Final = (
    "Redmine has no label definitions: labels are values of a list field, which its API cannot extend. Add them there: "
    "Administration, Custom fields."
)
_TASK: Final = Kind.TASK.value
_COMMENT: Final = Kind.COMMENT.value


class Redmine:
    """One API key on one Redmine. Containers are projects by their identifier, without their subprojects."""

    def __init__(
        self, name: str, config: RedmineConfig, *, transport: Transport | None = None, retry: Retry | None = None
    ) -> None:
        self.name = name
        self._config = config
        self._api = RedmineApi(name, config, transport=transport, retry=retry)
        self._names = Names(self._api)
        self.directory: Directory | None = Members(self._names.accounts)
        self._tasks = Tasks(self._api, self._names)
        self._notes = Notes(self._api, self._names, self._tasks)
        self._times = Times(self._api, self._names)
        self._parts: Mapping[str, Tasks | Notes | Times] = {
            _TASK: self._tasks,
            _COMMENT: self._notes,
            Kind.TIME_ENTRY.value: self._times,
        }
        self.comments: Comments | None = self._notes

    def kinds(self) -> Mapping[str, Capabilities]:
        """A write answers nothing, so what it came to is read back; without that the next poll tells."""
        reads, may_delete = self._config.read_back, self._config.allow_task_delete
        hooks = {"webhooks": NO_HOOKS}
        return {
            _TASK: Capabilities(
                delete=may_delete,
                webhooks=False,
                answers_writes=reads,
                comments=True,
                comment_max=TEXT_MAX - MARKER_ROOM,
                closes={"status": self._config.closed_status},
                reasons={**hooks, "label": NO_LABELS, **({} if may_delete else {"delete": NO_DELETE})},
            ),
            _COMMENT: Capabilities(delete=True, webhooks=False, answers_writes=reads, reasons=hooks),
            Kind.TIME_ENTRY.value: Capabilities(delete=True, webhooks=False, answers_writes=reads, reasons=hooks),
        }

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        return await redmine_check.check(self._api, self._names, container, kind, verbs, maps)

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:
        if kind == _COMMENT:
            return comment_schema(self._config)
        if kind != _TASK:
            return entry_schema(self._config, for_others="person" in fields and await self._times.for_others())
        is_custom = any(name.startswith(CUSTOM) for name in fields)
        custom = await redmine_check.custom_specs(self._api, self._names, container) if is_custom else ()
        return task_schema(self._config, custom)

    async def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        if kind == _TASK:
            pages = self._tasks.pull(container, cursor, fields=fields, sweep=sweep)
        elif kind == _COMMENT:
            pages = self._notes.pull(container, cursor, sweep=sweep)
        else:
            pages = self._times.pull(container, cursor, sweep=sweep)
        async for page in pages:
            yield page

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        del fields
        return await self._parts[ref.kind].fetch(ref)

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        if kind == _TASK:
            return redmine_tasks.steps(fields, creating=creating)
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
        """Redmine knows no idempotency key."""
        del key
        return await self._parts[kind].create(container, fields, marker, before_send)

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        if not changes:
            return current
        if ref.kind == _TASK:
            return await self._tasks.update(ref, step, changes, current, before_send)
        part = self._notes if ref.kind == _COMMENT else self._times
        return await part.update(ref, changes, current, before_send)

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        if ref.kind == _TASK and not self._config.allow_task_delete:
            raise RejectedError(NO_DELETE, hint="Set allow_task_delete for this connection if you mean it.")
        await self._parts[ref.kind].delete(ref, before_send)

    async def container_healthy(self, container: str) -> bool:
        return await self._api.is_there(container)

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        if kind == _TASK:
            return await self._tasks.find(container, markers, since)
        if kind == _COMMENT:
            return await self._notes.find(container, markers, since)
        return await self._times.find(container, markers)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        del headers, body
        raise SignatureError(NO_HOOKS, hint="Remove the webhook that calls this address.")

    def usage(self) -> Usage:
        return self._api.http.usage()

    def item_url(self, ref: Ref) -> str:
        match ref.kind:
            case "task":
                tail = f"issues/{ref.id}"
            case "comment":
                task, _, journal = ref.id.partition("/")
                tail = f"issues/{task}#change-{journal}"
            case _:
                tail = f"time_entries/{ref.id}/edit"
        return f"{self._config.base_url}/{tail}"

    async def aclose(self) -> None:
        await self._api.http.aclose()


def connect(name: str, config: RedmineConfig) -> Connector:
    """The connector of one connection. No I/O."""
    return Redmine(name, config)


PLUGIN: Final = Plugin("redmine", RedmineConfig, connect)
