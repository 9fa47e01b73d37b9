"""Hosts links in one process: APScheduler says when, a bounded number of runs at once, one run of a link at a time.

Refuses: to know what a run does, and to remember anything. Its jobs are rebuilt from the configuration at each start
(APScheduler's stores pickle code and block the loop).
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.combining import OrTrigger  # type: ignore[import-untyped]
from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]

from bridge.errors import BridgeError, ConfigError, LockedError
from bridge.log import get

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_log = get(__name__)

_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Timing:
    """When a link runs by itself: every so many seconds, or by a crontab line of five fields; not both.

    ``jitter_s`` is added to each time at random, from nothing up to this. Neither set: only when kicked.
    """

    link: str
    every_s: float | None = None
    cron: str | None = None
    jitter_s: float = 0.0
    timezone: tzinfo = UTC


class LocalHost:
    """Runs ``sync(link, trigger)`` by timer and by kick, until stopped.

    ``sync`` may raise: a BridgeError is logged as a sentence, anything else as a bug, and the link has its next turn.
    ``slots`` runs go on at once. ``start_now`` runs every link at once instead of at a random moment of its first
    interval, which keeps a thousand links from starting together.
    """

    def __init__(
        self,
        timings: Sequence[Timing],
        sync: Callable[[str, str], Awaitable[None]],
        *,
        slots: int = 8,
        start_now: bool = False,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._timings = {timing.link: timing for timing in timings}
        self._sync = sync
        self._slots = asyncio.Semaphore(slots)
        self._start_now = start_now
        self._chance = chance
        self._scheduler: Any = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[str] = set()
        self._running: set[str] = set()
        self._again: dict[str, str] = {}
        self._stopping = False
        self._hurried = False

    @property
    def running(self) -> frozenset[str]:
        """The links that are being run now."""
        return frozenset(self._running)

    def next_run_at(self, link: str) -> datetime | None:
        """When the timer has this link next; None without a timer."""
        job = self._scheduler.get_job(link) if self._scheduler else None
        return job.next_run_time if job else None

    def start(self) -> None:
        """Start the timers. Raises ConfigError for a crontab line that cannot be read."""
        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        now = datetime.now(UTC)
        for timing in self._timings.values():
            trigger = trigger_of(timing)
            if trigger is None:
                continue
            first = self._first(timing, now)
            times = {} if first is None else {"next_run_time": first}
            scheduler.add_job(self._tick, trigger, args=[timing.link], id=timing.link, **times)
        self._scheduler = scheduler
        scheduler.start()

    def kick(self, link: str, trigger: str = "webhook") -> None:
        """Run the link as soon as a slot is free. A kick during a run makes one more run after it, however many kicks
        there were: what they announce may have come too late for the run that is going on.
        """
        if self._stopping or link not in self._timings:
            return
        if link in self._running:
            self._again[link] = trigger
            return
        _log.debug("link.kicked", link=link, trigger=trigger)
        self._begin(link, trigger)

    async def stop(self, *, drain_s: float) -> bool:
        """Start nothing more, wait for what runs, then cancel it. True if everything ended by itself.

        ``hurry`` ends the waiting.
        """
        self._stopping = True
        self._again.clear()
        if self._scheduler is not None:
            self._scheduler.pause()
        left: set[asyncio.Task[None]] = set()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=drain_s)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)  # waiting would cancel coroutines that we have waited for already
        return not left and not self._hurried

    def hurry(self) -> None:
        """Cancel what runs: the second signal. Intents make that safe (S18)."""
        self._hurried = True
        for task in self._tasks:
            task.cancel()

    def _first(self, timing: Timing, now: datetime) -> datetime | None:
        if self._start_now:
            return now
        if timing.every_s is None:
            return None  # by the crontab
        return now + timedelta(seconds=self._chance(0.0, timing.every_s))

    async def _tick(self, link: str) -> None:
        if not self._stopping and link not in self._running:
            self._begin(link, "timer")

    def _begin(self, link: str, trigger: str) -> None:
        if link in self._waiting:
            return
        self._waiting.add(link)
        task = asyncio.get_running_loop().create_task(self._turns(link, trigger), name=f"link {link}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _turns(self, link: str, trigger: str) -> None:
        try:
            async with self._slots:
                self._waiting.discard(link)
                if self._stopping:
                    return
                self._running.add(link)
                try:
                    await self._turn(link, trigger)
                finally:
                    self._running.discard(link)
        finally:
            self._waiting.discard(link)
        again = self._again.pop(link, None)
        if again is not None and not self._stopping:
            self._begin(link, again)  # at the end of the line: one busy link must not keep a slot for itself

    async def _turn(self, link: str, trigger: str) -> None:
        try:
            await self._sync(link, trigger)
        except Exception as error:  # noqa: BLE001 — one of the two loops: a link's failure never stops another link (S24)
            report_failure(error, link=link, trigger=trigger)


def report_failure(error: Exception, *, link: str, trigger: str) -> None:
    """Log a failed run: what a person can act on as a sentence, a bug with its traceback."""
    if isinstance(error, LockedError):
        _log.info("link.locked", link=link, trigger=trigger, reason=error.message)
    elif isinstance(error, BridgeError):
        _log.error("link.refused", link=link, trigger=trigger, reason=error.message, hint=error.hint)
    else:
        _log.error("bug.met", link=link, trigger=trigger, exc_info=error)


def trigger_of(timing: Timing) -> Any:
    """APScheduler's trigger for a timing, or None. Raises ConfigError for a crontab line that cannot be read.

    Source: crontab(5), where APScheduler differs from it: there 0 is Sunday, not Monday, and a line that restricts
    both the day of the month and the day of the week means *either*.
    """
    jitter = timing.jitter_s or None
    if timing.every_s is not None:
        return IntervalTrigger(seconds=timing.every_s, jitter=jitter, timezone=timing.timezone)
    if timing.cron is None:
        return None
    words = timing.cron.split()
    try:
        minute, hour, day, month, week = words
        days = ",".join(_weekdays(week))
        either = [(day, "*"), ("*", days)] if day != "*" and week != "*" else [(day, days or "*")]
        found = [
            CronTrigger(
                minute=minute,
                hour=hour,
                day=on,
                month=month.lower(),
                day_of_week=weekday,
                timezone=timing.timezone,
                jitter=jitter,
            )
            for on, weekday in either
        ]
    except ValueError as error:
        raise ConfigError(
            f"link {timing.link!r}: the cron line {timing.cron!r} cannot be read ({error}).",
            hint='Five fields are expected: minute hour day month weekday, for example "*/10 8-18 * * 1-5".',
        ) from None
    return found[0] if len(found) == 1 else OrTrigger(found)


def _weekdays(field: str) -> tuple[str, ...]:
    """A crontab weekday field as names, in APScheduler's order; empty for every day. 0 and 7 are Sunday."""
    if field == "*":
        return ()
    chosen: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low, high = (0, 6) if span == "*" else (_weekday(first), _weekday(last) if last else _weekday(first))
        if step and not last and span != "*":
            high = 6
        if high < low:
            high += 7
        chosen.update(number % 7 for number in range(low, high + 1, int(step) if step else 1))
    return tuple(_DAYS[number] for number in sorted(chosen, key=lambda number: (number + 6) % 7))


def _weekday(word: str) -> int:
    if word in _DAYS:
        return _DAYS.index(word)
    if word.isdigit() and int(word) <= 7:
        return int(word)
    raise ValueError(f"{word!r} is not a day of the week")
