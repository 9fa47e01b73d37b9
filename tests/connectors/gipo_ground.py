"""A Gipo sandbox with its people, and the connector before it: the ground of the tests of that connector."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from trackers.gipo import People

from bridge.model import Marker
from connectors.base import Page
from connectors.gipo import Gipo
from connectors.gipo_config import GipoConfig
from connectors.pace import Retry

BOARD = People.container
LOOSE = "b0000000-0000-4000-8000-000000000003"
MAPPED = frozenset(
    {"title", "description", "status", "priority", "labels", "assignees", "due_on", "start_on", "estimate"}
)
MARK = Marker("plan", "acme/app#12")


async def at_once(_seconds: float) -> None:
    return None


@contextlib.asynccontextmanager
async def connected(people: People, **settings: Any) -> AsyncIterator[Gipo]:
    given = {"base_url": people.box.url, "token": people.box.token(), "requests_per_minute": 0, "index_lag_s": 0}
    gipo = Gipo("gipo", GipoConfig(**{**given, **settings}), retry=Retry(sleep=at_once))
    try:
        yield gipo
    finally:
        await gipo.aclose()


async def pages(
    gipo: Gipo,
    cursor: str | None = None,
    kind: str = "task",
    *,
    board: str = BOARD,
    fields: frozenset[str] = MAPPED,
    sweep: bool = False,
) -> list[Page]:
    return [page async for page in gipo.pull(board, kind, cursor, fields=fields, sweep=sweep)]


async def only(gipo: Gipo, cursor: str | None = None, kind: str = "task", **options: Any) -> Page:
    [page] = await pages(gipo, cursor, kind, **options)
    return page


async def made(gipo: Gipo, fields: dict[str, Any], kind: str = "task", *, key: str = "k1", board: str = BOARD) -> Any:
    """All steps of a create."""
    first, *rest = gipo.steps(kind, fields, creating=True)
    known = await gipo.create(board, kind, {name: fields[name] for name in first.fields}, MARK, key=key)
    for step in rest:
        known = await gipo.update(known.ref, step, {name: fields[name] for name in step.fields}, known)
    return known


async def changed(gipo: Gipo, current: Any, changes: dict[str, Any]) -> Any:
    """All steps of an update."""
    for step in gipo.steps(current.ref.kind, changes, creating=False):
        current = await gipo.update(current.ref, step, {name: changes[name] for name in step.fields}, current)
    return current
