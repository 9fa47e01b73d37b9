"""Points in time as trackers write them and as records hold them.

Refuses: zones that are not written down (each connector knows its tracker's), our clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, overload


def instant(text: Any) -> datetime | None:
    """ISO 8601 as aware UTC, which is also taken for the zone where none is said; None for what is no such thing."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@overload
def iso(at: datetime) -> str: ...


@overload
def iso(at: datetime | None) -> str | None: ...


def iso(at: datetime | None) -> str | None:
    """As a Value: UTC, whole seconds, ``Z``; None for None."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def with_milliseconds(at: datetime, zone: str = "Z") -> str:
    """UTC with three digits of a second; ``zone`` is how the tracker writes UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}{zone}"
