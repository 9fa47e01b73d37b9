"""A run's surroundings: its link, the store, the clock, the fence. Made once a run, passed to every stage."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bridge.engine.link import Link
from bridge.engine.report import Progress, Silent, Tally
from bridge.errors import LockedError
from bridge.model import SIDES, Plan, Side
from state import leases
from state.store import Store


def utc_now() -> datetime:
    """The local clock: for stamps that people read and for waits, never to order anything (S30)."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Run:
    """One run of one link. ``approved`` limits it to the operations of a reviewed plan; ``allow_deletes`` lets it deal
    with that many vanished items, whatever the guard says (S27).

    ``polled_at`` is when each side was last read, by the monotonic clock: how old an observation is (S22).
    ``used_before``: requests a side's connector had made before this run (it outlives runs in the daemon).
    ``swept``: sides of which the feeds that no cursor covers were read.
    ``cursors`` are where the listings of this run began: a create of ours can only be after that.
    """

    link: Link
    store: Store
    id: int
    fence: int
    sleep: Callable[[float], Awaitable[None]]
    trigger: str = "manual"
    full: bool = False
    sweep: bool | None = None
    approved: Plan | None = None
    allow_deletes: int = 0
    is_second_look: bool = False
    progress: Progress = field(default_factory=Silent)
    tally: Tally = field(default_factory=Tally)
    used_before: Mapping[Side, int] = field(default_factory=dict)
    polled_at: dict[Side, float] = field(default_factory=dict)
    cursors: dict[tuple[Side, str], str | None] = field(default_factory=dict)
    swept: set[Side] = field(default_factory=set)
    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    _look: asyncio.Future[bool] | None = None

    async def check_fence(self) -> None:
        """Before every remote write (S2). Raises LockedError when another process took the lease meanwhile.

        Writes that are ready at one moment share a look, which begins after all of them have asked.
        """
        look = self._look = self._look or asyncio.ensure_future(self._holds())
        if not await asyncio.shield(look):
            raise LockedError(
                f'link "{self.link.name}": another process took over while this run was paused; it wrote nothing since',
                hint="Nothing is to be done: the other run goes on.",
            )

    async def _holds(self) -> bool:
        self._look = None  # whoever asks from here on is answered by the next look
        return await self.store.read(leases.check_fence, self.link.id, self.fence)

    def age(self) -> float:
        """Seconds since the older of both sides was read; infinite while one was not."""
        return self.monotonic() - min(self.polled_at.values()) if len(self.polled_at) == len(SIDES) else math.inf
