"""Where the bases of a pair stand that we made ourselves by creating one of the two (S7, S20). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bridge.engine.sets import members
from bridge.merge import key
from bridge.model import UNSET, FieldSpec, Record, Side, Unset, Value, other
from mappings.lenses import UnmappedError
from mappings.rows import Row


def bases_of_created(
    rows: Sequence[Row], side: Side, source: Record, target: Record, sent: Mapping[str, Value], *, answered: bool
) -> tuple[dict[str, Value | Unset], dict[str, Value | Unset]]:
    """The base overlays (source, target) of a partner we made on ``side``, from what the create call carried (S7).

    A field that was sent is delivered as far as the source still says the same; one that was not sent is still to be
    delivered (its source has no base), so that a crash after the create leaves an ordinary update behind (S20).
    ``answered``: ``target`` is the call's own answer, so what differs from ``sent`` is the server's doing; else it was
    found later, and what differs is a person's.
    """
    origin = other(side)
    of_source: dict[str, Value | Unset] = {}
    of_target: dict[str, Value | Unset] = {}
    for row in rows:
        mine = row.normal(origin, source.fields.get(row.field(origin)))
        theirs = row.normal(side, target.fields.get(row.field(side)))
        if not row.fills(side):
            bases: tuple[Value | Unset, Value | Unset] = (mine, theirs)
        elif row.is_set:
            bases = _created_set(row, side, mine, theirs, sent.get(row.field(side)))
        else:
            bases = _created_scalar(row, side, mine, theirs, sent.get(row.field(side), UNSET), answered=answered)
        of_source[row.field(origin)], of_target[row.field(side)] = bases
    return of_source, of_target


def _created_set(row: Row, side: Side, mine: Value, theirs: Value, sent: Value) -> tuple[Value, Value]:
    """Members that were sent and are there; one that is missing is delivered again rather than taken for removed."""
    there = {key(name) for name in members(theirs)}
    given = tuple(name for name in members(sent) if key(name) in there)
    words = {key(name) for name in given}
    own = tuple(name for name in members(mine) if _is_said(row, side, name, words))
    return _as_held(row.spec(other(side)), own), _as_held(row.spec(side), given)


def _as_held(spec: FieldSpec, names: tuple[str, ...]) -> Value:
    if spec.type.is_set:
        return names
    return names[0] if names else None


def _created_scalar(
    row: Row, side: Side, mine: Value, theirs: Value, sent: Value | Unset, *, answered: bool
) -> tuple[Value | Unset, Value | Unset]:
    if isinstance(sent, Unset):
        return (mine, theirs) if mine is None else (UNSET, theirs)
    wanted = row.normal(side, sent)
    if answered:
        return (UNSET if theirs is None else mine), theirs
    try:
        unchanged = row.normal(side, row.convert(side, mine)) == wanted
    except UnmappedError:
        unchanged = False
    return (mine if unchanged else UNSET), wanted


def _is_said(row: Row, side: Side, name: str, words: Collection[str]) -> bool:
    """Whether a member is among these words of ``side``, or is to be left out there."""
    try:
        said = row.convert(side, name)
    except UnmappedError:
        return False
    return said is None or key(str(said)) in words


def overlay(rows: Collection[tuple[str, Value | Unset, Value]]) -> dict[str, Value | Unset]:
    """Of (field, base, value now), the bases that differ from the value: what the pair table stores."""
    return {name: base for name, base, now in rows if base != now}
