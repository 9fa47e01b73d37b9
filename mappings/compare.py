"""The normal form of a row beside that of its types: what people or trackers may change without anything being meant.

It is for comparing alone: two values with one form agree, and a side whose form is that of its base has not changed. What is
written is the value itself, never its form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from bridge.model import Dialect, FieldSpec, FieldType, Value
from mappings.lenses import Lens

Form: TypeAlias = Literal["lines", "words", "case", "minute", "day", "whole"]


@dataclass(frozen=True, slots=True)
class Compared:
    """A lens with a normal form. Law: what has one form agrees; forms are stable (the form of a form is itself)."""

    inner: Lens
    form: Form

    def to_right(self, value: Value) -> Value:
        return self.inner.to_right(value)

    def to_left(self, value: Value) -> Value:
        return self.inner.to_left(value)

    def agree(self, left: Value, right: Value) -> bool:
        return self.inner.agree(left, right) or self.inner.agree(formed(self.form, left), formed(self.form, right))


def formed(form: Form, value: Value) -> Value:
    """A value in a form. Nothing, and what is not of the form's types, stays as it is."""
    if value is None or isinstance(value, bool):
        return value
    made = _FORMS[form](value)
    return None if made == "" else made


def _lines(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    return "\n".join(line.rstrip() for line in value.replace("\r\n", "\n").replace("\r", "\n").split("\n")).rstrip()


def _words(value: Value) -> Value:
    return " ".join(value.split()) if isinstance(value, str) else value


def _case(value: Value) -> Value:
    return value.casefold() if isinstance(value, str) else value


def _minute(value: Value) -> Value:
    if isinstance(value, str):
        return f"{value[:16]}:00Z" if len(value) > len("2026-11-21") else value
    return int((value / 60 + 0.5) // 1) * 60 if isinstance(value, int | float) else value


def _day(value: Value) -> Value:
    return f"{value[:10]}T00:00:00Z" if isinstance(value, str) and len(value) > len("2026-11-21") else value


def _whole(value: Value) -> Value:
    return int((value + 0.5) // 1) if isinstance(value, int | float) else value


_FORMS: Final[Mapping[Form, Callable[[Value], Value]]] = {
    "lines": _lines,
    "words": _words,
    "case": _case,
    "minute": _minute,
    "day": _day,
    "whole": _whole,
}

_TYPES: Final[Mapping[Form, frozenset[FieldType]]] = {
    "lines": frozenset({FieldType.TEXT}),
    "words": frozenset({FieldType.TEXT, FieldType.LINE}),
    "case": frozenset({FieldType.LINE, FieldType.CHOICE, FieldType.PERSON}),
    "minute": frozenset({FieldType.INSTANT, FieldType.DURATION}),
    "day": frozenset({FieldType.INSTANT, FieldType.DATE}),
    "whole": frozenset({FieldType.NUMBER, FieldType.INTEGER}),
}

_TREES: Final[frozenset[Dialect]] = frozenset({"adf", "html"})
"""Dialects whose white space says nothing: their texts are compared as trees already."""


def fits(form: Form, spec: FieldSpec) -> bool:
    """Whether a form makes sense for a field."""
    return spec.type in _TYPES[form] and not (spec.type is FieldType.TEXT and spec.dialect in _TREES)


def forms_of(spec: FieldSpec) -> tuple[Form, ...]:
    """The forms that a field can have."""
    return tuple(form for form in _TYPES if fits(form, spec))
