"""Values between fields of different types: which pairs of types can be joined, and by which lens.

Types that mean different things (a date and a set of labels) are refused when rows are compiled, before anything is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeAlias

from bridge.model import FieldType, Value
from mappings.lenses import Lens, Same, UnmappedError, Ways

INVALID: Final = "invalid"

_DURATION: Final = re.compile(r"(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Days:
    """A date and an instant. Law: they agree when the instant is on that day in UTC; a date goes over as its midnight."""

    left_type: FieldType
    right_type: FieldType

    def to_right(self, value: Value) -> Value:
        return _day(value) if self.right_type is FieldType.DATE else _midnight(value)

    def to_left(self, value: Value) -> Value:
        return _day(value) if self.left_type is FieldType.DATE else _midnight(value)

    def agree(self, left: Value, right: Value) -> bool:
        return _day(left) == _day(right)


def _day(value: Value) -> Value:
    return value[:10] if isinstance(value, str) else value


def _midnight(value: Value) -> Value:
    return f"{value[:10]}T00:00:00Z" if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Wholes:
    """An integer and a number. Law: they agree when the number is rounded to the integer, halves up."""

    left_type: FieldType
    right_type: FieldType

    def to_right(self, value: Value) -> Value:
        return _whole(value) if self.right_type is FieldType.INTEGER else value

    def to_left(self, value: Value) -> Value:
        return _whole(value) if self.left_type is FieldType.INTEGER else value

    def agree(self, left: Value, right: Value) -> bool:
        return _whole(left) == _whole(right)


def _whole(value: Value) -> Value:
    return int((value + 0.5) // 1) if isinstance(value, int | float) else value


@dataclass(frozen=True, slots=True)
class Spelled:
    """Values of other types as words for ``inner``: true and false, numbers, days, durations as ``1h 30m``.

    Law: a word agrees with each value that it spells; words that spell none ("soon") have no value on the other side.
    """

    inner: Lens
    left_type: FieldType
    right_type: FieldType

    def to_right(self, value: Value) -> Value:
        return read(self.right_type, self.inner.to_right(spell(self.left_type, value)))

    def to_left(self, value: Value) -> Value:
        return read(self.left_type, self.inner.to_left(spell(self.right_type, value)))

    def agree(self, left: Value, right: Value) -> bool:
        if self.inner.agree(spell(self.left_type, left), spell(self.right_type, right)):
            return True
        if left is None or right is None:
            return False
        with suppress(UnmappedError):
            if self.left_type not in _WORDS and self.to_left(right) == left:
                return True
        with suppress(UnmappedError):
            return self.right_type not in _WORDS and self.to_right(left) == right
        return False


def spell(type_: FieldType, value: Value) -> Value:
    """A value in words. None and words stay."""
    if value is None or type_ in _WORDS:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if type_ is FieldType.DURATION and isinstance(value, int):
        parts = ((value // 3600, "h"), (value % 3600 // 60, "m"), (value % 60, "s"))
        return " ".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def read(type_: FieldType, word: Value) -> Value:
    """The value of a type that a word spells. Raises UnmappedError ("invalid") for a word that spells none."""
    if word is None or type_ in _WORDS:
        return word
    text = str(word).strip()
    try:
        return _READ[type_](text)
    except (ValueError, KeyError):
        raise UnmappedError(text, INVALID, f'"{text}" is no {type_.value}') from None


def _read_duration(text: str) -> Value:
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(text)
    hours, minutes, seconds = (int(amount or 0) for amount in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _read_number(text: str) -> Value:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    number = float(text)
    return int(number) if number.is_integer() else number


def _read_instant(text: str) -> Value:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").isoformat() + "Z"  # noqa: DTZ007 — Z is UTC


def _read_date(text: str) -> Value:
    if len(text) != len("2026-11-21"):
        raise ValueError(text)
    return date.fromisoformat(text).isoformat()


_READ: Final[Mapping[FieldType, Callable[[str], Value]]] = {
    FieldType.BOOL: lambda text: {"true": True, "false": False}[text.casefold()],
    FieldType.INTEGER: int,
    FieldType.NUMBER: _read_number,
    FieldType.DATE: _read_date,
    FieldType.INSTANT: _read_instant,
    FieldType.DURATION: _read_duration,
}


@dataclass(frozen=True, slots=True)
class Named:
    """A person shown in a line of words. One way: words are nobody's account. Law: the line is the person's name."""

    left_type: FieldType
    right_type: FieldType

    @property
    def ways(self) -> Ways:
        return "left-to-right" if self.right_type is FieldType.LINE else "right-to-left"

    def to_right(self, value: Value) -> Value:
        return self._shown("right", value)

    def to_left(self, value: Value) -> Value:
        return self._shown("left", value)

    def agree(self, left: Value, right: Value) -> bool:
        return left == right

    def _shown(self, to: str, value: Value) -> Value:
        if value is not None and not self.ways.endswith(to):
            raise UnmappedError(str(value), INVALID, f'"{value}" is a word, and no person')
        return value


_WORDS: Final = frozenset({FieldType.LINE, FieldType.CHOICE, FieldType.SET})
SPELLED: Final = frozenset(_READ)
"""Types whose values are spelled to stand in a line or a map."""

Make: TypeAlias = Callable[[FieldType, FieldType], Lens]

_JOINED: Final[Mapping[frozenset[FieldType], Make]] = {
    frozenset((FieldType.DATE, FieldType.INSTANT)): Days,
    frozenset((FieldType.INTEGER, FieldType.NUMBER)): Wholes,
    frozenset((FieldType.LINE, FieldType.CHOICE)): lambda _left, _right: Same(),
    frozenset((FieldType.CHOICE, FieldType.SET)): lambda _left, _right: Same(),
    frozenset((FieldType.PERSON, FieldType.PERSONS)): lambda _left, _right: Same(),
    frozenset((FieldType.PERSON, FieldType.LINE)): Named,
    **{
        frozenset((FieldType.LINE, each)): lambda left, right: Spelled(Same(), left, right)
        for each in (FieldType.INTEGER, FieldType.NUMBER, FieldType.DATE, FieldType.INSTANT, FieldType.DURATION)
    },
}

TEXTS: Final = (frozenset((FieldType.LINE, FieldType.TEXT)), frozenset((FieldType.CHOICE, FieldType.TEXT)))
"""Joined by ``mappings.text``, which takes time to load."""

_REFERENCES: Final = frozenset((FieldType.REF, FieldType.REFS))


def between(left: FieldType, right: FieldType) -> Lens | None:
    """The lens of two types that are not the same; None where they cannot be joined."""
    make = _JOINED.get(frozenset((left, right)))
    return None if make is None else make(left, right)


def partners(type_: FieldType) -> tuple[str, ...]:
    """The types that one can be joined to without a map, itself first."""
    pairs = (*_JOINED, *TEXTS, _REFERENCES)
    return (type_.value, *sorted(each.value for pair in pairs if type_ in pair for each in pair if each is not type_))


def takes_map(type_: FieldType) -> bool:
    """Whether the values of a type can stand in a map of names."""
    return type_ in _WORDS or type_ in SPELLED or type_ in (FieldType.PERSON, FieldType.PERSONS)


def in_words(inner: Lens, left: FieldType, right: FieldType) -> Lens:
    """A map of names, for fields of which one or both hold values of another type."""
    return Spelled(inner, left, right) if SPELLED & {left, right} else inner
