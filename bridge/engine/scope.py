"""Which records take part (S28): a link's filter has said so in a field of theirs, and it is read here. Pure.

What is out of scope stays on its side (I12): a record without a partner is only remembered, so that its return is seen; a
pair with such a member is paused. Nothing is written to either side of it, both bases stay where they were, and once
both are in scope again the ordinary merge carries over what was edited meanwhile. Leaving is no deletion.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from bridge.engine.link import Link
from bridge.model import SIDES, Fields, Marker, Record, Side, other
from mappings.computed import failure

LEAVES: Final = "leave"
ENTERS: Final = "enter"
"""What the history says of a pair that is paused, and of one that goes on."""

Standing: TypeAlias = Literal["in", "out", "unknown"]


def names_of(link: Link, kind: str, side: Side) -> frozenset[str]:
    """The fields that say whether a record takes part; empty where the link has no filter."""
    rule = link.matches.get((link.id, kind))
    return rule.scope.get(side, frozenset()) if rule is not None else frozenset()


def stands(names: frozenset[str], fields: Fields) -> Standing:
    """Where a record stands by these fields. ``unknown``: one of them failed; what was not observed says nothing."""
    values = [fields.get(name, True) for name in names]
    if False in values:
        return "out"
    return "in" if all(value is True for value in values) else "unknown"


def is_out(link: Link, side: Side, record: Record) -> bool:
    """Whether a record does not take part."""
    return stands(names_of(link, record.ref.kind, side), record.fields) == "out"


def trouble(link: Link, side: Side, record: Record) -> str | None:
    """Why nobody knows whether a record takes part; None where it is known."""
    names = names_of(link, record.ref.kind, side)
    if stands(names, record.fields) != "unknown":
        return None
    why = (failure(record.fields.get(name)) for name in sorted(names))
    return f"the filter of the {side} fails on it: {next((each for each in why if each), 'it is not true or false')}"


def left_out_by(link: Link, left: Record, right: Record) -> str:
    """Whose filter it is that pauses a pair, for people."""
    sides = [side for side, record in zip(SIDES, (left, right), strict=True) if rests_by(link, side, record)]
    return f"the filter of the {' and that of the '.join(sides)} leaves it out"


def rests_by(link: Link, side: Side, record: Record) -> bool:
    """Whether a record is not known to take part."""
    return stands(names_of(link, record.ref.kind, side), record.fields) != "in"


def rests(link: Link, left: Record, right: Record) -> bool:
    """Whether two partners are paused: not both are known to take part."""
    return rests_by(link, "left", left) or rests_by(link, "right", right)


def is_paused(link: Link, left: Record, right: Record, *, is_unfinished: bool) -> bool:
    """Whether nothing may be written to either of two partners. What we made and have not told everything yet goes on
    first: what it lacks may be what would bring it into scope (S20).
    """
    if not rests(link, left, right):
        return False
    return not (is_unfinished and (_is_copy(link, "left", left, right) or _is_copy(link, "right", right, left)))


def _is_copy(link: Link, side: Side, mine: Record, theirs: Record) -> bool:
    """Whether only the record of this side does not take part, and may be what we made of the other."""
    if mine.marker not in (None, Marker.of(theirs.ref)) or theirs.marker == Marker.of(mine.ref):
        return False
    return is_out(link, side, mine) and stands(names_of(link, theirs.ref.kind, other(side)), theirs.fields) == "in"


def remembered(link: Link, names: frozenset[str], record: Record) -> Record:
    """What is kept of a record that does not take part: what its filter reads, so that a change of that is noticed."""
    needed = link.computation_of(record.ref)
    kept = names if needed is None else names | needed.needs
    fields = {name: value for name, value in record.fields.items() if name in kept}
    marker = record.marker if link.trusts(record.marker) else None
    return Record(record.ref, fields, record.version, record.updated_at, record.url, marker)
