"""Who can be named in each container, as its tracker last said (S14): kept so that a run need not ask."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlmodel import Session, select

from bridge.model import Person
from state.tables import DirectoryRow

_PEOPLE = msgspec.json.Decoder(tuple[Person, ...])


@dataclass(frozen=True, slots=True)
class Known:
    """The people of a container. ``read_at`` None: they were never read; ``error``: why the last try failed."""

    people: tuple[Person, ...] = ()
    read_at: datetime | None = None
    tried_at: datetime | None = None
    error: str = ""


def get(session: Session, connection: str, container: str) -> Known:
    row = session.get(DirectoryRow, (connection, container))
    if row is None:
        return Known()
    return Known(_PEOPLE.decode(row.people), row.read_at, row.tried_at, row.error)


def keep(session: Session, connection: str, container: str, people: Sequence[Person], now: datetime) -> None:
    """Replace what was known."""
    said = sorted(people, key=lambda person: person.name)
    row = _row(session, connection, container, now)
    row.people = msgspec.json.encode(said).decode()
    row.read_at, row.tried_at, row.error = now, now, ""
    session.add(row)


def note_failure(session: Session, connection: str, container: str, error: str, tried_at: datetime) -> None:
    """It could not be read; who was known stays known."""
    row = _row(session, connection, container, tried_at)
    row.tried_at, row.error = tried_at, error
    session.add(row)


def prune(session: Session, kept: Collection[tuple[str, str]]) -> None:
    """Forget the lists of all places but these (connection, container)."""
    for place in session.exec(select(DirectoryRow.connection, DirectoryRow.container)).all():
        if place not in kept and (row := session.get(DirectoryRow, place)) is not None:
            session.delete(row)


def _row(session: Session, connection: str, container: str, now: datetime) -> DirectoryRow:
    row = session.get(DirectoryRow, (connection, container))
    return row or DirectoryRow(connection=connection, container=container, tried_at=now)
