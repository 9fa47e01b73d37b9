"""A server that stores otherwise than it was sent: the ways of the fault ``normalise``. Each is idempotent, as real ones are."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask

COMMENT = re.compile(r"(<!--.*?-->)", re.DOTALL)


def ways(ask: Ask) -> set[str]:
    """How this request is rewritten; empty when it is not."""
    fault = ask.faults.get("normalise")
    return set() if fault is None else set(fault.how.split())


def text(ask: Ask, words: str | None) -> str | None:
    """A title or description as the server keeps it."""
    how = ways(ask)
    if words is None or not how:
        return words
    if how & {"trailing", "blanks", "crlf", "lf"}:
        words = words.replace("\r\n", "\n")
    if "trailing" in how:
        words = re.sub(r"[ \t]+$", "", words, flags=re.MULTILINE)
    if "blanks" in how:
        words = re.sub(r"\n{3,}", "\n\n", words)
    if "entities" in how:
        words = "".join(part if COMMENT.fullmatch(part) else _escaped(part) for part in COMMENT.split(words))
    if "trim" in how:
        words = words.strip()
    return words.replace("\n", "\r\n") if "crlf" in how else words


def label(ask: Ask, name: str) -> str:
    """A label's name as the server keeps it."""
    return name.lower() if "lower" in ways(ask) else name


def is_mirrored(ask: Ask) -> bool:
    """Whether labels are listed in another order."""
    return "reorder" in ways(ask)


def _escaped(part: str) -> str:
    return html.escape(html.unescape(part), quote=False)
