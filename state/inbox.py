"""Changed records that are not settled yet (S29, S31): one row per item and link, the newest replaces the older."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Delete, Select, Update, and_, bindparam, delete, exists, func, or_, select, update
from sqlmodel import Session

from bridge.model import SIDES, Side
from state.bulk import among, chunks, execute_many, upsert
from state.parked import FROZEN
from state.tables import InboxRow, ParkedRow

_KEYS = ("link_id", "kind", "side", "item_id")


OUT_OF_SCOPE: Final = "out-of-scope"
"""What keeps a row that a link's filter leaves out: it is only remembered, so that its return is seen (S28)."""


class Arrival(NamedTuple):
    """One record to store. ``record`` is its stored text; the keys are what a partner is looked up by."""

    item_id: str
    record: str
    match_key: str | None = None
    marker_key: str | None = None


class Item(NamedTuple):
    """One row of the inbox. ``seq`` is handed back when it is settled. ``initial``: found by the first full listing."""

    side: Side
    item_id: str
    record: str | None
    match_key: str | None
    marker_key: str | None
    initial: bool
    held: str | None
    position: int
    seq: int
    attempts: int


_table: Any = InboxRow.__table__  # type: ignore[attr-defined]
_parked: Any = ParkedRow.__table__  # type: ignore[attr-defined]
_COLUMNS = tuple(_table.c[name] for name in Item._fields)
_AS_READ = (
    _table.c.link_id == bindparam("b_link"),
    _table.c.kind == bindparam("b_kind"),
    _table.c.side == bindparam("b_side"),
    _table.c.item_id == bindparam("b_item"),
    _table.c.seq == bindparam("b_seq"),
)
_HELD = and_(_table.c.held.is_not(None), _table.c.held != OUT_OF_SCOPE)
_DELETE = delete(_table).where(*_AS_READ)


def put(
    session: Session,
    link_id: int,
    kind: str,
    side: Side,
    arrivals: Sequence[Arrival],
    *,
    initial: bool,
    now: datetime,
    held: str | None = None,
) -> None:
    """Store records; a newer one replaces the row and un-parks the item (S34: a newer change supersedes it). ``held`` keeps
    them without trying them.
    """
    if not arrivals:
        return
    last = _last(session, link_id, kind, side)
    upsert(
        session,
        InboxRow,
        ("position", *Arrival._fields),
        [(last + place, *arrival) for place, arrival in enumerate(arrivals, 1)],
        keys=_KEYS,
        same={
            "link_id": link_id,
            "kind": kind,
            "side": side,
            "initial": initial,
            "seq": 1,
            "attempts": 0,
            "held": held,
            "received_at": now,
        },
        replace=("record", "match_key", "marker_key", "position", "received_at"),
        extra={"seq": _table.c.seq + 1, "attempts": 0, "not_before": None, "held": held},
    )
    if session.execute(select(_parked.c.id).where(_parked.c.link_id == link_id).limit(1)).first() is not None:
        for some in chunks([a.item_id for a in arrivals]):
            session.execute(
                delete(_parked).where(
                    _parked.c.link_id == link_id,
                    _parked.c.kind == kind,
                    _parked.c.side == side,
                    _parked.c.item_id.in_(some),
                    _parked.c.reason != FROZEN,
                )
            )


def _last(session: Session, link_id: int, kind: str, side: Side) -> int:
    """The position of the newest row."""
    query = select(func.max(_table.c.position)).where(
        _table.c.link_id == link_id, _table.c.kind == kind, _table.c.side == side
    )
    return session.execute(query).scalar() or 0


def announce(session: Session, link_id: int, kind: str, side: Side, ids: Collection[str], now: datetime) -> None:
    """Say that items changed without their content: the run fetches them (S32)."""
    upsert(
        session,
        InboxRow,
        ("item_id",),
        [(item_id,) for item_id in sorted(ids)],
        keys=_KEYS,
        same={
            "link_id": link_id,
            "kind": kind,
            "side": side,
            "record": None,
            "initial": False,
            "position": 0,
            "seq": 1,
            "attempts": 0,
            "received_at": now,
        },
        replace=("record", "position", "received_at"),
        extra={"seq": _table.c.seq + 1, "not_before": None},
    )


