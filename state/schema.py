"""Brings a database to the revision this version of Bridge works with. Refuses: to touch a database it does not know.

The usual open costs one SELECT; Alembic is imported only when something is to be done. Each migration runs in its own
transaction, which first takes the database's write lock and reads the revision again: any number of processes can open
at once. ``HEAD`` is the newest revision in ``state/migrations/versions``; a test compares the two.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bridge.errors import StateError
from state.backup import VERSION_TABLE, copy_whole, name_of
from state.connect import Target, make_private_file
from state.faults import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config

HEAD: Final = "0001"
SCRIPTS: Final = "state:migrations"
_LOCK: Final = 0x62726964  # an advisory lock of PostgreSQL; the number only has to be ours
_log = structlog.get_logger(__name__)


def stored_revision(connection: Connection) -> str | None:
    """The database's revision. None: it is empty.

    Raises: StateError when there are tables but no revision, so that the database is somebody else's.
    """
    found = inspect(connection)
    if found.has_table(VERSION_TABLE):
        return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 — a constant
    if others := sorted(found.get_table_names()):
        raise StateError(
            f"The database {_place(connection)} is not Bridge's: it holds {', '.join(others[:3])}"
            f"{' and more' if len(others) > 3 else ''}. Nothing was changed.",
            hint="Set state.url to a database of its own.",
        )
    return None


def ensure(writer: Engine, reader: Engine, target: Target, *, migrate: bool, backup_dir: Path | None) -> None:
    """Check the revision, and with ``migrate`` bring the database up to ``HEAD``, after a backup.

    Raises: StateError, LockedError; the database is then at the last revision that was reached whole.
    """
    with reader.connect() as connection:
        current = stored_revision(connection)
    if current == HEAD:
        return
    _refuse_newer(current, target)
    if not migrate:
        raise StateError(
            f"The database {target.place} is at revision {current or 'none'}; this Bridge works with {HEAD}.",
            hint="Run any bridge command that may write, or start the daemon, to bring it up to date.",
        )
    backup: Path | None = None
    while True:
        with _migrating(writer) as connection:
            current = stored_revision(connection)
            if current == HEAD:
                return
            _refuse_newer(current, target)
            if current is not None and backup is None:
                backup = _back_up(target, current, backup_dir)
            _step(connection, target, current, backup)


def alembic_config(connection: Connection | None = None) -> Config:
    """What Alembic's commands need to work on ``connection``; there is no ini file."""
    from alembic.config import Config  # noqa: PLC0415 — 0.1 s that an up-to-date database does not need

    config = Config(stdout=sys.stderr, attributes={"connection": connection})  # the default is bound at import
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    return config


def _step(connection: Connection, target: Target, current: str | None, backup: Path | None) -> None:
    from alembic import command  # noqa: PLC0415 — see alembic_config
    from alembic.util.exc import CommandError  # noqa: PLC0415

    try:
        command.upgrade(alembic_config(connection), "+1")
        _check_references(connection)
    except (SQLAlchemyError, CommandError) as error:
        if isinstance(error, DBAPIError) and (known := translate(error, target)):
            raise known from error
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        kept = f" A copy from before stands in {backup}." if backup else ""
        raise StateError(
            f"The database {target.place} could not be brought up from revision {current or 'none'}: {reason}.",
            hint=f"It is whole and stays at that revision.{kept} Go back to the Bridge that made it, and report this.",
        ) from error
    _log.info("state.migrated", place=target.place, before=current)


def _refuse_newer(current: str | None, target: Target) -> None:
    if current is None:
        return
    if current not in revisions():
        raise StateError(
            f"The database {target.place} was made by a newer Bridge (revision {current}; this one knows {HEAD})."
            " Nothing was changed.",
            hint="Install that version again, or put a backup from before the upgrade in its place.",
        )


def revisions() -> tuple[str, ...]:
    """All revisions this version knows, newest first."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 — see alembic_config

    return tuple(script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions())


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """One transaction that holds the write lock from its start, with SQLite's foreign keys off.

    Batch mode rebuilds a table by dropping the old one, which would take the rows that refer to it along.
    READ COMMITTED on PostgreSQL: a snapshot taken before the lock was granted would show the old revision.
    """
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection
        return
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=off")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute("PRAGMA foreign_keys=on")


def _check_references(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
        raise SQLAlchemyError(f"{len(broken)} rows of {broken[0][0]} would refer to nothing")


def _back_up(target: Target, revision: str, folder: Path | None) -> Path | None:
    """Copy the last committed state of a SQLite file. The caller holds the write lock, so nothing is missed."""
    source = target.path
    if source is None:
        if not target.is_sqlite:
            _log.info("state.backup_left_to_operator", place=target.place, revision=revision, tool="pg_dump")
        return None
    copy = (folder or source.parent) / name_of(source, revision)
    try:
        make_private_file(copy)
        with closing(sqlite3.connect(source)) as old:
            if wrong := copy_whole(old, copy, busy_timeout_s=target.busy_timeout_s):
                raise sqlite3.DatabaseError(f"the copy is not whole: {wrong}")
    except (OSError, sqlite3.Error) as error:
        copy.unlink(missing_ok=True)
        raise StateError(
            f"The backup {copy} could not be written: {getattr(error, 'strerror', None) or error}. Nothing was changed.",
            hint="Make room or the folder (state.backup_dir), then run again.",
        ) from error
    _log.info("state.backed_up", place=target.place, revision=revision, backup=str(copy))
    return copy


def _place(connection: Connection) -> str:
    return str(connection.engine.url.database or ":memory:")
