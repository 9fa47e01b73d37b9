"""Whether an expression can work on the records of a kind: every field it names is there, and what it comes to has one type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bridge.model import FieldSpec, FieldType, Value
from mappings.computed import said
from mappings.expressions import (
    ARE_SETS,
    CUSTOM,
    PSEUDO,
    Expression,
    ExpressionError,
    Failure,
    nearest,
    nested,
    result_of,
    run,
)


def checked(expression: Expression, fields: Mapping[str, FieldSpec]) -> FieldType:
    """What it comes to on records that have these fields. Raises ExpressionError.

    It is tried on records made up for that: usual values, nothing at all, each text that it names itself. Where it comes
    to something on none of them, it would on no other.
    """
    for name, at in expression.fields.items():
        if name not in fields and name not in PSEUDO:
            known = sorted(_as_written(each) for each in {*fields, *PSEUDO})
            near = nearest(_as_written(name), known) or f"; there are {', '.join(known)}"
            raise ExpressionError(f"there is no field {_as_written(name)}{near}", expression.text, at)
    kinds: set[FieldType] = set()
    why = ""
    for probe, is_full in _probes(expression, fields):
        try:
            result = result_of(run(expression, probe))
        except Failure as failure:
            why = why or failure.message
            if failure.is_certain and is_full:
                raise ExpressionError(f"it cannot work: {failure.message}", expression.text) from None
            continue
        if result is not None:
            kinds.add(_type_of(result))
    if not kinds:
        raise ExpressionError(f"it comes to nothing: {why or 'it is always null'}", expression.text)
    found = {FieldType.NUMBER if each is FieldType.INTEGER and FieldType.NUMBER in kinds else each for each in kinds}
    if len(found) > 1:
        words = " and sometimes ".join(sorted(said(each) for each in found))
        raise ExpressionError(f"it gives sometimes {words}: it must be one of them", expression.text)
    return found.pop()


_USUAL: Final[Mapping[FieldType, Any]] = {
    FieldType.SET: ["text"],
    FieldType.PERSONS: ["text"],
    FieldType.REFS: ["1"],
    FieldType.DATE: "2026-11-21",
    FieldType.INSTANT: "2026-11-21T09:30:00Z",
    FieldType.DURATION: 3600,
    FieldType.INTEGER: 2,
    FieldType.NUMBER: 2.5,
    FieldType.BOOL: True,
    FieldType.REF: "1",
}
_ARE_TEXT: Final = frozenset({FieldType.LINE, FieldType.TEXT, FieldType.CHOICE, FieldType.PERSON})


def _as_written(name: str) -> str:
    """A field as an expression names it."""
    return f'item.custom["{name.removeprefix(CUSTOM)}"]' if name.startswith(CUSTOM) else f"item.{name}"


def _probes(expression: Expression, fields: Mapping[str, FieldSpec]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Records to try it on, as ``item``, each with whether it has a value in every field."""
    specs = {name: fields[name] for name in expression.needs}
    pseudo = {"id": "1", "url": "https://example.com/1", "container": "a/b"}

    def item(of: Mapping[str, Any]) -> dict[str, Any]:
        return nested({**of, **{name: pseudo[name] for name in PSEUDO & expression.fields.keys()}})

    def named(text: str) -> dict[str, Any]:
        return {
            name: text if spec.type in _ARE_TEXT else [text] if spec.type in ARE_SETS else _USUAL[spec.type]
            for name, spec in specs.items()
        }

    usual = named("text")
    nothing: dict[str, Any] = {name: [] if spec.type in ARE_SETS else None for name, spec in specs.items()}
    yield item(usual), True
    yield item(nothing), not nothing
    for name, value in nothing.items():
        yield item({**usual, name: value}), False
    choices = {choice for spec in specs.values() for choice in (spec.choices or ())[:10]}
    for text in (*expression.literals, "1", "2026-11-21", *sorted(choices)):
        yield item(named(text)), True
    yield item({name: False if spec.type is FieldType.BOOL else usual[name] for name, spec in specs.items()}), True


def _type_of(result: Value) -> FieldType:
    if isinstance(result, bool):
        return FieldType.BOOL
    by_type = {int: FieldType.INTEGER, float: FieldType.NUMBER, tuple: FieldType.SET, str: FieldType.TEXT}
    return by_type[type(result)]
