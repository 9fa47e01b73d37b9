"""Cursors as text: what a connector wants to know at its next poll, as JSON that says its version.

Refuses: what stands in one.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import msgspec


class Cursor(Protocol):
    @property
    def v(self) -> int: ...


C = TypeVar("C", bound=Cursor)


def parsed(kind: type[C], text: str | None) -> C | None:
    """None for the beginning of everything: no cursor, one of another version, or none of ours."""
    try:
        cursor = msgspec.json.decode(text or "", type=kind)
    except msgspec.MsgspecError:
        return None
    return cursor if cursor.v == 1 else None


def written(cursor: Any) -> str:
    return msgspec.json.encode(cursor).decode()
