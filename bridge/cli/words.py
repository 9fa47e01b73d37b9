"""How values are said to a person: short, on one line, the same everywhere. No I/O."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

_LONG: Final = 60


def shorten(text: str, limit: int = _LONG) -> str:
    """One line of at most ``limit`` characters."""
    line = text.replace("\r\n", "\n").strip("\n").replace("\n", " ⏎ ").replace("\t", " ")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def value(held: Any, limit: int = _LONG) -> str:
    """A field's value: text in quotes, sets with commas, a dash for nothing."""
    if held is None:
        return "—"
    if isinstance(held, list | tuple):
        return shorten(", ".join(str(member) for member in held), limit) if held else "(none)"
    if isinstance(held, str):
        from mappings.text.convert import for_people

        return f'"{shorten(for_people(held), limit)}"'
    return shorten(json.dumps(held, ensure_ascii=False), limit)


def stored(text: str | None, limit: int = _LONG) -> str:
    """A value as the database holds it (JSON text)."""
    return "—" if text is None else value(json.loads(text), limit)


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits: ``3 min ago``. ``-`` for never."""
    if at is None:
        return "-"
    seconds = int(((now or datetime.now(UTC)) - at).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{max(seconds, 0)} s ago"


def moment(at: datetime | None) -> str:
    """``2026-11-21 09:30:00Z``."""
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def plural(count: int, noun: str, many: str = "") -> str:
    """``1 item``, ``2 items``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
