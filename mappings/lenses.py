"""Two-way transforms of one value: what a lens is, and the two plainest. Each states its law; none knows a tracker.

The law of every lens (I11): for a value ``x`` that ``to_right`` takes, ``agree(x, to_right(x))`` holds, and the same the
other way round. ``agree`` is the declared equality: values that agree are never written over each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias, TypeVar

from bridge.model import Value

LEFT_ALONE: Final = "left-alone"
"""The reason of a value that the configuration says to leave where it is: counted and told, never parked."""

OUTSIDE: Final = "outside"
"""The reason of a value that is none of the row's business, as a label without the row's prefix: not even counted."""


class UnmappedError(Exception):
    """A value the map has no word for. Never guessed, never dropped (S10, S14): the field is held and reported.

    ``reason``: ``unmapped`` and others park the field; ``LEFT_ALONE`` is counted, ``OUTSIDE`` passes without a word.
    """

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

    def __hash__(self) -> int: ...


Ways: TypeAlias = Literal["both", "left-to-right", "right-to-left"]

_L = TypeVar("_L")


def parts(lens: object) -> Iterator[object]:
    """A lens and those it is built around (their attribute ``inner``), from the outside in."""
    here: object = lens
    while here is not None:
        yield here
        here = getattr(here, "inner", None)


def find(lens: object, type_: type[_L]) -> _L | None:
    """The lens of a type among the parts of one."""
    return next((part for part in parts(lens) if isinstance(part, type_)), None)


def ways_of(lens: object) -> Ways:
    """The ways a lens can carry. One that goes one way alone says so in an attribute ``ways``; a row must go no other."""
    said: Iterator[Ways] = (getattr(part, "ways", "both") for part in parts(lens))
    return next((ways for ways in said if ways != "both"), "both")


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
