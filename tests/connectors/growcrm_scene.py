"""A Grow CRM with its people and our connector, for the tests of that connector."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from trackers.growcrm import People

from bridge.model import Fields, Marker, Record, Ref
from connectors.base import Page
from connectors.growcrm import Growcrm
from connectors.growcrm_config import GrowcrmConfig
from connectors.pace import Retry

PROJECT = "7"
FIELDS = frozenset({"title", "description", "status", "priority", "labels", "assignees", "due_on"})
MARKER = Marker("github", "acme/app#12")


@dataclass
class Scene:
    """``crm`` is the connector, ``people`` the others."""

    people: People
    crm: Growcrm

    @property
    def box(self) -> Any:
        return self.people.box

    def ref(self, item: str, kind: str = "task") -> Ref:
        return Ref("crm", PROJECT, kind, item)

    async def pull(self, kind: str = "task", cursor: str | None = None, *, sweep: bool = False) -> list[Page]:
        return [page async for page in self.crm.pull(PROJECT, kind, cursor, fields=FIELDS, sweep=sweep)]

    async def seen(self, item: str, kind: str = "task") -> Record:
        return await self.crm.fetch(self.ref(item, kind), fields=FIELDS)

    async def make(self, fields: Fields, marker: Marker = MARKER, kind: str = "task") -> Record:
        """All steps of a create."""
        [first, *rest] = self.crm.steps(kind, fields, creating=True)
        wanted = {name: fields[name] for name in first.fields}
        known = await self.crm.create(PROJECT, kind, wanted, marker, key="k")
        for step in rest:
            known = await self.crm.update(known.ref, step, {name: fields[name] for name in step.fields}, known)
        return known

    async def write(self, known: Record, changes: Fields) -> Record:
        """All steps of an update."""
        for step in self.crm.steps(known.ref.kind, changes, creating=False):
            known = await self.crm.update(known.ref, step, {name: changes[name] for name in step.fields}, known)
        return known

    def requests(self) -> int:
        return self.crm.usage().requests


async def _at_once(_seconds: float) -> None:
    return None


@asynccontextmanager
async def scene(settings: dict[str, Any] | None = None, **config: Any) -> AsyncIterator[Scene]:
    with People(**(settings or {})) as people:
        given = {"base_url": people.box.url, "token": people.box.token(), "requests_per_minute": 0, **config}
        crm = Growcrm("crm", GrowcrmConfig(**given), retry=Retry(sleep=_at_once))
        try:
            yield Scene(people, crm)
        finally:
            await crm.aclose()
