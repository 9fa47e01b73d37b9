"""What is said where a map has no word, and where one side has nothing: the policies of a row around its lens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from bridge.merge import key
from bridge.model import Side, Value, other
from mappings.choice import Choice
from mappings.lenses import LEFT_ALONE, Lens, UnmappedError

Policy: TypeAlias = Literal["leave", "default", "park", "create"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A map with a policy for the names that it has no row for.

    ``park``: the field is held until somebody looks (the map alone). ``leave``: the name stays on its side, is counted and
    nothing else. ``default``: the other side gets ``left_default`` or ``right_default``; law: a name without a row agrees
    with the default of the other side. ``create``: the name goes over as it is; law: such names agree when they are equal;
    one that the map gives another meaning over there stays where it is.
    """

    inner: Choice
    policy: Policy
    left_default: Value = None
    right_default: Value = None

    def to_right(self, value: Value) -> Value:
        return self._carry("right", value)

    def to_left(self, value: Value) -> Value:
        return self._carry("left", value)

    def agree(self, left: Value, right: Value) -> bool:
        if self.inner.agree(left, right):
            return True
        if left is None or right is None:
            return False
        alien = not self.inner.knows("left", left), not self.inner.knows("right", right)
        if self.policy == "default":
            return (alien[0] and is_same(right, self.right_default)) or (alien[1] and is_same(left, self.left_default))
        return self.policy == "create" and all(alien) and is_same(left, right)

    def _carry(self, to: Side, value: Value) -> Value:
        try:
            return self.inner.to_right(value) if to == "right" else self.inner.to_left(value)
        except UnmappedError as unmapped:
            if self.policy == "park":
                raise
            default = self.right_default if to == "right" else self.left_default
            if self.policy == "default" and default is not None:
                return default
            if self.policy == "create" and not self.inner.knows(other(to), value) and not self.inner.knows(to, value):
                return value
            raise UnmappedError(unmapped.value, LEFT_ALONE, unmapped.message) from unmapped


@dataclass(frozen=True, slots=True)
class Default:
    """A lens with what is written on a side where the other one has nothing. Law: nothing agrees with that default.

    The default goes over as any other value; where the inner lens has no word for it, it goes over as nothing.
    """

    inner: Lens
    left_default: Value = None
    right_default: Value = None

    def to_right(self, value: Value) -> Value:
        return self._carry("right", value, self.left_default, self.right_default)

    def to_left(self, value: Value) -> Value:
        return self._carry("left", value, self.right_default, self.left_default)

    def agree(self, left: Value, right: Value) -> bool:
        if left is None and right is not None and is_same(right, self.right_default):
            return True
        if right is None and left is not None and is_same(left, self.left_default):
            return True
        return self.inner.agree(left, right)

    def _carry(self, to: Side, value: Value, mine: Value, theirs: Value) -> Value:
        if value is None and theirs is not None:
            return theirs
        try:
            return self.inner.to_right(value) if to == "right" else self.inner.to_left(value)
        except UnmappedError:
            if mine is not None and is_same(value, mine):
                return None
            raise


def is_same(one: Value, two: Value) -> bool:
    """Equal, names without regard to case."""
    return key(one) == key(two) if isinstance(one, str) and isinstance(two, str) else one == two
