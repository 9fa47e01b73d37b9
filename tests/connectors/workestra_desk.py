"""A Workestra connector beside the people who work in its sandbox."""

from __future__ import annotations

from contextlib import asynccontextmanager

from trackers.workestra import People

from bridge.model import Marker, Ref
from connectors.base import Step
from connectors.pace import Retry
from connectors.workestra import Workestra
from connectors.workestra_config import WorkestraConfig

PROJECT = "proj_web"
MARKER = Marker("github", "acme/app#12")
LINE = "[bridge:v1 github acme/app%2312]"
NONE = frozenset[str]()


async def _no_sleep(_seconds):
    return None


class Desk:
    """``spent`` counts the requests of its block."""

    def __init__(self, people, connector):
        self.people, self.box, self.it = people, people.box, connector

    async def pulled(self, cursor=None, *, sweep=False, project=PROJECT):
        return [page async for page in self.it.pull(project, "task", cursor, fields=NONE, sweep=sweep)]

    async def page(self, cursor=None, *, sweep=False):
        [page] = await self.pulled(cursor, sweep=sweep)
        return page

    async def fetch(self, item, project=PROJECT):
        return await self.it.fetch(self.ref(item, project), fields=NONE)

    async def create(self, marker=MARKER, **fields):
        return await self.it.create(PROJECT, "task", {"title": "T", **fields}, marker, key="k")

    async def update(self, record, **changes):
        return await self.it.update(record.ref, Step("task", frozenset(changes)), changes, record)

    def ref(self, item, project=PROJECT):
        return Ref("w", project, "task", item)

    def sent(self):
        """Method and path of each accepted write of Bridge, with its body."""
        return [(entry.method, entry.body) for entry in self.box.log if entry.author == "bridge"]


@asynccontextmanager
async def desk(field="external_ref", settings=None, **config):
    """``settings`` are the sandbox's, the others the connection's."""
    with People(field, **(settings or {})) as people:
        own = {"base_url": f"{people.box.url}/api/v1", "token": people.box.token(), "external_ref_field": field}
        own |= {"requests_per_minute": 0, "writes_per_minute": 0, "index_lag_s": 0, **config}
        connector = Workestra("w", WorkestraConfig.model_validate(own), retry=Retry(sleep=_no_sleep))
        try:
            yield Desk(people, connector)
        finally:
            await connector.aclose()
