"""Expressions in a configuration: which fields they stand for, which way they go, and what is wrong with them.

Refuses: the fields of a tracker, which only a schema tells (``bridge.assemble`` compares them).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, Literal

from bridge.config.mistakes import Report, dotted
from bridge.config.settings import FieldRow, Link, Settings
from bridge.config.source import Path
from bridge.config.source import Path as Key
from bridge.model import SIDES, Side, other
from mappings.computed import COMPUTED, Queried, is_computed, name_of, name_of_query, query_of
from mappings.rows import Direction

FILTERED: Final = "task"
"""The kind that filters are about; parts follow their task, label definitions belong to no item."""


def side_of(row: FieldRow, side: Side) -> str:
    """The field of a row on a side: as it is written, else the one that holds what its value or expression comes to; ""
    where the row has none.
    """
    written: str | None = getattr(row, side)
    if written is not None:
        return written
    if row.expression is not None:
        return name_of(row.expression)
    if row.value is not None:
        from mappings.expressions import literal  # noqa: PLC0415 — most links have no expression

        return name_of(f"{literal(row.value)} // {getattr(row, other(side))}")  # told apart by what it is for
    return ""


def _source(row: FieldRow) -> Side | None:
    """The side in whose place a value or expression stands."""
    if row.value is None and row.expression is None:
        return None
    return next((side for side in SIDES if getattr(row, side) is None), None)


def direction_of(row: FieldRow) -> Direction:
    """Which way a row goes: as it says, else as what stands in it can."""
    source = _source(row)
    if source is None or "direction" in row.model_fields_set:
        return row.direction
    return "create-only" if row.value is not None else _away_from(source)


def _away_from(source: Side) -> Literal["left-to-right", "right-to-left"]:
    return "left-to-right" if source == "left" else "right-to-left"


def filter_names(link: Link, kind: str, side: Side) -> frozenset[str]:
    """The fields that say whether a record of a side takes part (``mappings.computed``)."""
    end = link.side(side)
    if kind != FILTERED:
        return frozenset()
    found = {name_of(end.filter)} if end.filter is not None else set()
    return frozenset(found | ({name_of_query(end.query)} if end.query is not None else set()))


def queries(settings: Settings, connection: str) -> Mapping[tuple[str, str], Queried]:
    """What the links ask of the containers of a connection in its own words, by container and kind."""
    found: dict[tuple[str, str], list[str | None]] = defaultdict(list)
    for link in settings.links:
        for end in (link.left, link.right):
            if end.connection == connection and FILTERED in link.kinds and (link.enabled or end.query is not None):
                found[end.container, FILTERED].append(end.query)
    return {
        at: Queried(frozenset(filter(None, asked)), asked[0] if len(set(asked)) == 1 else None)
        for at, asked in found.items()
        if any(asked)
    }


def texts(settings: Settings, connection: str) -> Mapping[tuple[str, str], frozenset[str]]:
    """Every expression that any link has about the records of a connection, by container and kind."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for link in settings.links:
        for side in SIDES:
            if link.side(side).connection != connection:
                continue
            for kind in link.kinds:
                names = {
                    *filter_names(link, kind, side),
                    *(side_of(row, side) for row in link.fields if row.kind == kind),
                }
                found[link.side(side).container, kind] |= {
                    name.removeprefix(COMPUTED) for name in names if is_computed(name) and query_of(name) is None
                }
    return {at: frozenset(some) for at, some in found.items() if some}


def key_of(settings: Settings, link: Link, side: Side, name: str) -> Key:
    """Where an expression stands in the configuration."""
    index = settings.number(link.name)
    if name in filter_names(link, FILTERED, side):
        return ("links", index, side, "filter" if query_of(name) is None else "query")
    row = next((at for at, each in enumerate(link.fields) if side_of(each, side) == name), 0)
    return ("links", index, "fields", row, "value" if link.fields[row].value is not None else "expression")


def place(settings: Settings, link: Link, side: Side, name: str) -> str:
    """Where an expression stands, for a person: ``bridge.toml:12:5, left.filter``."""
    key = key_of(settings, link, side, name)
    shown = dotted(key[2:])
    at = settings.place(key, column=True)
    return f"{at}, {shown}" if at else shown


def filters(settings: Settings, link: Link) -> dict[Side, tuple[tuple[str, str], ...]]:
    """Where the filter and the query of each side stand, each with the field that holds what it says of a task."""
    return {
        side: tuple((place(settings, link, side, name), name) for name in sorted(filter_names(link, FILTERED, side)))
        for side in SIDES
    }


# --- what is wrong -----------------------------------------------------------------------------------------------------


def check_filters(link: Link, path: Path, report: Report) -> None:
    """Filters that cannot be read as expressions, and filters and queries of a link without tasks."""
    for side in SIDES:
        end = link.side(side)
        if end.filter is not None:
            _check_text(end.filter, (*path, side, "filter"), report)
        for word in ("filter", "query"):
            if getattr(end, word) is not None and FILTERED not in link.kinds:
                report.mistake((*path, side, word), f"a {word} is about tasks, and this link has none")


def check_sides(row: FieldRow, path: Path, report: Report) -> None:
    """What stands on the two sides of a row: two fields, or one and a value or an expression in place of the other."""
    given = [side for side in SIDES if getattr(row, side) is not None]
    if row.value is not None and row.expression is not None:
        report.mistake((*path, "value"), "give either value or expression, not both")
    elif row.value is None and row.expression is None:
        for side in SIDES:
            if side not in given:
                report.mistake((*path, side), "missing; or give value or expression in its place")
    elif len(given) != 1:
        word = "value" if row.value is not None else "expression"
        report.mistake(
            (*path, word), f"stands in place of left or of right: {'take one out' if given else 'name the other'}"
        )
    else:
        _check_one_way(row, given[0], path, report)


def _check_one_way(row: FieldRow, target: Side, path: Path, report: Report) -> None:
    if row.expression is not None:
        _check_text(row.expression, (*path, "expression"), report)
    word = "expression" if row.expression is not None else "value"
    way = _away_from(other(target))
    if "direction" in row.model_fields_set and row.direction not in (way, "create-only", "off"):
        report.mistake((*path, "direction"), f'what {word} gives is never written back: "{way}" or "create-only"')
    if row.transform == "byline":
        report.mistake((*path, "transform"), f"byline needs a field on both sides, not {word}")


def _check_text(text: str, path: Path, report: Report) -> None:
    from mappings.expressions import ExpressionError, compiled  # noqa: PLC0415 — most links have no expression

    try:
        compiled(text)
    except ExpressionError as error:
        report.mistake(path, error.shown())
