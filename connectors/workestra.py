"""Workestra: tasks of a project, which its API calls issues. One kind; the API shows nothing else.

What the parts know: workestra_config the settings, workestra_wire the JSON, workestra_api the calls, workestra_errors the
refusals, workestra_feed the lists and the cursor, workestra_write the writes, workestra_hooks webhooks, workestra_check the
live check. Refuses: the tickets of its Support module, which go by the same words at other addresses.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

from bridge.errors import RejectedError
from bridge.model import Fields, Kind, Marker, Record, Ref, Schema
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
from connectors.workestra_api import Api
from connectors.workestra_check import check as live_check
from connectors.workestra_config import WorkestraConfig
from connectors.workestra_feed import Feed
from connectors.workestra_hooks import verify as verified
from connectors.workestra_people import Users
from connectors.workestra_wire import Wire
from connectors.workestra_write import Writer

REASONS: Final[Mapping[str, str]] = {
    "comment": "Workestra documents no way to read or write comments; a webhook says only that there is one.",
    "time_entry": "Workestra documents no address, members or unit for logged time.",
    "label": "Workestra documents no list of labels; names on tasks are all there is, and are carried with the task.",
    "relation": "Workestra documents neither subtasks nor dependencies.",
}


class Workestra:
    """One API key of one workspace. Containers are projects, by id."""

    def __init__(
        self,
        name: str,
        config: WorkestraConfig,
        *,
        transport: Transport | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.name = name
        self.comments: Comments | None = None
        self.directory: Directory | None = Users(config)
        self._config = config
        self._wire = Wire(name, config)
        self._api = Api(name, config, self._wire, transport=transport, retry=retry)
        self._feed = Feed(self._api, config, self._wire)
        self._writer = Writer(self._api, config, self._wire, self._feed)

    def kinds(self) -> Mapping[str, Capabilities]:
        return {
            Kind.TASK.value: Capabilities(
                delete=True,
                index_lag_s=self._config.index_lag_s,
                closes={"status": self._config.closed_status},
                reasons=REASONS,
            )
        }

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        _only_tasks(kind)
        return await live_check(self._api, self._wire, self._config, container, verbs, maps)

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:  # noqa: ARG002 — no project differs
        _only_tasks(kind)
        return self._wire.schema(fields)

    async def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        """``fields`` change nothing: a row has all. ``sweep`` reads all tasks where else their changes would do."""
        _only_tasks(kind)
        del fields
        async for page in self._feed.pull(container, cursor, sweep=sweep):
            yield page

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        _only_tasks(ref.kind)
        del fields
        return self._wire.record(await self._api.task(ref), ref.container)

    async def container_healthy(self, container: str) -> bool:
        return await self._api.project(container) is not None

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        _only_tasks(kind)
        return self._writer.steps(fields, creating=creating)

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
        """Workestra knows no idempotency key; the marker is in the create itself (S19)."""
        _only_tasks(kind)
        del key
        return await self._writer.create(container, fields, marker, before_send)

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        """One PATCH; what it answers is what Workestra kept: it may drop labels that it does not know."""
        _only_tasks(ref.kind)
        mine = {name: value for name, value in changes.items() if name in step.fields}
        return await self._writer.update(ref, mine, current, before_send) if mine else current

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        _only_tasks(ref.kind)
        await self._writer.delete(ref, before_send)

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        _only_tasks(kind)
        return await self._feed.find(container, markers, since)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        return verified(headers, body, self._config.webhook_secret)

    def usage(self) -> Usage:
        return self._api.http.usage()

    def item_url(self, ref: Ref) -> str:
        template = self._config.task_url
        return template.format(project=ref.container, id=ref.id) if template else ""

    async def aclose(self) -> None:
        await self._api.http.aclose()


def _only_tasks(kind: str) -> None:
    if kind != Kind.TASK.value:
        raise RejectedError(REASONS.get(kind, f"Workestra has no {kind}."), hint="Take it out of the link's kinds.")


def connect(name: str, config: WorkestraConfig) -> Connector:
    """The connector of one connection. No I/O."""
    return Workestra(name, config)


PLUGIN: Final = Plugin("workestra", WorkestraConfig, connect)
