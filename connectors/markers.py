"""Our marker where a tracker has no hidden place for it: visible words at the end of a text.

``[bridge:v1 SOURCE ID]`` is the last line of a text, or the last words of a note of one line; in HTML the last paragraph.
People also write below it, so the last line (paragraph) that is nothing else is taken for it where the end is none. A marker
among other words, or a quoted one, is text and stays.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

from bridge.model import Marker

CONVERSATION: Final = "bridge:asks"
"""The source of a marker that is not a record's: a comment in which Bridge speaks (``Comments.post``). Its id is the
idempotency key. Such a comment is no record of the kind ``comment``.
"""

_SIGN: Final = "[bridge:v1 "
_WORD: Final = r"\[bridge:v1 (?P<source>[^\s\]]+) (?P<id>[^\s\]]+)\]"
_AT_END: Final = re.compile(rf"(?:^|\s|<p>\s*){_WORD}(?:\s*</p>)?\s*$")
_OWN_LINE: Final = re.compile(rf"^[ \t]*{_WORD}[ \t]*\r?$", re.MULTILINE)
_OWN_PARAGRAPH: Final = re.compile(rf"<p>\s*{_WORD}\s*</p>")


def word(marker: Marker) -> str:
    """The marker as one word group, percent-encoded so that no text format changes it."""
    return f"[bridge:v1 {_safe(marker.source)} {_safe(marker.id)}]"


def split(text: str | None) -> tuple[str | None, Marker | None]:
    """The text without our marker, None when nothing is left; and the marker."""
    if text is None or _SIGN not in text:
        return text, None
    found = _AT_END.search(text) or _last(_OWN_LINE, text) or _last(_OWN_PARAGRAPH, text)
    if found is None:
        return text, None
    above, below = text[: found.start()].rstrip(), text[found.end() :].lstrip("\r\n")
    gap = "\n\n" if above and below and found.re is _OWN_LINE else ""
    return f"{above}{gap}{below}".rstrip() or None, Marker(unquote(found["source"]), unquote(found["id"]))


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(reversed(list(pattern.finditer(text))), None)


def join(text: str | None, marker: Marker | None, *, how: str = "line") -> str:
    """The text to write; ``how`` is ``line`` (a paragraph of its own), ``inline`` (a note of one line) or ``html``."""
    if marker is None:
        return text or ""
    mark = word(marker)
    if how == "html":
        return f"{text or ''}<p>{mark}</p>"
    return f"{text}{' ' if how == 'inline' else chr(10) * 2}{mark}" if text else mark


def _safe(text: str) -> str:
    """Letters that no Markdown, HTML, wiki or textile parser reads as its own; ``_`` and ``-`` are among those."""
    encoded = quote(text, safe="/:.")
    return encoded.replace("_", "%5F").replace("-", "%2D").replace("~", "%7E")
