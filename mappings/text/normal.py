"""The normal form of a tree: two texts are the same when their normal forms are equal. Pure.

Declared equal, because no pair of dialects keeps it apart: white space runs and edges; empty paragraphs; a link that shows
its own address and the bare address; a link without an address and its words; styles other than a link on code; styles on
white space; how tight a list is; an empty line in a paragraph and two paragraphs, but in cells; an item that begins with
``[x]`` and a checked item; an emoji and its character; presentation (widths, layouts, local ids).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from mappings.text.document import (
    RAW,
    Block,
    Blocks,
    Break,
    Cell,
    CodeBlock,
    Document,
    Expand,
    Heading,
    Image,
    Inline,
    Inlines,
    Item,
    Listing,
    Mark,
    Marks,
    Opaque,
    Panel,
    Paragraph,
    Quote,
    Table,
    Text,
    without_mark,
)

_SPACE: Final = re.compile(r"[ \t\r\n\f\v]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_BARE: Final = re.compile(r"(?:https?://|mailto:)[^\s<>\"]+")
_TASK: Final = re.compile(r"\[([ xX])\](?: |$)")
_SILENT: Final = frozenset({"strong", "em", "color", "small", "key", "sub", "sup"})


def normal_document(blocks: Iterable[Block]) -> Document:
    """The document of these blocks in normal form; applying it twice changes nothing."""
    return Document(normal_blocks(blocks))


def normal_blocks(blocks: Iterable[Block]) -> Blocks:
    out: list[Block] = []
    for found in _found(blocks):
        parts = tuple(_parted(found))
        out.extend(parts if parts == (found,) else _found(parts))
    return tuple(out)


def _found(blocks: Iterable[Block]) -> Blocks:
    return tuple(found for block in blocks if (found := _block(block)) is not None)


def _block(block: Block) -> Block | None:  # noqa: PLR0911 — a table of cases
    match block:
        case Paragraph() | Heading():
            content = normal_inlines(block.content)
            if len(content) == 1 and isinstance(only := content[0], Opaque) and isinstance(block, Paragraph):
                return replace(only, marks=())
            return replace(block, content=content) if content else None
        case CodeBlock():
            return _code_block(block)
        case Listing():
            items = tuple(_item(item) for item in block.items)
            return replace(block, items=items, start=block.start if block.ordered else 1) if items else None
        case Table(rows):
            return _table(rows)
        case Quote() | Panel():
            blocks = normal_blocks(block.blocks)
            return replace(block, blocks=blocks) if blocks else None
        case Expand(title, blocks):
            return Expand(clean(title).strip(), normal_blocks(blocks))
        case Opaque(source=source):
            return replace(block, source=whole(source))
    return block


def _language(language: str) -> str:
    words = clean(language).split()
    return words[0].lower() if words else ""


def _code_block(block: CodeBlock) -> Block:
    text, language = _code(block.text), _language(block.language)
    if language in RAW and text:
        return Opaque(RAW[language], text, text[:60])
    return CodeBlock(text, language)


def _code(text: str) -> str:
    lines = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd")).split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return "\n".join(lines)


def _item(item: Item) -> Item:
    blocks = normal_blocks(item.blocks)
    if item.checked is None and blocks and isinstance(blocks[0], Paragraph):
        first = blocks[0].content[0]
        found = _TASK.match(first.text) if isinstance(first, Text) and not first.marks else None
        if found and isinstance(first, Text):
            rest = normal_inlines((Text(first.text[found.end() :]), *blocks[0].content[1:]))
            paragraph: Blocks = (replace(blocks[0], content=rest),) if rest else ()
            return Item((*paragraph, *blocks[1:]), checked=found[1] != " ")
    return Item(blocks, item.checked)


def _parted(block: Block) -> Iterable[Block]:
    """A paragraph with an empty line in it is two. In the cell of a table it is one: there no dialect has two."""
    if not isinstance(block, Paragraph):
        yield block
        return
    start = 0
    for at, leaf in enumerate(block.content):
        if isinstance(leaf, Break) and isinstance(block.content[at - 1], Break):
            if start < at - 1:
                yield replace(block, content=block.content[start : at - 1])
            start = at + 1
    yield replace(block, content=block.content[start:]) if start else block


def _table(rows: tuple[tuple[Cell, ...], ...]) -> Table | None:
    kept = tuple(tuple(_cell(cell) for cell in row) for row in rows if row)
    return Table(kept) if kept else None


def _cell(cell: Cell) -> Cell:
    blocks = _found(cell.blocks)
    aligns = {block.align for block in cell.blocks if isinstance(block, Paragraph)}
    align = cell.align
    if len(aligns) == 1 and not align:
        align = next(iter(aligns))
    if align:
        blocks = tuple(replace(block, align="") if isinstance(block, Paragraph) else block for block in blocks)
    return replace(cell, blocks=blocks, align=align if align != "left" else "")


def whole(text: str) -> str:
    """Text without lone surrogates, which no tracker can be sent."""
    return text if text.isascii() else _SURROGATE.sub("", text)


def clean(text: str) -> str:
    """Text without control characters, white space runs as one space."""
    return _SPACE.sub(" ", _CONTROL.sub("", text.replace("\x00", "\ufffd")))


def normal_inlines(content: Iterable[Inline]) -> Inlines:
    runs = _merged(_leaf(leaf) for leaf in content)
    runs = _merged(_bare(leaf) for leaf in runs)
    return _merged(_quiet(_edges(runs)))


def _leaf(leaf: Inline) -> Inline:  # noqa: PLR0911 — a table of cases
    if isinstance(leaf, Text):
        if leaf.marks and leaf.marks[0].name == "link" and (carried := _carried(leaf.text, leaf.marks[0])):
            return carried
        if leaf.is_code:
            text = _CONTROL.sub(
                "", leaf.text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ").replace("\x00", "\ufffd")
            )
            return Text(text, _titled(tuple(mark for mark in leaf.marks if mark.name in {"link", "code"})))
        return Text(clean(leaf.text), _titled(leaf.marks))
    if isinstance(leaf, Image):
        return Image(whole(leaf.source), clean(leaf.alt), clean(leaf.title), _link_only(leaf.marks))
    if isinstance(leaf, Break):
        return Break()
    if isinstance(leaf, Opaque):
        return replace(leaf, source=whole(leaf.source), marks=_link_only(leaf.marks))
    return replace(leaf, value=whole(leaf.value), text=clean(leaf.text), marks=_link_only(leaf.marks))


def _carried(text: str, link: Mark) -> Inline | None:
    """What a dialect without a word for it carries as a link: an image inside a line, or what only another one knows."""
    if link.title == "image" or link.title.startswith("image: "):
        return Image(
            link.value,
            "" if text == link.value else clean(text),
            clean(link.title.removeprefix("image").removeprefix(": ")),
        )
    scheme, _, source = link.value.partition(":")
    return Opaque(RAW[scheme], unquote(source), unquote(source)[:60]) if scheme in RAW and source else None


def _link_only(marks: Marks) -> Marks:
    return _titled(tuple(mark for mark in marks if mark.name == "link"))


def _titled(marks: Marks) -> Marks:
    """A link without an address is none; a title is one line."""
    if not marks or (link := marks[0]).name != "link":
        return marks
    if not (value := whole(link.value)):
        return marks[1:]
    title = clean(link.title).strip() if link.title else ""
    return marks if (value, title) == (link.value, link.title) else (Mark("link", value, title), *marks[1:])


def _bare(leaf: Inline) -> Inline:
    """A link that shows its own address is the bare address."""
    if not isinstance(leaf, Text) or not leaf.marks or leaf.marks[0].name != "link" or leaf.marks[0].title:
        return leaf
    address = leaf.marks[0].value
    if leaf.is_code or not _BARE.fullmatch(address):
        return leaf
    if leaf.text in {address, address.removeprefix("mailto:")}:
        return Text(leaf.text, without_mark(leaf.marks, "link"))
    return leaf


def _merged(runs: Iterable[Inline]) -> Inlines:
    """Neighbours with the same marks joined, empty text dropped, space runs over a seam made one."""
    out: list[Inline] = []
    for leaf in runs:
        if not isinstance(leaf, Text):
            out.append(leaf)
            continue
        last = out[-1] if out else None
        text = leaf.text
        if isinstance(last, Text) and not last.is_code and not leaf.is_code and last.text.endswith(" "):
            text = text.lstrip(" ")
        if not text:
            continue
        if isinstance(last, Text) and last.marks == leaf.marks:
            out[-1] = Text(last.text + text, leaf.marks)
        else:
            out.append(Text(text, leaf.marks))
    return tuple(out)


def _edges(runs: Inlines) -> Inlines:
    """No spaces and no breaks at the ends, no spaces beside a break."""
    out: list[Inline] = []
    for leaf in runs:
        if isinstance(leaf, Break):
            _strip_end(out)
            if out:
                out.append(leaf)
        elif isinstance(leaf, Text) and not leaf.is_code and (not out or isinstance(out[-1], Break)):
            if text := leaf.text.lstrip(" "):
                out.append(Text(text, leaf.marks))
        else:
            out.append(leaf)
    _strip_end(out)
    while out and isinstance(out[-1], Break):
        out.pop()
    return tuple(out)


def _strip_end(out: list[Inline]) -> None:
    while out and isinstance(last := out[-1], Text) and not last.is_code:
        if text := last.text.rstrip(" "):
            out[-1] = Text(text, last.marks)
            return
        out.pop()


def _quiet(runs: Inlines) -> Iterable[Inline]:
    """Spaces at the ends of a leaf lose styles that do not show on a space and do not go on beside it."""
    for at, leaf in enumerate(runs):
        if (
            not isinstance(leaf, Text)
            or leaf.is_code
            or not any(mark.name in _SILENT or mark.name == "strike" for mark in leaf.marks)
        ):
            yield leaf
            continue
        before = runs[at - 1].marks if at else ()
        after = runs[at + 1].marks if at + 1 < len(runs) else ()
        body = leaf.text.strip(" ")
        if not body:
            yield Text(leaf.text, _shared(leaf.marks, before, after))
            continue
        if leaf.text.startswith(" "):
            yield Text(" ", _shared(leaf.marks, before, leaf.marks))
        yield Text(body, leaf.marks)
        if leaf.text.endswith(" "):
            yield Text(" ", _shared(leaf.marks, leaf.marks, after))


def _shared(marks: Marks, before: Marks, after: Marks) -> Marks:
    quiet = _SILENT | {"strike"}
    return tuple(mark for mark in marks if mark.name not in quiet or (mark in before and mark in after))
