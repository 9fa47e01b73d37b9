"""How far each container was read. Always written in the transaction that stores what was read (S29)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from state.tables import CursorRow


@dataclass(frozen=True, slots=True)
class Where:
    """A cursor's address: one kind of one container, for all links that share it (S30)."""

    connection: str
    container: str
    kind: str


@dataclass(frozen=True, slots=True)
class Position:
    """``cursor`` after the last complete listing; ``resume`` inside one that broke off; ``polls`` completed.

    ``resume_for``: what that listing was for; only one for the same may go on from there.
    """

    cursor: str | None
    resume: str | None
    polls: int
    resume_for: str = ""


def get(session: Session, where: Where) -> Position:
    row = session.get(CursorRow, (where.connection, where.container, where.kind))
    return Position(None, None, 0) if row is None else Position(row.cursor, row.resume, row.polls, row.resume_for)


def checkpoint(session: Session, where: Where, resume: str, resume_for: str) -> None:
    """Remember where to go on if this listing breaks off. Moves no cursor."""
    row = _row(session, where)
    row.resume = resume
    row.resume_for = resume_for
    session.add(row)


def commit(session: Session, where: Where, cursor: str, began_at: datetime, *, counts: bool = True) -> None:
    """A listing is complete: the next one starts at ``cursor``. One that only looks twice does not count."""
    row = _row(session, where)
    row.cursor = cursor
    row.resume = None
    row.polls += counts
    row.polled_at = began_at
    session.add(row)


def _row(session: Session, where: Where) -> CursorRow:
    row = session.get(CursorRow, (where.connection, where.container, where.kind))
    return row or CursorRow(connection=where.connection, container=where.container, kind=where.kind)
