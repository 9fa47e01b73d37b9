"""The lens between two dialects of text. Law: as every lens (I11), with ``canonical`` as the equality (S6).

Guard: a value that does not come back from the other dialect as it was is never written; it is held as "lossy", with what
would be lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bridge.model import Value
from mappings.lenses import UnmappedError
from mappings.text import document as tree
from mappings.text.convert import canonical, parse, rendered

_NAMES: Final = {"adf": "ADF", "html": "HTML", "markdown": "Markdown", "plain": "plain text", "textile": "Textile"}
_BLOCKS: Final = {
    "Heading": "heading",
    "CodeBlock": "code block",
    "Rule": "rule",
    "Quote": "quote",
    "Panel": "panel",
    "Expand": "fold",
    "Table": "table",
    "Image": "image",
    "Break": "line break",
    "Paragraph": "paragraph",
}


@dataclass(frozen=True, slots=True)
class Text:
    """Carries text between the dialects of the two sides. None and text without content are the same."""

    left_dialect: tree.Dialect
    right_dialect: tree.Dialect

    def to_right(self, value: Value) -> Value:
        return carried(value, self.left_dialect, self.right_dialect)

    def to_left(self, value: Value) -> Value:
        return carried(value, self.right_dialect, self.left_dialect)

    def agree(self, left: Value, right: Value) -> bool:
        if self.left_dialect == self.right_dialect and left == right:
            return True
        return canonical(_string(left), self.left_dialect) == canonical(_string(right), self.right_dialect)


def _string(value: Value) -> str:
    return value if isinstance(value, str) else ""


def carried(value: Value, source: tree.Dialect, target: tree.Dialect) -> Value:
    """The text in the target's dialect. Raises UnmappedError ("lossy") when it would not come back as it is."""
    if not isinstance(value, str) or source == target:
        return value
    document = parse(value, source)
    out, back = rendered(document, target)
    if back != document:
        raise UnmappedError(value, "lossy", _message(document, back, target))
    return out or None


def _message(document: tree.Document, back: tree.Document, target: tree.Dialect) -> str:
    missing = Counter(_features(document)) - Counter(_features(back))
    what = ", ".join(f"{count} × {name}" if count > 1 else name for name, count in sorted(missing.items()))
    name = _NAMES.get(target, f"{target} markup")
    return f"{name} cannot hold this text as it is; lost would be: {what or 'how its parts are nested'}"


def _features(part: object) -> Iterator[str]:
    """What a person would call the things in a tree."""
    if isinstance(part, tuple):
        for each in part:
            yield from _features(each)
        return
    name = type(part).__name__
    if name in _BLOCKS:
        yield _BLOCKS[name]
    yield from _details(part)
    for slot in ("blocks", "content", "items", "rows"):
        inside = getattr(part, slot, None)
        if isinstance(inside, tuple):
            yield from _features(inside)


def _details(part: object) -> Iterator[str]:
    match part:
        case tree.Listing(items, ordered):
            yield "numbered list" if ordered else "list"
            yield from ("task" for item in items if item.checked is not None)
        case tree.Opaque(dialect, source, label):
            yield f"{dialect} {label or source[:40]}"
        case tree.Chip(kind):
            yield kind
        case tree.Text(_, marks):
            yield from (f"{mark.name} text" if mark.name != "link" else "link" for mark in marks)
        case tree.Paragraph(_, align) | tree.Heading(_, _, align) if align:
            yield "alignment"
        case tree.Cell(_, _, _, columns, rows) if columns > 1 or rows > 1:
            yield "joined cells"
