"""Fields that no tracker has: what an expression says of a record, carried in the record beside its own fields.

Their names begin with ``=``; the rest is the expression, so that one name means one thing wherever it stands. The value
is what the expression comes to, or why it came to nothing (``failed``): a record is JSON-native, and so is this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.model import FieldSpec, FieldType, Value
from mappings.lenses import Lens, UnmappedError

COMPUTED: Final = "="
"""What the names of computed fields begin with, and no tracker's field does."""

_QUERY: Final = f"{COMPUTED}query: "
"""What the names of those begin with that a tracker itself says of a record; no expression begins so."""

FAILED: Final = "expression-failed"
"""The reason of what is held because its expression failed."""

_CONSTANT: Final = re.compile(rf"{COMPUTED}(?P<value>\"(?:[^\"\\]|\\.)*\"|[\w.-]+|\[.*\]) // [^/\n]*")
"""A constant with the field that it is for, which tells it from the same one for another field."""

_MARK: Final = "\u001a"
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

_FITS: Final[Mapping[FieldType, frozenset[FieldType]]] = {
    FieldType.TEXT: frozenset(
        {FieldType.LINE, FieldType.TEXT, FieldType.CHOICE, FieldType.PERSON, FieldType.DATE, FieldType.INSTANT}
    ),
    FieldType.INTEGER: frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.DURATION}),
    FieldType.NUMBER: frozenset({FieldType.NUMBER}),
    FieldType.BOOL: frozenset({FieldType.BOOL}),
    FieldType.SET: frozenset({FieldType.SET, FieldType.PERSONS}),
    FieldType.DATE: frozenset({FieldType.DATE}),
    FieldType.INSTANT: frozenset({FieldType.INSTANT, FieldType.DATE}),
    FieldType.DURATION: frozenset({FieldType.DURATION, FieldType.INTEGER}),
}
"""What a result can be written to, by what it is."""

_SAID: Final[Mapping[FieldType, str]] = {
    FieldType.TEXT: "text",
    FieldType.INTEGER: "a whole number",
    FieldType.NUMBER: "a number",
    FieldType.BOOL: "true or false",
    FieldType.SET: "a list of texts",
    FieldType.DATE: "a date",
    FieldType.INSTANT: "a point in time",
    FieldType.DURATION: "a duration",
}


def name_of(expression: str) -> str:
    """The field that holds what an expression comes to."""
    return f"{COMPUTED}{expression}"


def is_computed(name: str) -> bool:
    """Whether a field is none of the tracker's."""
    return name.startswith(COMPUTED)


def shown(name: str) -> str:
    """A field as people are told of it: ``title``; of a computed one ``= item.title``, of a constant ``= "bug"``."""
    found = _CONSTANT.fullmatch(name)
    said = found["value"] if found else name.removeprefix(COMPUTED)
    return f"{COMPUTED} {said}" if is_computed(name) else name


def name_of_query(query: str) -> str:
    """The field that holds whether a tracker finds a record by a query in its own words."""
    return f"{_QUERY}{query}"


def query_of(name: str) -> str | None:
    """The query whose answer a field holds; None for any other field."""
    return name.removeprefix(_QUERY) if name.startswith(_QUERY) else None


def failed(message: str) -> str:
    """The value of an expression that came to nothing."""
    return f"{_MARK}{message}"


def failure(value: Value) -> str | None:
    """Why an expression came to nothing; None where it came to something."""
    return value[1:] if isinstance(value, str) and value.startswith(_MARK) else None


def said(type_: FieldType) -> str:
    """A type of result, in words for a person."""
    return _SAID.get(type_, type_.value)


def fits(result: FieldType, target: FieldType) -> bool:
    """Whether what an expression comes to can be written to a field of this type."""
    return target in _FITS.get(result, frozenset())


def spec_beside(name: str, target: FieldSpec) -> FieldSpec:
    """How a computed field is described in the row that writes ``target``: as the same, but in Markdown and only read."""
    return FieldSpec(name, target.type, writable="never", dialect="markdown", emails=target.emails)


@dataclass(frozen=True, slots=True)
class Queried:
    """What links ask of one container in the tracker's own words. ``only``: the query that all of them have; None where they
    differ or one has none.
    """

    texts: frozenset[str] = frozenset()
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """The lens of a row one side of which is an expression: the other lens, for what the expression came to.

    Law: that of the other lens; a failure agrees with nothing and has no word, so the field is held (I11).
    ``type`` is what the target takes: an expression's text may turn out to be no date.
    """

    inner: Lens
    type: FieldType

    def to_right(self, value: Value) -> Value:
        return self.inner.to_right(self._checked(value))

    def to_left(self, value: Value) -> Value:
        return self.inner.to_left(self._checked(value))

    def agree(self, left: Value, right: Value) -> bool:
        return failure(left) is None and failure(right) is None and self.inner.agree(left, right)

    def _checked(self, value: Value) -> Value:
        why = failure(value)
        if why is not None:
            raise UnmappedError("", FAILED, f"its expression fails: {why}")
        form = {FieldType.DATE: _DAY, FieldType.INSTANT: _INSTANT}.get(self.type)
        if form is not None and isinstance(value, str) and not form.fullmatch(value):
            raise UnmappedError(value, "invalid", f'its expression gives "{value}", which is not {said(self.type)}')
        return value
