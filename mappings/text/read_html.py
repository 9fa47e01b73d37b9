"""HTML into the tree. Never raises: an element the tree has no word for becomes ``Opaque`` with its own source.

Classes, ids and layout are not read; ``<div>``, ``<section>`` and their like only separate paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from mappings.text.document import (
    PANELS,
    SCHEMES,
    Block,
    Break,
    Cell,
    Chip,
    CodeBlock,
    Document,
    Expand,
    Heading,
    Image,
    Inline,
    Item,
    Listing,
    Mark,
    Marks,
    Opaque,
    Panel,
    Paragraph,
    Quote,
    Rule,
    Table,
    Text,
    with_mark,
)
from mappings.text.elements import RAW_TEXT, VOID, Child, Element, inner_text, opening, page, source
from mappings.text.normal import normal_document, normal_inlines

_MARKS: Final = {
    "strong": "strong",
    "b": "strong",
    "em": "em",
    "i": "em",
    "s": "strike",
    "del": "strike",
    "strike": "strike",
    "u": "underline",
    "ins": "underline",
    "sub": "sub",
    "sup": "sup",
    "kbd": "key",
    "small": "small",
    "code": "code",
    "tt": "code",
    "samp": "code",
}
_GROUPS: Final = frozenset(
    {
        *("div", "section", "article", "header", "footer", "main", "body", "html", "center", "figure", "address"),
        *("nav", "aside", "figcaption", "hgroup", "dl", "dd"),
    }
)
_COLOR: Final = re.compile(r"(?:^|;)\s*(background-color|color)\s*:\s*(#[0-9a-fA-F]{6})\s*(?=;|$)")
_RGB: Final = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_STYLES: Final = (
    (re.compile(r"(?:^|;)\s*text-decoration(?:-line)?\s*:[^;]*underline"), "underline"),
    (re.compile(r"(?:^|;)\s*text-decoration(?:-line)?\s*:[^;]*line-through"), "strike"),
    (re.compile(r"(?:^|;)\s*font-weight\s*:\s*(?:bold|[6-9]00)"), "strong"),
    (re.compile(r"(?:^|;)\s*font-style\s*:\s*italic"), "em"),
)
_ALIGN: Final = re.compile(r"text-align\s*:\s*(left|center|right)")
_LANGUAGE: Final = re.compile(r"(?:^|\s)lang(?:uage)?-(\S+)")


def parse_html(text: str) -> Document:
    return normal_document(html_blocks(page(text).root))


def html_blocks(root: Element) -> tuple[Block, ...]:
    return tuple(_blocks(root.children))


def html_leaves(text: str) -> tuple[Inline, ...]:
    """The normal form of HTML that is one paragraph's content."""
    return normal_inlines(_inlines(page(text).root.children, ()))


def _blocks(children: Iterable[Child]) -> Iterable[Block]:
    loose: list[Inline] = []
    for child in children:
        if isinstance(child, str) or not _is_block(child):
            loose.extend(_inline(child, ()))
            continue
        if loose:
            yield Paragraph(tuple(loose))
            loose = []
        yield from _BLOCK[child.tag](child)
    if loose:
        yield Paragraph(tuple(loose))


def _is_block(child: Element) -> bool:
    return child.tag in _BLOCK


def _has_blocks(children: Iterable[Child]) -> bool:
    return any(isinstance(child, Element) and (_is_block(child) or _has_blocks(child.children)) for child in children)


def align_of(element: Element) -> str:
    found = _ALIGN.search(element.attrs.get("style", ""))
    align = found[1] if found else element.attrs.get("align", "").lower()
    return align if align in {"center", "right"} else ""


def _inlines(children: Iterable[Child], marks: Marks) -> tuple[Inline, ...]:
    return tuple(leaf for child in children for leaf in _inline(child, marks))


def _inline(child: Child, marks: Marks) -> Iterable[Inline]:
    if isinstance(child, str):
        yield Text(child, marks)
        return
    if child.tag in _BLOCK and child.tag != "hr":  # a block inside an inline element: its text, on lines of its own
        yield Break()
        yield from _inlines(child.children, marks)
        yield Break()
        return
    leaf = leaf_of(child, marks)
    if leaf is not None:
        yield leaf
        return
    found = marks_of(child.tag, child.attrs)
    if found is None:
        yield from _foreign(child, marks)
        return
    for mark in found:
        marks = with_mark(marks, mark)
    yield from _inlines(child.children, marks)


def _foreign(element: Element, marks: Marks) -> Iterable[Inline]:
    """An element without a word in the tree: its tags are opaque, the text between them is text."""
    if element.tag in RAW_TEXT or element.tag in VOID:
        yield Opaque("html", source(element), element.tag)
        return
    yield Opaque("html", opening(element), element.tag)
    yield from _inlines(element.children, marks)
    yield Opaque("html", f"</{element.tag}>", f"/{element.tag}")


def leaf_of(element: Element, marks: Marks) -> Inline | None:
    """The leaf an element is by itself: a break, an image, a chip."""
    attrs = element.attrs
    if element.tag == "br":
        return Break(marks)
    if element.tag == "img" and attrs.get("src"):
        return Image(attrs["src"], attrs.get("alt", ""), attrs.get("title", ""), marks)
    if element.tag == "a":
        return chip_of(attrs.get("href", ""), inner_text(element))
    return None


def chip_of(address: str, text: str) -> Chip | None:
    kind, colon, value = address.partition(":")
    return Chip(kind, value, text) if colon and kind in SCHEMES and text else None


