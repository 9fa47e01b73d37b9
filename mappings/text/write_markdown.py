"""The tree as Markdown that GitHub and CommonMark read the same way. What Markdown has no word for is written as HTML.

Plain text is escaped where it would mean something, and only there. Styles are written with ``*``, ``_`` and ``~~``; where
CommonMark would not read those back (``a**(b)**c``) with tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from mappings.text.document import (
    Block,
    Break,
    Cell,
    Chip,
    CodeBlock,
    Document,
    Expand,
    Heading,
    Image,
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
from mappings.text.nesting import Group, Nested, nested
from mappings.text.read_markdown import parse_inline
from mappings.text.shown import addresses, raw_block, raw_leaf
from mappings.text.write_html import html_block, tags

_ESCAPED: Final = re.compile(
    r"[`*\[~]"  # always
    r"|\\(?=[!-/:-@\[-`{-~]|$)"
    r"|(?<![^\W_])_|_(?![^\W_])"  # not inside a word
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?\w+;)"
    r"|!$"
)
_LINE: Final = re.compile(r"(#{1,6}(?=\s|$)|[-+](?=\s|$)|>|[=-]+\s*$|[|:-][ \t|:-]*$)")
_NUMBERED: Final = re.compile(r"(\d{1,9})([.)](?=\s|$))")
_DELIMITERS: Final = {"strong": "**", "em": "*", "strike": "~~"}
_STYLED: Final = frozenset(_DELIMITERS)


def render_markdown(document: Document) -> str:
    return _blocks(document.blocks)


def _blocks(blocks: Sequence[Block], *, inner: bool = False) -> str:
    out: list[str] = []
    turned = False
    for at, block in enumerate(blocks):
        before = blocks[at - 1] if at else None
        turned = (
            isinstance(block, Listing)
            and isinstance(before, Listing)
            and before.ordered == block.ordered
            and not turned
        )
        if out:
            out.append("\n" if inner and _is_tight(before, block) else "\n\n")
        out.append(_listing(block, turned=turned) if isinstance(block, Listing) else _block(block, inner=inner))
    return "".join(out)


def _is_tight(before: Block | None, block: Block) -> bool:
    """Whether a list may follow a paragraph of its item without a blank line."""
    if not isinstance(before, Paragraph) or before.align or not isinstance(block, Listing):
        return False
    return bool(block.items[0].blocks) and (not block.ordered or block.start == 1)


def _block(block: Block, *, inner: bool) -> str:  # noqa: PLR0911 — a table of cases
    match block:
        case Paragraph(content, align) | Heading(_, content, align) if align:
            return html_block(block)
        case Paragraph(content):
            return _paragraph(content)
        case Heading(level, content):
            text = inlines(content, newline="<br>")
            return f"{'#' * level} " + re.sub(r"(#+)$", r"\\\1", text)
        case CodeBlock(text, language):
            return _fence(text, language)
        case Rule():
            return "___" if inner else "---"
        case Table(rows):
            return _table(rows) if _is_grid(rows) else html_block(block)
        case Opaque(dialect, source):
            return source if dialect == "html" and "\n\n" not in source else _block(raw_block(block), inner=inner)
    return _box(block)


def _box(block: Quote | Panel | Expand | Listing | Block) -> str:
    match block:
        case Quote(blocks):
            return _quoted(_blocks(blocks, inner=True))
        case Panel(kind, blocks):
            return _quoted(f"[!{kind.upper()}]\n" + _blocks(blocks, inner=True))
        case Expand(title, blocks):
            summary = f"<summary>{escape(title, quote=False)}</summary>"
            return f"<details>\n{summary}\n\n{_blocks(blocks, inner=True)}\n\n</details>"
    return ""


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def _fence(text: str, language: str) -> str:
    mark = "~" if "`" in language else "`"
    longest = max((len(run) for run in re.findall(f"{mark}+", text)), default=0)
    fence = mark * max(3, longest + 1)
    name = re.sub(r"[\\&]", r"\\\g<0>", language)
    return f"{fence}{name}\n{text}\n{fence}" if text else f"{fence}{name}\n{fence}"


def _listing(block: Listing, *, turned: bool) -> str:
    out: list[str] = []
    for at, item in enumerate(block.items):
        if block.ordered:
            mark = f"{min(block.start + at, 999999999)}{')' if turned else '.'} "
        else:
            mark = "* " if turned else "- "
        out.append(_item(item, mark))
    loose = any(len(item.blocks) > 1 and not _is_tight(item.blocks[0], item.blocks[1]) for item in block.items)
    return ("\n\n" if loose else "\n").join(out)


def _item(item: Item, mark: str) -> str:
    body = _blocks(item.blocks, inner=True)
    if item.checked is not None:
        tick = "[x]" if item.checked else "[ ]"
        if not item.blocks:
            return f"{mark}{tick}"
        body = f"{tick} {body}" if isinstance(item.blocks[0], Paragraph) else f"{tick}\n\n{body}"
    if not body:
        return mark.rstrip()
    indent = " " * len(mark)
    return mark + "\n".join(indent + line if line and at else line for at, line in enumerate(body.split("\n")))


def _is_grid(rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether GFM's tables can hold it: one row of headings, cells of one paragraph, one alignment a column."""
    width = len(rows[0])
    return (
        all(len(row) == width for row in rows)
        and all(cell.header == (row is rows[0]) for row in rows for cell in row)
        and all(_is_line(cell) for row in rows for cell in row)
        and all(len({row[at].align for row in rows}) == 1 for at in range(width))
    )


