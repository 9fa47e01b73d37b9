"""Shows a link's mapping: one table a kind, what no row carries, and which kinds are not in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bridge.cli import map_words, plan_view, show
from bridge.cli.show import escape, say
from bridge.model import SIDES, Side
from mappings.computed import query_of, shown

if TYPE_CHECKING:
    from bridge.config.settings import Link
    from bridge.preview import KindTable, Table
    from mappings.rows import Row, RowSpec

_SHORT: Final = 4
"""Meanings of a map that are shown without -v."""


def show_table(table: Table, *, verbose: bool) -> None:
    """The whole mapping of a link. ``verbose``: all names of maps, what is compared, every field that no row carries."""
    link = table.link
    say(f"[bold]{escape(link.name)}[/bold]: {escape(plan_view.ends(link))}")
    for side, found in table.filters.items():
        for place, name in found:
            said = f"only of {link.side(side).connection} ({place}): {query_of(name) or shown(name).removeprefix('= ')}"
            show.indented(escape(said))
    for each in table.kinds:
        _kind(each, link, verbose=verbose)
    if table.lacking:
        say("[bold]Not in step[/bold]")
        for kind, why in table.lacking.items():
            show.indented(f"{words_of(kind)}: {escape(why)}")
    if table.requests:
        say(f"[dim]{table.requests} requests; nothing was written.[/dim]")


def _kind(table: KindTable, link: Link, *, verbose: bool) -> None:
    say()
    columns = (link.left.connection, "", link.right.connection, "carried by", "conflict", "row from")
    rows = [_row(spec, row, link, verbose=verbose) for spec, row in _joined(table)]
    presets = sorted({spec.origin for spec in table.specs if spec.origin.startswith("preset ")})
    title = f"[bold]{words_of(table.kind)}[/bold]" + "".join(f", {escape(preset)}" for preset in presets)
    show.table([escape(column) for column in columns], rows, title=title)
    if table.why:
        show.indented(f"[yellow]{escape(table.why)}[/yellow]")
    for side in SIDES:
        _left_alone(table, link, side, verbose=verbose)


def _left_alone(table: KindTable, link: Link, side: Side, *, verbose: bool) -> None:
    by_reason: dict[str, list[str]] = {}
    for name, why in table.left_alone.get(side, ()):
        by_reason.setdefault(why, []).append(name)
    for why, names in by_reason.items():
        shown = map_words.listed(names, len(names) if verbose else 8)
        show.indented(f"not carried of {escape(link.side(side).connection)} ({escape(why)}): {escape(shown)}")


def _joined(table: KindTable) -> list[tuple[RowSpec, Row | None]]:
    """Each row as it is written, with what it comes to; without those that come to nothing."""
    if table.mapping is None:
        return [(spec, None) for spec in table.specs]
    rows = {(row.left, row.right): row for row in table.mapping.rows}
    return [(spec, rows[spec.left, spec.right]) for spec in table.specs if (spec.left, spec.right) in rows]


def _row(spec: RowSpec, row: Row | None, link: Link, *, verbose: bool) -> tuple[str, ...]:
    direction = spec.direction if row is None else row.direction
    return (
        _field(spec.left, row, "left"),
        map_words.ARROWS[direction],
        _field(spec.right, row, "right"),
        _carried(spec, row, verbose=verbose),
        escape(spec.conflict or link.conflict if row is None else row.policy),
        f"[dim]{'preset' if spec.origin.startswith('preset ') else escape(spec.origin)}[/dim]",
    )


def _field(name: str, row: Row | None, side: Side) -> str:
    if row is None:
        return f"[bold]{escape(shown(name))}[/bold]"
    spec = row.spec(side)
    below = ", ".join((map_words.kind_of_field(spec), *map_words.limits(spec)))
    return f"[bold]{escape(shown(name))}[/bold]\n[dim]{escape(below)}[/dim]"


def _carried(spec: RowSpec, row: Row | None, *, verbose: bool) -> str:
    lines = [map_words.written_as(spec) if row is None else map_words.carried_by(row)]
    meanings = map_words.groups(spec)
    if verbose or len(meanings) <= _SHORT:
        lines += meanings
    else:
        lines += [*meanings[: _SHORT - 1], f"… {len(meanings) - _SHORT + 1} more (-v)"]
    lines += [f"{name} = {map_words.as_text(value)}" for name, value in map_words.extras(spec).items()]
    if verbose and row is not None:
        lines.append(map_words.compared(row))
    return "\n".join(escape(line) for line in lines)


def words_of(kind: str) -> str:
    """A kind in the plural."""
    return {"task": "tasks", "label": "labels", "comment": "comments", "time_entry": "time entries"}.get(kind, kind)


def as_json(table: Table) -> None:
    """One object; its form is in docs/cli.md."""
    link = table.link
    show.as_json(
        {
            "link": link.name,
            **{side: _end_data(table, side) for side in SIDES},
            "kinds": [_kind_data(each, link) for each in table.kinds],
            "not_in_step": dict(table.lacking),
            "requests": table.requests,
        }
    )


def _end_data(table: Table, side: Side) -> dict[str, str]:
    end = table.link.side(side)
    data = {"connection": end.connection, "container": end.container}
    for place, name in table.filters.get(side, ()):
        query = query_of(name)
        word = "filter" if query is None else "query"
        data |= {word: query or end.filter or "", f"{word}_from": place}
    return data


def _kind_data(table: KindTable, link: Link) -> dict[str, Any]:
    return {
        "kind": table.kind,
        "why": table.why,
        "rows": [_row_data(spec, row, link) for spec, row in _joined(table)],
        "not_carried": {side: _pairs(table.left_alone.get(side, ())) for side in SIDES},
    }


def _pairs(found: Sequence[tuple[str, str]]) -> list[Mapping[str, str]]:
    return [{"field": name, "why": why} for name, why in found]


def _row_data(spec: RowSpec, row: Row | None, link: Link) -> dict[str, Any]:
    return {
        "left": _field_data(spec.left, row, "left"),
        "right": _field_data(spec.right, row, "right"),
        "direction": spec.direction if row is None else row.direction,
        "carried_by": map_words.written_as(spec) if row is None else map_words.carried_by(row),
        "groups": [{"left": list(left), "right": list(right)} for left, right in spec.groups],
        "conflict": spec.conflict or link.conflict if row is None else row.policy,
        "compared": "" if row is None else map_words.compared(row),
        "origin": spec.origin,
        "more": map_words.extras(spec),
    }


def _field_data(name: str, row: Row | None, side: Side) -> dict[str, Any]:
    if row is None:
        return {"field": name}
    spec = row.spec(side)
    limits = map_words.limits(spec, len(spec.choices or ()))
    return {"field": name, "type": spec.type.value, "dialect": spec.dialect, "limits": limits}
