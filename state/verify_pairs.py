"""Looks at pairs: every record and base is readable, no item is in two pairs, and nothing is two things (S8a)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, literal, select, union_all

from bridge.model import SIDES, Marker, Record, Ref, Side, other
from state.bulk import CHUNK
from state.codec import load_base, load_record
from state.findings import Look
from state.pairs import by_items
from state.tables import PairRow

STATUSES: Final = ("live", "unlinked", "vanished", "deleted")
ENDED: Final = ("unlinked", "deleted")
"""Pairs that no run looks at again by itself."""

_table: Any = PairRow.__table__  # type: ignore[attr-defined]
_synced: Any = _table.c.status.not_in(ENDED)


def check(at: Look) -> None:
    """All of it."""
    _rows(at)
    _twice(at)
    _entities(at)
    _identities(at)


def _rows(at: Look) -> None:
    """Each pair by itself, and whether its markers name the items it joins."""
    strange: list[tuple[Any, Side, Marker]] = []
    for row in at.rows(select(_table).order_by(_table.c.id)):
        records = _readable(at, row)
        if row.status not in STATUSES:
            at.tell("pairs", _where(at, row), f"its status is {row.status!r}, which means nothing", _again(at, row))
        if not (row.left_id and row.right_id and row.entity and row.kind):
            at.tell("pairs", _where(at, row), "it does not say what it joins", _again(at, row))
        if row.status == "live":
            strange.extend((row, side, mark) for side, mark in _misnamed(at, row, records))
        if len(strange) >= CHUNK:
            _mixed_up(at, strange)
            strange.clear()
    _mixed_up(at, strange)


def _readable(at: Look, row: Any) -> dict[Side, Record]:
    found: dict[Side, Record] = {}
    where, again = _where(at, row), _again(at, row)
    for side in SIDES:
        ref = Ref("", "", row.kind, getattr(row, f"{side}_id"))
        record = at.reads("pairs", where, f"its {side} record", again, load_record, getattr(row, side), ref)
        if record is not None:
            found[side] = record
        at.reads("pairs", where, f"the base of its {side} side", again, load_base, getattr(row, f"base_{side}"))
    return found


def _misnamed(at: Look, row: Any, records: Mapping[Side, Record]) -> list[tuple[Side, Marker]]:
    """The sides whose record says it was made from another item of the opposite container than its partner."""
    found: list[tuple[Side, Marker]] = []
    link = at.links.get(row.link_id)
    for side, record in records.items():
        there = other(side)
        if link is None or record.marker is None:
            continue
        own = Ref(getattr(link, f"{there}_connection"), getattr(link, f"{there}_container"), row.kind, "")
        ours = record.marker.source == own.connection and record.marker.id.startswith(own.key)
        if ours and record.marker.id.removeprefix(own.key) != getattr(row, f"{there}_id"):
            found.append((side, record.marker))
    return found


def _mixed_up(at: Look, strange: Sequence[tuple[Any, Side, Marker]]) -> None:
    """Tell those whose named item has a partner that does not carry this marker: else somebody copied a text, which is
    no mistake.
    """
    groups: dict[tuple[int, str, Side], list[tuple[Any, Marker]]] = defaultdict(list)
    for row, side, mark in strange:
        groups[row.link_id, row.kind, side].append((row, mark))
    for (link_id, kind, side), some in groups.items():
        named = {mark.id.rpartition("#")[2] for _, mark in some}
        known = by_items(at.session, link_id, kind, other(side), named)
        for row, mark in some:
            item = mark.id.rpartition("#")[2]
            rival = known.get(item)
            if rival is None or rival.status != "live":
                continue
            seen = load_record(rival.record(side), Ref("", "", kind, rival.item_id(side)))
            if seen.marker != mark:
                what = f"its {side} record says it was made from {item}, which pair {rival.id} joins to another item"
                at.tell("pairs", _where(at, row), what, "Look at both; bridge pairs pin puts it right.", odd=True)


def _twice(at: Look) -> None:
    """Items in two pairs of one link, which the table's own indexes forbid while they are whole."""
    for side in SIDES:
        item = _table.c[f"{side}_id"]
        keys = (_table.c.link_id, _table.c.kind, item)
        for link_id, kind, item_id, count in at.rows(
            select(*keys, func.count()).group_by(*keys).having(func.count() > 1).order_by(*keys)
        ):
            name = at.name(link_id)
            what = f"the {kind} is in {count} pairs of the link"
            at.tell("pairs", f"link {name}, {side} {item_id}", what, f"bridge state rebuild {name}")


def _entities(at: Look) -> None:
    """One entity has at most one member in a container, over all links (S8a)."""
    after = ""
    while True:
        page = list(
            at.session.execute(
                select(_table.c.entity)
                .where(_synced, _table.c.entity > after)
                .group_by(_table.c.entity)
                .having(func.count() > 1)
                .order_by(_table.c.entity)
                .limit(CHUNK)
            ).scalars()
        )
        if not page:
            return
        _members(at, page)
        after = page[-1]


def _members(at: Look, entities: Sequence[str]) -> None:
    columns = ("link_id", "kind", "entity", "left_id", "right_id")
    members: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for row in at.session.execute(
        select(*(_table.c[name] for name in columns)).where(_synced, _table.c.entity.in_(entities))
    ):
        link = at.links.get(row.link_id)
        if link is not None:
            members[row.entity, row.kind, link.left_connection, link.left_container].add(row.left_id)
            members[row.entity, row.kind, link.right_connection, link.right_container].add(row.right_id)
    for (entity, kind, connection, container), ids in sorted(members.items()):
        if len(ids) > 1:
            what = f"{len(ids)} {kind}s are taken for one thing: {', '.join(sorted(ids)[:5])}"
            do = "Part those that are not: bridge pairs unlink ITEM --link LINK, then bridge pairs pin."
            at.tell("pairs", f"{connection}:{container}, entity {entity}", what, do)


def _identities(at: Look) -> None:
    """An item that two links share is one thing for both of them."""
    ends = [
        (row.id, side, (getattr(row, f"{side}_connection"), getattr(row, f"{side}_container")))
        for row in at.links.values()
        for side in SIDES
    ]
    shared = Counter(place for _, _, place in ends)
    for place in sorted(place for place, count in shared.items() if count > 1):
        parts = [
            select(_table.c[f"{side}_id"].label("item"), _table.c.kind, _table.c.entity).where(
                _synced, _table.c.link_id == literal(link_id)
            )
            for link_id, side, at_place in ends
            if at_place == place
        ]
        every = union_all(*parts).subquery()
        keys = (every.c.item, every.c.kind)
        for item, kind, count in at.rows(
            select(*keys, func.count(every.c.entity.distinct()))
            .group_by(*keys)
            .having(func.count(every.c.entity.distinct()) > 1)
            .order_by(*keys)
        ):
            what = f"the {kind} is {count} different things to the links that share it"
            do = "See bridge pairs list; bridge pairs unlink parts the pair that is wrong."
            at.tell("pairs", f"{place[0]}:{place[1]}#{item}", what, do, odd=True)


def _where(at: Look, row: Any) -> str:
    return f"link {at.name(row.link_id)}, pair {row.id} ({row.left_id} and {row.right_id})"


def _again(at: Look, row: Any) -> str:
    return f"Put the newest backup in the database's place, or: bridge state rebuild {at.name(row.link_id)}"
