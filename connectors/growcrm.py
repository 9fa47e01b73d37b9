"""Grow CRM: tasks, comments and time of a project. Reads lists whole, writes a task in up to four calls.

What the parts know: growcrm_config the settings, growcrm_errors refusals, growcrm_wire the JSON and the forms, growcrm_walk
lists and cursors, growcrm_names people, statuses and milestones, growcrm_tasks reading tasks, growcrm_write writing them,
growcrm_comments comments, growcrm_time time, growcrm_check schema and live check. Refuses: anything about another tracker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

from bridge.errors import RejectedError, SignatureError
from bridge.model import Fields, Marker, Record, Ref, Schema
from connectors import growcrm_check, growcrm_comments, growcrm_time, growcrm_write
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
from connectors.growcrm_comments import KEY_ROOM, TaskComments
from connectors.growcrm_config import GrowcrmConfig
from connectors.growcrm_errors import refusal
from connectors.growcrm_names import People, Vocabulary
from connectors.growcrm_people import Team
from connectors.growcrm_tasks import Tasks
from connectors.growcrm_time import Times
from connectors.growcrm_walk import Lists
from connectors.growcrm_write import Writer
from connectors.http import Transport
from connectors.pace import Retry

NO_DELETE: Final = "Deleting a task in Grow CRM is final and takes its comments and time with it."
NO_HOOKS: Final = "Grow CRM's API sends no webhooks; Bridge sees changes when it polls."
NO_LABELS: Final = (
    "Grow CRM's API has no list of tags and no colours: a tag is only its title on a task, made when used."
)
NO_EDIT: Final = "Grow CRM's API can add and delete comments, but not edit them."
NO_TIME_MARK: Final = (
    "A time entry in Grow CRM has no text, so no place for a marker: one whose creation was cut off cannot be told from a "
    "person's."
)


class Growcrm:
    """One API key of one CRM. Containers are projects, by id."""

    def __init__(
        self,
        name: str,
        config: GrowcrmConfig,
        *,
        transport: Transport | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.name = name
        self._config = config
        self._http = http = client(name, config, bearer(config.token), refusal, transport=transport, retry=retry)
        lists = Lists(http, config.page_size)
        self._people = People(lists)
        self._words = Vocabulary(lists, config)
        self._tasks = Tasks(name, http, config, lists, self._people, self._words)
        self._writer = Writer(http, config, self._tasks, self._people, self._words)
        self._times = Times(name, http, config, lists, self._people, self._tasks)
        self._comments = TaskComments(name, http, config, self._people, self._tasks)
        self.comments: Comments | None = self._comments
        self.directory: Directory | None = Team(self._people)

    def kinds(self) -> Mapping[str, Capabilities]:
        may_delete, lag = self._config.allow_task_delete, self._config.index_lag_s
        no_delete = {} if may_delete else {"delete": NO_DELETE}
        return {
            "task": Capabilities(
                delete=may_delete,
                webhooks=False,
                index_lag_s=lag,
                comments=True,
                comments_move=False,
                comment_max=self._config.text_max - KEY_ROOM,
                closes={"status": self._config.closed_status},
                archives={"is_archived": True},
                reasons={"webhooks": NO_HOOKS, "label": NO_LABELS, **no_delete},
            ),
            "comment": Capabilities(
                update=False,
                delete=True,
                webhooks=False,
                index_lag_s=lag,
                reasons={"update": NO_EDIT, "webhooks": NO_HOOKS},
            ),
            "time_entry": Capabilities(
                delete=True,
                find=False,
                webhooks=False,
                index_lag_s=lag,
                reasons={"find": NO_TIME_MARK, "webhooks": NO_HOOKS},
            ),
        }

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        checking = growcrm_check.Check(self._http, self._config, self._people, self._words)
        return await checking.run(container, kind, verbs, maps)

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:  # noqa: ARG002 — all projects share one
        if kind == "comment":
            return growcrm_comments.schema(self._config)
        return growcrm_time.SCHEMA if kind == "time_entry" else growcrm_check.schema(self._config)

    async def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        if kind == "comment":
            pages = self._comments.pull(container, cursor, sweep=sweep)
        elif kind == "time_entry":
            pages = self._times.pull(container, cursor, sweep=sweep)
        else:
            pages = self._tasks.pull(container, cursor, fields=fields, sweep=sweep)
        async for page in pages:
            yield page

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        if ref.kind == "comment":
            return await self._comments.fetch(ref)
        return await (self._times.fetch(ref) if ref.kind == "time_entry" else self._tasks.fetch(ref, fields))

    async def container_healthy(self, container: str) -> bool:
        return await self._tasks.healthy(container)

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        if kind == "task":
            return growcrm_write.steps(fields, creating=creating)
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
        """Grow CRM honours no idempotency key."""
        del key
        if kind == "comment":
            return await self._comments.create(container, fields, marker, before_send)
        if kind == "time_entry":
            return await self._times.create(container, fields, before_send)
        return await self._writer.create(container, fields, marker, before_send)

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        if ref.kind == "comment":
            raise RejectedError(NO_EDIT, hint="Delete the comment and write another one.", field="body")
        if ref.kind == "time_entry":
            return await self._times.update(ref, changes, current, before_send)
        return await self._writer.update(ref, step, changes, current, before_send)

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        if ref.kind == "comment":
            return await self._comments.delete(ref, before_send)
        if ref.kind == "time_entry":
            return await self._times.delete(ref, before_send)
        if not self._config.allow_task_delete:
            raise RejectedError(NO_DELETE, hint="Set allow_task_delete for this connection if you mean it.")
        return await self._writer.delete(ref, before_send)

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        if kind == "time_entry":
            return {}
        if kind == "comment":
            return await self._comments.find(container, markers)
        return await self._tasks.find(container, markers, since)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        del headers, body
        raise SignatureError(NO_HOOKS, hint="Nothing of Grow CRM's calls this address.")

    def usage(self) -> Usage:
        return self._http.usage()

    def item_url(self, ref: Ref) -> str:
        template = self._config.task_url if ref.kind == "task" else ""
        return template.format(project=ref.container, id=ref.id) if template else ""

    async def aclose(self) -> None:
        await self._http.aclose()


def connect(name: str, config: GrowcrmConfig) -> Connector:
    """The connector of one connection. No I/O."""
    return Growcrm(name, config)


PLUGIN: Final = Plugin("growcrm", GrowcrmConfig, connect)
