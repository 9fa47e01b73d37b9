"""A text made shorter: cut at a good place, and said to be so. Pure.

Good places, in this order: before a block, where that keeps most of what fits; the end of a line; of a word; at least between
two characters as people see them. A list ends with a whole line of an item, a table with a whole row.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import Final

from mappings.text.document import (
    Block,
    Blocks,
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
    Table,
    Text,
)
from mappings.text.normal import normal_document

DOTS: Final = "…"
NOTICE: Final = f"{DOTS} shortened. The whole text:"
"""What the last paragraph of a shortened text begins with; the address of the whole one follows."""

NO_ADDRESS: Final = f"{DOTS} shortened. The whole text is elsewhere."

_MOST: Final = 0.8
"""A cut before a block has to keep this part of what fits."""

_FAR: Final = 60
"""How far back an end of a word is looked for, in characters."""

_LETTER: Final = "\U0001f1e6", "\U0001f1ff"


def shortened(document: Document, most: int, url: str) -> Document:
    """The beginning of a document, about ``most`` characters of it, and a paragraph that says so."""
    kept = _blocks(document.blocks, most)
    whole = document.blocks[: len(kept)] == kept
    before = document.blocks[: max(0, len(kept) - 1)]
    if kept and not whole and sum(map(_size, before)) >= _MOST * most:
        kept = before
    return normal_document((*kept, Paragraph((Text(f"{NOTICE} {url}" if url else NO_ADDRESS),))))


def shortened_from(document: Document) -> str | None:
    """The address of the whole text, "" where none is told; None for a document that does not end like a shortened one."""
    last = document.blocks[-1] if document.blocks else None
    if not isinstance(last, Paragraph):
        return None
    said = "".join(leaf.text for leaf in last.content if isinstance(leaf, Text))
    return "" if said == NO_ADDRESS else said.removeprefix(NOTICE).strip() if said.startswith(NOTICE) else None


def size(document: Document) -> int:
    """How many characters people see of it, about."""
    return sum(map(_size, document.blocks))


def shortened_line(line: str, most: int) -> str:
    """The beginning of a line and ``…``, ``most`` characters at most."""
    return line[: _cut(line, max(0, most - len(DOTS)))].rstrip() + DOTS


def _size(part: object) -> int:  # noqa: PLR0911 — a table of cases
    match part:
        case Text(text) | CodeBlock(text):
            return len(text) + 1
        case Opaque(_, source):
            return len(source)
        case Image(source, alt):
            return len(source) + len(alt)
        case Chip(_, value, text):
            return len(value) + len(text)
        case tuple():
            return sum(map(_size, part))
        case Paragraph(content) | Heading(_, content):
            return _size(content) + 1
        case Table(rows):
            return _size(rows)
        case Listing(items):
            return _size(items)
        case Quote(blocks) | Panel(_, blocks) | Expand(_, blocks) | Item(blocks):
            return _size(blocks) + 2
    inside = getattr(part, "blocks", None)
    return _size(inside) + 2 if isinstance(inside, tuple) else 1


def _blocks(blocks: Blocks, room: int) -> Blocks:
    """The blocks that fit, the last of them cut."""
    out: list[Block] = []
    for block in blocks:
        needed = _size(block)
        if needed <= room:
            out.append(block)
            room -= needed
            continue
        if (part := _block(block, room)) is not None:
            out.append(part)
        break
    return tuple(out)


def _block(block: Block, room: int) -> Block | None:
    """The beginning of one block; None where nothing of it fits."""
    match block:
        case Paragraph(content) | Heading(_, content):
            kept = _inlines(content, room)
            return replace(block, content=kept) if kept else None
        case CodeBlock(text):
            end = text.rfind("\n", 0, max(0, room))
            body = text[: end if end > 0 else _cut(text, room)]
            return replace(block, text=body) if body.strip() else None
        case Quote(blocks) | Panel(_, blocks) | Expand(_, blocks):
            inner = _blocks(blocks, room - 2)
            return replace(block, blocks=inner) if inner else None
        case Listing(items):
            return _listing(block, items, room)
        case Table(rows):
            return _table(block, rows, room)
    return None


def _listing(block: Listing, items: tuple[Item, ...], room: int) -> Block | None:
    out: list[Item] = []
    for item in items:
        needed = _size(item)
        if needed > room:
            inner = _blocks(item.blocks, room - 2)
            out.extend([replace(item, blocks=inner)] if inner else [])
            break
        out.append(item)
        room -= needed
    return replace(block, items=tuple(out)) if out else None


def _table(block: Table, rows: tuple[tuple[object, ...], ...], room: int) -> Block | None:
    kept = 0
    for row in rows:
        room -= _size(row)
        if room < 0:
            break
        kept += 1
    return replace(block, rows=block.rows[:kept]) if kept > 1 else None


def _inlines(content: Inlines, room: int) -> Inlines:
    out: list[Inline] = []
    for leaf in content:
        needed = _size(leaf)
        if needed <= room:
            out.append(leaf)
            room -= needed
            continue
        if isinstance(leaf, Text) and not leaf.is_code and (text := leaf.text[: _cut(leaf.text, room)].rstrip()):
            out.append(replace(leaf, text=text))
        break
    while out and isinstance(out[-1], Break):
        out.pop()
    return tuple(out)


def _cut(text: str, at: int) -> int:
    """Where to cut, at ``at`` or before it: the end of a word, else between two characters as people see them."""
    if at >= len(text):
        return len(text)
    if at <= 0:
        return 0
    if not text[at].isspace():
        space = max((found.start() for found in re.finditer(r"\s", text[max(0, at - _FAR) : at])), default=-1)
        if space >= 0:
            return max(0, at - _FAR) + space
    while at > 0 and _is_joined(text, at):
        at -= 1
    return at


def _is_joined(text: str, at: int) -> bool:
    """Whether the characters before and after a place are seen as one (after Unicode's Annex 29, in the main)."""
    before, after = text[at - 1], text[at]
    if before == "\u200d" or after == "\u200d" or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f" or "\udc00" <= after <= "\udfff":
        return True
    if before == "\r" and after == "\n":
        return True
    if not _LETTER[0] <= after <= _LETTER[1]:
        return False
    flags = 0
    while flags < at and _LETTER[0] <= text[at - 1 - flags] <= _LETTER[1]:
        flags += 1
    return flags % 2 == 1
