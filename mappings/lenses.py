"""Two-way transforms of one value: what a lens is, and the two plainest. Each states its law; none knows a tracker.

The law of every lens (I11): for a value ``x`` that ``to_right`` takes, ``agree(x, to_right(x))`` holds, and the same the
other way round. ``agree`` is the declared equality: values that agree are never written over each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bridge.model import Value


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
