"""Markdown (CommonMark with the tables, strikethrough and tasks of GFM) into the tree, over markdown-it's tokens.

HTML that the tree has words for is read as such (``<ins>``, ``<br>``, ``<details>``, whole tables); the rest is ``Opaque``
with its source. Addresses stay as they were written: nothing is percent-encoded or decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.token import Token

from mappings.text.document import (
    Block,
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
    Rule,
    Table,
    Text,
    with_mark,
    without_mark,
)
from mappings.text.elements import ELEMENTS, Element, opening, page
from mappings.text.normal import clean, normal_document, normal_inlines
from mappings.text.read_html import chip_of, html_blocks, leaf_of, marks_of


class _Parser(MarkdownIt):
    """Takes every address, as it was written."""

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 — markdown-it's names
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link


DEPTH: Final = 60
_PARSER: Final = _Parser("commonmark", {"maxNesting": DEPTH}).enable(["table", "strikethrough"])
_OPEN_DETAILS: Final = re.compile(r"<details(?: open(?:=\"\")?)?>\s*(?:<summary>([^<]*)</summary>\s*)?", re.IGNORECASE)
_ALERT: Final = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]", re.IGNORECASE)
_STYLES: Final = {"strong": "strong", "em": "em", "s": "strike"}


def parse_markdown(text: str) -> Document:
    """A text that nests deeper than the parser goes, which would drop what stands there, is one block as it stands."""
    tokens = _PARSER.parse(text)
    if any(token.level >= DEPTH - 1 and token.nesting == 1 for token in tokens):
        source = text.strip("\n")
        return normal_document((Opaque("markdown", source, source[:60]),))
    return normal_document(_blocks(tokens))


def parse_inline(text: str) -> Inlines:
    """The normal form of a text that is one paragraph's content."""
    (token,) = _PARSER.parseInline(text)
    return normal_inlines(_inlines(token.children or ()))


def first_lines(text: str) -> list[int]:
    """The line on which each top-level block begins, in order; at least one."""
    return [token.map[0] for token in _PARSER.parse(text) if token.level == 0 and token.map] or [0]


def code_lines(text: str) -> list[tuple[int, int, bool]]:
    """The lines of code blocks, from and up to which, in order; whether it is a fence."""
    tokens = (token for token in _PARSER.parse(text) if token.type in ("fence", "code_block") and token.map)
    return [(token.map[0], token.map[1], token.type == "fence") for token in tokens if token.map]


def _blocks(tokens: Sequence[Token]) -> tuple[Block, ...]:
    out: list[Block] = []
    at = 0
    while at < len(tokens):
        end = _end(tokens, at)
        out.extend(_block(tokens[at], tokens[at + 1 : end]))
        at = end + 1
    return _folded(out)


def _end(tokens: Sequence[Token], at: int) -> int:
    """Where the block that begins at ``at`` ends: the place of its closing token, or its own."""
    depth = 0
    for end in range(at, len(tokens)):
        depth += tokens[end].nesting
        if depth == 0:
            return end
    return len(tokens)


def _block(token: Token, inner: Sequence[Token]) -> Iterable[Block]:
    read = _BLOCK.get(token.type)
    return read(token, inner) if read else ()


def _content(inner: Sequence[Token]) -> Inlines:
    return tuple(leaf for token in inner for leaf in _inlines(token.children or ()))


def _listing(token: Token, inner: Sequence[Token]) -> Iterable[Block]:
    items: list[Item] = []
    at = 0
    while at < len(inner):
        end = _end(inner, at)
        items.append(Item(_blocks(inner[at + 1 : end])))
        at = end + 1
    start = token.attrs.get("start", 1)
    return (Listing(tuple(items), token.type == "ordered_list_open", int(start)),)


def _quote(_token: Token, inner: Sequence[Token]) -> Iterable[Block]:
    blocks = _blocks(inner)
    first = blocks[0] if blocks else None
    if isinstance(first, Paragraph) and first.content and isinstance(head := first.content[0], Text):
        found = _ALERT.fullmatch(head.text.strip()) if not head.marks else None
        alone = len(first.content) == 1 or isinstance(first.content[1], Break)
        if found and alone and inner[1].content[:1] == "[":
            rest = first.content[2:]
            return (Panel(found[1].lower(), (Paragraph(rest), *blocks[1:])),)
    return (Quote(blocks),)


def _table(_token: Token, inner: Sequence[Token]) -> Iterable[Block]:
    rows: list[tuple[Cell, ...]] = []
    cells: list[Cell] = []
    for at, token in enumerate(inner):
        if token.type in {"th_open", "td_open"}:
            align = str(token.attrs.get("style", "")).partition("text-align:")[2]
            content = _content(inner[at + 1 : at + 2])
            cells.append(Cell((Paragraph(content),), token.type == "th_open", align if align != "left" else ""))
        elif token.type == "tr_close":
            rows.append(tuple(cells))
            cells = []
    return (Table(tuple(rows)),)


def _html_block(token: Token, _inner: Sequence[Token]) -> Iterable[Block]:
    """HTML as blocks when the tree has words for all of it, else as it stands."""
    raw = token.content.strip("\n")
    found = page(raw)
    if found.complete:
        blocks = html_blocks(found.root)
        if not any(_is_opaque(block) for block in blocks) and blocks:
            return blocks
    return (Opaque("html", raw, clean(raw)[:60]),)


def _is_opaque(part: object) -> bool:
    """Whether a tree holds something that its reader had no word for."""
    if isinstance(part, Opaque):
        return True
    if isinstance(part, tuple):
        return any(_is_opaque(each) for each in part)
    slots = ("blocks", "content", "items", "rows")
    return any(_is_opaque(value) for name in slots if isinstance(value := getattr(part, name, None), tuple))


