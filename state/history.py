"""What was written and decided, with before-images: the journal a person reads and an undo would start from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import delete, exists, insert, or_, select
from sqlmodel import Session

from bridge.model import UNSET, Unset, Value
from state.bulk import among, execute_many
from state.codec import dump, load_value
from state.tables import ConflictRow, HistoryRow


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of one write, or one event (``field`` is "" then).

    ``before`` and ``after`` are UNSET where there is no such value. ``id`` is 0 until it is stored.
    """

    link_id: int
    run_id: int
    kind: str
    side: str
    item_id: str
    action: str
    at: datetime
    pair_id: int | None = None
    field: str = ""
    before: Value | Unset = UNSET
    after: Value | Unset = UNSET
    rule: str = ""
    id: int = 0


_table: Any = HistoryRow.__table__  # type: ignore[attr-defined]
_conflict: Any = ConflictRow.__table__  # type: ignore[attr-defined]
_COLUMNS = tuple(_table.c[name] for name in Entry.__dataclass_fields__)
_PLAIN = tuple(name for name in Entry.__dataclass_fields__ if name not in ("id", "before", "after"))
_plain_of = attrgetter(*_PLAIN)
_INSERT = insert(_table)


def add_many(session: Session, entries: Sequence[Entry]) -> None:
    """Store entries in their order, in one executemany."""
    if entries:
        rows = [(*_plain_of(entry), _text(entry.before), _text(entry.after)) for entry in entries]
        execute_many(session, _INSERT, (*_PLAIN, "before", "after"), rows)


def find(
    session: Session,
    *,
    link_id: int | None = None,
    run_id: int | None = None,
    pair_id: int | None = None,
    kind: str | None = None,
    side: str | None = None,
    item_id: str | None = None,
    field: str | None = None,
    action: str | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[Entry]:
    """Entries that fit everything given, newest first. ``before_id``: the last id of the page before, exclusive."""
    wanted = {
        "link_id": link_id,
        "run_id": run_id,
        "pair_id": pair_id,
        "kind": kind,
        "side": side,
        "item_id": item_id,
        "field": field,
        "action": action,
    }
    query = select(*_COLUMNS).order_by(_table.c.id.desc()).limit(limit)
    for name, value in wanted.items():
        if value is not None:
            query = query.where(_table.c[name] == value)
    if before_id is not None:
        query = query.where(_table.c.id < before_id)
    return [_entry(row) for row in session.execute(query)]


def made(session: Session, link_id: int, run_id: int, kind: str, side: str) -> set[str]:
    """The items of one side that a run created there."""
    query = select(_table.c.item_id).where(
        _table.c.run_id == run_id,
        _table.c.link_id == link_id,
        _table.c.kind == kind,
        _table.c.side == side,
        _table.c.action == "create",
    )
    return set(session.execute(query.distinct()).scalars())


def since(session: Session, pair_ids: Collection[int], at: datetime) -> dict[int, list[Entry]]:
    """The entries of these pairs from that time on, oldest first, by pair."""
    found: dict[int, list[Entry]] = {}
    query = select(*_COLUMNS).where(among(session, _table.c.pair_id, pair_ids), _table.c.at >= at)
    for row in session.execute(query.order_by(_table.c.id)):
        found.setdefault(row.pair_id, []).append(_entry(row))
    return found


def prune(session: Session, *, keep_days: int, now: datetime, limit: int = 5000) -> int:
    """Forget entries older than that, at most ``limit`` in one transaction: call again until it returns 0.

    What belongs to a conflict that is not resolved stays: its field's entries and its pair's events.
    """
    contested = exists().where(
        _conflict.c.pair_id == _table.c.pair_id,
        _conflict.c.resolved_at.is_(None),
        or_(_table.c.field == "", _table.c.field == _conflict.c.field),
    )
    old = (
        select(_table.c.id).where(_table.c.at < now - timedelta(days=keep_days), ~contested).order_by(_table.c.id)
    ).limit(limit)
    result: Any = session.execute(delete(_table).where(_table.c.id.in_(old)))
    return int(result.rowcount)


def _text(value: Value | Unset) -> str | None:
    return None if isinstance(value, Unset) else dump(value)


def _entry(row: Any) -> Entry:
    held = row._asdict()
    for name in ("before", "after"):
        held[name] = UNSET if held[name] is None else load_value(held[name])
    return Entry(**held)
