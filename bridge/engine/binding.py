"""Rows that need to know the record they are used for: references by the link's pairs, bylines by who wrote. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from bridge.model import SIDES, Record, Side, Unset, Value, other
from mappings.byline import Byline, line_of
from mappings.computed import Computed
from mappings.lenses import Lens, UnmappedError, find
from mappings.mirrored import Mirrored
from mappings.origin import Origin, origin_of, who_of
from mappings.references import References
from mappings.rows import Mapping_, Row

if TYPE_CHECKING:
    from bridge.engine.link import Link
    from bridge.engine.plan import View

_NUMBER: Final = re.compile(r"(?=.*\d)[\w:.-]{20,}|\d+")
"""What a tracker calls a person that says nothing to people: an account's number, as in Jira Cloud."""


def rows_of(link: Link, view: View) -> tuple[Row, ...]:
    """The rows of a view's kind, bound to what the view knows."""
    mapping = link.mappings[view.kind]
    if not mapping.is_bound:
        return mapping.rows
    left = None if view.left is None else view.left.record
    right = None if view.right is None else view.right.record
    return tuple(_settled(row, view) for row in bound(link, view.kind, left, right, view.refs))


def _settled(row: Row, view: View) -> Row:
    """With what both sides held when they were last settled, where that is not what they hold now."""
    if not isinstance(row.lens, Mirrored):
        return row
    bases: list[Value] = []
    for side, member, known in zip(SIDES, (view.left, view.right), row.lens.bases, strict=True):
        base = known if member is None else (member.base or {}).get(row.field(side), known)
        bases.append(known if isinstance(base, Unset) else base)
    return replace(row, lens=replace(row.lens, bases=(bases[0], bases[1]))) if tuple(bases) != row.lens.bases else row


def bound(link: Link, kind: str, left: Record | None, right: Record | None, refs: References) -> tuple[Row, ...]:
    """The rows of a kind for these two records, or for the one that gets a partner."""
    mapping = link.mappings[kind]
    records: dict[Side, Record | None] = {"left": left, "right": right}
    return (
        tuple(_bound(link, mapping, row, records, refs) for row in mapping.rows) if mapping.is_bound else mapping.rows
    )


def named(mapping: Mapping_, side: Side, values: Iterable[Mapping[str, object]]) -> Collection[str]:
    """The tasks that reference fields of a side name in these values."""
    found: set[str] = set()
    names = [row.field(side) for row in mapping.rows if isinstance(row.lens, References)]
    for fields in values:
        for name in names:
            value = fields.get(name)
            found.update(value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ())
    return found


def _bound(link: Link, mapping: Mapping_, row: Row, records: Mapping[Side, Record | None], refs: References) -> Row:
    lens = _lens(link, mapping, row, row.lens, records, refs)
    return row if lens is row.lens else replace(row, lens=lens, known={})


def _lens(
    link: Link, mapping: Mapping_, row: Row, lens: Lens, records: Mapping[Side, Record | None], refs: References
) -> Lens:
    bind = partial(_lens, link, mapping, row, records=records, refs=refs)
    match lens:
        case References():
            return refs
        case Byline():
            return _byline(link, mapping, row, lens, records)
        case Origin():
            return _origin(link, mapping, row, replace(lens, inner=bind(lens.inner)), records)
        case Mirrored(inner):
            return _mirrored(link, row, replace(lens, inner=bind(inner)), records)
        case Computed(inner):
            return replace(lens, inner=bind(inner))
    return lens


def _mirrored(link: Link, row: Row, lens: Mirrored, records: Mapping[Side, Record | None]) -> Mirrored:
    """With the addresses of both records, for a text that is cut says where the whole is, and what they now hold."""
    left, right = (_seen(link, row, side, records[side]) for side in SIDES)
    texts = left[1], right[1]
    return replace(lens, urls=(left[0], right[0]), texts=texts, bases=texts)


def _seen(link: Link, row: Row, side: Side, record: Record | None) -> tuple[str, Value]:
    if record is None:
        return "", None
    return _address(link, side, record), row.normal(side, record.fields.get(row.field(side)))


def _address(link: Link, side: Side, record: Record) -> str:
    """Where people find a record; its id where the tracker has no address for it."""
    return record.url or link.end(side).connector.item_url(record.ref) or record.ref.key


def _origin(link: Link, mapping: Mapping_, row: Row, lens: Origin, records: Mapping[Side, Record | None]) -> Origin:
    """What stands at the head of a description: on the copy, where it comes from. A copy of a third tracker's record keeps
    the line that it has.
    """
    lens = replace(lens, whose=(_whose(link, "left", records), _whose(link, "right", records)))
    lines = {side: lens.line_in(side, _meant(row, side, records[side])) for side in SIDES}
    copy = _copy(link, records)
    if copy in link.origins and (source := records[other(copy)]) is not None:
        end, address = link.end(other(copy)), _address(link, other(copy), source)
        lines[copy] = lines[other(copy)] or origin_of(end.connection, address, _name(mapping, other(copy), source))
    for side in link.origins - {copy}:
        if records[side] is None:  # to be made from a copy of a third tracker's record
            lines[side] = lines[other(side)]
    return replace(lens, lines=(lines["left"], lines["right"]))


