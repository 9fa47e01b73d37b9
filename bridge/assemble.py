"""Settings in, links ready to run out; and what can be told about a link before it runs.

Refuses: the state, and running anything (wiring.py does).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.computing import around, computation
from bridge.config import plugins
from bridge.config.digest import config_hash
from bridge.config.expressions import queries, texts
from bridge.config.misfits import (
    names_custom,
    row_in_place,
    unknown_fields,
    useless_expressions,
    useless_query,
    with_place,
    with_places,
)
from bridge.config.people import people_of
from bridge.config.rows import row_specs, verbs_of
from bridge.config.settings import Link as LinkSettings
from bridge.config.settings import Settings
from bridge.engine.link import Answers, Deletes, End, Limits, Link
from bridge.engine.plan import PARTS
from bridge.errors import ConfigError, TrackerError
from bridge.model import SIDES, FieldType, Kind, Schema, Side
from bridge.neighbours import Neighbours, asked, naming
from connectors.base import Connector, Finding, queries_of
from mappings.choice import Choice
from mappings.compile import compile_rows
from mappings.computed import is_computed, query_of
from mappings.joint import RowError
from mappings.lenses import find
from mappings.rows import Mapping_, RowSpec

_IN_ORDER: Final[Sequence[str]] = [kind.value for kind in Kind]


@dataclass(frozen=True, slots=True)
class Assembly:
    """What links are put together from."""

    settings: Settings
    neighbours: Neighbours
    connector: Callable[[str], Connector]

    async def build(self, link: LinkSettings) -> Link:
        """A link with its rows joined to both trackers' fields. Raises: ConfigError, TrackerError."""
        ends = {side: self.end(link, side) for side in SIDES}
        for useless in self._useless_queries(link):
            raise useless
        specs = row_specs(self.settings, link)
        people = people_of(self.settings, link)
        mappings: dict[str, Mapping_] = {}
        for kind in sorted(link.kinds, key=_IN_ORDER.index):
            schemas = await self.schemas(link, kind, specs[kind])
            _check_external(link, kind, schemas)
            mappings[kind] = self.join(link, kind, specs[kind], schemas)
        return Link(
            self.neighbours.ids[link.name],
            link.name,
            ends["left"],
            ends["right"],
            mappings,
            link.initial,
            link.first_contact,
            config_hash(self.settings, link),
            Limits(link.max_writes, link.max_creates, link.verify_after, link.breaker_returns),
            _deletes(link, ends, mappings),
            frozenset(self.settings.connections),
            self.neighbours.matches,
            {(side, kind): self.neighbours.wanted(ends[side], kind) for side in SIDES for kind in link.kinds},
            {side: getattr(self.settings.connections[ends[side].connection], "sweep_every", 1) for side in SIDES},
            answers=Answers(link.conflict_comments_on, {side: self._heard(link, side) for side in SIDES}),
            origins=frozenset(side for side in SIDES if link.origin_line in (side, "both")),
            people=people,
            known=people,
            terms=self.neighbours.terms(link),
            auto_accept=link.auto_accept,
            shared_terms=self.neighbours.terms_beside(link),
            computations={
                (end.connection, end.container, kind): found
                for end in ends.values()
                for kind in link.kinds
                if (found := computation(end.connector, end.container, kind)) is not None
            },
        )

    def join(self, link: LinkSettings, kind: str, specs: Sequence[RowSpec], schemas: Mapping[Side, Schema]) -> Mapping_:
        """The rows of a kind joined to both sides' fields. Raises ConfigError for a row that does not fit."""
        for misfit in self._misfits(link, kind, specs, schemas):
            raise misfit
        people = people_of(self.settings, link)
        try:
            return compile_rows(
                kind,
                specs,
                schemas["left"],
                schemas["right"],
                people=people,
                policy=link.conflict,
                match=link.match,
                link=link.name,
            ).knowing(people)
        except RowError as error:
            raise row_in_place(self.settings, link, kind, error) from None

    async def check(self, link: LinkSettings, *, live: bool) -> list[Finding]:
        """What is wrong with a link; with ``live`` both trackers are asked (credentials, container, rights, names)."""
        specs = row_specs(self.settings, link)
        found = [
            Finding(
                "error", f"link {link.name}: no preset knows how to map {kind}", "Write [[links.fields]] rows for it."
            )
            for kind in link.kinds
            if not specs[kind] and all(kind in self.end(link, side).connector.kinds() for side in SIDES)
        ]
        useless = [Finding("error", error.message, error.hint) for error in self._useless_queries(link)]
        found = [*useless, *self._lacking(link), *found]
        if any(each.level == "error" for each in found):
            return found
        if not live:
            return [*found, *(await self._unasked(link, specs))]
        for side in SIDES:
            for kind in link.kinds:
                found.extend(await self._check_end(link, side, kind, specs[kind]))
        if not any(f.level == "error" for f in found):
            try:
                found.extend(await self._unknown(link, specs) or _wordless(await self.build(link)))
            except (ConfigError, TrackerError) as error:
                found.append(Finding("error", error.message, error.hint))
        return found

    async def _unknown(self, link: LinkSettings, specs: Mapping[str, Collection[RowSpec]]) -> list[Finding]:
        """Every field that a row names and its tracker does not have; ``build`` stops at the first."""
        return [
            Finding("error", error.message, error.hint)
            for kind in link.kinds
            for error in self._misfits(link, kind, specs[kind], await self.schemas(link, kind, specs[kind]))
        ]

    async def _unasked(self, link: LinkSettings, specs: Mapping[str, Collection[RowSpec]]) -> list[Finding]:
        """What is wrong with rows, filters and expressions as far as fields are known without asking a tracker."""
        found: list[ConfigError] = []
        any_match = link.model_copy(update={"match": ()})  # rows are joined one by one
        for kind in link.kinds:
            schemas = await self.known_schemas(link, kind)
            if len(schemas) == len(SIDES):
                wrong = self._misfits(link, kind, specs[kind], schemas, unasked=True)
                found.extend(wrong or self._unjoinable(any_match, kind, specs[kind], schemas))
        return [Finding("error", error.message, error.hint) for error in found]

    def _unjoinable(
        self, link: LinkSettings, kind: str, specs: Collection[RowSpec], schemas: Mapping[Side, Schema]
    ) -> list[ConfigError]:
        found = []
        for spec in specs:
            if spec.left in schemas["left"].fields and spec.right in schemas["right"].fields:
                try:
                    self.join(link, kind, [spec], schemas)
                except ConfigError as error:
                    found.append(error)
        return found

    async def known_schemas(self, link: LinkSettings, kind: str) -> dict[Side, Schema]:
        """The fields of both sides, as far as they are known without asking."""
        schemas: dict[Side, Schema] = {}
        for side in SIDES:
            end = self.end(link, side)
            try:
                if kind in end.connector.kinds():
                    schemas[side] = await end.connector.schema(end.container, kind, fields=frozenset())
            except TrackerError:  # its fields are not known without asking
                continue
        return schemas

    async def schemas(self, link: LinkSettings, kind: str, specs: Collection[RowSpec]) -> dict[Side, Schema]:
        """The fields that a kind can have on either side. Raises: ConfigError, TrackerError."""
        made = {}
        for side in SIDES:
            try:
                made[side] = await _schema(self.end(link, side), kind, asked(link, kind, specs, side))
            except ConfigError as error:
                raise with_place(self.settings, link, kind, side, error) from None
        return made

    def _misfits(
        self,
        link: LinkSettings,
        kind: str,
        specs: Collection[RowSpec],
        schemas: Mapping[Side, Schema],
        *,
        unasked: bool = False,
    ) -> list[ConfigError]:
        """What a link asks of the fields of both trackers that is not there, in the order of the configuration.

        ``unasked``: their custom fields are not known.
        """
        computed = {
            side: frozenset(
                name
                for name in asked(link, kind, specs, side)
                if is_computed(name) and not query_of(name) and not (unasked and names_custom(name))
            )
            for side in SIDES
        }
        return [
            *useless_expressions(self.settings, link, kind, computed, schemas),
            *unknown_fields(self.settings, link, kind, specs, schemas, unasked=unasked),
        ]

    def _useless_queries(self, link: LinkSettings) -> list[ConfigError]:
        """Queries for which a tracker has no search, and those that can be none."""
        return [
            useless_query(self.settings, link, side, "" if search is None else why)
            for side in SIDES
            if (query := link.side(side).query) is not None
            for search in (queries_of(self.end(link, side).connector),)
            if search is None or (why := search.wrong(query))
        ]

    async def _check_end(self, link: LinkSettings, side: Side, kind: str, specs: Collection[RowSpec]) -> list[Finding]:
        end = self.end(link, side)
        try:
            said = await end.connector.check(end.container, kind, verbs_of(specs, side), self._maps(link, specs, side))
            if (
                (query := link.side(side).query) is not None
                and (search := queries_of(end.connector))
                and kind == "task"
            ):
                await search.try_out(end.container, query)
        except TrackerError as error:
            said = [Finding("error", error.message, error.hint)]
        where = f"link {link.name}, {side} {end.connection}:{end.container} ({kind})"
        found = [Finding(one.level, f"{where}: {one.what}", one.hint) for one in said]
        return with_places(self.settings, link, kind, side, found)

    def _lacking(self, link: LinkSettings) -> list[Finding]:
        """What a link asks of a tracker that its API has not, with the reason: it is said here and never tried."""
        found = []
        for side in SIDES:
            end = self.end(link, side)
            kinds = end.connector.kinds()
            for kind in link.kinds:
                where = f"link {link.name}, {side} {end.connection}"
                if kind not in kinds:
                    found.append(
                        Finding("error", f"{where} has no {kind}: {_why_not(end, kind)}", f"Take {kind} out of kinds.")
                    )
                    continue
                can = kinds[kind]
                for verb, able in (("create", can.create), ("update", can.update), ("delete", can.delete)):
                    if not able and (verb != "delete" or kind in PARTS):
                        reason = can.reasons.get(verb, "its API has no way to do it")
                        found.append(
                            Finding("warning", f"{where} cannot {verb} a {kind}: {reason}", "It is never tried.")
                        )
        return found

    def end(self, link: LinkSettings, side: Side) -> End:
        """One side of a link with its connector."""
        end = link.side(side)
        every = getattr(self.settings.connections[end.connection], "people_every_s", 86_400)
        return End(side, end.connection, end.container, self.connector(end.connection), every)

    def _heard(self, link: LinkSettings, side: Side) -> frozenset[str]:
        """Who may answer on a side: those named, by any of their names, else everybody in [[people]].

        A name of somebody in [[people]] means that person alone, not who happens to be called so on the other tracker.
        """
        mine, named = link.side(side).connection, {name.casefold() for name in link.conflict_answers_by}
        people = [{at: name.casefold() for at, name in person.items()} for person in self.settings.people]
        strangers = named - {name for person in people for name in person.values()}
        meant = [person for person in people if not named or named & set(person.values())]
        return frozenset({person[mine] for person in meant if mine in person} | strangers)

    def _maps(self, link: LinkSettings, specs: Collection[RowSpec], side: Side) -> dict[str, Collection[str]]:
        names: dict[str, Collection[str]] = {}
        for spec in specs:
            field_name = spec.left if side == "left" else spec.right
            if spec.transform == "choice" and not spec.origin.startswith("preset"):
                groups = (left if side == "left" else right for left, right in spec.groups)
                names[field_name] = [name for group in groups for name in group if name != "*"]
            elif spec.transform == "people":
                mine = link.side(side).connection
                names[field_name] = [person[mine] for person in self.settings.people if mine in person]
        return names


