"""From a database URL to engines with the settings that keep data whole. Refuses: schema, queries.

SQLite settings, each for a measured reason: ``isolation_level=None`` with an explicit ``BEGIN IMMEDIATE`` (the driver's
own mode runs SELECT outside the transaction, and updates get lost without an error); WAL, so that readers never wait;
``synchronous=full``, because an intent must be on disk before its request leaves (S18), also when the power goes.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import ArgumentError

from bridge.errors import ConfigError, StateError
from state.faults import sqlite_error

PG_THREADS: Final = 4
_POSTGRES: Final = ("postgresql", "postgres", "postgresql+psycopg")
_EXAMPLES: Final = "Examples: sqlite:///bridge.db, postgresql://user@host/database."
_ALIKE: Final = "sqlite+alike"
_COMPILED: Final[dict[Any, Any]] = {}
"""Statements by what they say. Compiling them is a third of what a short process does; there are some hundred."""


class Alike(SQLiteDialect_pysqlite):
    """SQLite, the same to every engine of this process: what one has compiled, the others use."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alike)

    def __hash__(self) -> int:
        return hash(Alike)


registry.register("sqlite.alike", __name__, Alike.__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """A database: its URL, and ``place``, the name by which messages call it (never a password)."""

    url: URL
    place: str
    busy_timeout_s: float

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The SQLite file. None in memory and for PostgreSQL."""
        if not self.is_sqlite or self.url.database in (None, "", ":memory:"):
            return None
        return Path(str(self.url.database))


def parse(url: str, busy_timeout_s: float) -> Target:
    """Read a database URL. Raises: ConfigError, which never repeats the URL, for it may hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError("The database URL in state.url cannot be read.", hint=_EXAMPLES) from None
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        parsed = parsed.set(drivername=_ALIKE)
        return Target(parsed, str(parsed.database or ":memory:"), busy_timeout_s)
    if parsed.drivername in _POSTGRES:
        host = str(parsed.query.get("host") or parsed.host or "localhost")
        port = f":{parsed.port}" if parsed.port else ""
        place = f"{parsed.database or ''} on {host}{port}"
        return Target(parsed.set(drivername="postgresql+psycopg"), place, busy_timeout_s)
    raise ConfigError(
        f"state.url names {parsed.drivername!r}; Bridge keeps its state in SQLite or PostgreSQL.", hint=_EXAMPLES
    )


def engines(target: Target) -> tuple[Engine, Engine]:
    """The engine for writing and the one for reading. A new SQLite file is made with mode 0600.

    Raises: StateError when the file cannot be made or used, or when the PostgreSQL driver is not installed.
    """
    if not target.is_sqlite:
        return _postgres(target)
    if target.path is None:
        only = _sqlite(target, "BEGIN IMMEDIATE", poolclass=StaticPool)
        return only, only
    _prepare_file(target, target.path)
    return _sqlite(target, "BEGIN IMMEDIATE"), _sqlite(target, "BEGIN", "query_only=on")


def make_private_file(path: Path) -> None:
    """Make an empty file that only its owner can read. Raises: FileExistsError and other OSErrors."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _sqlite(target: Target, begin: str, *pragmas: str, **options: Any) -> Engine:
    engine = create_engine(
        target.url,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
        execution_options={"compiled_cache": _COMPILED},
        **options,
    )
    settings = (
        f"busy_timeout={int(target.busy_timeout_s * 1000)}",
        "synchronous=full",
        "foreign_keys=on",
        "secure_delete=fast",
        "wal_autocheckpoint=4000",
        *pragmas,
    )

    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for setting in settings:
            connection.execute(f"PRAGMA {setting}")

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _postgres(target: Target) -> tuple[Engine, Engine]:
    try:
        engine = create_engine(
            target.url,
            hide_parameters=True,
            isolation_level="REPEATABLE READ",
            pool_pre_ping=True,
            pool_size=PG_THREADS + 1,
            connect_args={"connect_timeout": 10, "application_name": "bridge"},
        )
    except ModuleNotFoundError:
        raise StateError(
            "PostgreSQL needs the driver psycopg, which is not installed.",
            hint="Install it with: pip install 'bridge-sync[postgres]'.",
        ) from None
    event.listen(engine, "connect", _lock_timeout(target.busy_timeout_s))
    return engine, engine.execution_options(postgresql_readonly=True)


def _lock_timeout(seconds: float) -> Callable[[Any, object], None]:
    def configure(connection: Any, _record: object) -> None:
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {int(seconds * 1000)}")
        connection.autocommit = False

    return configure


def _prepare_file(target: Target, path: Path) -> None:
    try:
        make_private_file(path)
    except FileExistsError:
        pass
    except FileNotFoundError:
        raise StateError(
            f"The folder {path.parent} for the database {path} does not exist.",
            hint="Create it, or set state.url to another place.",
        ) from None
    except OSError as error:
        raise StateError(
            f"The database {path} cannot be made: {error.strerror}.",
            hint="Give the user that runs Bridge the right to write in that folder, or set state.url to another place.",
        ) from error
    try:
        _use_wal(path, target.busy_timeout_s)
    except sqlite3.Error as error:
        raise sqlite_error(error, target.place, target.busy_timeout_s) or error from error


def _use_wal(path: Path, timeout_s: float) -> None:
    """Switch to WAL, which the file remembers. SQLite does not wait for the lock this needs, so we do."""
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None)
    end = time.monotonic() + timeout_s
    try:
        while True:
            try:
                connection.execute("PRAGMA journal_mode=wal")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(0.02)
            else:
                return
    finally:
        connection.close()
