"""References from one record to another (parent, blocks, the task of a comment), carried over by the pairs of a link.

Law: two references agree when the tasks they name are a pair; a task without a partner has no word on the other side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from bridge.model import Value
from mappings.lenses import UnmappedError

WAITING: Final = "waiting"
"""The reason of what cannot be said yet: it goes on by itself once the task it names has a partner."""


class References(Struct, frozen=True, gc=False):
    """Ids of tasks by the ids of their partners, both ways. A lens (``mappings.lenses.Lens``)."""

    right_of: Mapping[str, str] = {}
    left_of: Mapping[str, str] = {}

    def to_right(self, value: Value) -> Value:
        return _partner(value, self.right_of)

    def to_left(self, value: Value) -> Value:
        return _partner(value, self.left_of)

    def agree(self, left: Value, right: Value) -> bool:
        if left is None or right is None:
            return left == right
        return self.right_of.get(str(left)) == right


def _partner(value: Value, table: Mapping[str, str]) -> Value:
    if value is None:
        return None
    found = table.get(str(value))
    if found is None:
        raise UnmappedError(str(value), WAITING, f"task {value} has no partner on the other side yet")
    return found