def _wordless(link: Link) -> list[Finding]:
    """Meanings of a preset for which a tracker has none of the words that it knows."""
    found = []
    for row in (row for mapping in link.mappings.values() for row in mapping.rows):
        lens = find(row.lens, Choice)
        if lens is None or not row.origin.startswith("preset"):
            continue
        for side, names in (("left", lens.first_left), ("right", lens.first_right)):
            choices = (row.left_spec if side == "left" else row.right_spec).choices
            lacking = [name for name in names if choices is not None and name not in choices]
            if lacking:
                found.append(
                    Finding(
                        "warning",
                        f"link {link.name}, {side}: {row.left if side == 'left' else row.right} has no "
                        f"{', '.join(map(repr, lacking))}, which {row.origin} would write",
                        f"Map it with your own names in [[links.fields]]. It has: {', '.join(choices or ())}.",
                    )
                )
    return found


async def look(settings: Settings) -> list[Finding]:
    """What is wrong with the enabled links, as far as the configuration tells. Raises ConfigError."""
    made: dict[str, Connector] = {}

    def connector(name: str) -> Connector:
        if name not in made:
            config: Any = settings.connections[name]
            found = plugins.find(config.type).connect(name, config)
            made[name] = around(found, texts(settings, name), queries(settings, name))
        return made[name]

    assembly = Assembly(settings, Neighbours(settings, {}), connector)
    try:
        return [found for link in settings.links if link.enabled for found in await assembly.check(link, live=False)]
    finally:
        for each in made.values():
            await each.aclose()


