"""The editor's sanitizer of the Gipo sandbox: what it does not know is gone, what stands bare gets a paragraph.

The page says "sanitized (Tiptap)" and "no base64 images" and no more: the list of what stays is the editor's usual one.
"""

from __future__ import annotations

import html
from html.parser import HTMLParser

BLOCKS = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "pre",
        "hr",
        "table",
        "tbody",
        "thead",
        "tr",
        "td",
        "th",
    ]
)
INLINE = frozenset(["strong", "em", "s", "u", "code", "a", "br", "img", "mark", "sub", "sup", "span"])
VOID = frozenset({"br", "hr", "img"})
DROPPED = frozenset({"script", "style", "iframe", "object"})
SAME = {"b": "strong", "i": "em", "strike": "s", "del": "s"}
KEPT = {"a": ("href",), "img": ("src", "alt")}


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.open: list[str] = []
        self.dropping = 0
        self.is_loose = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tag = SAME.get(tag, tag)
        if tag in DROPPED:
            self.dropping += 1
        if self.dropping or tag not in BLOCKS | INLINE:
            return
        kept = {name: value for name, value in attrs if name in KEPT.get(tag, ()) and value is not None}
        if tag == "img" and kept.get("src", "").startswith("data:"):
            return
        if tag == "a" and kept.get("href", "").strip().lower().startswith("javascript:"):
            kept = {}
        self._place(block=tag in BLOCKS)
        written = "".join(f' {name}="{html.escape(value or "")}"' for name, value in kept.items())
        self.out.append(f"<{tag}{written}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        tag = SAME.get(tag, tag)
        if tag in DROPPED:
            self.dropping = max(0, self.dropping - 1)
        if self.dropping or tag not in self.open:
            return
        while self.open:
            last = self.open.pop()
            self.out.append(f"</{last}>")
            if last == tag:
                break

    def handle_data(self, data: str) -> None:
        if self.dropping or (not data.strip() and (not self.open or self.open == ["ul"])):
            return
        self._place(block=False)
        self.out.append(html.escape(data, quote=False))

    def _place(self, *, block: bool) -> None:
        """Open a paragraph for what stands bare, close it before the next block."""
        if block and self.is_loose:
            self.finish()
        if not block and not self.open:
            self.out.append("<p>")
            self.open.append("p")
            self.is_loose = True

    def finish(self) -> None:
        self.out += [f"</{tag}>" for tag in reversed(self.open)]
        self.open.clear()
        self.is_loose = False


def sanitized(text: str) -> str:
    """As the server stores it. Comments, unknown elements and attributes (``data-*``) are gone; idempotent."""
    cleaner = _Cleaner()
    cleaner.feed(text)
    cleaner.close()
    cleaner.finish()
    return "".join(cleaner.out)
