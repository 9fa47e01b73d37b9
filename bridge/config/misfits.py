"""What a link's own rows ask of two trackers that is not there, each with its place in the configuration.

Refuses: asking the trackers; it is told what they have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from bridge.config import expressions
from bridge.config.mistakes import dotted, nearest
from bridge.config.rows import key_of, row_of
from bridge.config.settings import Link, Settings
from bridge.errors import ConfigError
from bridge.model import SIDES, FieldSpec, FieldType, Schema, Side
from connectors.base import Finding
from mappings.computed import COMPUTED, is_computed, name_of_query, said, shown
from mappings.expressions import CUSTOM
from mappings.joint import RowError
from mappings.rows import RowSpec


def unknown_fields(
    settings: Settings,
    link: Link,
    kind: str,
    specs: Collection[RowSpec],
    schemas: Mapping[Side, Schema],
    *,
    unasked: bool = False,
) -> list[ConfigError]:
    """One error for each field that a row of the configuration names and its tracker does not have, in their order.

    ``unasked``: custom fields are not known.
    """
    found = []
    for spec in specs:
        row = row_of(link, kind, spec)
        for side in SIDES if row is not None else ():
            name, there = _field(spec, side), schemas[side].fields
            is_known = not is_computed(name) and not (unasked and name.startswith(CUSTOM))
            if row is not None and name and is_known and name not in there:
                end = link.side(side)
                found.append(
                    ConfigError(
                        f'{_at(settings, link, row, side)}the {side} side ({end.connection}) has no field "{name}"'
                        f"{nearest(name, there)}",
                        hint=f"A {kind} there has: {', '.join(sorted(there))}.",
                    )
                )
    return found


def useless_expressions(
    settings: Settings, link: Link, kind: str, names: Mapping[Side, Collection[str]], schemas: Mapping[Side, Schema]
) -> list[ConfigError]:
    """One error for each expression that the records of its side cannot answer, or not with what it is for."""
    found = []
    for side in SIDES:
        own = {name: spec for name, spec in schemas[side].fields.items() if not is_computed(name)}
        for name in sorted(names[side]):
            spec = schemas[side].fields.get(name)
            why = _no_use(name, own) if spec is None else _no_filter(link, kind, side, spec)
            if why:
                key = expressions.key_of(settings, link, side, name)
                place = settings.place(key, column=True)
                where = f"{place}: " if place else ""
                found.append(ConfigError(f'{where}link "{link.name}", {dotted(key[2:])}: {why}'))
    return found


def useless_query(settings: Settings, link: Link, side: Side, why: str) -> ConfigError:
    """What is wrong with the query of a side; without a reason, that its tracker has no such search."""
    end = link.side(side)
    assert end.query is not None
    where = expressions.place(settings, link, side, name_of_query(end.query))
    type_ = getattr(settings.connections[end.connection], "type", "another type")
    if why:
        return ConfigError(f'{where}: link "{link.name}": query = "{end.query}" must be {why}')
    return ConfigError(
        f'{where}: link "{link.name}": a query is what jira and github can search by, and {end.connection} is {type_}',
        hint="Say it as an expression: filter does the same on every tracker, once Bridge has read the items.",
    )


def names_custom(name: str) -> bool:
    """Whether a computed field is made of custom ones, which only the tracker can tell."""
    from mappings.expressions import ExpressionError, compiled  # noqa: PLC0415 — most links have no expression

    try:
        return any(need.startswith(CUSTOM) for need in compiled(name.removeprefix(COMPUTED)).needs)
    except ExpressionError:
        return False


def _no_use(name: str, fields: Mapping[str, FieldSpec]) -> str:
    """Why an expression comes to nothing on records with these fields."""
    from mappings.expression_checks import checked  # noqa: PLC0415 — most links have no expression
    from mappings.expressions import ExpressionError, compiled  # noqa: PLC0415 — as above

    try:
        checked(compiled(name.removeprefix(COMPUTED)), fields)
    except ExpressionError as error:
        return error.shown()
    return "it is not computed"


def _no_filter(link: Link, kind: str, side: Side, spec: FieldSpec) -> str:
    """Why what stands as a filter is none; "" for one that is, and for what is no filter."""
    if spec.type is FieldType.BOOL or spec.name not in expressions.filter_names(link, kind, side):
        return ""
    return f"a filter is true or false; this gives {said(spec.type)}"


def with_place(settings: Settings, link: Link, kind: str, side: Side, said: ConfigError) -> ConfigError:
    """What a connector says of a custom field it does not have, with the row that names it."""
    for index, row in enumerate(link.fields):
        name = _field(row, side)
        if row.kind == kind and name.startswith("custom.") and name.partition(".")[2] in said.message:
            return ConfigError(f"{_at(settings, link, index, side)}{said.message}", hint=said.hint)
    return said


def row_in_place(settings: Settings, link: Link, kind: str, error: RowError) -> ConfigError:
    """What is wrong with a row, with where that stands in the configuration; as it is for a preset's row."""
    row = row_of(link, kind, error.spec)
    return error if row is None else ConfigError(f"{_at(settings, link, row, *error.key)}{error.said}", hint=error.hint)


def with_places(settings: Settings, link: Link, kind: str, side: Side, found: Iterable[Finding]) -> list[Finding]:
    """What a tracker says of names in maps, with the place of each in the configuration."""
    places = {
        name: settings.place(key_of(settings, link, index, "map", number, side, at), column=True)
        for index, row in enumerate(link.fields)
        if row.kind == kind
        for number, group in enumerate(row.map)
        for at, name in enumerate(group.left if side == "left" else group.right)
    }
    return [_placed(one, places) for one in found]


def _placed(found: Finding, places: Mapping[str, str]) -> Finding:
    place = next((place for name, place in places.items() if f'"{name}"' in found.what), "")
    return replace(found, what=f"{place}: {found.what}") if place and found.level != "ok" else found


def _field(row: object, side: Side) -> str:
    """The field of a side; "" for a row that has none there."""
    return getattr(row, side) or ""


def _at(settings: Settings, link: Link, row: int, *more: str | int) -> str:
    """``bridge.toml:12:1: link "app", row "title = Summary": ``."""
    place = settings.place(key_of(settings, link, row, *more), column=True)
    spec = link.fields[row]
    names = " = ".join(_field(spec, each) or shown(expressions.side_of(spec, each)) for each in SIDES)
    return f'{place}{": " if place else ""}link "{link.name}", row "{names}": '
