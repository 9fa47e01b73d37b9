"""The tree as HTML: every text escaped, addresses of safe schemes only, no blank lines, so that Markdown can hold it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
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
    Mark,
    Opaque,
    Panel,
    Paragraph,
    Quote,
    Rule,
    Table,
    Text,
)
from mappings.text.elements import Element, page
from mappings.text.nesting import Group, Nested, nested
from mappings.text.read_html import html_leaves, parse_html
from mappings.text.shown import addresses, raw_block, raw_leaf

_TAGS: Final = {
    "strong": "strong",
    "em": "em",
    "strike": "del",
    "underline": "ins",
    "sub": "sub",
    "sup": "sup",
    "key": "kbd",
    "small": "small",
}
_PASSIVE: Final = frozenset(
    {
        *(
            "",
            "!--",
            "a",
            "abbr",
            "audio",
            "b",
            "bdi",
            "bdo",
            "br",
            "center",
            "cite",
            "col",
            "colgroup",
            "dd",
            "del",
            "details",
        ),
        *(
            "dfn",
            "div",
            "dl",
            "dt",
            "em",
            "figcaption",
            "figure",
            "font",
            "hr",
            "i",
            "img",
            "ins",
            "label",
            "li",
            "mark",
            "ol",
        ),
        *(
            "p",
            "picture",
            "q",
            "section",
            "source",
            "span",
            "strong",
            "summary",
            "sub",
            "sup",
            "table",
            "tbody",
            "td",
            "tfoot",
        ),
        *("th", "thead", "time", "tr", "track", "u", "ul", "var", "video", "wbr", "h1", "h2", "h3", "h4", "h5", "h6"),
    }
)
_UNSAFE: Final = re.compile(r"[\x00-\x20]*(?:javascript|vbscript|data|file)[\x00-\x20]*:", re.IGNORECASE)


def render_html(document: Document) -> str:
    return "\n".join(html_block(block) for block in document.blocks)


def html_block(block: Block) -> str:  # noqa: PLR0911 — a table of cases
    match block:
        case Paragraph(content, align):
            return f"<p{_style(align)}>{html_inlines(content)}</p>"
        case Heading(level, content, align):
            return f"<h{level}{_style(align)}>{html_inlines(content)}</h{level}>"
        case CodeBlock(text, language):
            name = f' class="language-{escape(language)}"' if language else ""
            return f"<pre><code{name}>{_code_text(text)}</code></pre>"
        case Rule():
            return "<hr>"
        case Listing():
            return _listing(block)
        case Table(rows):
            return "<table>\n" + "\n".join(_row(row) for row in rows) + "\n</table>"
        case Opaque(dialect):
            return _opaque(block) if dialect == "html" else html_block(raw_block(block))
    return _box(block)


def _box(block: Quote | Panel | Expand) -> str:
    inner = "\n".join(html_block(each) for each in block.blocks)
    match block:
        case Panel(kind):
            return f'<div class="panel {kind}">\n{inner}\n</div>'
        case Expand(title):
            return f"<details>\n<summary>{escape(title, quote=False)}</summary>\n{inner}\n</details>"
    return f"<blockquote>\n{inner}\n</blockquote>"


def _style(align: str) -> str:
    return f' style="text-align: {align}"' if align else ""


def _code_text(text: str) -> str:
    """Without blank lines, which would end the block inside Markdown."""
    return re.sub(r"\n(?=[ \t]*\n)|^\n", "&#10;", escape(text, quote=False))


def _listing(block: Listing) -> str:
    tag = "ol" if block.ordered else "ul"
    start = f' start="{block.start}"' if block.ordered and block.start != 1 else ""
    return f"<{tag}{start}>\n" + "\n".join(f"<li>{_item(item)}</li>" for item in block.items) + f"\n</{tag}>"


def _item(item: Item) -> str:
    box = "" if item.checked is None else f'<input type="checkbox" disabled{" checked" if item.checked else ""}> '
    return box + _inner(item.blocks)


def _inner(blocks: Sequence[Block]) -> str:
    """Blocks of an item or a cell; the first paragraph needs no tags of its own unless another follows."""
    first = blocks[0] if blocks else None
    alone = not any(isinstance(block, Paragraph | Opaque) for block in blocks[1:2])
    if isinstance(first, Paragraph) and not first.align and alone:
        return "\n".join([html_inlines(first.content), *map(html_block, blocks[1:])])
    return "\n".join(map(html_block, blocks))


def _row(row: Iterable[Cell]) -> str:
    return "<tr>" + "".join(map(_cell, row)) + "</tr>"


def _cell(cell: Cell) -> str:
    tag = "th" if cell.header else "td"
    spans = "".join(f' {name}="{n}"' for name, n in (("colspan", cell.columns), ("rowspan", cell.rows)) if n > 1)
    return f"<{tag}{spans}{_style(cell.align)}>{_inner(cell.blocks)}</{tag}>"


def _opaque(block: Opaque) -> str:
    """HTML as it stands, if it runs nothing and stands for itself; tags of Markdown that are not closed do not. Else as code."""
    reads_back = is_safe(block.source) and parse_html(block.source).blocks == (block,)
    return block.source if reads_back else html_block(raw_block(block))


def html_inlines(content: Inlines) -> str:
    """Opaque tags as they stand where they pair, else as links that hold them."""
    text = "".join(_nested(each) for each in nested(content))
    if not any(isinstance(leaf, Opaque) and leaf.dialect == "html" for leaf in content) or html_leaves(text) == content:
        return text
    return "".join(_nested(each, held=True) for each in nested(content))


def _nested(each: Nested, *, linked: bool = False, held: bool = False) -> str:  # noqa: PLR0911 — a table of cases
    match each:
        case Group(mark, content):
            opened, closed = tags(mark)
            within = linked or mark.name == "link"
            return opened + "".join(_nested(inner, linked=within, held=held) for inner in content) + closed
        case Text(text):
            if each.is_code:
                return f"<code>{_entities(text)}</code>"
            return _entities(text) if linked else _linked(text)
        case Break():
            return "<br>"
        case Image(source, alt, title):
            return _image(source, alt, title)
        case Chip(kind, value, text):
            return f'<a href="{escape(f"{kind}:{value}")}">{escape(text, quote=False)}</a>'
        case Opaque(dialect, source):
            as_is = dialect == "html" and not held and is_safe(source)
            return source if as_is else "".join(map(_nested, nested((raw_leaf(each),))))


def is_safe(source: str) -> bool:
    """Whether HTML that is passed on as it stands only shows something: known tags, no handlers, no addresses that run."""
    return bool(re.fullmatch(r"</[a-z0-9-]+>", source)) or _is_safe(page(source).root)


def _is_safe(element: Element) -> bool:
    if element.tag not in _PASSIVE or re.search("[<>]", element.data):
        return False
    if any(name.startswith("on") or name == "srcdoc" or _UNSAFE.match(value) for name, value in element.attrs.items()):
        return False
    return all(_is_safe(child) for child in element.children if isinstance(child, Element))


def _entities(text: str) -> str:
    return escape(text, quote=False)


def _linked(text: str) -> str:
    return "".join(
        f'<a href="{escape(piece)}">{_entities(piece)}</a>' if is_address else _entities(piece)
        for piece, is_address in addresses(text)
    )


def _image(source: str, alt: str, title: str) -> str:
    if _UNSAFE.match(source):
        return escape(alt or source, quote=False)
    named = f' title="{escape(title)}"' if title else ""
    return f'<img src="{escape(source)}" alt="{escape(alt)}"{named}>'


def tags(mark: Mark) -> tuple[str, str]:
    """The tags that open and close a style; none for an address that would run a script."""
    if mark.name == "link":
        if _UNSAFE.match(mark.value):
            return "", ""
        named = f' title="{escape(mark.title)}"' if mark.title else ""
        return f'<a href="{escape(mark.value)}"{named}>', "</a>"
    if mark.name in {"color", "background"}:
        name = "color" if mark.name == "color" else "background-color"
        return f'<span style="{name}: {escape(mark.value)}">', "</span>"
    tag = _TAGS[mark.name]
    return f"<{tag}>", f"</{tag}>"