def _whose(link: Link, side: Side, records: Mapping[Side, Record | None]) -> str:
    """What a line of ours on a side looks like, empty where that is no copy. What else stands there people wrote (I2)."""
    mine, theirs = records[side], records[other(side)]
    if mine is None or mine.marker is None or not link.trusts(mine.marker):
        return ""
    origin, address = mine.marker.source, None
    if theirs is not None and origin == link.end(other(side)).connection:
        address = _address(link, other(side), theirs)
    found = [who_of(origin, address)]
    if theirs is not None and theirs.marker is not None and link.trusts(theirs.marker):
        found.append(who_of(theirs.marker.source, None))  # carried on from a copy of a third tracker's record
    return "|".join(found)


def _meant(row: Row, side: Side, record: Record | None) -> Value:
    """What a side's text says, without what makes it inert."""
    value = None if record is None else record.fields.get(row.field(side))
    lens = find(row.lens, Mirrored)
    return value if lens is None else lens.meant(side, value)


def _byline(link: Link, mapping: Mapping_, row: Row, lens: Byline, records: Mapping[Side, Record | None]) -> Byline:
    copy = _copy(link, records)
    if copy is None:
        return _of_third(link, row, lens, records)
    origin = other(copy)
    source, held = records[origin], records[copy]
    if source is None:
        return lens
    if held is not None:
        has_line = lens.has_line(copy, held.fields.get(row.field(copy)))
    elif link.trusts(source.marker) and lens.has_line(origin, source.fields.get(row.field(origin))):
        return lens  # made anew for what was a copy: it says already who wrote
    else:
        has_line = not _is_attributed(mapping, origin, source)
    end = link.end(origin)
    return replace(lens, on=copy, line=line_of(_name(mapping, origin, source), end.connection) if has_line else "")


def _copy(link: Link, records: Mapping[Side, Record | None]) -> Side | None:
    """The side that holds, or will hold, what Bridge made. None where both are copies of a third, which say so already."""
    for side in SIDES:
        mine, theirs = records[side], records[other(side)]
        if mine is None and theirs is not None:
            return side if not link.trusts(theirs.marker) or _is_from(link, side, theirs) else None
    made = [side for side in SIDES if (record := records[side]) is not None and link.trusts(record.marker)]
    if len(made) == len(SIDES):
        made = [side for side in made if (record := records[side]) is not None and _is_from(link, side, record)]
    return made[0] if len(made) == 1 else None


def _of_third(link: Link, row: Row, lens: Byline, records: Mapping[Side, Record | None]) -> Byline:
    """Two copies of one record of a third tracker say who wrote it in words of their own, which are not compared (S8a)."""
    left, right = records["left"], records["right"]
    if left is None or right is None or left.marker is None or left.marker != right.marker:
        return lens
    third = left.marker.source
    kept = (
        lens.line_in("left", left.fields.get(row.left), third),
        lens.line_in("right", right.fields.get(row.right), third),
    )
    return replace(lens, third=third, kept=kept) if link.trusts(left.marker) else lens


def _is_from(link: Link, side: Side, record: Record) -> bool:
    """Whether it says that it was made from a record of this side: one that was made anew since stands there now."""
    end, marker = link.end(side), record.marker
    return marker is not None and marker.source == end.connection and marker.id.startswith(f"{end.container}#")


def _is_attributed(mapping: Mapping_, origin: Side, source: Record) -> bool:
    """Whether a new copy will name the person itself."""
    name = mapping.author.get(origin)
    row = next((row for row in mapping.rows if row.field(origin) == name), None)
    if row is None or source.fields.get(row.field(origin)) is None:
        return False
    if not row.fills(other(origin)) or row.spec(other(origin)).writable == "never":
        return False
    try:
        return row.convert(other(origin), source.fields[row.field(origin)]) is not None
    except UnmappedError:
        return False


def _name(mapping: Mapping_, origin: Side, source: Record) -> str | None:
    """What the other side calls the author where that says who it is, else the name the tracker shows, else the one it uses."""
    name = source.fields.get(mapping.author.get(origin, ""))
    shown: Value = source.fields.get("author_name") or name
    if isinstance(name, str):
        with suppress(UnmappedError):
            called = mapping.people.to_right(name) if origin == "left" else mapping.people.to_left(name)
            if isinstance(called, str) and not _NUMBER.fullmatch(called):
                shown = called
    return shown if isinstance(shown, str) else None
