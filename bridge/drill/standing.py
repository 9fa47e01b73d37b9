"""What a death leaves standing, so that what two deaths left alike is resumed once.

A process that dies before it sends, or before it commits, leaves behind what stood after the last thing that did happen.
Nobody who resumes it can tell the two apart, so one of them is enough; that they are alike is not taken for granted but
looked up, here, after each death.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from bridge.drill.ground import Ground
from bridge.model import Value
from bridge.sandbox.journal import Entry

Standing: TypeAlias = tuple[tuple[str, ...], tuple[tuple[str, str, str], ...], tuple[str, ...]]

_AFTER_COMMIT = "after the commit"
_IDS_BELOW = 1_000_000
"""Greater numbers are times: a lease's end."""


def standing(ground: Ground, marks: Mapping[str, int], passed: Sequence[str]) -> Standing:
    """What is there now: commits that were made, in order; writes that the trackers took; each row of the database.

    Of a row only what is the same in each process: small numbers, and how long its texts are. The moments and the new ids
    in them differ from one death to the next; what they were set to follows from the commits and the writes.
    """
    commits = tuple(what for what in passed if what.startswith(_AFTER_COMMIT))
    writes = sorted(_write(name, entry) for name, entries in ground.written(marks).items() for entry in entries)
    return commits, tuple(writes), tuple(sorted(_rows(ground.database)))


def _write(tracker: str, entry: Entry) -> tuple[str, str, str]:
    return tracker, entry.method, entry.path


def _rows(database: Path) -> Iterator[str]:
    """Read from a copy: to open a database whose process died is to repair it, and that is for Bridge to do."""
    if not database.exists():
        return
    copy = database.with_name(f"standing-{database.name}")
    for end in ("", "-wal"):
        if (file := database.with_name(database.name + end)).exists():
            shutil.copyfile(file, copy.with_name(copy.name + end))
    with closing(sqlite3.connect(copy)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 — a name of its own
                yield f"{table} {[_outline(value) for value in row]}"
    for end in ("", "-wal", "-shm"):
        copy.with_name(copy.name + end).unlink(missing_ok=True)


def _outline(value: Value | bytes) -> int | str | None:
    if value is None or (isinstance(value, int) and value < _IDS_BELOW):
        return value
    return f"{len(value)} long" if isinstance(value, str | bytes) else "a number"