def _folded(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """``<details>`` … ``</details>`` around blocks as ``Expand``; one that is not closed stays as it stands."""
    stack: list[tuple[Opaque, str, list[Block]]] = []
    out: list[Block] = []
    for block in blocks:
        into = stack[-1][2] if stack else out
        found = _OPEN_DETAILS.fullmatch(block.source.strip()) if isinstance(block, Opaque) else None
        if found and isinstance(block, Opaque) and len(stack) < DEPTH // 3:
            stack.append((block, found[1] or "", []))
        elif stack and isinstance(block, Opaque) and block.source.strip() == "</details>":
            _, title, inner = stack.pop()
            (stack[-1][2] if stack else out).append(Expand(_unescaped(title), tuple(inner)))
        else:
            into.append(block)
    for opened, _, inner in stack:
        out.extend((opened, *inner))
    return tuple(out)


def _unescaped(title: str) -> str:
    return "".join(child for child in page(title).root.children if isinstance(child, str))


def _inlines(tokens: Sequence[Token]) -> Inlines:
    """Leaves of an inline token's children. ``marks`` are those of Markdown, ``tags`` the HTML elements that are open."""
    return tuple(_Leaves().read(tokens))


class _Leaves:
    """Reads inline tokens; knows which styles are open."""

    def __init__(self) -> None:
        self.marks: Marks = ()
        self.outer: list[Marks] = []
        self.tags: list[tuple[str, Marks]] = []
        self.out: list[Inline] = []

    def read(self, tokens: Sequence[Token]) -> Sequence[Inline]:
        for token in tokens:
            self._one(token)
        return self.out

    def _one(self, token: Token) -> None:
        match token.type:
            case "text" | "text_special":
                self.out.append(Text(token.content, self.marks))
            case "softbreak":
                if not (self.out and isinstance(last := self.out[-1], Break) and last.marks):
                    self.out.append(Break())
            case "hardbreak":
                self.out.append(Break())
            case "code_inline":
                self.out.append(Text(token.content, with_mark(self.marks, Mark("code"))))
            case "image":
                self._image(token)
            case "html_inline":
                self._html(token.content)
            case _:
                self._style(token)

    def _style(self, token: Token) -> None:
        name, _, side = token.type.rpartition("_")
        if name == "link":
            self._link(token)
        elif side == "open":  # emphasis stands in emphasis: the inner end ends nothing
            self.outer.append(self.marks)
            self.marks = with_mark(self.marks, Mark(_STYLES[name]))
        elif not any(mark.name == _STYLES[name] for mark in self.outer.pop()):
            self.marks = without_mark(self.marks, _STYLES[name])

    def _link(self, token: Token) -> None:
        if token.nesting == 1:
            mark = Mark("link", str(token.attrs.get("href", "")), str(token.attrs.get("title", "")))
            self.marks = with_mark(self.marks, mark)
            self.start = len(self.out)
            return
        link = self.marks[0] if self.marks and self.marks[0].name == "link" else Mark("link")
        self.marks = without_mark(self.marks, "link")
        words = "".join(leaf.text for leaf in self.out[self.start :] if isinstance(leaf, Text))
        chip = chip_of(link.value, words)
        if chip is not None:
            self.out[self.start :] = [chip]

    def _image(self, token: Token) -> None:
        alt = "".join(_alt(child) for child in token.children or ())
        source, title = str(token.attrs.get("src", "")), str(token.attrs.get("title", ""))
        self.out.append(Image(source, alt, title, self.marks))

    def _html(self, raw: str) -> None:
        if raw.startswith("</"):
            self._close(raw)
            return
        children = page(raw).root.children
        element = children[0] if children else None
        if not isinstance(element, Element) or not element.tag[0].isalpha():
            self.out.append(Opaque("html", raw, "comment"))
            return
        leaf = None if element.tag == "a" else leaf_of(element, self.marks)
        if leaf is not None:
            # A mark on a break tells the newline after ``<br>`` from a break of its own; the normal form drops it.
            self.out.append(Break((Mark("small"),)) if isinstance(leaf, Break) else leaf)
            return
        found = marks_of(element.tag, element.attrs)
        if not found:
            # ``List<String>`` is no HTML: who wrote it meant the words.
            known = element.tag in ELEMENTS
            self.out.append(Opaque("html", opening(element), element.tag) if known else Text(raw, self.marks))
            return
        self.tags.append((element.tag, self.marks))
        for mark in found:
            self.marks = with_mark(self.marks, mark)

    def _close(self, raw: str) -> None:
        tag = raw[2:-1].strip().lower()
        if self.tags and self.tags[-1][0] == tag:
            self.marks = self.tags.pop()[1]
        else:
            self.out.append(Opaque("html", f"</{tag}>", f"/{tag}") if tag in ELEMENTS else Text(raw, self.marks))


def _alt(token: Token) -> str:
    if token.type in {"softbreak", "hardbreak"}:
        return " "
    return "".join(_alt(child) for child in token.children) if token.children else token.content


_BLOCK: Final[Mapping[str, Callable[[Token, Sequence[Token]], Iterable[Block]]]] = {
    "paragraph_open": lambda _token, inner: [Paragraph(_content(inner))],
    "heading_open": lambda token, inner: [Heading(int(token.tag[1]), _content(inner))],
    "fence": lambda token, _inner: [CodeBlock(token.content, unescapeAll(token.info))],
    "code_block": lambda token, _inner: [CodeBlock(token.content)],
    "hr": lambda _token, _inner: [Rule()],
    "bullet_list_open": _listing,
    "ordered_list_open": _listing,
    "blockquote_open": _quote,
    "table_open": _table,
    "html_block": _html_block,
}
