"""What a link's database and both its trackers hold, as plain JSON, and whether the two can be true together (I7, I8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.config.settings import Settings
from bridge.drill.rows import agree, mapping_of
from bridge.model import SIDES, Fields, Record, Ref, Side, Unset, Value
from bridge.wiring import Bridge
from connectors.base import Connector, Page
from mappings.rows import Row
from state import conflicts, cursors, inbox, intents, pairs, parked
from state.codec import load_base, load_record
from state.inbox import Item
from state.pairs import Pair
from state.store import Session

_NOWHERE = Ref("", "", "", "")


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database says of one kind."""

    pairs: tuple[Pair, ...]
    rows: Mapping[Side, Mapping[str, Item]]
    positions: Mapping[Side, cursors.Position]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a tracker says: everything it holds, and what the next poll would bring (``news``: its last page)."""

    all: Mapping[str, Record]
    coming: Mapping[str, Record]
    news: Page | None
    names: frozenset[str]


async def look(
    bridge: Bridge, connectors: Mapping[str, Connector], settings: Settings, name: str, *, coming: bool
) -> dict[str, Any]:
    """Everything about one link. Reads both trackers whole and writes nothing.

    With ``coming`` also what the next poll would bring, for ``behind`` (I7).
    """
    link = settings.link(name)
    link_id = bridge.ids[name]
    ends: dict[Side, Connector] = {side: connectors[link.side(side).connection] for side in SIDES}
    found: dict[str, Any] = {"items": {}, "pairs": [], "behind": [], "bases": []}
    for kind in link.kinds:
        mapping = await mapping_of(settings, name, kind, ends)
        seen = {}
        known_ids: dict[Side, set[str]] = {}
        places = {side: cursors.Where(link.side(side).connection, link.side(side).container, kind) for side in SIDES}
        positions = {side: await bridge.store.read(cursors.get, places[side]) for side in SIDES}
        for side in SIDES:
            position = positions[side] if coming else None
            seen[side] = await _seen(ends[side], places[side].container, kind, mapping.fields(side), position)
            known_ids[side] = set(seen[side].all)
        known = await bridge.store.read(_known, link_id, kind, known_ids, positions)
        found["items"][kind] = {
            side: [_item(record, seen[side].names) for record in seen[side].all.values()] for side in SIDES
        }
        found["pairs"] += [_pair(pair, mapping.rows) for pair in known.pairs]
        found["behind"] += [line for side in SIDES for line in _behind(side, known, seen[side], mapping.fields(side))]
        found["bases"] += [line for pair in known.pairs for line in _unlike(pair, mapping.rows)]
    return found | await bridge.store.read(_rest, link_id)


async def _seen(
    connector: Connector, container: str, kind: str, mapped: frozenset[str], position: cursors.Position | None
) -> _Seen:
    schema = await connector.schema(container, kind, fields=mapped)
    names = frozenset(name for name, spec in schema.fields.items() if spec.writable != "never")
    everything = [page async for page in connector.pull(container, kind, None, fields=names, sweep=True)]
    if position is None:
        return _Seen(_by_id(everything), {}, None, names)
    start = position.cursor or position.resume
    pages = [page async for page in connector.pull(container, kind, start, fields=mapped, sweep=True)]
    return _Seen(_by_id(everything), _by_id(pages), pages[-1], names)


def _by_id(pages: Sequence[Page]) -> dict[str, Record]:
    return {record.ref.id: record for page in pages for record in page.records}


def _known(
    session: Session, link_id: int, kind: str, ids: Mapping[Side, set[str]], positions: Mapping[Side, cursors.Position]
) -> _Known:
    found: dict[int, Pair] = {}
    for side in SIDES:
        found |= {pair.id: pair for pair in pairs.by_items(session, link_id, kind, side, ids[side]).values()}
    rows = {side: inbox.get_many(session, link_id, kind, side, ids[side]) for side in SIDES}
    return _Known(tuple(found[one] for one in sorted(found)), rows, positions)


def _item(record: Record, names: frozenset[str]) -> dict[str, Any]:
    return {
        "id": record.ref.id,
        "marker": None if record.marker is None else [record.marker.source, record.marker.id],
        "fields": {name: record.fields.get(name) for name in sorted(names)},
    }


def _base(pair: Pair, side: Side) -> dict[str, Value | Unset]:
    return {**load_record(pair.record(side), _NOWHERE).fields, **load_base(pair.base(side))}


def _pair(pair: Pair, rows: Sequence[Row]) -> dict[str, Any]:
    bases = {}
    for side in SIDES:
        held = _base(pair, side)
        values = {row.field(side): held.get(row.field(side)) for row in rows}
        bases[side] = {name: ["unknown"] if isinstance(value, Unset) else value for name, value in values.items()}
    return {"kind": pair.kind, "left": pair.left_id, "right": pair.right_id, "status": pair.status, "bases": bases}


def _unlike(pair: Pair, rows: Sequence[Row]) -> list[str]:
    """Rows of a live pair whose bases do not mean the same (I8)."""
    left, right = _base(pair, "left"), _base(pair, "right")
    found = []
    for row in rows:
        ours, theirs = left.get(row.left), right.get(row.right)
        one_way = row.direction != "both"
        if pair.status != "live" or one_way or isinstance(ours, Unset) or isinstance(theirs, Unset):
            continue
        if not agree(row, ours, theirs):
            found.append(
                f"{pair.left_id} = {pair.right_id}, {row.left}: base {ours!r} on the left, {theirs!r} on the right"
            )
    return found


def _behind(side: Side, known: _Known, seen: _Seen, mapped: frozenset[str]) -> list[str]:
    """What the database does not hold and the next poll from its cursor would not bring (I7)."""
    position = known.positions[side]
    if seen.news is None or (position.cursor is None and position.resume is None):
        return []
    by_id = {pair.item_id(side): pair for pair in known.pairs}
    swept = seen.news.sweep
    uncovered = frozenset(seen.news.sweep_default)
    lost = []
    for item_id, record in seen.all.items():
        row = known.rows[side].get(item_id)
        if row is not None and row.record is None:
            continue  # announced: the item itself will be read
        stored = _stored(side, by_id.get(item_id), row)
        listed = item_id in seen.coming
        for name in sorted(mapped):
            if stored is not None and (name not in stored or stored[name] == record.fields.get(name)):
                continue
            late = stored is not None and name in uncovered
            if not listed and not (late and swept is not None):
                lost.append(
                    f"{side} {item_id} {name}: holds {record.fields.get(name)!r}, which neither database nor cursor knows"
                )
    return lost


def _stored(side: Side, pair: Pair | None, row: Item | None) -> Fields | None:
    """The newest fields of an item that the database holds; None when it never heard of it."""
    if row is not None and row.record is not None:
        return load_record(row.record, _NOWHERE).fields
    if pair is None or pair.status != "live":
        return None if pair is None else {}
    return load_record(pair.record(side), _NOWHERE).fields


def _rest(session: Session, link_id: int) -> dict[str, Any]:
    open_now = [one.clash for one in conflicts.find(session, link_id=link_id)]
    return {
        "conflicts": [
            {
                "kind": clash.kind,
                "title": clash.title,
                "field": clash.field,
                "left": clash.left.value,
                "right": clash.right.value,
            }
            for clash in open_now
        ],
        "parked": [
            {"kind": row.kind, "side": row.side, "item": row.item_id, "field": row.field, "reason": row.reason}
            for row in parked.find(session, link_id=link_id)
        ],
        "inbox": inbox.counts(session, link_id),
        "intents": len(intents.unfinished(session, link_id)),
    }
