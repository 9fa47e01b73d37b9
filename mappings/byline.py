"""The line that says who wrote a text, where the API can only write as the account of the key (S14).

``NAME (CONNECTION):`` stands above the text of a copy, or before a note of one line. It is plain words in every dialect.
Law: the line is no part of what both sides say: a text and its copy agree with it and without it.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from bridge.model import FieldSpec, FieldType, Side, Value, other
from mappings.lenses import Lens

NOBODY: Final = "somebody"

_GAP: Final = r"(?:[ \t\r]*\n)+|\s+"
"""Between the line and the text. How far the text itself is indented, as code is, is its own."""

_WHO: Final = r"[^\n<>]{1,80}? \(%s\):"


@dataclass(frozen=True, slots=True)
class Byline:
    """A lens around another one. ``on`` is the side that holds the copy, ``line`` what stands above new words there; empty
    for none. Unbound (``on`` None) it is the inner lens.

    ``third``: both sides hold copies of a record of that connection; each keeps its own line, left and right in ``kept``.
    """

    inner: Lens
    left_spec: FieldSpec
    right_spec: FieldSpec
    left_connection: str
    right_connection: str
    on: Side | None = None
    line: str = ""
    third: str = ""
    kept: tuple[str, str] = ("", "")

    def to_right(self, value: Value) -> Value:
        return self._carry("right", value)

    def to_left(self, value: Value) -> Value:
        return self._carry("left", value)

    def agree(self, left: Value, right: Value) -> bool:
        return self.inner.agree(self.bare("left", left), self.bare("right", right))

    def bare(self, side: Side, value: Value) -> Value:
        """A side's text without the line, where that side is the copy."""
        if not isinstance(value, str) or (side != self.on and not self.third):
            return value
        return split_head(value, self._spec(side), who_of(self.third or self._origin(side)))[1]

    def has_line(self, side: Side, value: Value) -> bool:
        """Whether a text of ``side`` begins with such a line about somebody of the other side."""
        return bool(self.line_in(side, value, self._origin(side)))

    def line_in(self, side: Side, value: Value, origin: str) -> str:
        """The line about somebody of the connection ``origin`` with which a text of ``side`` begins; empty for none."""
        return split_head(value, self._spec(side), who_of(origin))[0] if isinstance(value, str) else ""

    def _carry(self, to: Side, value: Value) -> Value:
        bare = self.bare(other(to), value)
        carried = self.inner.to_right(bare) if to == "right" else self.inner.to_left(bare)
        line = self.kept[to == "right"] if self.third else self.line if to == self.on else ""
        if not line:
            return carried
        return with_head(carried if isinstance(carried, str) else "", line, self._spec(to))

    def _spec(self, side: Side) -> FieldSpec:
        return self.left_spec if side == "left" else self.right_spec

    def _origin(self, copy: Side) -> str:
        return self.left_connection if copy == "right" else self.right_connection


def who_of(origin: str) -> str:
    """What a line about somebody of a connection looks like, as a regular expression."""
    return _WHO % re.escape(origin)


def with_head(text: str, line: str, spec: FieldSpec) -> str:
    """The text with a line above it, or before it where there is one line. A web address in it is a link."""
    if spec.type is not FieldType.TEXT:
        return f"{line} {text}".rstrip()
    if spec.dialect == "adf":
        head = {"type": "paragraph", "content": [_adf_run(piece) for piece in _pieces(line)]}
        body = _adf(text) or {"type": "doc", "version": 1, "content": []}
        return _dump({**body, "content": [head, *body.get("content", ())]})
    if spec.dialect == "html":
        return f"<p>{''.join(_html_run(piece) for piece in _pieces(line))}</p>{text}"
    return f"{line}\n\n{text}" if text else line


def split_head(text: str, spec: FieldSpec, who: str) -> tuple[str, Value]:
    """The line that ``who`` describes, empty for none, and the text below it."""
    if spec.type is FieldType.TEXT and spec.dialect == "adf":
        return _adf_split(text, who)
    if spec.type is FieldType.TEXT and spec.dialect == "html":
        found = re.match(r"\s*<p>(.*?)</p>\s*", text, re.DOTALL)
        said = html.unescape(re.sub(r"<[^<>]*>", "", found[1])).strip() if found else ""
        if found is None or re.fullmatch(who, said) is None:
            return "", text
        return said, text[found.end() :] or None
    found = re.match(rf"({who})(?:{_GAP}|$)", text)
    return (found[1], text[found.end() :] or None) if found else ("", text)


def _pieces(line: str) -> list[str]:
    """The words and the web addresses of a line, in turn."""
    return [piece for piece in re.split(r"(https?://\S+)", line) if piece]


def _adf_run(piece: str) -> dict[str, Any]:
    if not piece.startswith("http"):
        return {"type": "text", "text": piece}
    return {"type": "text", "text": piece, "marks": [{"type": "link", "attrs": {"href": piece}}]}


def _html_run(piece: str) -> str:
    said = html.escape(piece, quote=False)
    return f'<a href="{html.escape(piece)}">{said}</a>' if piece.startswith("http") else said


def _adf(text: str) -> dict[str, Any] | None:
    try:
        body = json.loads(text) if text else None
    except ValueError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("content", []), list) else None


def _adf_split(text: str, who: str) -> tuple[str, Value]:
    body = _adf(text)
    blocks = body.get("content", []) if body else []
    if not body or not blocks or not isinstance(blocks[0], dict) or blocks[0].get("type") != "paragraph":
        return "", text
    said = "".join(str(node.get("text", "")) for node in blocks[0].get("content", ()) if isinstance(node, dict))
    if re.fullmatch(who, said) is None:
        return "", text
    return said, _dump({**body, "content": blocks[1:]}) if blocks[1:] else None


def _dump(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def line_of(name: str | None, connection: str) -> str:
    """The line for one person. Of an e-mail address only the part before the @ is told: it may become public.

    Angle brackets are left out: a name may not look like a tag, and the line must be known again by ``_WHO``.
    """
    shown = " ".join(re.sub(r"[<>]", " ", (name or "").partition("@")[0]).split())[:80].rstrip() or NOBODY
    return f"{shown} ({connection}):"
