"""What the tests of the contract stand on: a connector on a running tracker, and the people who work there.

Needs pytest and pytest-asyncio, as every module of this package; nothing else of Bridge imports it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from bridge import errors
from bridge.config import plugins
from bridge.model import Kind, Marker, Record, Ref
from connectors.base import Connector, Page, Plugin

MARKER: Final = Marker("other-side", "acme/app#12")
KNOWN_KINDS: Final = frozenset(kind.value for kind in Kind)
CONTENT: Final = {"task": "title", "comment": "body", "time_entry": "seconds"}
"""A field that people see, by kind."""


async def at_once(_seconds: float) -> None:
    """A wait that is over."""


@dataclass
class Ground:
    """A connector on a running tracker, with the people who work there."""

    people: Any
    connector: Connector
    config: Any

    @property
    def container(self) -> str:
        return str(self.people.container)

    async def fields(self, kind: str) -> frozenset[str]:
        schema = await self.connector.schema(self.container, kind, fields=frozenset())
        return frozenset(name for name in schema.fields if not name.startswith("custom."))

    async def pages(self, kind: str, cursor: str | None = None, *, sweep: bool = True) -> list[Page]:
        names = await self.fields(kind)
        return [page async for page in self.connector.pull(self.container, kind, cursor, fields=names, sweep=sweep)]

    async def records(self, kind: str, cursor: str | None = None) -> dict[str, Record]:
        return {record.ref.id: record for page in await self.pages(kind, cursor) for record in page.records}

    async def fetch(self, kind: str, item: str) -> Record:
        return await self.connector.fetch(
            Ref(self.connector.name, self.container, kind, item), fields=await self.fields(kind)
        )

    async def make(self, kind: str, marker: Marker = MARKER, **fields: Any) -> Record:
        """As the engine makes a record: the create step, then the others one by one."""
        first, *rest = self.connector.steps(kind, fields.keys(), creating=True)
        given = {name: fields[name] for name in fields if name in first.fields}
        record = await self.connector.create(self.container, kind, given, marker, key=f"{kind} {marker.id}")
        assert {name for step in (first, *rest) for name in step.fields} >= fields.keys()
        for step in rest:
            changes = {name: fields[name] for name in fields if name in step.fields}
            record = await self.connector.update(record.ref, step, changes, record)
        return record

    async def write(self, record: Record, **changes: Any) -> Record:
        for step in self.connector.steps(record.ref.kind, changes.keys(), creating=False):
            some = {name: changes[name] for name in changes if name in step.fields}
            record = await self.connector.update(record.ref, step, some, record)
        return record

    async def subject(self, kind: str, task: str) -> dict[str, Any]:
        """What a new record of a kind says."""
        if kind == "task":
            return {"title": "Made by Bridge"}
        if kind == "comment":
            return {"task": task, "body": self.text("said by Bridge")}
        entry: dict[str, Any] = {"task": task, "seconds": 5400, "spent_on": "2026-11-18"}
        schema = await self.connector.schema(self.container, kind, fields=frozenset({"person"}))
        if schema.fields["person"].writable != "never":
            entry["person"] = next(iter(self.people.persons.values()))
        return entry

    def text(self, words: str) -> str:
        """Words in the tracker's own dialect."""
        say = getattr(self.people, "text", None)
        return words if say is None else str(say(words))

    def filled(self) -> str:
        """A task with all that people can say of it."""
        people = self.people
        task = str(people.create("First", description=None))
        if "labels" in people.can:
            people.edit(task, labels={"bug"})
        if "assignee" in people.can:
            people.edit(task, assignee=next(iter(people.persons.values())))
        if "due" in people.can:
            people.edit(task, due_on="2026-12-24")
        if "estimate" in people.can:
            people.edit(task, estimate=7200)
        if "comment" in people.can:
            people.comment(task, "a word")
        if "time" in people.can:
            people.log_time(task, 3600)
        return task

    def faulty(self) -> Any:
        """The sandbox, where faults can be planned; the test is skipped elsewhere."""
        box = getattr(self.people, "box", None)
        if box is None or not hasattr(box, "fault"):
            pytest.skip("no faults can be planned in this tracker")
        return box

    def assert_no_secret_in(self, error: errors.BridgeError) -> None:
        told = f"{error.message} {error.hint} {getattr(error, 'url', '')}"
        for name in type(self.config).model_fields:
            value = getattr(self.config, name)
            if hasattr(value, "get_secret_value"):
                assert value.get_secret_value() not in told


class Grounded:
    """Which connector is meant, and how to come to a running one.

    ``quiet_requests``: what a poll that finds nothing new may cost, by kind, where one request is not enough.
    """

    type: ClassVar[str]
    quiet_requests: ClassVar[dict[str, int]] = {}

    def plugin(self) -> Plugin:
        """What is installed for the type."""
        return plugins.find(self.type)

    def people(self) -> Any:
        """Your tracker and the people in it. Every subclass says which."""
        pytest.fail(f"{type(self).__name__} has no method people(); see docs/connectors.md, The people driver")

    def connect(self, name: str, config: Any) -> Connector:
        """Your connector, if possible one that does not really wait between tries."""
        return self.plugin().connect(name, config)

    @pytest.fixture
    async def ground(self, tmp_path: Path) -> AsyncIterator[Ground]:
        with self.people() as people:
            config = self.config(people, tmp_path)
            connector = self.connect("mine", config)
            yield Ground(people, connector, config)
            await connector.aclose()

    def config(self, people: Any, folder: Path) -> Any:
        """The connection's settings, as the loader makes them of the TOML and its ``*_file`` keys."""
        table = tomllib.loads(people.connection("mine", folder))["connections"]["mine"]
        for name in [name for name in table if name.endswith("_file") and name != "ca_file"]:
            table[name.removesuffix("_file")] = Path(table.pop(name)).read_text(encoding="utf-8").strip()
        return self.plugin().config(**table)

    def absent(self, ground: Ground) -> str:
        """A container that does not exist, of the right form."""
        return re.sub(r"[0-9a-zA-Z]", "9", ground.container)

    def absent_item(self, ground: Ground) -> str:
        """The id of a task that does not exist, of the right form."""
        return re.sub(r"[0-9a-z]", "9", str(ground.people.create("To be imitated")))
