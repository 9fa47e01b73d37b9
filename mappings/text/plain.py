"""Plain text into the tree and back. It has paragraphs and line breaks, and nothing in it is a sign of anything.

Spaces at the beginning of a line are kept as no-break spaces, which other dialects do not drop. Rich trees are written the
way people write mails; that loses what the signs meant, which the guard of the lens reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from mappings.text.document import (
    Block,
    Break,
    Chip,
    CodeBlock,
    Document,
    Expand,
    Heading,
    Image,
    Inline,
    Inlines,
    Item,
    Listing,
    Opaque,
    Panel,
    Paragraph,
    Quote,
    Rule,
    Table,
    Text,
)
from mappings.text.normal import normal_document
from mappings.text.shown import shown

_BLANK: Final = re.compile(r"\n(?:[ \t]*\n)+")
_MANY: Final = re.compile(r"\n{3,}")
_INDENT: Final = re.compile(r"^[ \t]+")
_KEPT: Final = re.compile("^\u00a0++(?![ \n]|$)", re.MULTILINE)


def parse_plain(text: str) -> Document:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return normal_document(Paragraph(_lines(part.split("\n"))) for part in _BLANK.split(lines))


def _lines(lines: Sequence[str]) -> Inlines:
    out: list[Inline] = []
    for at, line in enumerate(lines):
        if at:
            out.append(Break())
        out.append(Text(_INDENT.sub(lambda found: "\u00a0" * len(found[0].expandtabs(4)), line)))
    return tuple(out)


def render_plain(document: Document) -> str:
    return _MANY.sub("\n\n", _blocks(document.blocks)).strip("\n")


def _blocks(blocks: Iterable[Block]) -> str:
    return "\n\n".join(_block(block) for block in blocks)


def _block(block: Block) -> str:  # noqa: PLR0911 — a table of cases
    match block:
        case Paragraph(content) | Heading(_, content):
            return _KEPT.sub(lambda found: " " * len(found[0]), _inlines(content))
        case CodeBlock(text):
            return _indented(text, "    ")
        case Rule():
            return "-" * 20
        case Listing(items, ordered, start):
            return "\n".join(_item(item, f"{start + at}. " if ordered else "- ") for at, item in enumerate(items))
        case Table(rows):
            return "\n".join(" | ".join(_blocks(cell.blocks).replace("\n", " ") for cell in row) for row in rows)
        case Opaque():
            return shown(block)
    return _box(block)


def _box(block: Quote | Panel | Expand) -> str:
    inner = _blocks(block.blocks)
    match block:
        case Quote():
            return _indented(inner, "> ")
        case Panel(kind):
            return f"{kind.upper()}: {inner}"
        case Expand(title):
            return f"{title}\n\n{inner}"


def _item(item: Item, mark: str) -> str:
    tick = "" if item.checked is None else "[x] " if item.checked else "[ ] "
    lines = "\n".join(_block(block) for block in item.blocks).split("\n")
    return (mark + tick + ("\n" + " " * len(mark)).join(lines)).rstrip()


def _indented(text: str, by: str) -> str:
    return "\n".join((by + line).rstrip() for line in text.split("\n"))


def _inlines(content: Inlines) -> str:
    return "".join(_leaf(leaf) for leaf in content)


def _leaf(leaf: Inline) -> str:
    match leaf:
        case Text(text, marks):
            link = next((mark.value for mark in marks if mark.name == "link"), "")
            return f"{text} ({link})" if link and link != text else text
        case Break():
            return "\n"
        case Image(source, alt):
            return f"{alt} ({source})" if alt else source
        case Chip(_, _, text):
            return text
        case Opaque():
            return shown(leaf)
