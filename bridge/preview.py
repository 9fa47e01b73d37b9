"""A link's mapping looked at before it works: its whole table, and what becomes of real items in it.

Refuses: writing, to a tracker as to the state: no lease, no cursor, no inbox, no database that is not there yet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bridge.assemble import Assembly
from bridge.computing import around
from bridge.config import plugins
from bridge.config.expressions import filters, queries, texts
from bridge.config.rows import row_specs
from bridge.engine import people, sampling
from bridge.engine.asleep import TASK, asleep, task_of
from bridge.engine.context import utc_now
from bridge.engine.link import End, Link
from bridge.engine.plan import PARTS
from bridge.engine.scope import names_of, rests_by
from bridge.engine.trial import Trial, try_out
from bridge.errors import ConfigError
from bridge.model import SIDES, Kind, Schema, Side
from bridge.neighbours import Neighbours
from connectors.base import Connector
from mappings.computed import is_computed
from mappings.rows import Mapping_, RowSpec
from state import links

if TYPE_CHECKING:
    from bridge.config.settings import Link as LinkSettings
    from bridge.config.settings import Settings
    from mappings.people import People
    from state.store import Store


@dataclass(frozen=True, slots=True)
class KindTable:
    """The rows of one kind as they hold. ``schemas`` are the fields of a side as far as they are known, ``mapping`` what
    the rows come to then; None where they cannot be joined, which ``why`` explains. ``left_alone``: fields of a side that
    no row carries, with the reason.
    """

    kind: str
    specs: tuple[RowSpec, ...]
    schemas: Mapping[Side, Schema]
    mapping: Mapping_ | None = None
    why: str = ""
    left_alone: Mapping[Side, Sequence[tuple[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A link's mapping. ``lacking``: kinds that are not in step, with the reason; ``filters``: where the filter of a side
    stands, and the field that holds what it says; ``requests``: what asking took.
    """

    link: LinkSettings
    kinds: tuple[KindTable, ...]
    lacking: Mapping[str, str]
    filters: Mapping[Side, Sequence[tuple[str, str]]]
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a sample came to, by kind. ``fresh``: of which kinds the trackers were asked; the others came from the state.

    ``left_out``: items that a filter leaves out and that were not tried, by kind and side.
    """

    link: LinkSettings
    trials: tuple[Trial, ...]
    fresh: Collection[str]
    left_out: Mapping[str, Mapping[Side, int]]
    requests: Mapping[Side, int]


def _not_carried(table: KindTable, end: End, side: Side) -> list[tuple[str, str]]:
    """The fields of a side that no row carries, each with the reason: those that a person could map come first."""
    rows = () if table.mapping is None else table.mapping.rows
    on = {row.field(side): row for row in rows if row.direction != "off"}
    written = {spec.left if side == "left" else spec.right: spec for spec in table.specs}
    found = []
    for name, held in sorted(table.schemas[side].fields.items() if side in table.schemas else ()):
        if name in on or is_computed(name):
            continue
        spec = written.get(name)
        if spec is not None and spec.direction == "off":
            why = f"off, {spec.origin}"
        elif spec is not None:
            why = "neither side can be written" if table.mapping is not None else ""
        else:
            kinds = end.connector.kinds()
            reason = kinds[table.kind].reasons.get(name, "") if table.kind in kinds else ""
            why = reason or ("no row, read only" if held.writable == "never" else "no row")
        if why:
            found.append((name, why))
    return sorted(found, key=lambda one: (one[1] != "no row", one[1] == "no row, read only", one[1], one[0]))


async def table(settings: Settings, link: LinkSettings, *, live: bool) -> Table:
    """The effective mapping of a link. Asks nobody unless ``live``; then custom fields and choices are known as well.

    Raises: ConfigError; TrackerError with ``live``.
    """
    async with _assembly(settings, None) as assembly:
        specs = row_specs(settings, link)
        ends = {side: assembly.end(link, side) for side in SIDES}
        kinds = []
        for kind in link.kinds:
            found = await _kind_table(assembly, link, kind, specs[kind], live=live)
            kinds.append(replace(found, left_alone={side: _not_carried(found, ends[side], side) for side in SIDES}))
        return Table(link, tuple(kinds), _lacking(link, ends), filters(settings, link), _requests(ends.values()))


async def unasked(settings: Settings, link: LinkSettings, who: People) -> Link:
    """A link with those of its rows whose fields are known without asking a tracker, to judge by and not to run. ``who``: the
    people that it knows. Raises ConfigError.
    """
    async with _assembly(settings, None) as assembly:
        specs = row_specs(settings, link)
        mappings: dict[str, Mapping_] = {}
        nothing_matched = link.model_copy(update={"match": ()})  # a rule may name a field that is not known here
        for kind in link.kinds:
            schemas = await assembly.known_schemas(link, kind)
            rows = [
                spec
                for spec in specs[kind]
                if len(schemas) == len(SIDES) and all(_of(spec, side) in schemas[side].fields for side in SIDES)
            ]
            if rows:
                mappings[kind] = assembly.join(nothing_matched, kind, rows, schemas).knowing(who)
        return Link(
            0,
            link.name,
            assembly.end(link, "left"),
            assembly.end(link, "right"),
            mappings,
            sources=frozenset(settings.connections),
            origins=frozenset(side for side in SIDES if link.origin_line in (side, "both")),
        )


def _of(spec: RowSpec, side: Side) -> str:
    return spec.left if side == "left" else spec.right


async def _kind_table(
    assembly: Assembly, link: LinkSettings, kind: str, specs: tuple[RowSpec, ...], *, live: bool
) -> KindTable:
    schemas = await (assembly.schemas(link, kind, specs) if live else assembly.known_schemas(link, kind))
    if len(schemas) < len(SIDES):
        return KindTable(kind, specs, schemas, why="not all fields are known without asking: --live does")
    try:
        return KindTable(kind, specs, schemas, assembly.join(link, kind, specs, schemas))
    except ConfigError as error:
        if live:
            raise
        return KindTable(kind, specs, schemas, why=f"{error.message}; --live asks the trackers for their custom fields")


def _lacking(link: LinkSettings, ends: Mapping[Side, End]) -> dict[str, str]:
    """Why a kind is not in step, for each that is not."""
    found = {}
    for kind in (kind.value for kind in Kind if kind.value not in link.kinds):
        without = [end for end in ends.values() if kind not in end.connector.kinds()]
        reasons = []
        for end in without:
            task = end.connector.kinds().get("task")
            why = (
                task.reasons.get(kind, "its API has nothing of the kind") if task else "its API has nothing of the kind"
            )
            reasons.append(f"{end.connection} has none: {why}")
        found[kind] = "; ".join(reasons) or "kinds of the link does not name it"
    return found


async def try_items(
    settings: Settings, link: LinkSettings, store: Store | None, *, most: int, kinds: Collection[str], live: bool
) -> Preview:
    """Carry the values of real items through the link's rows and back: of those that the state remembers, else of the
    first that the trackers list. ``live`` asks the trackers in any case.

    Raises: ConfigError, TrackerError, StateError.
    """
    async with _assembly(settings, store) as assembly:
        ready = await assembly.build(link)
        if store is None or live:
            ready = await people.introduced(ready, utc_now())
        elif people.is_helped(ready):
            known = await store.read(people.remembered, ready.people, ready.left, ready.right)
            ready = people.knowing(ready, known)
        fresh, trials, left_out = [], [], {}
        for kind in (kind for kind in ready.mappings if kind in kinds):
            found = sampling.Found()
            if store is not None and not live:
                found = await store.read(sampling.remembered, ready, kind, most)
            if not found.both:
                fresh.append(kind)
                found = await sampling.listed(ready, kind, most)
                if store is not None:
                    found = await store.read(sampling.with_refs, ready, kind, found)
            out = _out_of_scope(ready, found)
            if kind in PARTS:
                out |= await _parts_asleep(ready, found, store, most, is_listed=kind in fresh)
            left_out[kind] = {side: sum(at == side for at, _ in out) for side in SIDES}
            trials.append(try_out(kind, ready.mappings[kind].rows, sampling.samples(ready, kind, found, out)))
        requests: Mapping[Side, int] = {side: ready.end(side).connector.usage().requests for side in SIDES}
        return Preview(link, tuple(trials), fresh, left_out, requests)


def _out_of_scope(link: Link, found: sampling.Found) -> set[tuple[Side, str]]:
    """Which of these do not take part, by side and id: a filter leaves them out, or fails on them."""
    return {(side, record.ref.id) for side in SIDES for record in found.records(side) if rests_by(link, side, record)}


async def _parts_asleep(
    link: Link, found: sampling.Found, store: Store | None, most: int, *, is_listed: bool
) -> set[tuple[Side, str]]:
    """Which of these parts do not take part, for their task does not. Of parts that were listed those of tasks that are
    neither in step nor among the first that are listed as well: nobody asks for each of them.
    """
    if not any(names_of(link, TASK, side) for side in SIDES):
        return set()
    tasks = await sampling.listed(link, TASK, most) if is_listed else sampling.Found()
    out: set[tuple[Side, str]] = set()
    for side in SIDES:
        parts = found.records(side)
        owners = {task_of(part) for part in parts}
        if store is not None:
            owners = set(await store.read(asleep, link, link.id, side, owners))
        elif not names_of(link, TASK, side):
            continue
        if is_listed:
            owners -= {task.ref.id for task in tasks.records(side) if not rests_by(link, side, task)}
        out |= {(side, part.ref.id) for part in parts if task_of(part) in owners}
    return out


@asynccontextmanager
async def _assembly(settings: Settings, store: Store | None) -> AsyncIterator[Assembly]:
    """Connectors as a link needs them, and the numbers of links as the state has them: nobody makes one here."""
    made: dict[str, Connector] = {}

    def connector(name: str) -> Connector:
        if name not in made:
            config: Any = settings.connections[name]
            found = plugins.find(config.type).connect(name, config)
            made[name] = around(found, texts(settings, name), queries(settings, name))
        return made[name]

    rows = [] if store is None else await store.read(links.all_links)
    known = {row.name: row.id for row in rows if row.id is not None}
    ids = {each.name: known.get(each.name, -number) for number, each in enumerate(settings.links, 1)}
    try:
        yield Assembly(settings, Neighbours(settings, ids), connector)
    finally:
        for each in made.values():
            await each.aclose()


def _requests(ends: Collection[End]) -> int:
    by_connection = {end.connection: end.connector.usage().requests for end in ends}
    return sum(by_connection.values())
