"""Our marker where a tracker has no hidden place for it: visible words at the end of a text.

``[bridge:v1 SOURCE ID]`` is the last line of a text, or the last words of a note of one line; in HTML the last paragraph.
Only our own last words are taken for it: a marker that a person quotes further up is text and stays.
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

_MARK: Final = re.compile(r"(?:^|\s+|<p>\s*)\[bridge:v1 ([^\s\]]+) ([^\s\]]+)\](?:\s*</p>)?\s*$")


def word(marker: Marker) -> str:
    """The marker as one word group, percent-encoded so that no text format changes it."""
    return f"[bridge:v1 {_safe(marker.source)} {_safe(marker.id)}]"


def split(text: str | None) -> tuple[str | None, Marker | None]:
    """The text without our marker, None when nothing is left; and the marker."""
    found = _MARK.search(text or "")
    if text is None or found is None:
        return text, None
    return text[: found.start()].rstrip() or None, Marker(unquote(found[1]), unquote(found[2]))


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
