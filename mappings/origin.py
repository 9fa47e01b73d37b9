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

_SIGN: Final = "From "


@dataclass(frozen=True, slots=True)
class Origin:
    """A lens around another one. ``lines``: what stands above new words on the left and on the right, empty for none.

    ``whose``: what such a line of the left and of the right looks like (``who_of``), empty for a side that is no copy: its
    first line is somebody's own words. Unbound (neither) it is the inner lens.
    """

    inner: Lens
    left_spec: FieldSpec
    right_spec: FieldSpec
    lines: tuple[str, str] = ("", "")
    whose: tuple[str, str] = ("", "")

    def to_right(self, value: Value) -> Value:
        return self._carry("right", value)

    def to_left(self, value: Value) -> Value:
        return self._carry("left", value)

    def agree(self, left: Value, right: Value) -> bool:
        return self.inner.agree(self.bare("left", left), self.bare("right", right))

    def bare(self, side: Side, value: Value) -> Value:
        """A side's text without the line."""
        return self._split(side, value)[1]

    def line_in(self, side: Side, value: Value) -> str:
        """Such a line at the head of a text of ``side``; empty for none."""
        return self._split(side, value)[0]

    def _split(self, side: Side, value: Value) -> tuple[str, Value]:
        who, spec = self.whose[side == "right"], self._spec(side)
        if not who or not isinstance(value, str) or _SIGN not in value:
            return "", value
        line, text = split_head(value, spec, who)
        if line or spec.dialect in ("adf", "html"):
            return line, text
        found = re.search(rf"\n[ \t]*\n({who})[ \t]*(?:\n|\Z)", value)  # somebody wrote above it
        if found is None:
            return "", value
        below = value[found.end() :].lstrip("\n")
        return found[1], value[: found.start()] + (f"\n\n{below}" if below else "")

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


def who_of(connection: str, address: str | None) -> str:
    """What a line of a connection's record looks like: with an address of its server; with any, where none is known."""
    server = re.match(r"https?://[^/\s]+/", address or "")
    where = rf"{re.escape(server[0])}\S*" if server else re.escape(address or "") or r"https?://\S+"
    return rf"From {re.escape(connection)}(?:, by [^\n<>]{{1,80}})?: {where}(?=[ \t]*(?:\n|\Z))"