def ids(session: Session, link_id: int, kind: str, side: Side) -> set[str]:
    """All items of one side whose content waits here."""
    query = select(_table.c.item_id).where(_table.c.link_id == link_id, _table.c.kind == kind, _table.c.side == side)
    return set(session.execute(query.where(_table.c.record.is_not(None))).scalars())


def announced(session: Session, link_id: int, kind: str, now: datetime) -> list[Item]:
    """Items to fetch, in a stable order."""
    found: list[Item] = []
    for side in ("left", "right"):
        query = (
            select(*_COLUMNS)
            .where(
                _table.c.link_id == link_id,
                _table.c.kind == kind,
                _table.c.side == side,
                _table.c.position == 0,
                or_(_table.c.not_before.is_(None), _table.c.not_before <= now),
            )
            .order_by(_table.c.item_id)
        )
        found.extend(_items(session, query))
    return found


def take(session: Session, link_id: int, kind: str, *, after: tuple[str, int], limit: int, now: datetime) -> list[Item]:
    """The next rows to settle: the left side's in the order of their arrival, then the right side's.

    Skips what is held, parked, waiting for its time or only announced. ``after`` is ``BEGIN``, then ``place`` of the
    last item.
    """
    parked = exists().where(
        _parked.c.link_id == link_id,
        _parked.c.kind == kind,
        _parked.c.side == _table.c.side,
        _parked.c.item_id == _table.c.item_id,
        _parked.c.field == "",
    )
    found: list[Item] = []
    for side in ("left", "right"):
        if side < after[0] or len(found) == limit:
            continue
        query = (
            select(*_COLUMNS)
            .where(
                _table.c.link_id == link_id,
                _table.c.kind == kind,
                _table.c.side == side,
                _table.c.position > (after[1] if side == after[0] else 0),
                _table.c.record.is_not(None),
                _table.c.held.is_(None),
                or_(_table.c.not_before.is_(None), _table.c.not_before <= now),
                ~parked,
            )
            .order_by(_table.c.position)
            .limit(limit - len(found))
        )
        found.extend(_items(session, query))
    return found


BEGIN: Final = ("", 0)
"""Where ``take`` begins."""


def place(item: Item) -> tuple[str, int]:
    """Where ``take`` goes on after this item."""
    return item.side, item.position


def has_markers(session: Session, link_id: int, kind: str, side: Side) -> bool:
    """Whether any row of a side carries a marker."""
    query = select(_table.c.item_id).where(
        _table.c.link_id == link_id, _table.c.kind == kind, _table.c.side == side, _table.c.marker_key > ""
    )
    return session.execute(query.limit(1)).first() is not None


def get_many(session: Session, link_id: int, kind: str, side: Side, ids: Collection[str]) -> dict[str, Item]:
    """Rows by item id, whatever their state."""
    if not ids:
        return {}
    query = select(*_COLUMNS).where(
        _table.c.link_id == link_id,
        _table.c.kind == kind,
        _table.c.side == side,
        among(session, _table.c.item_id, ids),
    )
    return {item.item_id: item for item in _items(session, query)}


def by_match(session: Session, link_id: int, kind: str, side: Side, keys: Collection[str]) -> list[Item]:
    """All rows of one side that have one of these match keys, in a stable order."""
    return _by(session, _where(link_id, kind, side), _table.c.match_key, keys)


def ids_sharing_match(
    session: Session, link_id: int, kind: str, side: Side, keys: Collection[str]
) -> list[tuple[str, str]]:
    """Where more than one row of a side has one of these match keys: all of them, but those only announced, as (key, id)."""
    if not keys:
        return []
    where = _where(link_id, kind, side)
    query = select(_table.c.match_key).where(*where, among(session, _table.c.match_key, keys))
    shared = session.connection().execute(query.group_by(_table.c.match_key).having(func.count() > 1)).scalars().all()
    if not shared:
        return []
    rows = select(_table.c.match_key, _table.c.item_id).where(
        *where, _table.c.record.is_not(None), among(session, _table.c.match_key, shared)
    )
    return [(row[0], row[1]) for row in session.connection().execute(rows).all()]


def by_marker(session: Session, link_id: int, kind: str, keys: Collection[str]) -> list[Item]:
    """All rows of either side that carry one of these markers, in a stable order."""
    return [item for side in SIDES for item in _by(session, _where(link_id, kind, side), _table.c.marker_key, keys)]


