"""The people of a drill: they make, edit and delete items with a token of their own, as their tracker's pages would."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bridge.config import plugins
from bridge.config.rows import row_specs
from bridge.drill import scratch
from bridge.drill.furnish import furnisher
from bridge.drill.ground import Ground
from bridge.drill.rows import Tried, mapping_of, tried
from bridge.drill.scenario import TITLE, Item, Scenario, filled
from bridge.errors import ConfigError
from bridge.model import SIDES, Ref, Side, Value
from connectors.base import Connector

KIND = "task"
_BETWEEN_S = 60
"""Seconds between two acts of people, by the trackers' clocks."""


@dataclass(slots=True)
class People:
    """Somebody on each side. ``ids`` are of the items they made, by side and the title they gave them."""

    ground: Ground
    rows: tuple[Tried, ...]
    ids: dict[tuple[Side, str], str] = field(default_factory=dict)

    def set_up(self, scenario: Scenario) -> None:
        """What stands there first."""
        asyncio.run(self._make(scenario.there))

    def act(self, scenario: Scenario) -> None:
        """What they do after both sides were brought in step."""
        asyncio.run(self._make(scenario.late))
        asyncio.run(self._edit(scenario))
        for side, title in scenario.gone:
            end = self.ground.end(side)
            ways = furnisher(self.ground.tables[end.connection]["type"])
            ways.remove(self.ground.box(side), end.container, self.ids[side, title])

    async def _make(self, items: Sequence[Item]) -> None:
        async with AsyncExitStack() as stack:
            for side in SIDES:
                mine = [item for item in items if item.side == side]
                end = self.ground.end(side)
                ways = furnisher(self.ground.tables[end.connection]["type"])
                connector = await _connected(stack, self.ground, side)
                ways.add(self.ground.box(side), end.container, [item.title for item in mine])
                found = await _titles(connector, end.container)
                for item in mine:
                    self.ids[side, item.title] = found[item.title]
                    await _write(
                        connector, Ref(connector.name, end.container, KIND, found[item.title]), filled(self.rows, item)
                    )
                self._later(side)

    async def _edit(self, scenario: Scenario) -> None:
        async with AsyncExitStack() as stack:
            ends = {side: await _connected(stack, self.ground, side) for side in SIDES}
            for edit in scenario.edits:
                ref = Ref(
                    ends[edit.side].name, self.ground.end(edit.side).container, KIND, self.ids[edit.side, edit.title]
                )
                await _write(ends[edit.side], ref, edit.fields)
                self._later(edit.side)

    def _later(self, side: Side) -> None:
        self.ground.box(side).clock.advance(_BETWEEN_S)


async def furnish(ground: Ground) -> tuple[Tried, ...]:
    """Make the trackers fit the configuration; the rows with their values. Raises ConfigError where that cannot be."""
    link = ground.settings.link(ground.link)
    if KIND not in link.kinds:
        raise ConfigError(f'link "{link.name}" has no tasks to drill with.', hint='A drill needs kinds = ["task", …].')
    for side in SIDES:
        end = ground.end(side)
        furnisher(ground.tables[end.connection]["type"]).prepare(ground.box(side), end.container, _names(ground, side))
    async with AsyncExitStack() as stack:
        ends = {side: await _connected(stack, ground, side) for side in SIDES}
        mapping = await mapping_of(ground.settings, ground.link, KIND, ends)
    return tuple(tried(row) for row in mapping.rows if row.direction != "off")


def _names(ground: Ground, side: Side) -> dict[str, Collection[str]]:
    """The names that this side's people and maps use, by field."""
    link = ground.settings.link(ground.link)
    found: dict[str, Collection[str]] = {}
    for spec in row_specs(ground.settings, link)[KIND]:
        name = spec.left if side == "left" else spec.right
        groups = (left if side == "left" else right for left, right in spec.groups)
        found[name] = [one for group in groups for one in group if one != "*"]
        if spec.transform == "people":
            mine = ground.end(side).connection
            found[name] = [person[mine] for person in ground.settings.people if mine in person]
    return found


async def _connected(stack: AsyncExitStack, ground: Ground, side: Side) -> Connector:
    table = ground.person(side)
    connector: Connector = plugins.find(table["type"]).connect(ground.end(side).connection, scratch.model(table))
    stack.push_async_callback(connector.aclose)
    return connector


async def _titles(connector: Connector, container: str) -> dict[str, str]:
    pages = connector.pull(container, KIND, None, fields=frozenset({TITLE}), sweep=False)
    return {str(record.fields[TITLE]): record.ref.id async for page in pages for record in page.records}


async def _write(connector: Connector, ref: Ref, fields: Mapping[str, Value]) -> None:
    """All calls of one edit."""
    if not fields:
        return
    record = await connector.fetch(ref, fields=frozenset({*fields, TITLE}))
    for step in connector.steps(KIND, fields, creating=False):
        changes = {name: value for name, value in fields.items() if name in step.fields}
        record = await connector.update(ref, step, changes, record)
