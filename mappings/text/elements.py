"""HTML text as a tree of elements, the way browsers read it: whatever is not closed is closed. Never raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import Final, TypeAlias

DEPTH: Final = 60
VOID: Final = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
        "!--",
        "!",
        "?",
    }
)
_NAMES: Final = (
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink blockquote body br button"
    " canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed"
    " fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe"
    " img input ins kbd label legend li link main map mark marquee menu meta meter nav noframes noscript object ol"
    " optgroup option output p param picture pre progress q rp rt ruby s samp script search section select slot small"
    " source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr"
    " track tt u ul var video wbr"
)
ELEMENTS: Final = frozenset(_NAMES.split())
"""Every element that a browser knows. Source: the HTML standard, with the obsolete ones."""

RAW_TEXT: Final = frozenset({"script", "style"})
_CLOSES: Final = {
    "li": frozenset({"li"}),
    "tr": frozenset({"tr", "td", "th"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "dd": frozenset({"dd", "dt"}),
    "dt": frozenset({"dd", "dt"}),
    "tbody": frozenset({"thead", "tr", "td", "th"}),
    "option": frozenset({"option"}),
}
_STOPS: Final = frozenset({"ul", "ol", "table", "dl", "select", ""})
_ENDS_PARAGRAPH: Final = frozenset(
    {
        *("p", "div", "ul", "ol", "dl", "pre", "table", "blockquote", "hr", "details", "section", "article"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "footer", "main", "address", "form", "figure"),
    }
)


@dataclass(slots=True)
class Element:
    """``tag`` "!--" is a comment, "!" and "?" are declarations: their text is ``data``. ``attrs`` has the first of each name."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    data: str = ""


Child: TypeAlias = "Element | str"


@dataclass(slots=True)
class Page:
    """``complete`` is False when a tag was left open or closed without having been opened."""

    root: Element
    complete: bool = True


class Reader(HTMLParser):
    """The library's parser, which takes every text."""

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """``<![`` begins a comment, as in browsers; the library raises on some of them."""
        return self.parse_bogus_comment(i, report)


class _Builder(Reader):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack = [Element("")]
        self.complete = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._imply(tag)
        named: dict[str, str] = {}
        for name, value in attrs:
            named.setdefault(name, value or "")
        element = Element(tag, named)
        self.stack[-1].children.append(element)
        if tag not in VOID and len(self.stack) < DEPTH:
            self.stack.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "br":
            self.stack[-1].children.append(Element("br"))
            return
        at = next((i for i in range(len(self.stack) - 1, 0, -1) if self.stack[i].tag == tag), 0)
        if at:
            self.complete &= at == len(self.stack) - 1 or all(
                e.tag in _CLOSES or e.tag == "p" for e in self.stack[at + 1 :]
            )
            del self.stack[at:]
        elif tag not in VOID:
            self.complete = False

    def handle_data(self, data: str) -> None:
        self.stack[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        self.stack[-1].children.append(Element("!--", data=data))

    def handle_decl(self, decl: str) -> None:
        self.stack[-1].children.append(Element("!", data=decl))

    def handle_pi(self, data: str) -> None:
        self.stack[-1].children.append(Element("?", data=data))

    def _imply(self, tag: str) -> None:
        if tag in _ENDS_PARAGRAPH and self.stack[-1].tag == "p":
            self.stack.pop()
        closes = _CLOSES.get(tag)
        if closes is None:
            return
        for at in range(len(self.stack) - 1, 0, -1):
            if self.stack[at].tag in closes:
                del self.stack[at:]
                if tag != "tr" or self.stack[-1].tag not in closes:
                    return
            elif self.stack[at].tag in _STOPS:
                return


def page(text: str) -> Page:
    builder = _Builder()
    end = (
        text.rfind(">") + 1
    )  # what opens after the last ">" is no tag, and the parser would look for its end each time
    builder.feed(text[:end] + text[end:].replace("<", "&lt;"))
    builder.close()
    left_open = any(element.tag not in {"p", *_CLOSES} for element in builder.stack[1:])
    return Page(builder.stack[0], builder.complete and not left_open)


def opening(element: Element) -> str:
    """The tag that opens the element; all of a comment."""
    if not element.tag[0].isalpha():
        return f"<!--{element.data}-->" if element.tag == "!--" else f"<{element.tag}{element.data}>"
    attrs = "".join(f' {name}="{escape(value)}"' for name, value in element.attrs.items())
    return f"<{element.tag}{attrs}>"


def source(element: Element) -> str:
    """The element as HTML text."""
    if element.tag in VOID:
        return opening(element)
    raw = element.tag in RAW_TEXT
    inner = "".join(
        source(child) if isinstance(child, Element) else child if raw else escape(child, quote=False)
        for child in element.children
    )
    return f"{opening(element)}{inner}</{element.tag}>"


def inner_text(element: Element) -> str:
    return "".join(child if isinstance(child, str) else inner_text(child) for child in element.children)
