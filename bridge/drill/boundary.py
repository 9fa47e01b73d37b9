"""The places where a process can be killed, counted as it passes them: around each write and each commit.

A read changes nothing, here or there: to die before it, during it or after it leaves what the place before it leaves.

Lives in the process that is to die. It hangs on httpx's event hooks and on SQLite's connection class, so that nothing of
the engine, a connector or the store knows of it.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import RLock
from typing import Any, Final
from urllib.parse import urlsplit

from connectors.http import WATCH, Watch

KILLED: Final = 77
"""The exit code of a process that died on purpose."""

_CHANGES: Final = re.compile(r'\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM|CREATE TABLE)\s+"?(\w+)', re.IGNORECASE)


class Boundaries:
    """Counts from 1; at ``die_at`` the process ends with no clean-up whatever. 0: never. ``will`` is told before."""

    def __init__(self, die_at: int, will: Callable[[str], None]) -> None:
        self.passed: list[str] = []
        self._die_at = die_at
        self._will = will
        self._lock = RLock()  # commits come from the store's threads
        self._counts = True

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """What happens within is no part of what is drilled."""
        self._counts = False
        try:
            yield
        finally:
            self._counts = True

    def at(self, what: str) -> None:
        with self._lock:
            if not self._counts:
                return
            self.passed.append(what)
            if len(self.passed) == self._die_at:
                self._will(what)
                os._exit(KILLED)

    async def before(self, request: Any) -> None:
        if request.method != "GET":
            self.at(f"before sending {_said(request)}")

    async def after(self, response: Any) -> None:
        """The tracker has acted; first nobody has read its answer, then somebody has."""
        if response.request.method == "GET":
            return
        said = _said(response.request)
        self.at(f"after sending {said}, answer unread")
        await response.aread()
        self.at(f"after the answer {response.status_code} to {said}")


@contextmanager
def watched(boundaries: Boundaries, read_s: float | None) -> Iterator[None]:
    """Count what is sent and committed within. ``read_s``: the longest silence to wait for, if not the usual one."""
    hooks: dict[str, list[Callable[[Any], Awaitable[None]]]] = {
        "request": [boundaries.before],
        "response": [boundaries.after],
    }
    before = WATCH.set(Watch(hooks, read_s))
    plain: Any = sqlite3.dbapi2.connect
    driver: Any = sqlite3.dbapi2
    driver.connect = partial(plain, factory=_connection(boundaries))
    try:
        yield
    finally:
        driver.connect = plain
        WATCH.reset(before)


def _connection(boundaries: Boundaries) -> type[sqlite3.Connection]:
    """SQLite's connection, counting each commit that has something to commit."""

    class Watched(sqlite3.Connection):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self._changed: set[str] = set()
            self._committed = 0
            self.set_trace_callback(self._note)

        def _note(self, statement: str) -> None:
            if found := _CHANGES.match(statement):
                self._changed.add(found[1])

        def commit(self) -> None:
            if self.total_changes == self._committed:
                super().commit()
                return
            what = ", ".join(sorted(self._changed)) or "nothing"
            boundaries.at(f"before the commit of {what}")
            super().commit()
            self._committed, self._changed = self.total_changes, set()
            boundaries.at(f"after the commit of {what}")

    return Watched


def _said(request: Any) -> str:
    parts = urlsplit(str(request.url))
    return f"{request.method} {parts.path}"
