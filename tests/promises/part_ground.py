"""The ground of the histories of comments and time entries: any two trackers, their people, and a Bridge that may be cut.

Unlike ``ground.py`` it goes over real sockets, as the people's drivers do; waiting costs nothing.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Self
from unittest import mock

from promises.ground import fast_folder, template
from trackers.between import Between, no_sleep

from bridge.config.loader import load
from bridge.engine.report import RunReport
from bridge.wiring import Bridge
from connectors.http import WATCH, Watch
from connectors.pace import Retry
from state import conflicts, pairs, parked
from state.store import Session

MORE: Final = "max_deletes = 100\nmax_delete_percent = 100\n"
_SAID: Final = "max_delete_percent = 100\n"


class PartGround:
    """Use as a context manager. ``cut``: the run ends at its n-th request, before it leaves or after it was answered."""

    def __init__(self, left: str | Any, right: str | Any) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bridge-parts-", dir=fast_folder()))
        self.world = Between(self.folder, left, right)
        self._bridge: Bridge | None = None
        self._cut: tuple[int, str] | None = None
        self._sent = 0
        self._running: asyncio.Task[RunReport] | None = None
        defaults = tuple(no_sleep if each is asyncio.sleep else each for each in Retry.__init__.__defaults__ or ())
        self._patch = mock.patch.object(Retry.__init__, "__defaults__", defaults)

    def __enter__(self) -> Self:
        shutil.copyfile(template(), self.folder / "bridge.db")
        self._patch.start()
        self.world.__enter__()
        file = self.folder / "bridge.toml"
        file.write_text(file.read_text().replace(_SAID, MORE))
        return self

    def __exit__(self, *_: object) -> None:
        self.world.__exit__()
        self._patch.stop()
        shutil.rmtree(self.folder)

    # --- runs -----------------------------------------------------------------------------------------------------

    async def run(self, *, cut: tuple[int, str] | None = None, **options: Any) -> RunReport | None:
        """One run; None when it was cut, which its process does not outlive."""
        bridge = await self._open()
        self._cut, self._sent = cut, 0
        self._running = asyncio.create_task(bridge.sync("pair", trigger="test", **options))
        try:
            return await self._running
        except asyncio.CancelledError:
            await self.restart()
            return None
        finally:
            self._cut = None

    async def restart(self) -> None:
        """The process ends; the next run has a new one."""
        if self._bridge is not None:
            await self._bridge.__aexit__()
        self._bridge = None
        with closing(sqlite3.connect(self.folder / "bridge.db")) as database:
            database.execute("UPDATE cursor SET lease_until = 0, lease_holder = ''")  # a dead process holds nothing
            database.commit()

    async def _open(self) -> Bridge:
        if self._bridge is None:
            WATCH.set(Watch({"request": [self._before], "response": [self._after]}))
            self._bridge = Bridge.open(load(self.folder / "bridge.toml"), sleep=no_sleep)
        return self._bridge

    async def _before(self, _: Any) -> None:
        self._sent += 1
        await self._ends("before")

    async def _after(self, _: Any) -> None:
        await self._ends("after")

    async def _ends(self, when: str) -> None:
        if self._cut == (self._sent, when) and self._running is not None:
            self._running.cancel()
            await asyncio.sleep(0)

    def clear_faults(self) -> None:
        for side in (self.world.left, self.world.right):
            side.box.faults.clear()

    # --- what Bridge says is not in step ----------------------------------------------------------------------------

    async def troubles(self) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]]:
        """What is in conflict and what is parked, with its reason, by side and item."""
        bridge = await self._open()
        return await bridge.store.read(_troubles, bridge.ids["pair"])


def _troubles(session: Session, link: int) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]]:
    kinds = {"time_entry": "time"}
    open_now: dict[tuple[str, str], str] = {}
    for row in conflicts.find(session, link_id=link):
        pair = pairs.by_ids(session, [row.clash.pair_id])[row.clash.pair_id]
        kind = kinds.get(pair.kind, pair.kind)
        open_now[f"left {kind}", pair.left_id] = open_now[f"right {kind}", pair.right_id] = row.clash.field
    stuck = {
        (f"{row.side} {kinds.get(row.kind, row.kind)}", row.item_id): f"{row.reason}: {row.message}"
        for row in parked.find(session, link_id=link)
    }
    return open_now, stuck
