"""A TimeTracker of people and a connector on it, as the tests of this connector use them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from trackers.timetracker import People

from bridge.model import Marker, Record, Ref
from connectors.base import Page
from connectors.pace import Retry
from connectors.timetracker import TimeTracker
from connectors.timetracker_config import TimeTrackerConfig

MARK = Marker("git_hub", "acme/app#12, 50% _é:")


async def _at_once(_seconds: float) -> None:
    return None


@asynccontextmanager
async def connected(people: People, *, who: str = "bridge", **settings: Any) -> AsyncIterator[TimeTracker]:
    """``who`` decides whose token it uses."""
    fixed = {"token": people.box.token(who), "webhook_secret": "a secret", "requests_per_minute": 0, "index_lag_s": 0}
    config = TimeTrackerConfig(base_url=people.box.url, **{**fixed, **settings})
    connector = TimeTracker("tt", config, retry=Retry(sleep=_at_once, max_wait_s=5))
    try:
        yield connector
    finally:
        await connector.aclose()


def ref(kind: str, item: str) -> Ref:
    return Ref("tt", "1", kind, item)


async def pulled(connector: TimeTracker, kind: str, cursor: str | None = None) -> Page:
    """All pages as one, with the cursor of the last."""
    pages = [page async for page in connector.pull("1", kind, cursor, fields=frozenset(), sweep=False)]
    records = tuple(record for page in pages for record in page.records)
    last = pages[-1]
    return Page(records, last.cursor, last=True, quiet=last.quiet, complete=last.complete, gone=last.gone)


async def written(
    connector: TimeTracker, kind: str, fields: dict[str, Any], marker: Marker = MARK, key: str = "k"
) -> Record:
    """A create with all its steps, as the engine makes it."""
    first, *rest = connector.steps(kind, fields, creating=True)
    record = await connector.create("1", kind, {name: fields[name] for name in first.fields}, marker, key=key)
    for step in rest:
        record = await connector.update(record.ref, step, {name: fields[name] for name in step.fields}, record)
    return record


async def changed(connector: TimeTracker, record: Record, **changes: Any) -> Record:
    [step] = connector.steps(record.ref.kind, changes, creating=False)
    return await connector.update(record.ref, step, changes, record)


class Count:
    """The requests that a block costs."""

    def __init__(self, people: People) -> None:
        self._people = people
        self.since()

    def since(self) -> None:
        self._before = self._people.requests()

    @property
    def now(self) -> int:
        return self._people.requests() - self._before