async def _schema(end: End, kind: str, names: frozenset[str]) -> Schema:
    if kind not in end.connector.kinds():
        raise ConfigError(f'connection "{end.connection}" has no {kind} to sync: {_why_not(end, kind)}')
    return await end.connector.schema(end.container, kind, fields=names)


def _why_not(end: End, kind: str) -> str:
    """Why a tracker lacks a kind, in the words of its connector."""
    task = end.connector.kinds().get("task")
    return task.reasons.get(kind, "its API has nothing of the kind") if task is not None else "it knows no tasks"


def _deletes(link: LinkSettings, ends: Mapping[Side, End], mappings: Mapping[str, Mapping_]) -> Deletes:
    """What deletions come to. Raises ConfigError for what one of the trackers cannot do (S26)."""
    rule = Deletes(
        link.on_delete,
        link.delete_grace,
        link.max_deletes,
        link.max_delete_percent,
        link.delete_label,
        link.on_part_delete,
    )
    for side in SIDES if "task" in link.kinds else ():
        can = ends[side].connector.kinds()["task"]
        rows = mappings["task"].rows
        possible = {
            "unlink": True,
            "close": bool(can.closes),
            "archive": bool(can.archives),
            "label": any(row.spec(side).type is FieldType.SET for row in rows),
            "delete": can.delete,
        }
        if not possible[rule.policy]:
            why = can.reasons.get(rule.policy, f"{ends[side].connection} has no such thing")
            able = ", ".join(name for name, there in possible.items() if there)
            raise ConfigError(
                f'link "{link.name}", on_delete: "{rule.policy}" is not possible on the {side}: {why}',
                hint=f"There it can be: {able}.",
            )
    return rule


def _check_external(link: LinkSettings, kind: str, schemas: Mapping[Side, Schema]) -> None:
    for side in SIDES:
        missing = naming(link, kind, side) - schemas[side].fields.keys()
        if missing:
            raise ConfigError(
                f'link "{link.name}", external_id: the {side} side has no field "{min(missing)}"',
                hint=f"It has: {', '.join(sorted(schemas[side].fields))}.",
            )
