"""Pairs and their bases. Records and bases pass through as stored text; ``state.codec`` reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from sqlmodel import Session, col

from bridge.model import Side
from state.bulk import among, execute_many
from state.tables import LinkRow, PairRow


class Pair(NamedTuple):
    """One pair as stored. ``base_*`` are overlays: the fields whose base differs from the record (``{}`` is settled).

    ``paused_at``: since when a filter leaves one of the two out (S28). ``unfinished``: we made one of the two, and it was
    not yet told all that its partner said then (S20).
    """

    id: int
    link_id: int
    kind: str
    entity: str
    left_id: str
    right_id: str
    left: str
    right: str
    base_left: str
    base_right: str
    status: str
    reason: str
    paused_at: datetime | None = None
    unfinished: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether both bases are what both sides hold."""
        return self.base_left == "{}" and self.base_right == "{}"

    def item_id(self, side: Side) -> str:
        return self.left_id if side == "left" else self.right_id

    def record(self, side: Side) -> str:
        return self.left if side == "left" else self.right

    def base(self, side: Side) -> str:
        return self.base_left if side == "left" else self.base_right


_table: Any = PairRow.__table__  # type: ignore[attr-defined]
_COLUMNS = tuple(_table.c[name] for name in Pair._fields)
_MOVES = ("left_id", "right_id", "left", "right", "base_left", "base_right", "settled_run", "paused_at", "unfinished")
_INSERT = insert(_table)
_INSERT_ONE = insert(_table).returning(_table.c.id)
_UPDATE = (
    update(_table).where(_table.c.id == bindparam("b_id")).values({name: bindparam(f"b_{name}") for name in _MOVES})
)


_SET_BASES = (
    update(_table)
    .where(_table.c.id == bindparam("b_id"))
    .values(base_left=bindparam("b_left"), base_right=bindparam("b_right"))
)


def by_items(session: Session, link_id: int, kind: str, side: Side, ids: Collection[str]) -> dict[str, Pair]:
    """Pairs by the item id of one side."""
    if not ids:
        return {}
    column = _table.c[f"{side}_id"]
    query = select(*_COLUMNS).where(_table.c.link_id == link_id, _table.c.kind == kind, among(session, column, ids))
    found = map(Pair._make, session.connection().execute(query).all())
    return {pair.item_id(side): pair for pair in found}


def by_ids(session: Session, ids: Collection[int]) -> dict[int, Pair]:
    if not ids:
        return {}
    query = select(*_COLUMNS).where(among(session, _table.c.id, ids))
    return {pair.id: pair for pair in map(Pair._make, session.connection().execute(query).all())}


def walk(
    session: Session, link_id: int, kind: str, *, after: int, limit: int, statuses: Collection[str] = ("live",)
) -> list[Pair]:
    """The pairs of a link in the order of their ids, a page at a time; live ones unless asked for others."""
    rows = session.execute(
        select(*_COLUMNS)
        .where(_table.c.link_id == link_id, _table.c.kind == kind)
        .where(_table.c.status.in_(sorted(statuses)), _table.c.id > after)
        .order_by(_table.c.id)
        .limit(limit)
    )
    return list(map(Pair._make, rows))


def numbers(session: Session, link_id: int, kind: str) -> list[int]:
    """The ids of a link's live pairs of a kind, in their order."""
    live = (_table.c.link_id == link_id, _table.c.kind == kind, _table.c.status == "live")
    return list(session.connection().execute(select(_table.c.id).where(*live).order_by(_table.c.id)).scalars())


