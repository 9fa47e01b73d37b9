"""The sandbox's own time: real time with an offset, or frozen, so that a test decides what the server believes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate


class Clock:
    """Server time in seconds since the epoch. ``offset_s`` shifts it (a server 14 hours off is 50_400)."""

    def __init__(self, *, offset_s: float = 0.0, frozen_at: float | None = None) -> None:
        self.offset_s = offset_s
        self.frozen_at = frozen_at

    def now(self) -> float:
        if self.frozen_at is not None:
            return self.frozen_at
        return time.time() + self.offset_s

    def freeze(self, at: float | str | None = None) -> None:
        """Stop at an instant (seconds, or ISO text); without one, stop now."""
        moment = instant(at) if isinstance(at, str) else at
        self.frozen_at = self.now() if moment is None else moment

    def thaw(self) -> None:
        self.frozen_at = None

    def advance(self, seconds: float) -> None:
        if self.frozen_at is None:
            self.offset_s += seconds
        else:
            self.frozen_at += seconds


def iso(seconds: float) -> str:
    """UTC, whole seconds, ``2026-01-02T03:04:05Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def iso_or_none(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)


def iso_ms(milliseconds: int | None) -> str | None:
    """UTC; the fraction is written only when there is one."""
    if milliseconds is None:
        return None
    whole, part = divmod(milliseconds, 1000)
    text = iso(whole)
    return f"{text[:-1]}.{part:03d}Z" if part else text


def instant(text: str) -> float | None:
    """Read ISO 8601 with a zone; None when it is not that."""
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def http_date(seconds: float) -> str:
    return formatdate(seconds, usegmt=True)
