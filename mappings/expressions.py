"""Expressions over a record, in CEL: compiled, checked against the record's fields, evaluated. No side effects, no clock.

``item`` is the record: ``item.title``, ``item.labels``, ``item.custom["Story Points"]``, beside its own fields ``item.id``,
``item.url`` and ``item.container``. What is empty is ``null``, an empty set ``[]``; durations are whole seconds; dates
and points in time are ISO text, which compares as time does; long texts are Markdown, whatever the tracker writes.

Refuses: a clock (what a record comes to must not change without an edit), values of any other kind than a field has.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from bridge.model import FieldSpec, FieldType, Record, Value
from mappings.computed import failed, name_of
from mappings.expression_functions import FUNCTIONS, MACROS, OF_CEL
from mappings.expression_limits import MEMBERS, RESULT, too_costly

MOST: Final = 2_000
"""Characters of an expression: the parser is a recursive one, and takes a process down with it far above that."""

PSEUDO: Final = frozenset({"id", "url", "container"})
"""What ``item`` has beside the record's fields."""

_WIDTH: Final = 100
CUSTOM: Final = "custom."
_LITERALS: Final = frozenset({"true", "false", "null"})
_CLOCKS: Final = frozenset({"now", "today", "currentTime", "current_timestamp"})
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
      | (?P<string>[rR](?:"[^"\n]*"|'[^'\n]*')|[bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}
                   |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
      | (?P<number>\d[\w.]*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


class ExpressionError(Exception):
    """What is wrong with an expression. ``at`` is the character it is about, from 0; None for all of it."""

    def __init__(self, message: str, expression: str, at: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.expression = expression
        self.at = at

    def shown(self) -> str:
        """The message, then the line of the expression that it is about, with a caret under the place."""
        if self.at is None or len(self.expression) > MOST:
            return self.message
        begin = self.expression.rfind("\n", 0, self.at) + 1
        line = self.expression[begin:].partition("\n")[0].replace("\t", " ")
        column = self.at - begin
        skipped = max(0, column - _WIDTH // 2)
        return f"{self.message}\n    {line[skipped : skipped + _WIDTH]}\n    {' ' * (column - skipped)}^"


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression, compiled. ``fields`` are those of the record it reads, with where it names them first; ``visits``:
    it has a macro, which goes through a list.
    """

    text: str
    program: Any
    fields: Mapping[str, int]
    functions: frozenset[str]
    literals: tuple[str, ...] = ()
    visits: bool = False

    @property
    def name(self) -> str:
        """The field that holds its result."""
        return name_of(self.text)

    @property
    def needs(self) -> frozenset[str]:
        """The fields of the tracker that must have been observed."""
        return frozenset(self.fields) - PSEUDO


@lru_cache(maxsize=1_000)
def compiled(text: str) -> Expression:
    """An expression, with what it names taken apart. Raises ExpressionError.

    Loads the CEL library, which takes a few hundred milliseconds: only links that have an expression come here.
    """
    if not text.strip():
        raise ExpressionError("it is empty", text)
    if len(text) > MOST:
        raise ExpressionError(f"it has {len(text)} characters, {MOST} are the most", text)
    from cel import cel  # noqa: PLC0415 — as said above

    logging.getLogger("cel").setLevel(logging.CRITICAL + 1)  # it repeats there what it raises, values and all
    try:
        program = cel.compile(text)
    except ValueError as error:
        raise _syntax(str(error), text) from None
    tokens = [token for token in _tokens(text) if token.kind != "space"]
    fields, functions = _names(tokens, text)
    if (costly := too_costly(tokens)) is not None:
        raise ExpressionError(costly[0], text, costly[1])
    literals = tuple(dict.fromkeys(_unquoted(each.text) for each in tokens if each.kind == "string"))
    visits = any(each.text in MACROS for each in tokens)
    return Expression(text, program, fields, functions, literals, visits)


def literal(value: str | float | bool | Iterable[str]) -> str:
    """A constant as an expression."""
    if isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(list(value), ensure_ascii=False)


def _syntax(said_: str, text: str) -> ExpressionError:
    """The parser's first complaint, without the list of all that it would have taken."""
    found = re.search(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)", said_)
    if found is None:
        return ExpressionError("it cannot be read as an expression", text)
    lines = text.split("\n")
    at = sum(len(line) + 1 for line in lines[: int(found[1]) - 1]) + int(found[2]) - 1
    what = re.sub(r" expecting \{.*", "", found[3]).replace("'<EOF>'", "the end").replace("<EOF>", "the end")
    hint = " (to compare, write ==)" if re.match(r"token recognition error at: '= ?", what) else ""
    return ExpressionError(f"it cannot be read: {what}{hint}", text, min(at, len(text)))


# --- what it names -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        yield _Token(found.lastgroup or "", found[0], found.start())


_END: Final = _Token("other", "", 0)


def _names(tokens: list[_Token], text: str) -> tuple[dict[str, int], frozenset[str]]:
    """The fields and functions that are named. Raises ExpressionError for any other name."""
    fields: dict[str, int] = {}
    functions: set[str] = set()
    bound = _bound(tokens)
    for place, token in enumerate(tokens):
        if token.kind != "name" or token.text in _LITERALS or token.text == "in":
            continue
        before, after = _at(tokens, place - 1), _at(tokens, place + 1)
        if after.text == "(":
            functions.add(_function(token, text))
        elif before.text == ".":
            continue  # a field of item, read below, or of what a function gave
        elif token.text == "item":
            name, at = _field(tokens, place, text)
            fields.setdefault(name, at)
        elif token.text not in bound:
            near = f" (did you mean item.{token.text}?)" if after.text != "." else ""
            raise ExpressionError(f'there is no "{token.text}": a field is item.NAME{near}', text, token.at)
    return fields, frozenset(functions) - MACROS


def _at(tokens: list[_Token], place: int) -> _Token:
    return tokens[place] if 0 <= place < len(tokens) else _END


def _bound(tokens: list[_Token]) -> set[str]:
    """The names that macros give to the members of a list: ``item.labels.exists(each, …)``."""
    return {
        tokens[place + 2].text
        for place, token in enumerate(tokens)
        if token.text in MACROS and _at(tokens, place + 1).text == "(" and _at(tokens, place + 3).text == ","
        if tokens[place + 2].kind == "name" and tokens[place + 2].text != "item"
    }


def _function(token: _Token, text: str) -> str:
    if token.text in FUNCTIONS or token.text in OF_CEL or token.text in MACROS:
        return token.text
    if token.text in _CLOCKS:
        message = "there is no clock: what an item comes to would change without an edit of it"
    else:
        message = f'there is no function "{token.text}"{nearest(token.text, (*FUNCTIONS, *OF_CEL, *MACROS))}'
    raise ExpressionError(message, text, token.at)


def _field(tokens: list[_Token], place: int, text: str) -> tuple[str, int]:
    """Which field an ``item`` is about: ``item.name``, ``item["name"]``, ``item.custom["name"]``, ``item.custom.name``."""
    name, place = _member(tokens, place)
    if name == "custom":
        member, last = _member(tokens, place)
        if not member:
            raise ExpressionError('a custom field is item.custom["Name"]', text, tokens[place].at)
        return f"{CUSTOM}{member}", tokens[last].at
    if not name:
        raise ExpressionError('a field is item.NAME, or item["NAME"]', text, tokens[place].at)
    return name, tokens[place].at


def _member(tokens: list[_Token], place: int) -> tuple[str, int]:
    """The member that is taken of what stands at ``place``, with the place of its name; "" where none is."""
    one, two, three = (_at(tokens, place + step) for step in (1, 2, 3))
    if one.text == "." and two.kind == "name" and three.text != "(":
        return two.text, place + 2
    if one.text == "[" and two.kind == "string" and three.text == "]":
        return _unquoted(two.text), place + (3 if _at(tokens, place + 4).text in (".", "[") else 2)
    return "", place


def _unquoted(token: str) -> str:
    from cel import cel  # noqa: PLC0415 — it is loaded by now

    value = cel.evaluate(token)
    return value if isinstance(value, str) else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """A name that may have been meant, as a remark."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f' (did you mean "{near[0]}"?)' if near else ""


# --- evaluated ---------------------------------------------------------------------------------------------------------


class Failure(Exception):
    """An expression came to nothing. ``is_certain``: because of the kinds of its values, whatever they are."""

    def __init__(self, message: str, *, is_certain: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.is_certain = is_certain


@dataclass(frozen=True, slots=True)
class Computation:
    """All expressions of the records of one kind of one container, with what must be known of their fields."""

    expressions: tuple[Expression, ...]
    fields: Mapping[str, FieldSpec] = field(default_factory=dict)

    @property
    def needs(self) -> frozenset[str]:
        """The tracker's fields that any of them reads."""
        return frozenset(name for each in self.expressions for name in each.needs)

    def complete(self, record: Record) -> Record:
        """The record with what each expression comes to; of one whose fields were not all observed it says nothing.

        What it held of these before is replaced.
        """
        if not self.expressions:
            return record
        mine = {each.name for each in self.expressions}
        own = {name: value for name, value in record.fields.items() if name not in mine}
        added = {each.name: self._value(each, record, own) for each in self.expressions if each.needs <= own.keys()}
        return Record(
            record.ref,
            {**own, **added},
            record.version,
            record.updated_at,
            record.url,
            record.marker,
            record.updated_by,
            record.provisional,
        )

    def _value(self, expression: Expression, record: Record, own: Mapping[str, Value]) -> Value:
        item = {name: self._shown(name, own[name]) for name in expression.needs}
        if PSEUDO & expression.fields.keys():
            item |= {"id": record.ref.id, "url": record.url, "container": record.ref.container}
        try:
            return result_of(run(expression, nested(item)))
        except Failure as failure:
            return failed(failure.message)

    def _shown(self, name: str, value: Value) -> Any:
        spec = self.fields.get(name)
        if isinstance(value, tuple):
            return list(value)
        if value is None and spec is not None and spec.type in ARE_SETS:
            return []
        if spec is not None and spec.type is FieldType.NUMBER and isinstance(value, int):
            return float(value)
        if isinstance(value, str) and spec is not None and spec.type is FieldType.TEXT:
            return _markdown(value, spec)
        return value


def _markdown(text: str, spec: FieldSpec) -> str:
    if spec.dialect in ("plain", "markdown"):
        return text
    from mappings.text.convert import convert  # noqa: PLC0415 — parsers take 80 ms to load

    return convert(text, spec.dialect, "markdown") or ""


ARE_SETS: Final = frozenset({FieldType.SET, FieldType.PERSONS, FieldType.REFS})


def nested(item: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as ``item`` has them: those of the owner's own making in a map of their own."""
    custom = {name.removeprefix(CUSTOM): value for name, value in item.items() if name.startswith(CUSTOM)}
    plain = {name: value for name, value in item.items() if not name.startswith(CUSTOM)}
    return {**plain, "custom": custom} if custom else plain


def run(expression: Expression, item: Mapping[str, Any]) -> Any:
    """What an expression comes to on one ``item``. Raises Failure."""
    from cel import cel  # noqa: PLC0415 — it is loaded by now

    own = {name: FUNCTIONS[name] for name in expression.functions if name in FUNCTIONS}
    if expression.visits and any(isinstance(each, list) and len(each) > MEMBERS for each in _values(item)):
        raise Failure(f"a list has more than {MEMBERS} members, too many for a macro")
    try:
        return expression.program.execute(cel.Context({"item": item}, own))
    except TypeError as error:
        raise Failure(_said_of(str(error)), is_certain=True) from None
    except (ValueError, RuntimeError, LookupError, ArithmeticError) as error:
        is_certain = "not a valid regex" in str(error)
        raise Failure(_said_of(str(error), lookup=isinstance(error, KeyError)), is_certain=is_certain) from None


def _values(item: Mapping[str, Any]) -> Iterator[Any]:
    yield from item.values()
    yield from item.get("custom", {}).values()


def _said_of(text: str, *, lookup: bool = False) -> str:
    """The library's words for a failure, without its advice for programmers."""
    if lookup:
        return f"there is no entry {text}"
    if found := re.search(r"Python function call failed: \w+: (.*)\. Check function arguments", text, re.DOTALL):
        wrong = re.match(r"_?(\w+)\(\) (?:missing|takes)", found[1])
        return f"{_public(wrong[1])} is called with too few or too many values" if wrong else found[1]
    if found := re.match(r"Undefined variable or function: '(\w+)'", text):
        return f"{found[1]} is called on a value that it does not take"
    if text.startswith("No such overload"):
        return "two values do not go together: kinds are never converted by themselves, use int, double or string"
    if found := re.search(r"error: '(.*)' not a valid regex:.*\nerror: (.*?)\. Check function", text, re.DOTALL):
        return f"{found[1]!r} is no pattern: {found[2]}"
    return re.sub(r"\.? (?:CEL does not|Check function).*", "", text, flags=re.DOTALL)[:200]


def _public(name: str) -> str:
    return next((known for known, function in FUNCTIONS.items() if function.__name__ == f"_{name}"), name)


def result_of(value: Any) -> Value:
    """What an expression came to, as a record holds it. Raises Failure."""
    if isinstance(value, str) and len(value) > RESULT:
        raise Failure(f"it gives {len(value)} characters, {RESULT} are the most")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(sorted(set(value)))
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    raise Failure("it gives what no field can hold: text, a number, true or false, or a list of texts", is_certain=True)
