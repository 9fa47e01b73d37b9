"""Names by a map: statuses, priorities, types, labels (S13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.merge import key
from bridge.model import Side, Value
from mappings.lenses import UnmappedError, Ways


@dataclass(frozen=True, slots=True)
class Choice:
    """Names in groups: each group is one meaning, its first name on a side the one that is written (S13).

    Law: two names agree when they are in one group; so ``In Progress`` and ``open`` need no write when ``open`` stands
    for both ``To Do`` and ``In Progress``. ``*`` in a group takes every name that no group names. A group that has nothing
    but ``*`` on a side cannot be written there: the row goes one way (``ways``).
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

    @property
    def ways(self) -> Ways:
        if all(self.first_right):
            return "both" if all(self.first_left) else "left-to-right"
        return "right-to-left"

    def knows(self, side: Side, value: Value) -> bool:
        """Whether the map names this value of a side, or has a ``*`` there."""
        return self._group(value, self.left if side == "left" else self.right) is not None

    def meaning(self, side: Side, value: Value) -> frozenset[str]:
        """The names of ``side`` that one of the other side is expressly the same as, in lower case; without ``*``."""
        there, here = (self.right, self.left) if side == "left" else (self.left, self.right)
        group = there.get(key(str(value)))
        return frozenset(name for name, each in here.items() if each == group and name != "*")

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
