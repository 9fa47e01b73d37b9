"""Names that carry a prefix on one side: the label ``bug`` is ``gh:bug`` on the other."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.merge import key
from bridge.model import Side, Value, other
from mappings.choice import Choice
from mappings.lenses import OUTSIDE, UnmappedError


@dataclass(frozen=True, slots=True)
class Prefix:
    """Prefixes of both sides, either of them empty. ``inner`` is a map whose names go as it says, before any prefix.

    Law: one-to-one. A name goes over without the prefix of its side and with that of the other, and comes back the same;
    names without the prefix of their side are nobody else's: they never go over, and nothing is said about them.
    """

    left: str
    right: str
    inner: Choice | None = None

    def to_right(self, value: Value) -> Value:
        return self._carry("right", value)

    def to_left(self, value: Value) -> Value:
        return self._carry("left", value)

    def agree(self, left: Value, right: Value) -> bool:
        if left is None or right is None:
            return left == right
        if self.inner is not None and self.inner.agree(left, right):
            return True
        try:
            return key(str(self.to_right(left))) == key(str(right))
        except UnmappedError:
            return False

    def _carry(self, to: Side, value: Value) -> Value:
        if value is None:
            return None
        if self.inner is not None and self.inner.knows(other(to), value):
            return self.inner.to_right(value) if to == "right" else self.inner.to_left(value)
        mine, theirs = (self.left, self.right) if to == "right" else (self.right, self.left)
        name = str(value)
        bare = name[len(mine) :]
        said = f"{theirs}{bare}"
        if name[: len(mine)].casefold() != mine.casefold() or not bare.strip():
            raise UnmappedError(name, OUTSIDE, f'"{name}" does not begin with "{mine}"')
        if self.inner is not None and self.inner.knows(to, said):
            raise UnmappedError(name, OUTSIDE, f'"{said}" stands for something else in the map')
        return said
