"""Two-way transforms of one value. Each states its law; none knows a tracker.

The law of every lens (I11): for a value ``x`` that ``to_right`` takes, ``agree(x, to_right(x))`` holds, and the same the
other way round. ``agree`` is the declared equality: values that agree are never written over each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bridge.merge import key
from bridge.model import FieldSpec, FieldType, Value


class UnmappedError(Exception):
    """A value the map has no word for. Never guessed, never dropped (S10, S14): the field is held and reported."""

    def __init__(self, value: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.value = value
        self.reason = reason
        self.message = message


class Lens(Protocol):
    """A transform between the two vocabularies of a row. For sets it is used member by member."""

    def to_right(self, value: Value) -> Value:
        """Raises UnmappedError."""

    def to_left(self, value: Value) -> Value:
        """Raises UnmappedError."""

    def agree(self, left: Value, right: Value) -> bool: ...


@dataclass(frozen=True, slots=True)
class Same:
    """The value itself. Law: equality."""

    def to_right(self, value: Value) -> Value:
        return value

    def to_left(self, value: Value) -> Value:
        return value

    def agree(self, left: Value, right: Value) -> bool:
        return left == right


@dataclass(frozen=True, slots=True)
class Choice:
    """Names in groups: each group is one meaning, its first name on a side the one that is written (S13).

    Law: two names agree when they are in one group; so ``In Progress`` and ``open`` need no write when ``open`` stands
    for both ``To Do`` and ``In Progress``. ``*`` in a group takes every name that no group names.
    """

    left: Mapping[str, int]
    right: Mapping[str, int]
    first_left: tuple[str, ...]
    first_right: tuple[str, ...]
    what: str = "value"

    @classmethod
    def of(cls, groups: Sequence[tuple[Sequence[str], Sequence[str]]], what: str = "value") -> Choice:
        """Compile groups of (left names, right names). Names compare without case."""
        left = {key(name): i for i, (names, _) in enumerate(groups) for name in names}
        right = {key(name): i for i, (_, names) in enumerate(groups) for name in names}
        return cls(
            left,
            right,
            tuple(_first(names) for names, _ in groups),
            tuple(_first(names) for _, names in groups),
            what,
        )

    def to_right(self, value: Value) -> Value:
        return value if value is None else self._translate(value, self.left, self.first_right)

    def to_left(self, value: Value) -> Value:
        return value if value is None else self._translate(value, self.right, self.first_left)

    def agree(self, left: Value, right: Value) -> bool:
        if left is None or right is None:
            return left == right
        group = self._group(left, self.left)
        return group is not None and group == self._group(right, self.right)

    def _group(self, value: Value, side: Mapping[str, int]) -> int | None:
        return side.get(key(str(value)), side.get("*"))

    def _translate(self, value: Value, side: Mapping[str, int], first: tuple[str, ...]) -> str:
        group = self._group(value, side)
        if group is None or not first[group]:
            known = ", ".join(sorted(name for name in side if name != "*"))
            raise UnmappedError(str(value), "unmapped", f'{self.what} "{value}" has no row in the map (known: {known})')
        return first[group]


def _first(names: Sequence[str]) -> str:
    return next((name for name in names if name != "*"), "")


@dataclass(frozen=True, slots=True)
class Rounded:
    """Durations between trackers of different grain (S12), in seconds. Law: a duration agrees with what it is rounded to
    on the other side; what is not nothing is never rounded to nothing.
    """

    left_step: int
    right_step: int

    def to_right(self, value: Value) -> Value:
        return rounded(value, self.right_step)

    def to_left(self, value: Value) -> Value:
        return rounded(value, self.left_step)

    def agree(self, left: Value, right: Value) -> bool:
        return left == right or self.to_right(left) == right or self.to_left(right) == left


def rounded(value: Value, step: int) -> Value:
    """The nearest multiple of ``step``, halves up, at least one step for what is more than nothing."""
    if not isinstance(value, int | float) or value <= 0:
        return value
    return max(step, int(value / step + 0.5) * step)


@dataclass(frozen=True, slots=True)
class People:
    """Persons by an explicit table (S14). Law: the table is one-to-one, checked when it is compiled.

    With ``match_equal`` both sides name people by e-mail addresses: one that the table does not know stands for itself,
    unless the table already gives it to somebody else.
    """

    right_of: Mapping[str, str]
    left_of: Mapping[str, str]
    left_connection: str = "left"
    right_connection: str = "right"
    match_equal: bool = False

    @classmethod
    def of(
        cls, rows: Iterable[tuple[str, str]], left_connection: str, right_connection: str, *, match_equal: bool = False
    ) -> People:
        pairs = list(rows)
        return cls(
            {key(left): right for left, right in pairs},
            {key(right): left for left, right in pairs},
            left_connection,
            right_connection,
            match_equal,
        )

    def to_right(self, value: Value) -> Value:
        return self._translate(value, self.right_of, self.left_of, self.left_connection, self.right_connection)

    def to_left(self, value: Value) -> Value:
        return self._translate(value, self.left_of, self.right_of, self.right_connection, self.left_connection)

    def agree(self, left: Value, right: Value) -> bool:
        if left is None or right is None:
            return left == right
        try:
            return key(str(self.to_right(left))) == key(str(right))
        except UnmappedError:
            return False

    def _translate(
        self, value: Value, table: Mapping[str, str], back: Mapping[str, str], here: str, there: str
    ) -> Value:
        if value is None:
            return None
        found = table.get(key(str(value)))
        if found is not None:
            return found
        if self.match_equal and "@" in str(value) and key(str(value)) not in back:
            return value
        raise UnmappedError(
            str(value), "unknown-person", f'"{value}" on {here} is nobody on {there}: no [[people]] row names both'
        )


def normal(spec: FieldSpec, value: Value) -> Value:
    r"""The normal form in which a side's value is compared (S4, S12): what a tracker may change by itself is not a change.

    Text: ``\n`` line ends, no white space at the end, empty is None. Lines and names: trimmed, empty is None. Sets: sorted.
    """
    make = _NORMAL.get(spec.type)
    return value if make is None else make(value)


def _text(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return value.rstrip() or None


def _line(value: Value) -> Value:
    return (value.strip() or None) if isinstance(value, str) else value


def _set(value: Value) -> Value:
    return tuple(sorted(value)) if isinstance(value, tuple) else value


_NORMAL: Final = {
    FieldType.TEXT: _text,
    FieldType.LINE: _line,
    FieldType.CHOICE: _line,
    FieldType.PERSON: _line,
    FieldType.SET: _set,
    FieldType.PERSONS: _set,
}
