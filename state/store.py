"""The door to the state database: short transactions on worker threads. Refuses: SQL of its own, knowledge of tables.

A function given to ``run`` or ``read`` gets a ``Session`` and changes nothing else: PostgreSQL may have it run again.
No session lives over an await. What it returns stays readable afterwards (rows are not expired at commit).
"""

from __future__ import annotations

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, Self, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from state import connect, schema
from state.faults import is_lost_race, translate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

__all__ = ["Session", "Store"]  # Session: for the type of what a function is given, without naming a library

P = ParamSpec("P")
T = TypeVar("T")

_MOST_DOUBLINGS: Final = 7


class Store:
    """An open database. SQLite: one thread writes, so that our own transactions never wait for each other's locks."""

    def __init__(self, target: connect.Target, writer: Engine, reader: Engine) -> None:
        """Use ``Store.open``."""
        self._target = target
        self._writer = writer
        self._reader = reader
        file = target.path is not None
        self._write_threads = ThreadPoolExecutor(1 if target.is_sqlite else connect.PG_THREADS, "bridge-state")
        self._read_threads = ThreadPoolExecutor(2, "bridge-state-read") if file else self._write_threads

    @classmethod
    def open(
        cls, url: str, *, backup_dir: Path | None = None, migrate: bool = True, busy_timeout_s: float = 5.0
    ) -> Self:
        """Open a database, make it when it is not there, bring its tables up to date.

        ``url`` is ``sqlite:///file`` or ``postgresql://…``. Before a migration a SQLite file is copied to
        ``<file>.backup-<revision>-<UTC>`` (in ``backup_dir`` when given). A PostgreSQL backup is the operator's
        (pg_dump). ``busy_timeout_s`` is how long a transaction waits for another process.

        Raises: ConfigError (the URL), LockedError (held by another process), StateError (all else that is wrong:
        cannot be reached, made, written; damaged; not ours; made by a newer version).
        """
        target = connect.parse(url, busy_timeout_s)
        store = cls(target, *connect.engines(target))
        try:
            schema.ensure(store._writer, store._reader, target, migrate=migrate, backup_dir=backup_dir)
        except DBAPIError as error:
            store.close()
            raise translate(error, target) or error from error
        except BaseException:
            store.close()
            raise
        return store

    @property
    def place(self) -> str:
        """The database's name for messages: the file, or ``database on host``. Never a password."""
        return self._target.place

    async def run(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``fn(session, …)`` in one write transaction and return its value. An exception undoes all of it.

        A cancelled caller does not stop it: the transaction is then committed or undone as a whole by its thread.

        Raises: what ``fn`` raises; LockedError, StateError for the database's own trouble.
        """
        return await asyncio.wrap_future(self._write_threads.submit(self._work(self._writer, fn, *args, **kwargs)))

    async def read(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for reading: one consistent view, never waits for a writer, and a write in it fails."""
        return await asyncio.wrap_future(self._read_threads.submit(self._work(self._reader, fn, *args, **kwargs)))

    def run_sync(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """``run`` for code outside an event loop. Not to be called from within ``fn``."""
        return self._write_threads.submit(self._work(self._writer, fn, *args, **kwargs)).result()

    def read_sync(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """``read`` for code outside an event loop."""
        return self._read_threads.submit(self._work(self._reader, fn, *args, **kwargs)).result()

    def close(self) -> None:
        """Wait for what is running, then let go of the database. Safe to call twice."""
        self._write_threads.shutdown()
        self._read_threads.shutdown()
        self._writer.dispose()
        self._reader.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(
        self, engine: Engine, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Callable[[], T]:
        return lambda: self._transact(engine, lambda session: fn(session, *args, **kwargs))

    def _transact(self, engine: Engine, fn: Callable[[Session], T]) -> T:
        end = time.monotonic() + self._target.busy_timeout_s
        for lost in count():
            try:
                with Session(engine, expire_on_commit=False) as session, session.begin():
                    return fn(session)
            except DBAPIError as error:
                if not is_lost_race(error) or time.monotonic() > end:
                    raise translate(error, self._target) or error from error
            # whoever commits most often would win each time if all came back at once
            time.sleep(random.uniform(0, 0.001 * 2 ** min(lost, _MOST_DOUBLINGS)))  # noqa: S311 — not a secret
        raise AssertionError
