"""Finding partners (S8a): inbox rows in, views out. Reads the state in one transaction, writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bridge.engine.batch import Batch, is_complete, merged
from bridge.engine.link import Link
from bridge.engine.outcome import Decided
from bridge.engine.partners import find_partners
from bridge.engine.plan import Member, View
from bridge.engine.references import with_refs
from bridge.model import SIDES, UNSET, Record, Side
from state import conflicts, inbox, links, pairs, parked
from state.codec import load_base, load_record
from state.conflicts import Conflict, Put, Take
from state.inbox import OUT_OF_SCOPE, Item
from state.pairs import Pair
from state.parked import FROZEN, Parked
from state.store import Session


@dataclass(frozen=True, slots=True)
class Found:
    """What one batch came to. ``fetch`` are items (side, id) whose record is not complete enough to go on; ``ignored``
    rows belong to unlinked pairs and are only to be removed; ``asleep`` ones are parts whose task is out of scope.
    """

    views: tuple[View, ...]
    fetch: tuple[tuple[Side, str], ...] = ()
    ignored: tuple[Item, ...] = ()
    asleep: tuple[Item, ...] = ()


def find(session: Session, link: Link, kind: str, items: Sequence[Item]) -> Found:
    """Turn inbox rows into views, each row in one view; the partner's own row is used when there is one."""
    batch = Batch(link, kind, session)
    ids = {side: [item.item_id for item in items if item.side == side] for side in SIDES}
    batch.paired = {side: pairs.by_items(session, link.id, kind, side, ids[side]) for side in SIDES}
    known = [item for item in items if item.item_id in batch.paired[item.side]]
    alone = [item for item in items if item.item_id not in batch.paired[item.side]]
    _stored(batch, known)
    if alone:
        for side in SIDES:
            end = link.end(side)
            batch.shared[side] = len(links.sharers(session, end.connection, end.container, kind)) > 1
        batch.anything_parked = parked.count(session, link.id) > 0
        find_partners(batch, alone)
    views = with_refs(session, link, kind, batch.views)
    out = [view for view in views if view.hold is not None and view.hold.reason == OUT_OF_SCOPE]
    return Found(
        tuple(view for view in views if view not in out) if out else tuple(views),
        tuple(batch.fetch),
        tuple(batch.ignored),
        tuple(item for view in out for item in view.items()),
    )


# --- pairs that are stored -------------------------------------------------------------------------------------------


def _stored(batch: Batch, items: Sequence[Item]) -> None:
    found = {batch.paired[item.side][item.item_id].id: batch.paired[item.side][item.item_id] for item in items}
    rows = _rows_of(batch, found.values())
    clashes: dict[int, dict[str, Conflict]] = defaultdict(dict)
    for (pair_id, name), conflict in conflicts.by_pairs(batch.session, found).items():
        clashes[pair_id][name] = conflict
    stuck = {
        side: parked.by_items(batch.session, batch.link.id, batch.kind, side, {p.item_id(side) for p in found.values()})
        for side in SIDES
    }
    for pair in found.values():
        held = [each for side in SIDES for each in stuck[side].get(pair.item_id(side), ())]
        view = _view_of(batch, pair, rows, clashes[pair.id], held)
        if view is not None:
            batch.views.append(view)


def _rows_of(batch: Batch, found: Iterable[Pair]) -> dict[Side, dict[str, Item]]:
    known = list(found)
    return {
        side: inbox.get_many(batch.session, batch.link.id, batch.kind, side, {pair.item_id(side) for pair in known})
        for side in SIDES
    }


def _view_of(
    batch: Batch,
    pair: Pair,
    rows: Mapping[Side, Mapping[str, Item]],
    clashes: Mapping[str, Conflict],
    held: Sequence[Parked],
) -> View | None:
    """A stored pair with what is new; None while one side is announced and not yet read (S3, S32)."""
    items = {side: rows[side].get(pair.item_id(side)) for side in SIDES}
    if pair.status == "vanished":
        return None  # its rows stay: a survivor that was edited is never deleted (S26)
    if pair.status != "live":
        batch.ignored.extend(item for item in items.values() if item is not None)
        return None
    if any(item is not None and item.record is None for item in items.values()):
        return None
    members = {side: _member(batch.link, pair, side, items[side]) for side in SIDES}
    partial = [side for side in SIDES if not is_complete(batch, side, members[side].record)]
    if partial:
        batch.fetch.extend((side, pair.item_id(side)) for side in partial)
        return None
    answers = {name: _decided(conflict) for name, conflict in clashes.items()}
    return View(
        batch.kind,
        pair.entity,
        pair.id,
        members["left"],
        members["right"],
        decided={name: answer for name, answer in answers.items() if answer is not None},
        clashing=bool(clashes),
        parked=bool(held),
        frozen=frozenset(each.field for each in held if each.reason == FROZEN),
        paused_at=pair.paused_at,
        unfinished=pair.unfinished,
    )


def _decided(conflict: Conflict) -> Decided | None:
    left, right = conflict.clash.left.value, conflict.clash.right.value
    match conflict.decision:
        case Take(take):
            return Decided(left, right, take)
        case Put(value, side):
            return Decided(left, right, "value", value, side)
        case None:
            return None


def member_now(link: Link, pair: Pair, side: Side, news: Mapping[str, Item]) -> Member:
    """A stored side with what the inbox holds of it."""
    return _member(link, pair, side, news.get(pair.item_id(side)))


def _member(link: Link, pair: Pair, side: Side, item: Item | None) -> Member:
    if item is None or item.record is None:
        return member_of(link, pair, side, None)
    record = load_record(item.record, link.end(side).ref(pair.kind, pair.item_id(side)))
    return member_of(link, pair, side, record, item)


def member_of(link: Link, pair: Pair, side: Side, record: Record | None, item: Item | None = None) -> Member:
    """A stored side, with a newer record laid over the last one: what was not observed now is as it was. The base stays
    what it was.
    """
    ref = link.end(side).ref(pair.kind, pair.item_id(side))
    seen = load_record(pair.record(side), ref)
    base = load_base(pair.base(side))
    if record is None:
        return Member(seen, base)
    for row in link.mappings[pair.kind].rows:
        name = row.field(side)
        if name not in base:
            base[name] = row.normal(side, seen.fields[name]) if name in seen.fields else UNSET
    return Member(merged(link, seen, record), base, item)
