"""The part of OData v4 that the Artala sandbox understands: comparisons joined by and/or, order, columns, pages."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.sandbox.clock import instant

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = ("$filter", "$orderby", "$select", "$top", "$skip", "$count")
TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<string>'(?:[^']|'')*')"
    r"|(?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})(?![\w-])"
    r"|(?P<instant>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))|(?P<date>\d{4}-\d\d-\d\d)(?![\w-])"
    r"|(?P<number>-?\d+(?:\.\d+)?)(?![\w-])|(?P<word>[A-Za-z_][\w/]*))"
)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
}
FITS = {"guid": ("guid",), "string": ("string",), "instant": ("instant",), "date": ("date",),
        "number": ("number",), "bool": ("bool",)}  # fmt: skip


class ODataError(ValueError):
    """A query that the feed cannot answer; the message says which part."""


@dataclass(frozen=True, slots=True)
class Column:
    """``type`` is guid, string, number, bool, date or instant; instants are milliseconds, guids lower case."""

    type: str
    get: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    column: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Filter:
    """``test`` decides; ``ands`` are the comparisons that must all hold (used to find a start in a sorted list)."""

    test: Callable[[Any], bool]
    ands: tuple[Comparison, ...] = ()


def everything(_: Any) -> bool:
    return True


def parse_filter(text: str, columns: Mapping[str, Column]) -> Filter:
    """Read a ``$filter``; an empty one lets all rows through.

    Raises: ODataError for an unknown column, a literal of another type, or anything outside the subset.
    """
    if not text.strip():
        return Filter(everything)
    reader = _Reader(_tokens(text), columns)
    result = reader.either()
    if reader.peek() is not None:
        raise ODataError(f"Syntax error in $filter at {reader.peek()!r}.")
    return result


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while place < len(text):
        if not text[place:].strip():
            break
        match = TOKEN.match(text, place)
        if match is None:
            raise ODataError(f"Syntax error at position {place} in '{text}'.")
        found.append((str(match.lastgroup), match.group().strip()))
        place = match.end()
    return found


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]], columns: Mapping[str, Column]) -> None:
        self.tokens, self.columns, self.place = tokens, columns, 0

    def peek(self) -> str | None:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else None

    def take(self) -> tuple[str, str]:
        if self.place >= len(self.tokens):
            raise ODataError("The $filter ends too early.")
        self.place += 1
        return self.tokens[self.place - 1]

    def either(self) -> Filter:
        left = self.both()
        while self.peek() == "or":
            self.take()
            left = _or(left, self.both())
        return left

    def both(self) -> Filter:
        left = self.one()
        while self.peek() == "and":
            self.take()
            left = _and(left, self.one())
        return left

    def one(self) -> Filter:
        kind, word = self.take()
        if kind == "open":
            inside = self.either()
            if self.take()[0] != "close":
                raise ODataError("A bracket is not closed in $filter.")
            return inside
        if kind != "word" or word not in self.columns:
            raise ODataError(f"Could not find a property named '{word}'.")
        op = self.take()[1]
        if op not in COMPARE:
            raise ODataError(f"The operator '{op}' is not supported.")
        kind, literal = self.take()
        value = _literal(kind, literal, word, self.columns[word].type)
        return _comparison(Comparison(word, op, value), self.columns[word].get)


def _literal(kind: str, text: str, column: str, wanted: str) -> Any:
    if kind == "word" and text == "null":
        return None
    if kind == "word" and text in ("true", "false"):
        kind = "bool"
    if kind not in FITS.get(wanted, ()):
        raise ODataError(f"A {kind} literal ({text}) does not fit '{column}', which is {wanted}.")
    value = READ[kind](text)
    if value is None:
        raise ODataError(f"'{text}' is not a time.")
    return value


def _moment(text: str) -> int | None:
    seconds = instant(text)
    return None if seconds is None else round(seconds * 1000)


READ: dict[str, Callable[[str], Any]] = {
    "string": lambda text: text[1:-1].replace("''", "'"),
    "guid": str.lower,
    "bool": lambda text: text == "true",
    "number": float,
    "date": lambda text: text,
    "instant": _moment,
}


def _comparison(part: Comparison, get: Callable[[Any], Any]) -> Filter:
    compare, value = COMPARE[part.op], part.value

    def test(row: Any) -> bool:
        have = get(row)
        if have is None or value is None:
            return part.op in ("eq", "ne") and compare(have, value)
        return compare(have, value)

    return Filter(test, (part,))


def _and(left: Filter, right: Filter) -> Filter:
    one, other = left.test, right.test
    return Filter(lambda row: one(row) and other(row), left.ands + right.ands)


def _or(left: Filter, right: Filter) -> Filter:
    one, other = left.test, right.test
    return Filter(lambda row: one(row) or other(row))


def parse_order(text: str, columns: Mapping[str, Column]) -> list[tuple[str, bool]]:
    """``$orderby`` as (column, is descending).

    Raises: ODataError for an unknown column or direction.
    """
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, direction = part.partition(" ")
        if name not in columns:
            raise ODataError(f"Could not find a property named '{name}'.")
        if direction.strip() not in ("", "asc", "desc"):
            raise ODataError(f"'{direction}' is not a direction.")
        found.append((name, direction.strip() == "desc"))
    return found


def parse_select(text: str, columns: Mapping[str, Column]) -> list[str]:
    """``$select`` as column names; empty means all.

    Raises: ODataError for an unknown column.
    """
    names = [piece.strip() for piece in text.split(",") if piece.strip()]
    for name in names:
        if name not in columns:
            raise ODataError(f"Could not find a property named '{name}'.")
    return names


def whole(query: Mapping[str, str], name: str, default: int | None) -> int | None:
    """A non-negative whole number out of the query.

    Raises: ODataError when it is something else.
    """
    text = query.get(name)
    if text is None:
        return default
    if not text.isdigit():
        raise ODataError(f"{name} must be a whole number that is not negative, not '{text}'.")
    return int(text)


def ordered(rows: list[Any], order: list[tuple[str, bool]], columns: Mapping[str, Column]) -> list[Any]:
    """Sort by several columns; nulls come first in ascending order."""
    for name, backwards in reversed(order):
        get = columns[name].get
        rows = sorted(rows, key=lambda row: _null_first(get(row)), reverse=backwards)
    return rows


def _null_first(value: Any) -> tuple[bool, Any]:
    return (value is not None, 0 if value is None else value)
