"""The lens between a note of one line and a text of many. Law: they agree when their words do, however these are laid out
or escaped.

What only the layout says (lists, bold words) is not carried to the line, and not missed when the line comes back unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.model import FieldSpec, FieldType, Value
from mappings.text.convert import convert


@dataclass(frozen=True, slots=True)
class Line:
    """``left_spec`` or ``right_spec`` is a line or a choice, the other one a text in its dialect."""

    left_spec: FieldSpec
    right_spec: FieldSpec

    def to_right(self, value: Value) -> Value:
        return _carried(value, self.left_spec, self.right_spec)

    def to_left(self, value: Value) -> Value:
        return _carried(value, self.right_spec, self.left_spec)

    def agree(self, left: Value, right: Value) -> bool:
        if _words(left, self.left_spec) == _words(right, self.right_spec):
            return True
        if self.left_spec.type is not FieldType.TEXT:
            return _words(self.to_right(left), self.right_spec) == _words(right, self.right_spec)
        return _words(left, self.left_spec) == _words(self.to_left(right), self.left_spec)


def _carried(value: Value, source: FieldSpec, target: FieldSpec) -> Value:
    if not isinstance(value, str):
        return value
    if target.type is not FieldType.TEXT:
        return _words(value, source)
    return convert(value, "plain", "markdown" if target.dialect == "plain" else target.dialect)


def _words(value: Value, spec: FieldSpec) -> Value:
    if not isinstance(value, str):
        return value
    text = value if spec.dialect in ("plain", "markdown") else convert(value, spec.dialect, "plain") or ""
    return " ".join(text.split()) or None