def _by(session: Session, where: Sequence[Any], column: Any, keys: Collection[str]) -> list[Item]:
    if not keys:
        return []
    query = select(*_COLUMNS).where(*where, among(session, column, keys))
    # ordered here: with ORDER BY item_id SQLite walks the primary key instead of the index
    return sorted(_items(session, query), key=attrgetter("item_id"))


def _where(link_id: int, kind: str, side: Side) -> tuple[Any, ...]:
    return _table.c.link_id == link_id, _table.c.kind == kind, _table.c.side == side


def _items(session: Session, query: Select[Any]) -> Iterator[Item]:
    return map(Item._make, session.connection().execute(query).all())


def remove(session: Session, link_id: int, kind: str, items: Iterable[Item]) -> None:
    """Forget settled rows; a row that was replaced since it was read (other ``seq``) stays."""
    _for_each(session, _DELETE, link_id, kind, items)


def renew(session: Session, link_id: int, kind: str, rows: Iterable[tuple[Item, str]]) -> None:
    """Put a newer record of our own making into rows that stay; one that was replaced since it was read is left alone."""
    for item, record in rows:
        if item.record is not None and item.record != record:
            _change(session, link_id, kind, (item,), record=record)


def postpone(session: Session, link_id: int, kind: str, items: Iterable[Item], not_before: datetime | None) -> None:
    """Count an attempt that failed in passing; try again at ``not_before``."""
    _change(session, link_id, kind, items, attempts=_table.c.attempts + 1, not_before=not_before)


def due_at(session: Session, link_id: int, kind: str, side: Side, item_id: str) -> datetime | None:
    """When an item that was put off is tried again; None for at once."""
    query = select(_table.c.not_before).where(
        _table.c.link_id == link_id, _table.c.kind == kind, _table.c.side == side, _table.c.item_id == item_id
    )
    found: datetime | None = session.execute(query).scalar()
    return found


def hold(session: Session, link_id: int, kind: str, items: Iterable[Item], reason: str) -> None:
    """Keep rows without trying them (first contact in mode ``match``)."""
    _change(session, link_id, kind, items, held=reason)


def leave_out(session: Session, link_id: int, kind: str, rows: Iterable[tuple[Item, str]]) -> None:
    """Keep rows that a filter leaves out, with no more than this record; one that was replaced since is left alone."""
    for item, record in rows:
        _change(session, link_id, kind, (item,), record=record, match_key=None, held=OUT_OF_SCOPE)


def _change(session: Session, link_id: int, kind: str, items: Iterable[Item], **values: Any) -> None:
    _for_each(session, update(_table).values(values).where(*_AS_READ), link_id, kind, items)


def _for_each(session: Session, statement: Delete | Update, link_id: int, kind: str, items: Iterable[Item]) -> None:
    """Run a statement for rows that are still as they were read."""
    rows = [(link_id, kind, item.side, item.item_id, item.seq) for item in items]
    execute_many(session, statement, ("b_link", "b_kind", "b_side", "b_item", "b_seq"), rows)


def unhold(session: Session, link_id: int) -> None:
    """Let all held rows of a link go (the mode changed), but for what its filter leaves out."""
    session.execute(update(_table).where(_table.c.link_id == link_id, _HELD).values(held=None))


def counts(session: Session, link_id: int) -> dict[str, int]:
    """Rows of a link by state: ``waiting``, ``held``, and ``outside`` its filters."""
    rows = session.execute(
        select(_table.c.held, func.count()).where(_table.c.link_id == link_id).group_by(_table.c.held)
    )
    by_reason: dict[str | None, int] = {reason: int(number) for reason, number in rows}
    waiting, outside = by_reason.pop(None, 0), by_reason.pop(OUT_OF_SCOPE, 0)
    return {"waiting": waiting, "held": sum(by_reason.values()), "outside": outside}


def outside(session: Session, link_id: int, kind: str, side: Side) -> dict[str, str]:
    """What is remembered of the records that a filter leaves out, by item id."""
    query = select(_table.c.item_id, _table.c.record).where(
        *_where(link_id, kind, side), _table.c.held == OUT_OF_SCOPE, _table.c.record.is_not(None)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def held(session: Session, link_id: int, limit: int) -> list[Item]:
    """Rows that wait for a person to choose a mode, in a stable order."""
    query = (
        select(*_COLUMNS)
        .where(_table.c.link_id == link_id, _HELD)
        .order_by(_table.c.side, _table.c.item_id)
        .limit(limit)
    )
    return list(_items(session, query))
