"""Artala: tasks of a board with their comments and time, labels of a workspace. Reads through the OData feeds, writes through the REST API.

What the parts know: artala_config the settings, artala_wire the JSON, artala_names names and ids, artala_labels the
labels, artala_feed walks and cursor, artala_pull listings, artala_item single tasks, artala_write calls that change
something, artala_thread a task's comments, artala_notes comments as records, artala_comments what Bridge and people say to each
other, artala_time time entries, artala_hooks webhooks, artala_check schema and live check. Refuses: anything about another tracker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

from bridge.errors import ContainerError, RejectedError
from bridge.model import Fields, Marker, Record, Ref, Schema
from connectors import artala_check, artala_hooks, artala_labels, artala_thread, artala_time, artala_write
from connectors.account import bearer, client
from connectors.artala_comments import KEY_ROOM, TaskComments
from connectors.artala_config import ArtalaConfig
from connectors.artala_errors import refusal
from connectors.artala_item import Items
from connectors.artala_labels import Labels
from connectors.artala_names import Names, Priorities
from connectors.artala_notes import Notes
from connectors.artala_people import Team
from connectors.artala_pull import CUSTOM, Reader
from connectors.artala_thread import Thread
from connectors.artala_time import Times
from connectors.artala_write import Writer
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

NO_DELETE: Final = "Deleting a task in Artala is final and takes its comments and time entries with it."
NO_LABEL_MARKER: Final = "A label in Artala has no place for a marker; it is known by its name."
NO_TIME_EDIT: Final = "Artala's API has no call that changes a time entry; correct it in the app."
NO_TIME_DELETE: Final = "Artala's API has no call that deletes a time entry; delete it in the app."
NO_TIME_HOOKS: Final = "Artala sends no webhook about time entries; Bridge sees them when it polls."


class Artala:
    """One API key on one workspace. Containers are boards, by id or by name; refs have the id."""

    def __init__(
        self,
        name: str,
        config: ArtalaConfig,
        *,
        transport: Transport | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.name = name
        self._config = config
        self._http = http = client(name, config, bearer(config.token), refusal, transport=transport, retry=retry)
        self._names = Names(http)
        self._priorities = Priorities(config.priorities)
        self._labels = Labels(http, name, config.label_color)
        self._reader = Reader(name, http, config, self._names, self._priorities)
        self._items = Items(http, config, self._names, self._reader)
        self._thread = Thread(name, http, config, self._names, self._items)
        self._notes = Notes(http, config, self._thread)
        self._times = Times(name, http, config, self._names, self._items)
        self.comments: Comments | None = TaskComments(config, self._names, self._thread)
        self.directory: Directory | None = Team(self._names)
        self._writer = Writer(http, config, self._names, self._labels, self._priorities, self._reader, self._items)

    def kinds(self) -> Mapping[str, Capabilities]:
        may_delete, lag = self._config.allow_task_delete, self._config.index_lag_s
        return {
            "label": Capabilities(
                delete=True, find=False, webhooks=False, answers_writes=False, reasons={"find": NO_LABEL_MARKER}
            ),
            "task": Capabilities(
                delete=may_delete,
                answers_writes=False,
                index_lag_s=lag,
                comments=True,
                comments_move=False,
                comment_max=self._config.comment_max - KEY_ROOM,
                closes={"status": self._config.closed_status},
                reasons={} if may_delete else {"delete": NO_DELETE},
            ),
            "comment": Capabilities(delete=True, answers_writes=False),
            "time_entry": Capabilities(
                update=False,
                webhooks=False,
                answers_writes=False,
                index_lag_s=lag,
                reasons={"update": NO_TIME_EDIT, "delete": NO_TIME_DELETE, "webhooks": NO_TIME_HOOKS},
            ),
        }

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        checking = artala_check.Check(self._http, self._config, self._names, self._labels, self._priorities)
        return await checking.run(container, kind, verbs, maps)

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:  # noqa: ARG002 — all boards share one
        if kind == "label":
            return artala_labels.SCHEMA
        if kind == "comment":
            return artala_thread.schema(self._config)
        if kind == "time_entry":
            return artala_time.schema(self._config)
        return await artala_check.schema(self._config, self._names, custom=any(f.startswith(CUSTOM) for f in fields))

    async def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        board = await self._names.board(container)
        if kind == "label":
            pages = self._labels.pull(board, cursor)
        elif kind == "comment":
            pages = self._notes.pull(board, cursor, sweep=sweep)
        elif kind == "time_entry":
            pages = self._times.pull(board, cursor, sweep=sweep)
        else:
            pages = self._reader.pull(board, cursor, fields=fields, sweep=sweep)
        async for page in pages:
            yield page

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        if ref.kind == "comment":
            return await self._thread.fetch(ref)
        if ref.kind == "time_entry":
            return await self._times.fetch(ref)
        return await (self._labels.fetch(ref) if ref.kind == "label" else self._items.fetch(ref, fields))

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        if kind != "task":
            return (Step("create" if creating else "fields", frozenset(fields)),)
        return artala_write.steps(fields, creating=creating)

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
        """Artala honours no idempotency key."""
        del key
        board = await self._names.board(container)
        if kind == "label":
            return await self._labels.create(board, fields, before_send)
        if kind == "comment":
            return await self._notes.create(board, fields, marker, before_send)
        if kind == "time_entry":
            return await self._times.create(board, fields, marker, before_send)
        return await self._writer.create(self.name, board, fields, marker, before_send)

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        if ref.kind == "label":
            return await self._labels.update(ref, changes, current, before_send)
        if ref.kind == "comment":
            return await self._thread.update(ref, changes, current, before_send)
        if ref.kind == "time_entry":
            raise RejectedError(NO_TIME_EDIT, hint="Bridge takes it up from there.")
        return await self._writer.update(ref, step, changes, current, before_send)

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        if ref.kind == "label":
            return await self._labels.delete(ref, before_send)
        if ref.kind == "comment":
            return await self._thread.delete(ref, before_send)
        if ref.kind == "time_entry":
            raise RejectedError(NO_TIME_DELETE, hint="Bridge takes it up from there.")
        if not self._config.allow_task_delete:
            raise RejectedError(NO_DELETE, hint="Set allow_task_delete for this connection if you mean it.")
        return await self._items.delete(ref, before_send)

    async def container_healthy(self, container: str) -> bool:
        try:
            return await self._names.board_is_healthy(await self._names.board(container))
        except ContainerError:
            return False

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        if kind == "label":
            return {}
        board = await self._names.board(container)
        if kind == "comment":
            return await self._notes.find(board, markers)
        if kind == "time_entry":
            return await self._times.find(board, markers, since)
        return await self._items.find(board, markers, since)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        return artala_hooks.verify(self._config, headers, body, self._names.given)

    def usage(self) -> Usage:
        return self._http.usage()

    def item_url(self, ref: Ref) -> str:
        template = self._config.task_url if ref.kind == "task" else ""
        return template.format(board=ref.container, id=ref.id) if template else ""

    async def aclose(self) -> None:
        await self._http.aclose()


def connect(name: str, config: ArtalaConfig) -> Connector:
    """The connector of one connection. No I/O."""
    return Artala(name, config)


PLUGIN: Final = Plugin("artala", ArtalaConfig, connect)
