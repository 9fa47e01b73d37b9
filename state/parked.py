"""Items, or single fields of them, that wait for a person, a mapping or a newer change: the dead letter (S34).

An item that is parked whole keeps its inbox row, which is not tried meanwhile. To try again is to forget the row here
and to announce the item: ``release`` returns what it let go, for the caller to announce.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, select
from sqlmodel import Session

from state.bulk import chunks, upsert
from state.tables import ParkedRow

FROZEN: Final = "frozen"
"""The breaker's reason (S36): the one that no newer change of the item supersedes."""

WAITING: Final = "waiting"
"""The reason of what goes on by itself once the task it names has a partner: nobody has to act, so it is not counted."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """What to park. ``side`` is the side whose value cannot be delivered, ``field`` "" for the whole item."""

    kind: str
    side: str
    item_id: str
    reason: str
    message: str
    field: str = ""
    title: str = ""
    url: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Parked:
    """What is parked, since when, and how often it was tried."""

    id: int
    link_id: int
    kind: str
    side: str
    item_id: str
    field: str
    title: str
    url: str
    reason: str
    message: str
    hint: str
    attempts: int
    config_hash: str
    first_at: datetime
    last_at: datetime


_table: Any = ParkedRow.__table__  # type: ignore[attr-defined]
_COLUMNS = tuple(_table.c[name] for name in Parked.__dataclass_fields__)
_KEYS = ("link_id", "kind", "side", "item_id", "field")
_SAID = ("title", "url", "reason", "message", "hint", "config_hash", "last_at")


def park(session: Session, link_id: int, stuck: Sequence[Stuck], *, config_hash: str, now: datetime) -> None:
    """Park items or fields in one executemany. One that is parked already counts an attempt and says the newer reason."""
    if not stuck:
        return
    names = tuple(Stuck.__dataclass_fields__)
    upsert(
        session,
        ParkedRow,
        names,
        [tuple(getattr(one, name) for name in names) for one in stuck],
        keys=_KEYS,
        same={"link_id": link_id, "attempts": 1, "config_hash": config_hash, "first_at": now, "last_at": now},
        replace=_SAID,
        extra={"attempts": _table.c.attempts + 1},
    )


def find(
    session: Session,
    *,
    link_id: int | None = None,
    kind: str | None = None,
    side: str | None = None,
    item_id: str | None = None,
    reason: str | None = None,
    limit: int | None = None,
) -> list[Parked]:
    """What fits everything given, longest parked first."""
    wanted = {"link_id": link_id, "kind": kind, "side": side, "item_id": item_id, "reason": reason}
    query = select(*_COLUMNS).order_by(_table.c.id).limit(limit)
    for name, value in wanted.items():
        if value is not None:
            query = query.where(_table.c[name] == value)
    return [Parked(*row) for row in session.execute(query)]


def count(session: Session, link_id: int | None = None) -> int:
    """How many rows are parked, of one link or of all, that somebody has to look after."""
    query = select(func.count()).select_from(_table).where(_table.c.reason != WAITING)
    if link_id is not None:
        query = query.where(_table.c.link_id == link_id)
    return int(session.execute(query).scalar_one())


def by_items(session: Session, link_id: int, kind: str, side: str, ids: Collection[str]) -> dict[str, list[Parked]]:
    """What is parked of these items, by item id: the whole item first, then fields by name. Others have no key."""
    found: dict[str, list[Parked]] = {}
    for some in chunks(sorted(ids)):
        query = select(*_COLUMNS).where(*_of(link_id, kind, side), _table.c.item_id.in_(some))
        for row in session.execute(query.order_by(_table.c.item_id, _table.c.field)):
            found.setdefault(row.item_id, []).append(Parked(*row))
    return found


def release(session: Session, *, ids: Collection[int] | None = None, link_id: int | None = None) -> list[Parked]:
    """Let go for another try: these rows, or all of a link (both given: those of the ids that are the link's)."""
    conditions: list[ColumnElement[bool]] = []
    if ids is not None:
        conditions.append(_table.c.id.in_(sorted(ids)))
    if link_id is not None:
        conditions.append(_table.c.link_id == link_id)
    return _remove(session, *conditions) if conditions else []


def clear(
    session: Session,
    link_id: int,
    kind: str,
    side: str,
    ids: Collection[str],
    *,
    keep: Collection[tuple[str, str]] = (),
) -> int:
    """Forget what is parked of these items, for they went through, but for the ``(item id, field)`` in ``keep``.

    Returns how many.
    """
    kept = frozenset(keep)
    held = by_items(session, link_id, kind, side, ids)
    gone = [row.id for rows in held.values() for row in rows if (row.item_id, row.field) not in kept]
    for some in chunks(gone):
        session.execute(delete(_table).where(_table.c.id.in_(some)))
    return len(gone)


def drop_other_config(session: Session, link_id: int, config_hash: str) -> list[Parked]:
    """Let go what was parked under another configuration of the link: it may go through now."""
    return _remove(session, _table.c.link_id == link_id, _table.c.config_hash != config_hash)


def _of(link_id: int, kind: str, side: str) -> tuple[ColumnElement[bool], ...]:
    return _table.c.link_id == link_id, _table.c.kind == kind, _table.c.side == side


def _remove(session: Session, *conditions: ColumnElement[bool]) -> list[Parked]:
    rows = session.execute(delete(_table).where(*conditions).returning(*_COLUMNS))
    return sorted((Parked(*row) for row in rows), key=lambda row: row.id)
