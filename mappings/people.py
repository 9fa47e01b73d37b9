"""Persons by an explicit table, and by e-mail addresses where both sides use these (S14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bridge.merge import key
from bridge.model import Value
from mappings.lenses import UnmappedError


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

    def matching(self, equal: bool) -> People:
        """The same people, where addresses mean the same on both sides or not."""
        return replace(self, match_equal=equal)

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
