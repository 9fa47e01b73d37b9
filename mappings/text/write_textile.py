"""The tree as Textile for Redmine. Signs are written as numbered entities; what Textile has no word for (boxes, folds, styles
inside words, breaks in cells) is written as near as it goes, and the guard of the lens sees that something was lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
from mappings.text.read_wiki_inline import SIGNS
from mappings.text.shown import addresses, image_leaf, raw_block, raw_leaf

_ESCAPED: Final = re.compile(
    r"[*+^~|\"@%\\]"
    r"|(?<![^\W_])[-_]|[-_](?![^\W_])"
    r"|!(?=\S|$)|[?={}<>]"
    r"|&(?=#\d+;)"
)
_LINE: Final = re.compile(r"#(?=#*\s)|(?:h[1-6]|bq|p)[=>]?\.")
_LINK: Final = re.compile(r"[^\w/:?=#@%~$'*,;.-]|[*_~.,;:!?)\]]$|&(?=#)")
_ALIGNS: Final = {"": "", "center": "=", "right": ">"}


def render_textile(document: Document) -> str:
    return _blocks(document.blocks)


def _blocks(blocks: Sequence[Block]) -> str:
    return "\n\n".join(_block(block) for block in blocks)


def _block(block: Block) -> str:  # noqa: PLR0911 — a table of cases
    match block:
        case Paragraph(content, align):
            return f"p{_ALIGNS[align]}. {inlines(content)}" if align else _paragraph(content)
        case Heading(level, content, align):
            return f"h{level}{_ALIGNS[align]}. {inlines(content)}"
        case CodeBlock(text, language):
            name = f' class="{language}"' if language else ""
            return f"<pre><code{name}>\n{text}\n</code></pre>"
        case Rule():
            return "---"
        case Listing():
            return "\n".join(_listing(block, ""))
        case Table(rows):
            return "\n".join("|" + "".join(_cell(cell) for cell in row) for row in rows)
        case Opaque(dialect, source):
            return source if dialect == "textile" else _block(raw_block(block))
    return _box(block)


def _box(block: Quote | Panel | Expand) -> str:
    inner = _blocks(block.blocks)
    match block:
        case Quote():
            return "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))
        case Panel(kind):
            return f"*{kind.capitalize()}*\n\n{inner}"
        case Expand(title):
            return f"*{escaped(title)}*\n\n{inner}"


def _listing(block: Listing, above: str) -> list[str]:
    marker = above + ("#" if block.ordered else "*")
    return [line for item in block.items for line in _item(item, marker)]


def _item(item: Item, marker: str) -> list[str]:
    tick = "" if item.checked is None else "[x] " if item.checked else "[ ] "
    lines = [_block(block) for block in item.blocks if not isinstance(block, Listing)]
    inner = [line for block in item.blocks if isinstance(block, Listing) for line in _listing(block, marker)]
    return [f"{marker} {tick}" + "\n".join(lines), *inner] if lines or tick or not inner else inner


def _cell(cell: Cell) -> str:
    content = cell.blocks[0].content if len(cell.blocks) == 1 and isinstance(cell.blocks[0], Paragraph) else ()
    text = inlines(content) if content else " ".join(_block(block) for block in cell.blocks)
    spans = (f"\\{cell.columns}" if cell.columns > 1 else "") + (f"/{cell.rows}" if cell.rows > 1 else "")
    signs = ("_" if cell.header else "") + _ALIGNS[cell.align] + spans
    return f"{signs}. {text} |" if signs else f" {text} |"


def _paragraph(content: Inlines) -> str:
    return "\n".join(_line(line) for line in inlines(content).split("\n"))


def _line(line: str) -> str:
    """A line whose beginning would mean a block is escaped."""
    found = _LINE.match(line)
    if not found:
        return line
    return f"&#35;{line[1:]}" if line[0] == "#" else f"{found[0][:-1]}&#46;{line[found.end() :]}"


def inlines(content: Inlines) -> str:
    return _joined(nested(content), linked=False)


def _joined(tree: Sequence[Nested], *, linked: bool) -> str:
    return "".join(_nested(each, linked=linked) for each in tree)


def _nested(each: Nested, *, linked: bool) -> str:  # noqa: PLR0911 — a table of cases
    match each:
        case Group(mark, content):
            if mark.name == "link":
                return _link(_joined(content, linked=True), mark.value, mark.title)
            sign = SIGNS.get(mark.name, "")
            return sign + _joined(content, linked=linked) + sign
        case Text(text):
            return _code(text) if each.is_code else _text(text, linked=linked)
        case Break():
            return "\n"
        case Image(source, alt, title):
            return _image(source, alt, title)
        case Chip(kind, value, text):
            return _link(escaped(text), f"{kind}:{value}", "")
        case Opaque(dialect, source):
            return source if dialect == "textile" else _joined(nested((raw_leaf(each),)), linked=False)


def _link(label: str, address: str, title: str) -> str:
    body = re.sub(r"\)$", "&#41;", label) if not title else label
    tip = f"({_entities(title)})" if title else ""
    return f'"{body}{tip}":{_LINK.sub(_entity, address)}'


def _image(source: str, alt: str, title: str) -> str:
    if title or not re.fullmatch(r"https?://[^\s!()\"]+", source):
        held = image_leaf(Image(source, alt, title))
        return _link(escaped(held.text), source, held.marks[0].title)
    return f"!{source}({_entities(alt)})!" if alt else f"!{source}!"


def _code(text: str) -> str:
    """Not ``@code@``, where there is another way: of that Redmine calls who bears the name of its first word."""
    is_plain = "</code>" in text and "@" not in text and text == text.strip()
    return f"@{text}@" if is_plain else f"<code>{text}</code>"


def _text(text: str, *, linked: bool) -> str:
    if linked:
        return escaped(text)
    return "".join(piece if is_address and _is_bare(piece) else escaped(piece) for piece, is_address in addresses(text))


def _is_bare(address: str) -> bool:
    return not re.search(r"[\[\]|]|&#", address)


def escaped(text: str) -> str:
    """Text in which no character is a sign of Textile."""
    out = _ESCAPED.sub(_entity, text)
    return re.sub(r"^[^\S \n]+|[^\S \n]+$", lambda found: "".join(f"&#{ord(c)};" for c in found[0]), out)


def _entities(text: str) -> str:
    return re.sub(r"[()&!\"]", _entity, text)


def _entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"
