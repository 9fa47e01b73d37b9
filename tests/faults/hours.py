"""Time for tests of faults: what Bridge takes for the hour and what the trackers do move together, and nobody sleeps."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from engine.world import World

from bridge.engine.context import Run
from bridge.wiring import Bridge
from connectors.pace import Retry


class Hours:
    """Real time and a shift that only grows: by what anybody wanted to sleep, and by ``go_by``."""

    def __init__(self, world: World) -> None:
        self._boxes = (world.artala, world.github)
        self.shift_s = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.shift_s)

    def go_by(self, seconds: float) -> None:
        self.shift_s += seconds
        for box in self._boxes:
            box.clock.advance(seconds)

    async def sleep(self, seconds: float) -> None:
        self.go_by(seconds)

    def rule(self, patch: pytest.MonkeyPatch) -> None:
        """Give these hours to every Bridge that is opened from now on in this process."""
        *others, _, _ = Retry.__init__.__defaults__ or ()
        patch.setattr(Retry.__init__, "__defaults__", (*others, self.sleep, self.now))
        patch.setattr("bridge.wiring.Run", partial(Run, now=self.now))
        patch.setattr("bridge.wiring.utc_now", self.now, raising=False)


class Weathered(World):
    """A world in which no wait takes any time."""

    hours: Hours

    def open(self, **options: Any) -> Any:
        known = inspect.signature(Bridge.open).parameters
        more = {"now": self.hours.now} if "now" in known else {}
        return super().open(**{"sleep": self.hours.sleep, **more, **options})

    def tasks_by_page(self) -> list[dict[str, Any]]:
        """Every task, however many rows the feed gives at once."""
        found: list[dict[str, Any]] = []
        while True:
            status, page = self.artala.call("GET", f"/odata/Tasks?$orderby=CreatedAt,Id&$skip={len(found)}", who="sam")
            assert status == 200
            found += page["value"]
            if not page["value"]:
                return found