def add_many(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert pairs (columns of PairRow but the id, the same ones in each row)."""
    if rows:
        rows = rows if "unfinished" in rows[0] else [{**row, "unfinished": False} for row in rows]
        names = tuple(rows[0])
        execute_many(session, _INSERT, names, list(map(itemgetter(*names), rows)))


def add_one(session: Session, row: Mapping[str, Any]) -> int:
    """Insert one pair and return its id."""
    return int(session.connection().execute(_INSERT_ONE, {"unfinished": False, **row}).scalar_one())


def update_many(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace records and bases: rows of ``id, left_id, right_id, left, right, base_left, base_right, settled_run,
    paused_at, unfinished``.
    """
    bound = [f"b_{name}" for name in ("id", *_MOVES)]
    execute_many(session, _UPDATE, bound, list(map(itemgetter("id", *_MOVES), rows)))


def see_many(session: Session, side: Side, rows: Iterable[tuple[int, str]]) -> None:
    """Store newer sightings of one side that change no field the base knows (a touched item, S4)."""
    statement = update(_table).where(_table.c.id == bindparam("b_id")).values({side: bindparam("b_record")})
    execute_many(session, statement, ("b_id", "b_record"), list(rows))


def set_status(session: Session, pair_id: int, status: str, reason: str) -> None:
    session.execute(update(_table).where(_table.c.id == pair_id).values(status=status, reason=reason))


def set_bases(session: Session, rows: Sequence[tuple[int, str, str]]) -> None:
    """Replace the base overlays: rows of (id, left, right)."""
    execute_many(session, _SET_BASES, ("b_id", "b_left", "b_right"), rows)


def remove(session: Session, pair_ids: Collection[int]) -> None:
    """Forget tombstones whose items are to belong to other pairs."""
    if pair_ids:
        session.execute(delete(_table).where(_table.c.id.in_(sorted(set(pair_ids)))))


def release(session: Session, pair_id: int, side: Side) -> None:
    """Let one member of a tombstone go, so that it can belong to another pair; the tombstone goes on to name the other."""
    name = f"{side}_id"
    gone = _table.c[name] + f" left pair {pair_id}"
    session.execute(update(_table).where(_table.c.id == pair_id).values({name: gone}))


def unsettled(session: Session, link_id: int) -> list[Pair]:
    """Live pairs of which a side holds something else than what was agreed last, and those that are paused."""
    rows = session.execute(
        select(*_COLUMNS)
        .where(_table.c.link_id == link_id, _table.c.status == "live")
        .where(or_(_table.c.base_left != "{}", _table.c.base_right != "{}", _table.c.paused_at.is_not(None)))
    )
    return [Pair(*row) for row in rows.all()]


def any_of(session: Session, link_id: int) -> bool:
    """Whether the link has any pair, of whatever status."""
    return session.execute(select(_table.c.id).where(_table.c.link_id == link_id).limit(1)).first() is not None


def counts(session: Session, link_id: int) -> dict[str, int]:
    """Pairs of a link by status; ``paused``: live ones that a filter leaves out; ``unsettled``: other live ones whose bases
    are not their records.
    """
    rows = session.execute(
        select(_table.c.status, func.count()).where(_table.c.link_id == link_id).group_by(_table.c.status)
    )
    found: dict[str, int] = {status: int(number) for status, number in rows}
    found["unsettled"] = session.execute(
        select(func.count()).where(
            _table.c.link_id == link_id,
            _table.c.status == "live",
            _table.c.paused_at.is_(None),
            or_(_table.c.base_left != "{}", _table.c.base_right != "{}"),
        )
    ).scalar_one()
    found["paused"] = paused(session, link_id)
    return found


def kinds(session: Session, link_id: int) -> dict[str, int]:
    """How many live pairs a link has of each kind it ever synced."""
    query = select(_table.c.kind, func.count()).where(_table.c.link_id == link_id, _table.c.status == "live")
    return {kind: int(number) for kind, number in session.execute(query.group_by(_table.c.kind))}


def paused(session: Session, link_id: int) -> int:
    """How many live pairs of a link a filter leaves out."""
    query = select(func.count()).where(
        _table.c.link_id == link_id, _table.c.status == "live", _table.c.paused_at.is_not(None)
    )
    return int(session.execute(query).scalar_one())


def entities(session: Session, connection: str, container: str, kind: str, ids: Collection[str]) -> dict[str, str]:
    """The entity of each item that any link has paired already, by item id (S8a)."""
    return _across(session, connection, container, kind, "item", ids)


def members(
    session: Session, connection: str, container: str, kind: str, entity_ids: Collection[str]
) -> dict[str, str]:
    """The member that an entity has in a container through any link, as item ids by entity (S8a)."""
    return _across(session, connection, container, kind, "entity", entity_ids)


def living(session: Session, connection: str, container: str, kind: str, entity: str) -> str | None:
    """The member that an entity has in a container through a pair that is in sync, of whatever link."""
    for side in ("left", "right"):
        ends = (getattr(LinkRow, f"{side}_connection"), getattr(LinkRow, f"{side}_container"))
        query = (
            select(_table.c[f"{side}_id"])
            .join(LinkRow, col(LinkRow.id) == _table.c.link_id)
            .where(ends[0] == connection, ends[1] == container, _table.c.kind == kind)
            .where(_table.c.entity == entity, _table.c.status == "live")
        )
        found: str | None = session.execute(query.limit(1)).scalar()
        if found is not None:
            return found
    return None


def _across(
    session: Session, connection: str, container: str, kind: str, by: str, keys: Collection[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for side in ("left", "right") if keys else ():
        item = _table.c[f"{side}_id"]
        wanted, other = (item, _table.c.entity) if by == "item" else (_table.c.entity, item)
        query = (
            select(wanted, other)
            .join(LinkRow, col(LinkRow.id) == _table.c.link_id)
            .where(
                getattr(LinkRow, f"{side}_connection") == connection,
                getattr(LinkRow, f"{side}_container") == container,
                _table.c.kind == kind,
                among(session, wanted, keys),
            )
        )
        found.update({row[0]: row[1] for row in session.execute(query).all()})
    return found
