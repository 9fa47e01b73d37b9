"""The rows of a link as the engine will use them, with values to try for each, and what both sides' bases must satisfy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.config.rows import row_specs
from bridge.config.settings import Settings
from bridge.merge import key
from bridge.model import FieldType, Side, Value
from connectors.base import Connector
from mappings.choice import Choice
from mappings.compile import compile_rows
from mappings.lenses import Lens, UnmappedError, find
from mappings.people import People
from mappings.prefix import Prefix
from mappings.rows import Mapping_, Row

SAME: Final[Mapping[FieldType, tuple[Value, ...]]] = {
    FieldType.LINE: ("One word", "Two words", "Three words"),
    FieldType.TEXT: (
        "First line.\n\nSecond line.\n\nThird line.",
        "Another first.\n\nSecond line.\n\nThird line.",
        "First line.\n\nSecond line.\n\nAnother third.",
    ),
    FieldType.SET: (("alpha", "beta"), ("alpha", "beta", "gamma"), ("beta",)),
    FieldType.DATE: ("2027-01-10", "2027-02-11", "2027-03-12"),
    FieldType.INSTANT: ("2027-01-10T08:00:00Z", "2027-02-11T09:00:00Z", "2027-03-12T10:00:00Z"),
    FieldType.INTEGER: (1, 2, 3),
    FieldType.NUMBER: (1, 2, 3),
    FieldType.DURATION: (900, 1800, 2700),
    FieldType.BOOL: (True, False),
}
_COLOURS: Final = ("#112233", "#445566", "#778899")
_SHORT: Final = 9
"""The longest line that can only be a colour."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A row with pairs of values, left and right, that mean the same. Without values it is not exercised."""

    row: Row
    values: tuple[tuple[Value, Value], ...]

    def value(self, side: Side, number: int) -> Value:
        return self.values[number % len(self.values)][side == "right"]


async def mapping_of(settings: Settings, link: str, kind: str, ends: Mapping[Side, Connector]) -> Mapping_:
    """The compiled mapping of one kind."""
    own = settings.link(link)
    specs = row_specs(settings, own)[kind]
    schemas = {}
    for side, connector in ends.items():
        names = frozenset(spec.left if side == "left" else spec.right for spec in specs)
        schemas[side] = await connector.schema(own.side(side).container, kind, fields=names)
    left, right = own.left.connection, own.right.connection
    rows = [(person[left], person[right]) for person in settings.people if left in person and right in person]
    return compile_rows(
        kind,
        specs,
        schemas["left"],
        schemas["right"],
        people=People.of(rows, left, right),
        policy=own.conflict,
        match=own.match,
        link=link,
    )


def tried(row: Row) -> Tried:
    """Values for a row: of a map each meaning, of people each person, else what both types can hold."""
    return Tried(row, _values(row))


def _values(row: Row) -> tuple[tuple[Value, Value], ...]:
    if (choice := find(row.lens, Choice)) is not None:
        names = zip(choice.first_left, choice.first_right, strict=True)
        pairs = [(left, right) for left, right in names if left and right]
        return tuple((_held(row, "left", left), _held(row, "right", right)) for left, right in pairs)
    if (people := find(row.lens, People)) is not None:
        everybody = [(left, right) for left, right in people.right_of.items()]
        return tuple((_held(row, "left", left), _held(row, "right", right)) for left, right in everybody)
    choices = [spec.choices for spec in (row.left_spec, row.right_spec) if spec.choices is not None]
    if choices:
        both = [name for name in choices[0] if all(name in names for names in choices)]
        return tuple((name, name) for name in both)
    if row.left_spec.type is not row.right_spec.type:
        return ()
    if row.left_spec.type is FieldType.LINE and min(_room(row, "left"), _room(row, "right")) <= _SHORT:
        return tuple((colour, colour) for colour in _COLOURS)
    return tuple((value, _there(row, value)) for value in SAME.get(row.left_spec.type, ()))


def _there(row: Row, value: Value) -> Value:
    """A value in the words of the right side, where these have a prefix."""
    if not isinstance(value, tuple) or find(row.lens, Prefix) is None:
        return value
    return tuple(str(row.convert("right", name)) for name in value)


def _room(row: Row, side: Side) -> int:
    return row.spec(side).max_length or 1000


def _held(row: Row, side: Side, member: str) -> Value:
    return (member,) if row.spec(side).type.is_set else member


def members(value: object) -> frozenset[str]:
    """A set, a single value or nothing as names to compare."""
    if value is None:
        return frozenset()
    if isinstance(value, (list, tuple)):
        return frozenset(key(str(one)) for one in value)
    return frozenset({key(str(value))})


def agree(row: Row, left: Value, right: Value) -> bool:
    """Whether two values mean the same by their row. Members of sets that the map does not know are passed over (S10).

    A side with room for one agrees with a set that has its one.
    """
    if not row.is_set:
        return row.lens.agree(row.normal("left", left), row.normal("right", right))
    ours, theirs = _carried(row.lens, left), frozenset(key(one) for one in _known(row.lens, right))
    if row.left_spec.type.is_set and row.right_spec.type.is_set:
        return ours == theirs
    return (ours <= theirs or theirs <= ours) and bool(ours) == bool(theirs)


def _carried(lens: Lens, left: Value) -> frozenset[str]:
    found = set()
    for one in _each(left):
        try:
            found.add(key(str(lens.to_right(one))))
        except UnmappedError:
            continue
    return frozenset(found)


def _known(lens: Lens, right: Value) -> list[str]:
    known = []
    for one in _each(right):
        try:
            lens.to_left(one)
        except UnmappedError:
            continue
        known.append(one)
    return known


def _each(value: Value) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, tuple) else (str(value),)
