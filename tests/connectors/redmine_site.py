"""A Redmine project and the connector to it, as the tests of this folder use them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from trackers.redmine import People

from bridge.model import Marker, Record, Ref
from connectors.base import Page
from connectors.pace import Retry
from connectors.redmine import Redmine
from connectors.redmine_config import RedmineConfig

FIELDS = frozenset({"title", "description", "status", "labels", "assignee", "blocks"})
MARK = Marker("github", "acme/app#12")


async def at_once(_seconds: float) -> None:
    return None


@asynccontextmanager
async def connected(people: People, *, who: str = "", **settings: Any) -> AsyncIterator[Redmine]:
    config = RedmineConfig(base_url=people.box.url, token=people.box.token(who), **settings)
    connector = Redmine("rm", config, retry=Retry(sleep=at_once))
    try:
        yield connector
    finally:
        await connector.aclose()


async def pages(
    redmine: Redmine,
    cursor: str | None = None,
    *,
    kind: str = "task",
    sweep: bool = False,
    fields: frozenset[str] = FIELDS,
) -> list[Page]:
    return [page async for page in redmine.pull("acme", kind, cursor, fields=fields, sweep=sweep)]


async def only(redmine: Redmine, cursor: str | None = None, *, kind: str = "task", sweep: bool = False) -> Page:
    [page] = await pages(redmine, cursor, kind=kind, sweep=sweep)
    return page


async def made(redmine: Redmine, kind: str = "task", mark: Marker = MARK, **fields: Any) -> Record:
    """All steps of a create."""
    create, *rest = redmine.steps(kind, fields, creating=True)
    record = await redmine.create("acme", kind, {name: fields[name] for name in create.fields}, mark, key="k")
    for step in rest:
        record = await redmine.update(record.ref, step, {name: fields[name] for name in step.fields}, record)
    return record


async def changed(redmine: Redmine, record: Record, **changes: Any) -> Record:
    for step in redmine.steps(record.ref.kind, changes, creating=False):
        record = await redmine.update(record.ref, step, {name: changes[name] for name in step.fields}, record)
    return record


def ref(item: str, kind: str = "task") -> Ref:
    return Ref("rm", "acme", kind, item)
