"""What bounds the time and memory of an expression, known before it is evaluated. Pure.

CEL has no loops but its macros: each visits every member of a list, and ``map`` makes a list, in a time that grows with the
square of its length. Texts grow by ``replace`` and ``join`` (expression_functions.py) and where ``map`` names a member
several times.

Refuses: knowing a record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Final, Protocol

MEMBERS: Final = 250
"""Members of a set that an expression with macros reads; no tracker's item has as many labels or people."""

RESULT: Final = 1_000_000
"""Characters of a text that an expression gives."""

_MACROS: Final = 10
_SUMS: Final = 20
_GROWTH: Final = 100
_REPEATS: Final = 1_000
_MAKERS: Final = frozenset({"map", "filter"})
_VISITORS: Final = frozenset({"all", "exists", "exists_one", "existsOne", *_MAKERS})
_COUNT: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}")


class Token(Protocol):
    """A token of an expression."""

    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def at(self) -> int: ...


def too_costly(tokens: Sequence[Token]) -> tuple[str, int] | None:
    """Why an expression could take too long or too much memory, and where; None where it cannot."""
    macros = _macros(tokens)
    for name, place, end in macros:
        depth = sum(begin < place and end < last for _, begin, last in macros)
        if depth > 1 or (depth and name in _MAKERS):
            what = f"{name} stands within another macro, where only all and exists may, one deep"
            return f"it could take too long: {what}", tokens[place].at
    if len(macros) > _MACROS:
        return f"it could take too long: it has {len(macros)} macros, {_MACROS} are the most", tokens[macros[-1][1]].at
    sums = [token for token in tokens if token.text == "+"]
    if macros and len(sums) > _SUMS:
        return f"it could take too long: beside a macro {_SUMS} signs + are the most", sums[_SUMS].at
    uses = [_uses(tokens, begin, end) for name, begin, end in macros if name == "map"]
    if prod(max(1, each) for each in uses) > _GROWTH:
        return "it could take too much memory: map repeats its members too often", tokens[macros[0][1]].at
    return _pattern(tokens)


def _macros(tokens: Sequence[Token]) -> list[tuple[str, int, int]]:
    """The macros that visit a list, each with the places of its name and of the parenthesis that closes it."""
    return [call for call in _calls(tokens) if call[0] in _VISITORS]


def _calls(tokens: Sequence[Token]) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    opened: list[int] = []
    for place, token in enumerate(tokens):
        if token.text == "(":
            opened.append(place)
        elif token.text == ")" and opened:
            before = opened.pop() - 1
            if before >= 0 and tokens[before].kind == "name":
                found.append((tokens[before].text, before, place))
    return sorted(found, key=lambda each: each[1])


def _uses(tokens: Sequence[Token], begin: int, end: int) -> int:
    """How often a macro names its member."""
    names = [token.text for token in tokens[begin + 2 : end] if token.kind == "name"]
    return names.count(names[0]) - 1 if names else 0


def _pattern(tokens: Sequence[Token]) -> tuple[str, int] | None:
    """A pattern is the owner's, written out: one out of a record would be anybody's."""
    for name, begin, end in _calls(tokens):
        if name != "matches":
            continue
        token = tokens[end - 1]
        if token.kind != "string" or tokens[end - 2].text not in ("(", ","):
            return "it could take too long: the pattern of matches must be written out in one text", tokens[begin].at
        counts = [int(each[2] or each[1]) for each in _COUNT.finditer(token.text)]
        if prod(max(1, count) for count in counts) > _REPEATS:
            return "it could take too long: its pattern counts too far", token.at
    return None
