"""The words of a conflict that is answered on its item: the comment that asks, and what counts as an answer. Pure.

What people wrote is shown as data: it can call nobody, close our code block, pass for a comment of ours or for an answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal

from bridge.model import Unset, Value

if TYPE_CHECKING:
    from bridge.engine.link import Link
    from state.conflicts import Conflict

Taken = Literal["left", "right", "base"]

_ANSWER: Final = re.compile(
    r"^ {0,3}bridge:[ \t]*take[ \t]+(\S+)(?:[ \t]+(\S[^\n]*?))?[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_SPLIT: Final = "\u200b"
"""Shows nothing and keeps a name from being called and a word from being read as ours."""

_LONGEST: Final = 800
_FRAME: Final = 1_200
"""Characters of the comment that are not values, with room to spare."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of a comment. ``field`` "" is meant for every conflict of the item."""

    take: Taken
    field: str = ""


def key_of(conflict: Conflict) -> str:
    """By which our comment is known again, the same after a crash and another one after the database was lost."""
    text = f"{conflict.clash.pair_id} {conflict.clash.field} {conflict.opened_at.isoformat()}"
    return f"conflict-{blake2b(text.encode(), digest_size=10).hexdigest()}"


def words(link: Link) -> dict[str, Taken]:
    """What may stand after "take": left, right, base, and the connections' names where they say which side is meant."""
    known: dict[str, Taken] = {}
    if link.left.connection != link.right.connection:
        known |= {link.left.connection.casefold(): "left", link.right.connection.casefold(): "right"}
    return known | {"left": "left", "right": "right", "base": "base"}


def answers(text: str, known: Mapping[str, Taken]) -> tuple[Answer, ...]:
    """The answers of a comment, in order. A quoted line is none, nor is anything within a sentence."""
    found = _ANSWER.findall(text.replace("\r\n", "\n"))
    return tuple(Answer(known[word.casefold()], name) for word, name in found if word.casefold() in known)


def question(link: Link, conflict: Conflict, *, room: int) -> str:
    """The comment that asks, of at most ``room`` characters."""
    clash = conflict.clash
    distinct = link.left.connection != link.right.connection
    left, right = (link.left.connection, link.right.connection) if distinct else ("left", "right")
    limit = max(40, min(_LONGEST, (room - _FRAME) // 3))
    bases = [clash.base_left] if clash.base_left == clash.base_right else [clash.base_left, clash.base_right]
    before = "\n".join(_block(base, limit // len(bases)) for base in bases)
    field = _safe(clash.field)
    return (
        f"Bridge: both sides changed **{field}** since they last agreed, and nobody said yet which one is right. "
        "Everything else of this item goes on.\n\n"
        f"In {left}:\n{_block(clash.left.value, limit)}\n"
        f"In {right}:\n{_block(clash.right.value, limit)}\n"
        f"Before:\n{before}\n"
        f"To decide, write a comment with this line alone: `bridge: take {left}`, `bridge: take {right}` or "
        f"`bridge: take base` (for this field only: `bridge: take {left} {field}`). Only people whom Bridge knows are "
        "heard. Making both sides equal by hand decides it as well."
    )


def _block(value: Value | Unset, limit: int) -> str:
    if isinstance(value, Unset):
        return "(not known)\n"
    if value in (None, "", ()):
        return "(nothing)\n"
    text = _safe(", ".join(value) if isinstance(value, tuple) else str(value))
    if len(text) > limit:
        text = f"{text[:limit].rstrip()}… ({len(text) - limit} more characters)"
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _safe(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\0", "").replace("@", f"@{_SPLIT}").replace("<!--", f"<{_SPLIT}!--")
    return re.sub(r"(?i)bridge:", lambda found: f"{found[0][:-1]}{_SPLIT}:", text)
