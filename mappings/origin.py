"""The line at the head of a copy's description that says where it comes from and who wrote it, where a link asks for it.

``From CONNECTION, by NAME: ADDRESS``, in plain words in every dialect. Law: the line is no part of what both sides say: a
text and its copy agree with it and without it. It is put there whenever the text is written, and never for its own sake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bridge.model import FieldSpec, Side, Value, other
from mappings.byline import NOBODY, line_of, split_head, with_head
from mappings.lenses import Lens

_FROM: Final = r"From \S{1,100}?(?:, by [^\n<>]{1,80})?: \S+(?=[ \t]*(?:\n|\Z))"
_SIGN: Final = "From "


@dataclass(frozen=True, slots=True)
class Origin:
    """A lens around another one. ``lines``: what stands above new words on the left and on the right, empty for none.

    ``copies``: whether the left and the right are copies that Bridge made, whose first line may be such a one. Unbound
    (neither) it is the inner lens.
    """

    inner: Lens
    left_spec: FieldSpec
    right_spec: FieldSpec
    lines: tuple[str, str] = ("", "")
    copies: tuple[bool, bool] = (False, False)

    def to_right(self, value: Value) -> Value:
        return self._carry("right", value)

    def to_left(self, value: Value) -> Value:
        return self._carry("left", value)

    def agree(self, left: Value, right: Value) -> bool:
        return self.inner.agree(self.bare("left", left), self.bare("right", right))

    def bare(self, side: Side, value: Value) -> Value:
        """A side's text without the line, where that side is a copy."""
        if not isinstance(value, str) or not self.copies[side == "right"]:
            return value
        return split_head(value, self._spec(side), _FROM)[1] if _SIGN in value else value

    def line_in(self, side: Side, value: Value) -> str:
        """Such a line at the head of a text of ``side``; empty for none."""
        if not isinstance(value, str) or _SIGN not in value:
            return ""
        return split_head(value, self._spec(side), _FROM)[0]

    def _carry(self, to: Side, value: Value) -> Value:
        bare = self.bare(other(to), value)
        carried = self.inner.to_right(bare) if to == "right" else self.inner.to_left(bare)
        line = self.lines[to == "right"]
        return with_head(carried if isinstance(carried, str) else "", line, self._spec(to)) if line else carried

    def _spec(self, side: Side) -> FieldSpec:
        return self.left_spec if side == "left" else self.right_spec


def origin_of(connection: str, address: str, author: str | None) -> str:
    """The line for one record. Of an e-mail address only the part before the @ is told."""
    name = re.sub(r" \(.*\Z", "", line_of(author, connection)) if author else NOBODY
    by = "" if name == NOBODY else f", by {name}"
    return f"From {connection}{by}: {address}"
