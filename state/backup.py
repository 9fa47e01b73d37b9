"""Copies of a SQLite database: before each migration, for ``bridge state backup``, and the old file of a rebuild.

Refuses: PostgreSQL, whose copies are made by pg_dump.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bridge.errors import LockedError, StateError
from state.connect import make_private_file
from state.faults import sqlite_error

VERSION_TABLE: Final = "bridge_revision"
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished copy: where it stands, its size in bytes, the revision of its tables."""

    file: Path
    size: int
    revision: str


def name_of(source: Path, revision: str) -> str:
    """What a copy of ``source`` is called: the file, the revision of its tables, the time in UTC."""
    return f"{source.name}.backup-{revision}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%fZ')}"


def back_up(
    source: Path, copy: Path | None = None, *, folder: Path | None = None, busy_timeout_s: float = 5.0
) -> Backup:
    """Copy the last committed state of a database that others may be writing to; they never wait for it.

    ``copy`` is the file to make, or a folder; else it is named by ``name_of``, in ``folder`` or beside ``source``. It is
    readable by its owner only, was checked as a whole, and appears under its name when all of it is there.

    Raises: LockedError; StateError when it is not Bridge's, is damaged, the file is there already or cannot be written.
    """
    try:
        with closing(_open(source, "rw", busy_timeout_s)) as old:
            revision = _revision(old, source)
            if copy is None or copy.is_dir():
                copy = (copy or folder or source.parent) / name_of(source, revision)
            if copy.exists():
                raise StateError(f"{copy} is there already. Nothing was written.", hint="Name a file that is not.")
            _write(old, source, copy, busy_timeout_s)
            return Backup(copy, copy.stat().st_size, revision)
    except sqlite3.Error as error:
        raise sqlite_error(error, str(source), busy_timeout_s) or error from error


def set_aside(source: Path, *, busy_timeout_s: float = 5.0) -> Path:
    """Rename a database that is to be made anew, as ``name_of`` calls copies; the new name.

    Raises: LockedError while any other process has it open; StateError when it is another program's or cannot be renamed.
    """
    aside = source.with_name(name_of(source, "damaged"))
    try:
        with closing(_open(source, "rw", busy_timeout_s)) as old:
            try:
                _close_to_others(old)
                aside = source.with_name(name_of(source, _revision(old, source)))
            except sqlite3.DatabaseError as error:
                known = sqlite_error(error, str(source), busy_timeout_s)
                if isinstance(known, LockedError):
                    raise _in_use(source) from error
            source.rename(aside)
        for suffix in ("-wal", "-shm"):  # there only where a damaged file would not take them in
            if (rest := source.with_name(source.name + suffix)).exists():
                rest.rename(aside.with_name(aside.name + suffix))
        _sync_folder(source.parent)
    except OSError as error:
        raise StateError(
            f"The database {source} cannot be renamed: {error.strerror}.", hint="Give this user the right, or move it."
        ) from error
    return aside


def require_alone(source: Path, *, busy_timeout_s: float = 5.0) -> None:
    """Raise LockedError while any other process has the database open, also one that does nothing just now."""
    try:
        with closing(_open(source, "rw", busy_timeout_s)) as old:
            _close_to_others(old)
    except sqlite3.Error as error:
        known = sqlite_error(error, str(source), busy_timeout_s)
        raise (_in_use(source) if isinstance(known, LockedError) else known or error) from error


def _close_to_others(connection: sqlite3.Connection) -> None:
    """Take the file for ourselves: leaving the write-ahead log needs that nobody else has it open. ``Store.open`` goes
    back to it.
    """
    connection.execute("PRAGMA journal_mode=delete")
    connection.execute("BEGIN EXCLUSIVE")


def _in_use(source: Path) -> LockedError:
    return LockedError(
        f"Another process has the database {source} open; it would go on with what it knows. Nothing was changed.",
        hint=f"Stop the daemon (systemctl stop bridge) and other bridge commands, then run again. fuser {source} names them.",
    )


def copy_whole(old: sqlite3.Connection, copy: Path, *, busy_timeout_s: float) -> str:
    """Copy into an empty file and check it: "" when it is whole, else what is wrong with it.

    One step takes all pages, as of one moment, while other processes go on writing. Raises: sqlite3.Error.
    """
    end = time.monotonic() + busy_timeout_s

    def wait(status: int, _left: int, _total: int) -> None:
        if status & 0xFF in _BUSY and time.monotonic() > end:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error

    with closing(sqlite3.connect(copy, isolation_level=None)) as new:
        old.backup(new, progress=wait)
        new.execute("PRAGMA journal_mode=delete")  # one file, whole by itself
    with closing(_open(copy, "ro", busy_timeout_s)) as made:
        verdict = str(made.execute("PRAGMA integrity_check(1)").fetchone()[0])
    return "" if verdict == "ok" else verdict


def _write(old: sqlite3.Connection, source: Path, copy: Path, busy_timeout_s: float) -> None:
    """Make ``copy`` appear whole or not at all, and never in the place of another file."""
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{copy.name}.", suffix=".part", dir=copy.parent)  # made with 0600
        os.close(handle)
        part = Path(name)
        if wrong := copy_whole(old, part, busy_timeout_s=busy_timeout_s):
            raise StateError(
                f"The database {source} is damaged ({wrong}). No backup was kept.",
                hint='"bridge state verify" says more. Keep the file, and put an older backup in its place.',
            )
        make_private_file(copy)  # fails when it is there: what others made meanwhile is not overwritten
        part.replace(copy)
        _sync_folder(copy.parent)
    except FileExistsError:
        raise StateError(f"{copy} was made by somebody else meanwhile. Nothing was written.") from None
    except OSError as error:
        raise _unwritten(copy, error.strerror or str(error)) from error
    except sqlite3.Error as error:
        known = sqlite_error(error, str(source), busy_timeout_s)
        if isinstance(known, LockedError):
            raise known from error
        raise _unwritten(copy, str(error)) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _unwritten(copy: Path, why: str) -> StateError:
    return StateError(
        f"The backup {copy} could not be written: {why}. Nothing was kept.",
        hint="Make room or the folder, or name another FILE.",
    )


def _open(path: Path, mode: str, timeout_s: float) -> sqlite3.Connection:
    """Open a file that is there; ``sqlite3.connect`` by name would make it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=timeout_s, isolation_level=None)


def _revision(connection: sqlite3.Connection, source: Path) -> str:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERSION_TABLE,)).fetchone()
    if there is None:
        raise StateError(f"The database {source} is not Bridge's. Nothing was written.", hint="Correct state.url.")
    row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608 — a constant
    return "none" if row is None else str(row[0])


def _sync_folder(folder: Path) -> None:
    """See to it that the name is on disk too; where a folder cannot be opened there is nothing to be done."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
