"""What a dialect has no words for, as Markdown in a code block: a quote in an item of Jira's lists, code in one of Redmine's.

People read it there as what it is, may edit it, and it comes back as what it was. Only the smallest part that does not fit
is carried so. Its language ``raw-markdown`` tells it from Markdown that somebody shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from mappings.text.document import (
    Block,
    Blocks,
    Document,
    Expand,
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
from mappings.text.read_markdown import parse_markdown
from mappings.text.write_markdown import render_markdown

LANGUAGE: Final = "raw-markdown"
DEPTH: Final = 8
_WORD: Final = Paragraph((Text("x"),))

Fits: TypeAlias = Callable[[Blocks, Blocks], bool]
"""Whether the first blocks, written in the dialect, read back as the second."""


def expanded(document: Document, depth: int = 0) -> Document:
    """The document with what was carried as Markdown in its place."""
    return normal_document(_opened(document.blocks, depth)) if depth < DEPTH else document


def _opened(blocks: Blocks, depth: int) -> Blocks:
    out: list[Block] = []
    for block in blocks:
        if isinstance(block, Opaque) and block.dialect == "markdown":
            out.extend(expanded(parse_markdown(block.source), depth + 1).blocks)
        else:
            out.append(_inside(block, depth))
    return tuple(out)


def _inside(block: Block, depth: int) -> Block:
    match block:
        case Quote(inner) | Panel(_, inner) | Expand(_, inner):
            return replace(block, blocks=_opened(inner, depth))
        case Listing(items):
            return replace(block, items=tuple(replace(item, blocks=_opened(item.blocks, depth)) for item in items))
        case Table(rows):
            return Table(
                tuple(tuple(replace(cell, blocks=_opened(cell.blocks, depth)) for cell in row) for row in rows)
            )
    return block


def fitted(blocks: Blocks, fits: Fits, depth: int = 0) -> Blocks:
    """The blocks, each in a form that comes back; what cannot be helped stays as it is."""
    return tuple(_fitted(block, fits, depth) for block in blocks)


def _fitted(block: Block, fits: Fits, depth: int) -> Block:
    if fits((block,), (block,)):
        return block
    if depth < DEPTH:
        inner = _parts(block, fits, depth + 1)
        if inner != block and fits((inner,), (block,)):
            return inner
    source = render_markdown(Document((block,)))
    held = Opaque("markdown", source, source[:60])
    return held if fits((held,), (block,)) else block


def _parts(block: Block, fits: Fits, depth: int) -> Block:
    """The block with each part in it in a form that fits in its place."""
    match block:
        case Quote(blocks) | Panel(_, blocks) | Expand(_, blocks):
            box = block

            def boxed(form: Blocks, meant: Blocks) -> bool:
                return fits((replace(box, blocks=form),), (replace(box, blocks=meant),))

            return replace(block, blocks=fitted(blocks, boxed, depth))
        case Listing(items):
            return replace(block, items=tuple(_item(block, item, fits, depth) for item in items))
    return block


def _item(listing: Listing, item: Item, fits: Fits, depth: int) -> Item:
    def among(before: Blocks) -> Fits:
        def listed(form: Blocks, meant: Blocks) -> bool:
            one, other = (replace(listing, items=(Item((*before, *blocks)),)) for blocks in (form, meant))
            return fits((one,), (other,))

        return listed

    first = fitted(item.blocks[:1], among(()), depth)
    return replace(item, blocks=(*first, *fitted(item.blocks[1:], among((_WORD,)), depth)))
