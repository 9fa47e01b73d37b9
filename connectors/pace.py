"""When a request of one account may leave: how many at once, how far apart, not before which instant.

Refuses: sending anything; what an answer means (connectors.status) and whether to try again (connectors.http).
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiolimiter import AsyncLimiter

from bridge.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how long to try again. ``max_wait_s``: a longer wait is not slept but raised as RateLimited.

    ``sleep`` and ``now`` are for tests: with a ``sleep`` that returns at once nothing waits.
    """

    attempts: int = 4
    max_time_s: float = 150.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 15.0
    max_wait_s: float = 60.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], datetime] = utc_now


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one account may go. Intervals are seconds between starts, 0 for none.

    ``reserve_percent`` of the tracker's stated limit is left for people: below it the account waits for the reset.
    """

    in_flight: int = 8
    writes_in_flight: int = 8
    interval_s: float = 0.0
    write_interval_s: float = 0.0
    reserve_percent: float = 0.0


class Gate:
    """The turnstile of one account."""

    def __init__(self, account: str, pace: Pace, retry: Retry) -> None:
        self._account = account
        self._retry = retry
        self._not_before: datetime | None = None
        self._flight = asyncio.Semaphore(pace.in_flight)
        self._write_flight = asyncio.Semaphore(pace.writes_in_flight)
        self._limiter = AsyncLimiter(1, pace.interval_s) if pace.interval_s else None
        self._write_limiter = AsyncLimiter(1, pace.write_interval_s) if pace.write_interval_s else None

    @contextlib.asynccontextmanager
    async def turn(self, *, is_write: bool) -> AsyncIterator[None]:
        """Wait for a place and keep it for the length of the block.

        Raises: RateLimited, instead of sleeping longer than ``Retry.max_wait_s``.
        """
        async with self._write_flight if is_write else contextlib.nullcontext(), self._flight:
            for limiter in (self._limiter, self._write_limiter if is_write else None):
                if limiter is not None:
                    await limiter.acquire()
            await self._wait()
            yield

    def hold(self, until: datetime | None) -> None:
        """Nothing leaves before ``until``; an earlier instant than the one in force changes nothing."""
        if until is not None and (self._not_before is None or until > self._not_before):
            self._not_before = until

    async def _wait(self) -> None:
        if (until := self._not_before) is None:
            return
        wait_s = (until - self._retry.now()).total_seconds()
        if wait_s > self._retry.max_wait_s:
            raise RateLimited(
                f"The request budget of the connection {self._account} is used up until {until:%Y-%m-%d %H:%M:%SZ}.",
                until=until,
                hint="Nothing is lost; Bridge goes on then.",
            )
        if wait_s > 0:
            await self._retry.sleep(wait_s)
