"""Gipo: tasks of a workspace (a board) and time entries. The REST API v1 of an instance, with an API key (ba_…).

What the parts know: gipo_config the settings, gipo_api requests, gipo_wire the JSON, gipo_names names and ids, gipo_board
reading tasks, gipo_write writing them, gipo_checklist subtasks, gipo_time time entries, gipo_check schema and live check.
Refuses: anything about another tracker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

from bridge.errors import ContainerError, RejectedError, SignatureError
from bridge.model import Fields, Marker, Record, Ref, Schema
from connectors import gipo_check, gipo_write
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
from connectors.gipo_api import GipoApi
from connectors.gipo_board import Boards
from connectors.gipo_config import GipoConfig
from connectors.gipo_names import Names
from connectors.gipo_people import Members
from connectors.gipo_time import TimeEntries
from connectors.gipo_write import Writer
from connectors.http import Transport
from connectors.pace import Retry

_TIME: Final = "time_entry"
NO_DELETE: Final = (
    "Whether Gipo's trash keeps a task that the API deletes is not documented, so Bridge does not delete it."
)
NO_WEBHOOKS: Final = "Gipo has no webhooks; changes are found by polling, one request a board."
NO_COMMENTS: Final = (
    "Gipo's API has no comments, though the app shows some; conflicts cannot be asked about there either."
)
NO_LABELS: Final = "Gipo's tags are made, renamed and deleted in the dashboard only; tasks can carry those that exist."


class Gipo:
    """One API key on one organization. Containers are workspaces, by id or by name; refs have the id."""

    def __init__(
        self,
        name: str,
        config: GipoConfig,
        *,
        transport: Transport | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.name = name
        self.comments: Comments | None = None
        self._config = config
        self._api = GipoApi(name, config, transport, retry)
        self._names = Names(self._api, config)
        self.directory: Directory | None = Members(self._names)
        self._boards = Boards(name, self._api, config, self._names)
        self._writer = Writer(self._api, config, self._names, self._boards)
        self._time = TimeEntries(name, self._api, config, self._names, self._boards)

    def kinds(self) -> Mapping[str, Capabilities]:
        own = self._config
        lacking = {"webhooks": NO_WEBHOOKS, "comment": NO_COMMENTS, "label": NO_LABELS}
        return {
            "task": Capabilities(
                delete=own.allow_task_delete,
                webhooks=False,
                index_lag_s=own.index_lag_s,
                closes={"status": own.closed_status} if own.closed_status else {},
                reasons=lacking if own.allow_task_delete else {**lacking, "delete": NO_DELETE},
            ),
            _TIME: Capabilities(
                delete=True, webhooks=False, index_lag_s=own.index_lag_s, reasons={"webhooks": NO_WEBHOOKS}
            ),
        }

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        checking = gipo_check.Check(self._api, self._config, self._names, self._boards)
        return await checking.run(container, kind, verbs, maps)

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:  # noqa: ARG002 — all boards share one
        if kind == _TIME:
            return self._time.schema()
        return await gipo_check.schema(self._config, self._names, fields=fields)

    async def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        board = await self._names.board(container)
        if kind == _TIME:
            pages = self._time.pull(board, cursor, sweep=sweep)
        else:
            pages = self._boards.pull(board, cursor, fields, sweep=sweep)
        async for page in pages:
            yield page

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        return await (self._time.fetch(ref) if ref.kind == _TIME else self._boards.fetch(ref, fields))

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        if kind == _TIME:
            return (Step("create" if creating else "fields", frozenset(fields)),)
        return gipo_write.steps(fields, creating=creating)

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
        """The key is sent as Idempotency-Key, which Gipo honours for about a day; the marker is in the text for longer."""
        board = await self._names.board(container)
        if kind == _TIME:
            return await self._time.create(board, fields, marker, key, before_send)
        return await self._writer.create(board, fields, marker, key, before_send)

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        if ref.kind == _TIME:
            return await self._time.update(ref, changes, current, before_send)
        return await self._writer.update(ref, step, changes, current, before_send)

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        if ref.kind == _TIME:
            return await self._time.delete(ref, before_send)
        if not self._config.allow_task_delete:
            raise RejectedError(NO_DELETE, hint="Set allow_task_delete for this connection if you mean it.")
        return await self._writer.delete(ref, before_send)

    async def container_healthy(self, container: str) -> bool:
        try:
            return await self._boards.is_there(await self._names.board(container))
        except ContainerError:
            return False

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        board = await self._names.board(container)
        return await (self._time.find(board, markers) if kind == _TIME else self._boards.find(board, markers, since))

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Raises: SignatureError, whatever came."""
        del headers, body
        raise SignatureError(NO_WEBHOOKS, hint="Take the address out of whatever calls it.")

    def usage(self) -> Usage:
        return self._api.usage()

    def item_url(self, ref: Ref) -> str:
        template = self._config.task_url if ref.kind == "task" else ""
        return template.format(workspace=ref.container, id=ref.id) if template else ""

    async def aclose(self) -> None:
        await self._api.aclose()


def connect(name: str, config: GipoConfig) -> Connector:
    """The connector of one connection. No I/O."""
    return Gipo(name, config)


PLUGIN: Final = Plugin("gipo", GipoConfig, connect)