def marks_of(tag: str, attrs: Mapping[str, str]) -> Marks | None:
    """What an inline element means for the text in it; None when the tree has no word for it."""
    if tag in _MARKS:
        return (Mark(_MARKS[tag]),)
    if tag == "a" and "href" in attrs:
        return (Mark("link", attrs["href"], attrs.get("title", "")),)
    if tag in {"span", "font"}:
        style = attrs.get("style", "") + (f";color:{attrs['color']}" if tag == "font" and "color" in attrs else "")
        style = _RGB.sub(_hexadecimal, style)
        colors = (("background" if name.startswith("b") else "color", value) for name, value in _COLOR.findall(style))
        return (
            *(Mark(name) for pattern, name in _STYLES if pattern.search(style)),
            *(Mark(name, value.lower()) for name, value in colors),
        )
    return () if tag in {"wbr", "label", "abbr", "cite", "time", "summary"} else None


def _hexadecimal(found: re.Match[str]) -> str:
    return "#" + "".join(f"{min(int(part), 255):02x}" for part in found.groups())


def _paragraph(element: Element) -> Iterable[Block]:
    if _has_blocks(element.children):
        yield from _blocks(element.children)
    else:
        yield Paragraph(_inlines(element.children, ()), align_of(element))


def _term(element: Element) -> Iterable[Block]:
    """What ``<dl>`` explains, as a bold line."""
    yield Paragraph(_inlines(element.children, (Mark("strong"),)))


def _heading(element: Element) -> Iterable[Block]:
    yield Heading(int(element.tag[1]), _inlines(element.children, ()), align_of(element))


def _pre(element: Element) -> Iterable[Block]:
    inner = [child for child in element.children if isinstance(child, Element)]
    names = " ".join([element.attrs.get("class", ""), *(child.attrs.get("class", "") for child in inner[:1])])
    found = _LANGUAGE.search(names)
    text = _pre_text(element)
    if element.children and isinstance(element.children[0], str):  # HTML drops a newline after <pre>, not after <code>
        text = text.removeprefix("\n")
    yield CodeBlock(text, found[1] if found else "")


def _pre_text(element: Element) -> str:
    return "".join(
        child if isinstance(child, str) else "\n" if child.tag == "br" else _pre_text(child)
        for child in element.children
    )


def _group(element: Element) -> Iterable[Block]:
    kind = element.attrs.get("class", "").removeprefix("panel ")
    blocks = tuple(_blocks(element.children))
    if kind in PANELS:
        yield Panel(kind, blocks)
        return
    align = "center" if element.tag == "center" else align_of(element)
    for block in blocks:
        yield Paragraph(block.content, align) if align and isinstance(block, Paragraph) and not block.align else block


def _listing(element: Element) -> Iterable[Block]:
    items: list[Item] = []
    for child in element.children:
        if isinstance(child, str):
            if child.strip():
                items.append(Item((Paragraph((Text(child),)),)))
        elif child.tag in {"ul", "ol"} and items:
            items[-1] = Item((*items[-1].blocks, *_listing(child)), items[-1].checked)
        elif child.tag == "li":
            items.append(_item(child))
        else:
            items.append(Item(tuple(_blocks([child]))))
    start = element.attrs.get("start", "")
    yield Listing(
        tuple(items), element.tag == "ol", int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 1
    )


def _item(element: Element) -> Item:
    box = next((child for child in _leading(element) if child.tag == "input"), None)
    blocks = tuple(_blocks(_without(element.children, box)))
    return Item(blocks, None if box is None else "checked" in box.attrs)


def _leading(element: Element) -> Iterable[Element]:
    """The first element of an item, and the first in it when that is a paragraph or a label."""
    for child in element.children:
        if isinstance(child, str):
            if child.strip():
                return
            continue
        yield child
        if child.tag in {"p", "label"}:
            yield from _leading(child)
        return


def _without(children: Iterable[Child], box: Element | None) -> Iterable[Child]:
    for child in children:
        if isinstance(child, Element) and child.tag in {"p", "label"} and box is not None:
            yield Element(child.tag, child.attrs, list(_without(child.children, box)))
        elif child is not box or box is None:
            yield child


def _details(element: Element) -> Iterable[Block]:
    first = next((child for child in element.children if isinstance(child, Element)), None)
    if first is not None and first.tag == "summary":
        rest = [child for child in element.children if child is not first]
        yield Expand(inner_text(first), tuple(_blocks(rest)))
    else:
        yield Expand("", tuple(_blocks(element.children)))


def _table(element: Element) -> Iterable[Block]:
    rows = tuple(tuple(_cell(cell) for cell in row) for row in _rows(element))
    if rows:
        yield Table(rows)


def _rows(element: Element) -> Iterable[list[Element]]:
    for child in element.children:
        if not isinstance(child, Element):
            continue
        if child.tag == "tr":
            yield [cell for cell in child.children if isinstance(cell, Element) and cell.tag in {"td", "th"}]
        elif child.tag in {"thead", "tbody", "tfoot"}:
            yield from _rows(child)


def _cell(element: Element) -> Cell:
    return Cell(
        tuple(_blocks(element.children)),
        element.tag == "th",
        align_of(element),
        _span(element, "colspan"),
        _span(element, "rowspan"),
    )


def _span(element: Element, name: str) -> int:
    value = element.attrs.get(name, "")
    return max(int(value), 1) if value.isascii() and value.isdigit() and len(value) < 4 else 1


_BLOCK: Final[Mapping[str, Callable[[Element], Iterable[Block]]]] = {
    "p": _paragraph,
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), _heading),
    **dict.fromkeys(_GROUPS, _group),
    "dt": _term,
    "pre": _pre,
    "ul": _listing,
    "ol": _listing,
    "table": _table,
    "details": _details,
    "blockquote": lambda element: [Quote(tuple(_blocks(element.children)))],
    "hr": lambda _element: [Rule()],
}
