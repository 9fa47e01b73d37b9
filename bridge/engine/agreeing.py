"""Whether two records say the same in every row: the common case, judged quickly. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bridge.engine.sets import is_equal
from bridge.model import FieldType, Record, Value
from mappings.lenses import Same
from mappings.rows import Row

_MOST_KNOWN: Final = 10_000
"""Pairs of values of one row that are remembered with whether they agree."""

_WORDS: Final = (str, tuple, type(None))
"""What is remembered: 1 and True are one key, and not one word."""


def agree(rows: Sequence[Row], left: Record, right: Record) -> bool:
    """Every row was observed on both sides and says the same."""
    here, there = left.fields, right.fields
    for row in rows:
        if row.left not in here or row.right not in there:
            return False
        mine, theirs = here[row.left], there[row.right]
        if row.is_set or row.left_spec.type is FieldType.CHOICE:
            agrees = row.known.get((mine, theirs))
            if agrees is None:
                agrees = says_the_same(row, mine, theirs)
                if len(row.known) < _MOST_KNOWN and type(mine) in _WORDS and type(theirs) in _WORDS:
                    row.known[mine, theirs] = agrees
            if not agrees:
                return False
        elif mine == theirs and type(row.lens) is Same and row.left_spec.type is row.right_spec.type:
            continue
        elif not says_the_same(row, mine, theirs):
            return False
    return True


def says_the_same(row: Row, left: Value, right: Value) -> bool:
    """Whether one row's two values need no write."""
    left, right = row.normal("left", left), row.normal("right", right)
    return is_equal(row, left, right) if row.is_set else row.lens.agree(left, right)