def _is_line(cell: Cell) -> bool:
    if cell.columns != 1 or cell.rows != 1 or len(cell.blocks) > 1:
        return False
    return not cell.blocks or (isinstance(block := cell.blocks[0], Paragraph) and not block.align)


def _table(rows: Sequence[Sequence[Cell]]) -> str:
    rules = {"": "---", "center": ":-:", "right": "--:"}
    delimiter = "| " + " | ".join(rules[cell.align] for cell in rows[0]) + " |"
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], delimiter, *lines[1:]])


def _cell(cell: Cell) -> str:
    content = cell.blocks[0].content if cell.blocks and isinstance(cell.blocks[0], Paragraph) else ()
    return inlines(content, newline="<br>").replace("|", "\\|")


def _paragraph(content: Inlines) -> str:
    lines = inlines(content, newline="  \n").split("\n")
    return "\n".join(_line(line) for line in lines)


def _line(line: str) -> str:
    """A line whose beginning would mean a block is escaped."""
    if _LINE.match(line):
        return "\\" + line
    return _NUMBERED.sub(r"\1\\\2", line, count=1) if _NUMBERED.match(line) else line


def inlines(content: Inlines, *, newline: str) -> str:
    """The content of a paragraph on one line, or on more when ``newline`` has one."""
    tree = nested(content)
    if not any(mark.name in _STYLED for leaf in content for mark in leaf.marks):
        return _joined(tree, newline, _tagged)
    text = _joined(tree, newline, _delimited)
    return text if parse_inline(text) == content else _joined(tree, newline, _tagged)


def _tagged(group: Group) -> tuple[str, str]:
    name = group.mark.name
    return tags(group.mark) if name != "link" else ("[", f"]({_address(group.mark.value, group.mark.title)})")


def _delimited(group: Group) -> tuple[str, str]:
    delimiter = _DELIMITERS.get(group.mark.name)
    if delimiter == "*" and any(isinstance(each, Group) and each.mark.name == "strong" for each in group.content):
        delimiter = "_"
    return (delimiter, delimiter) if delimiter else _tagged(group)


def _joined(
    tree: Sequence[Nested], newline: str, style: Callable[[Group], tuple[str, str]], *, linked: bool = False
) -> str:
    out: list[str] = []
    for at, each in enumerate(tree):
        if isinstance(each, Group):
            opened, closed = style(each)
            within = linked or each.mark.name == "link"
            out.append(opened + _joined(each.content, newline, style, linked=within) + closed)
        elif isinstance(each, Break):
            more = at + 1 < len(tree) and isinstance(tree[at + 1], Break)
            out.append("<br>" if more else newline)
        else:
            out.append(_leaf(each, linked=linked))
    return "".join(out)


def _leaf(leaf: Text | Image | Chip | Opaque | Break, *, linked: bool) -> str:
    match leaf:
        case Text(text):
            return _code(text) if leaf.is_code else _text(text, linked=linked)
        case Image(source, alt, title):
            return f"![{escaped(alt, linked=True)}]({_address(source, title)})"
        case Chip(kind, value, text):
            return f"[{escaped(text, linked=True)}]({_address(f'{kind}:{value}', '')})"
        case Opaque(dialect, source):
            as_is = dialect == "html" and parse_inline(source) == (leaf,)
            return source if as_is else _raw(leaf)
    return ""


def _raw(leaf: Opaque) -> str:
    link = raw_leaf(leaf)
    return f"[{escaped(link.text, linked=True)}]({_address(link.marks[0].value, '')})"


def _code(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    lengths = {len(run) for run in re.findall("`+", text)}
    fence = "`" * next(n for n in range(1, longest + 2) if n not in lengths)
    pad = text[0] == "`" or text[-1] == "`" or (text[0] == " " == text[-1] and bool(text.strip(" ")))
    return f"{fence} {text} {fence}" if pad else f"{fence}{text}{fence}"


def _text(text: str, *, linked: bool) -> str:
    if linked:
        return escaped(text, linked=True)
    return "".join(
        (piece if _is_bare(piece) else f"<{piece}>") if is_address else escaped(piece)
        for piece, is_address in addresses(text)
    )


def _is_bare(address: str) -> bool:
    return escaped(address) == address and not re.search(r"&#?\w+$", address)


def escaped(text: str, *, linked: bool = False) -> str:
    """Text with backslashes where Markdown would see a sign; spaces that parsers drop at the ends of lines as entities."""
    out = _ESCAPED.sub(r"\\\g<0>", text)
    if linked:
        out = out.replace("]", "\\]")
    return re.sub(r"^[^\S \n]+|[^\S \n]+$", lambda found: "".join(f"&#{ord(c)};" for c in found[0]), out)


def _address(address: str, title: str) -> str:
    if not address or re.search(r"[\s()<>\\&*_~`\[\]|]|[\x00-\x20]", address):
        body = re.sub(r"[\\<>]|&(?=#?\w+;)", r"\\\g<0>", address)
        address = "<" + body.replace("\n", "%0A").replace("\r", "%0D") + ">"
    if not title:
        return address
    return f'{address} "' + re.sub(r'[\\"]|&(?=#?\w+;)', r"\\\g<0>", title) + '"'
