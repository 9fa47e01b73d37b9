"""Who may work on a link or poll a container just now (S2). All times are the *database's* clock, whole seconds.

A link's lease comes with a fence, a number that grows each time the lease is taken: whoever was paused and lost the
lease holds an old number, and ``check_fence`` refuses it. A poll's lease has no fence: its holder's name must be
different for each attempt (host, process id and a counter), and the storing transaction calls ``renew_poll`` and stops
when it is refused.
A lease of ``seconds`` lasts at least ``seconds - 1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Update, bindparam, cast, extract, func, select, update
from sqlmodel import Session, col

from state.bulk import insert
from state.tables import CursorRow, LinkRow

_link: Any = LinkRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease, and for how many seconds more (0 and less: it ran out)."""

    name: str
    seconds_left: int


def acquire(session: Session, link_id: int, holder: str, seconds: int) -> int | None:
    """Take a link's lease: the new fence, or None while somebody (this holder too) has it or the link is unknown."""
    now = _now(session)
    statement = (
        update(LinkRow)
        .where(col(LinkRow.id) == link_id, col(LinkRow.lease_until) <= now)
        .values(fence=col(LinkRow.fence) + 1, lease_until=now + seconds, lease_holder=holder)
        .returning(col(LinkRow.fence))
    )
    return session.execute(statement, execution_options={"synchronize_session": False}).scalar()


def renew(session: Session, link_id: int, fence: int, seconds: int) -> bool:
    """Hold on for ``seconds`` from now. False: somebody else took it. One that ran out untaken is taken back."""
    statement = update(LinkRow).where(col(LinkRow.id) == link_id, col(LinkRow.fence) == fence)
    return _changed(session, statement.values(lease_until=_now(session) + seconds))


def release(session: Session, link_id: int, fence: int) -> bool:
    """Give a lease back. False, and nothing changes, when it was not ours any more."""
    statement = update(LinkRow).where(col(LinkRow.id) == link_id, col(LinkRow.fence) == fence)
    return _changed(session, statement.values(lease_until=0, lease_holder=""))


def forget_holder(session: Session, link_id: int, holder: str) -> bool:
    """End the lease of a holder that is known to be dead, so that the next ``acquire`` gets it with a new fence."""
    statement = update(LinkRow).where(col(LinkRow.id) == link_id, col(LinkRow.lease_holder) == holder)
    return _changed(session, statement.values(lease_until=0, lease_holder=""))


def check_fence(session: Session, link_id: int, fence: int) -> bool:
    """True while the lease with this fence is held: not taken by another, not given back, not run out.

    A holder that let it run out may ``renew`` and go on, if that says True.
    """
    query = _held(session.get_bind().dialect.name)
    return session.connection().execute(query, {"b_link": link_id, "b_fence": fence}).first() is not None


@cache
def _held(dialect: str) -> Select[Any]:
    """Made once: it is asked before every write that leaves."""
    return select(_link.c.id).where(
        _link.c.id == bindparam("b_link"), _link.c.fence == bindparam("b_fence"), _link.c.lease_until > _clock(dialect)
    )


def holder_of(session: Session, link_id: int) -> Holder | None:
    """Who holds a link's lease now. None: nobody."""
    left = cast(col(LinkRow.lease_until) - _now(session), BigInteger)
    row = session.execute(select(col(LinkRow.lease_holder), left).where(col(LinkRow.id) == link_id)).first()
    return Holder(row[0], int(row[1])) if row is not None and row[1] > 0 else None


def acquire_poll(session: Session, connection: str, container: str, kind: str, holder: str, seconds: int) -> bool:
    """Take the right to poll one kind of a container, making its cursor row when there is none."""
    now = _now(session)
    statement = insert(session, CursorRow).values(
        connection=connection,
        container=container,
        kind=kind,
        polls=0,
        lease_until=now + seconds,
        lease_holder=holder,
    )
    taken = statement.on_conflict_do_update(
        index_elements=["connection", "container", "kind"],
        set_={"lease_until": now + seconds, "lease_holder": holder},
        where=col(CursorRow.lease_until) <= now,
    ).returning(col(CursorRow.kind))
    return session.execute(taken).first() is not None


def poll_holder(session: Session, connection: str, container: str, kind: str) -> str:
    """Who reads a container, or read it last; "" for nobody."""
    row = session.get(CursorRow, (connection, container, kind))
    return "" if row is None else row.lease_holder


def renew_poll(session: Session, connection: str, container: str, kind: str, holder: str, seconds: int) -> bool:
    """As ``renew``, by holder."""
    statement = _poll_of(connection, container, kind, holder)
    return _changed(session, statement.values(lease_until=_now(session) + seconds))


def release_poll(session: Session, connection: str, container: str, kind: str, holder: str) -> bool:
    """As ``release``, by holder."""
    return _changed(session, _poll_of(connection, container, kind, holder).values(lease_until=0, lease_holder=""))


def _poll_of(connection: str, container: str, kind: str, holder: str) -> Update:
    return update(CursorRow).where(
        col(CursorRow.connection) == connection,
        col(CursorRow.container) == container,
        col(CursorRow.kind) == kind,
        col(CursorRow.lease_holder) == holder,
    )


def _changed(session: Session, statement: Update) -> bool:
    result: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return bool(result.rowcount)


def _now(session: Session) -> ColumnElement[int]:
    return _clock(session.get_bind().dialect.name)


def _clock(dialect: str) -> ColumnElement[int]:
    if dialect == "sqlite":
        # unixepoch() is SQLite 3.38; systems that Python 3.11 runs on still have 3.37
        return cast(func.strftime("%s", "now"), BigInteger)
    return cast(func.floor(extract("epoch", func.clock_timestamp())), BigInteger)
