"""The normal form of a value by the type of its field: what two readings of one value are compared in."""

from __future__ import annotations

from typing import Final

from bridge.model import FieldSpec, FieldType, Value


def normal(spec: FieldSpec, value: Value) -> Value:
    r"""The normal form in which a side's value is compared (S4, S12): what a tracker may change by itself is not a change.

    Text: ``\n`` line ends, no white space at the end, empty is None. Lines and names: trimmed, empty is None. Sets: sorted.
    """
    make = _NORMAL.get(spec.type)
    return value if make is None else make(value)


def _text(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return value.rstrip() or None


def _line(value: Value) -> Value:
    return (value.strip() or None) if isinstance(value, str) else value


def _set(value: Value) -> Value:
    return tuple(sorted(value)) if isinstance(value, tuple) else value


_NORMAL: Final = {
    FieldType.TEXT: _text,
    FieldType.LINE: _line,
    FieldType.CHOICE: _line,
    FieldType.PERSON: _line,
    FieldType.SET: _set,
    FieldType.PERSONS: _set,
}
