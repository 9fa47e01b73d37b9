"""What a database driver says, turned into words for the person who must act. Refuses: to hide bugs.

An error that is not the surroundings' fault (a constraint, wrong SQL) is left as it is: it is the caller's or a bug.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError

from bridge.errors import LockedError, StateError

if TYPE_CHECKING:
    from state.connect import Target

_RETRY: Final = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected
_SQLITE: Final = {
    sqlite3.SQLITE_PERM: ("may not be used by this user", "Check the owner and the mode of the file and its folder."),
    sqlite3.SQLITE_READONLY: (
        "cannot be written",
        "Give the user that runs Bridge the right to write the file and its folder; the disk may be mounted read-only.",
    ),
    sqlite3.SQLITE_IOERR: ("cannot be read or written: the disk reports an error", "Check the disk and its mount."),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        (
            "Stop Bridge, keep a copy of the file, and put the newest backup in its place (beside it or in backup_dir);"
            " where there is none, bridge state rebuild makes it anew from both trackers."
        ),
    ),
    sqlite3.SQLITE_FULL: (
        "cannot grow: the disk is full",
        "Make room and run again. The last transaction was undone; nothing else is lost.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Check that it is a file, that its folder exists, and that the user that runs Bridge may write both.",
    ),
    sqlite3.SQLITE_NOTADB: ("is not a database", "Set state.url to another file, or move this one away."),
}
_POSTGRES: Final = {
    "28": ("refuses the login", "Check user and password in state.url."),
    "3D": ("does not exist", "Create it (createdb) or correct state.url."),
    "42501": ("does not give this user the rights it needs", "Bridge must be able to create tables in its schema."),
    "53": ("is out of disk, memory or connections", "See the server's log; make room and run again."),
    "57": ("was shut down or ended the session", "Run again when the server is back."),
    "25006": ("is read-only", "Set state.url to the primary server."),
    "08": ("lost the connection", "Check the network and the server's log, then run again."),
    "XX": ("reports damage", "See the server's log and restore a backup."),
}


def is_lost_race(error: DBAPIError) -> bool:
    """True when PostgreSQL undid the transaction only because another one came between: run it again."""
    return getattr(error.orig, "sqlstate", None) in _RETRY


def is_passing(error: DBAPIError) -> bool:
    """Whether the same may go well a moment later: another process or transaction is in the way."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return is_lost_race(error) or code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def translate(error: DBAPIError, target: Target) -> StateError | None:
    """The error for people, or None when it is none of theirs (a constraint, a bug)."""
    if isinstance(error.orig, sqlite3.Error):
        return sqlite_error(error.orig, target.place, target.busy_timeout_s)
    return _postgres_error(error, target)


def sqlite_error(error: sqlite3.Error, place: str, busy_timeout_s: float) -> StateError | None:
    """The same for an error that comes from the driver itself. ``place`` names the database."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LockedError(
            f"The database {place} is held by another process (waited {busy_timeout_s:g} s).",
            hint=f"Most likely the daemon or another bridge command is writing, or an SQLite shell or a backup tool has"
            f" it open (fuser {place} names it). Nothing was changed: wait and run again.",
        )
    if code in _SQLITE:
        what, hint = _SQLITE[code]
        return StateError(f"The database {place} {what}.", hint=hint)
    return None


def _postgres_error(error: DBAPIError, target: Target) -> StateError | None:
    state = getattr(error.orig, "sqlstate", None)
    if state in _RETRY or state == "55P03":
        return LockedError(
            f"The database {target.place} is held by other transactions (waited {target.busy_timeout_s:g} s).",
            hint="Another bridge process or a database tool is writing; pg_stat_activity names it."
            " Nothing was changed: wait and run again.",
        )
    for known in (state, (state or "")[:2]):
        if known in _POSTGRES:
            what, hint = _POSTGRES[known]
            return StateError(f"The database {target.place} {what}.", hint=hint)
    if state is None and (error.connection_invalidated or type(error.orig).__name__ == "OperationalError"):
        return StateError(
            f"The database {target.place} cannot be reached: {_first_line(error, target)}",
            hint="Check that the server runs and that state.url is right.",
        )
    return None


def _first_line(error: DBAPIError, target: Target) -> str:
    text = (str(error.orig).strip().splitlines() or ["no answer"])[0]
    secret = target.url.password
    return text.replace(str(secret), "***") if secret else text
