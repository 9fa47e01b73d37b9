"""Finding partners (S8a): inbox rows in, views out. Reads the state in one transaction, writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from bridge.engine.link import Link, marker_key
from bridge.engine.outcome import Decided
from bridge.engine.plan import Member, View, title_of
from bridge.model import SIDES, UNSET, Hold, Marker, Record, Side, other
from state import conflicts, inbox, intents, links, pairs, parked
from state.codec import load_base, load_record
from state.conflicts import Conflict, Put, Take
from state.inbox import Item
from state.pairs import Pair
from state.store import Session

By = Literal["stored", "marker", "entity", "match", "created"]


@dataclass(frozen=True, slots=True)
class Found:
    """What one batch came to. ``fetch`` are items (side, id) whose record is not complete enough to go on; ``ignored`` rows belong
    to unlinked pairs and are only to be removed.
    """

    views: tuple[View, ...]
    fetch: tuple[tuple[Side, str], ...] = ()
    ignored: tuple[Item, ...] = ()


@dataclass(slots=True)
class _Batch:
    """The look-ups of one batch, made once."""

    link: Link
    kind: str
    session: Session
    paired: dict[Side, dict[str, Pair]] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)
    fetch: list[tuple[Side, str]] = field(default_factory=list)
    ignored: list[Item] = field(default_factory=list)
    done: set[tuple[Side, str]] = field(default_factory=set)
    shared: dict[Side, bool] = field(default_factory=dict)
    creations: list[View] = field(default_factory=list)


def find(session: Session, link: Link, kind: str, items: Sequence[Item]) -> Found:
    """Turn inbox rows into views, each row in one view; the partner's own row is used when there is one."""
    batch = _Batch(link, kind, session)
    ids = {side: [item.item_id for item in items if item.side == side] for side in SIDES}
    batch.paired = {side: pairs.by_items(session, link.id, kind, side, ids[side]) for side in SIDES}
    known = [item for item in items if item.item_id in batch.paired[item.side]]
    alone = [item for item in items if item.item_id not in batch.paired[item.side]]
    _stored(batch, known)
    if alone:
        for side in SIDES:
            end = link.end(side)
            batch.shared[side] = len(links.sharers(session, end.connection, end.container, kind)) > 1
        _unpaired(batch, alone)
    return Found(tuple(batch.views), tuple(batch.fetch), tuple(batch.ignored))


def entity_of(record: Record, *, trusted: bool) -> str:
    """The identity of a record that no pair knows: of what it was made from if it says so, else its own.

    The same for every link and process, so that two of them agree without talking (S8a, rings).
    """
    name = marker_key(record.marker) if trusted and record.marker else marker_key(Marker.of(record.ref))
    return blake2b(f"{record.ref.kind} {name}".encode(), digest_size=12).hexdigest()


# --- pairs that are stored -------------------------------------------------------------------------------------------


def _stored(batch: _Batch, items: Sequence[Item]) -> None:
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
        held = any(pair.item_id(side) in stuck[side] for side in SIDES)
        view = _view_of(batch, pair, rows, clashes[pair.id], held=held)
        if view is not None:
            batch.views.append(view)


def _rows_of(batch: _Batch, found: Iterable[Pair]) -> dict[Side, dict[str, Item]]:
    known = list(found)
    return {
        side: inbox.get_many(batch.session, batch.link.id, batch.kind, side, {pair.item_id(side) for pair in known})
        for side in SIDES
    }


def _view_of(
    batch: _Batch,
    pair: Pair,
    rows: Mapping[Side, Mapping[str, Item]],
    clashes: Mapping[str, Conflict],
    *,
    held: bool,
) -> View | None:
    """A stored pair with what is new; None while one side is announced and not yet read (S3, S32)."""
    items = {side: rows[side].get(pair.item_id(side)) for side in SIDES}
    if pair.status != "live":
        batch.ignored.extend(item for item in items.values() if item is not None)
        return None
    if any(item is not None and item.record is None for item in items.values()):
        return None
    members = {side: _member(batch.link, pair, side, items[side]) for side in SIDES}
    partial = [side for side in SIDES if not _is_complete(batch.link, batch.kind, side, members[side].record)]
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
        parked=held,
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


def _member(link: Link, pair: Pair, side: Side, item: Item | None) -> Member:
    """The newest record laid over the last one: what was not observed now is as it was. The base stays what it was."""
    ref = link.end(side).ref(pair.kind, pair.item_id(side))
    seen = load_record(pair.record(side), ref)
    base = load_base(pair.base(side))
    if item is None or item.record is None:
        return Member(seen, base)
    record = load_record(item.record, ref)
    for row in link.mappings[pair.kind].rows:
        name = row.field(side)
        if name not in base:
            base[name] = row.normal(side, seen.fields[name]) if name in seen.fields else UNSET
    return Member(merged(seen, record), base, item)


def merged(seen: Record, record: Record) -> Record:
    """``record`` with the fields it did not observe taken from ``seen``."""
    if seen.fields.keys() <= record.fields.keys():
        return record
    return Record(
        record.ref,
        {**seen.fields, **record.fields},
        record.version,
        record.updated_at,
        record.url or seen.url,
        record.marker or seen.marker,
        record.updated_by,
    )


# --- records without a pair ------------------------------------------------------------------------------------------


def _unpaired(batch: _Batch, items: Sequence[Item]) -> None:
    """In the order of S8a: entity, marker, match rule, create."""
    records = {(item.side, item.item_id): _record(batch, item) for item in items}
    partners = _by_entity(batch, records) | _by_marker(batch, records)
    copied = _copied(batch, records)
    candidates = _by_match(batch, items)
    for item in items:
        if (item.side, item.item_id) in batch.done:
            continue
        record = records[item.side, item.item_id]
        partner = partners.get((item.side, item.item_id))
        if partner is not None and (partner[0].side, partner[0].item_id) not in batch.done:
            _adopt(batch, item, record, partner[0], partner[1])
        elif not _is_complete(batch.link, batch.kind, item.side, record):
            batch.fetch.append((item.side, item.item_id))
        else:
            _match_or_create(batch, item, record, candidates, copied=(item.side, item.item_id) in copied)
    _creations(batch)


def _record(batch: _Batch, item: Item) -> Record:
    assert item.record is not None
    return load_record(item.record, batch.link.end(item.side).ref(batch.kind, item.item_id))


def _is_complete(link: Link, kind: str, side: Side, record: Record) -> bool:
    return link.mappings[kind].fields(side) <= record.fields.keys()


_Partners = dict[tuple[Side, str], tuple[Item, By]]


def _by_entity(batch: _Batch, records: Mapping[tuple[Side, str], Record]) -> _Partners:
    """Partners known through other links that share a container with this one."""
    found: _Partners = {}
    for side in SIDES:
        here, there = batch.link.end(side), batch.link.end(other(side))
        mine = [item_id for at, item_id in records if at == side]
        if not mine or not batch.shared[side]:
            continue
        known = pairs.entities(batch.session, here.connection, here.container, batch.kind, mine)
        members = pairs.members(batch.session, there.connection, there.container, batch.kind, set(known.values()))
        rows = inbox.get_many(batch.session, batch.link.id, batch.kind, other(side), set(members.values()))
        for item_id, entity in known.items():
            row = rows.get(members.get(entity, ""))
            if row is not None and row.record is not None:
                found[side, item_id] = (row, "entity")
    return found


def _by_marker(batch: _Batch, records: Mapping[tuple[Side, str], Record]) -> _Partners:
    """Partners by marker: one was made from the other, or both from a third (S8a)."""
    wanted: dict[str, set[tuple[Side, str]]] = defaultdict(set)
    for at, record in records.items():
        wanted[marker_key(Marker.of(record.ref))].add(at)
        if batch.link.trusts(record.marker) and record.marker is not None:
            wanted[marker_key(record.marker)].add(at)
    found: _Partners = {}
    marked = any(inbox.has_markers(batch.session, batch.link.id, batch.kind, side) for side in SIDES)
    rows = inbox.by_marker(batch.session, batch.link.id, batch.kind, set(wanted)) if marked else []
    for row in rows:
        for side, item_id in wanted[row.marker_key or ""]:
            if side == other(row.side) and row.record is not None:
                found.setdefault((side, item_id), (row, "marker"))
    for at, record in records.items():
        origin = _origin(batch.link, at[0], record)
        if origin is not None and at not in found:
            there = inbox.get_many(batch.session, batch.link.id, batch.kind, other(at[0]), {origin})
            if origin in there and there[origin].record is not None:
                found[at] = (there[origin], "marker")
    return found


def _origin(link: Link, side: Side, record: Record) -> str | None:
    """The id of the record on the other side that this one says it was made from."""
    end = link.end(other(side))
    marker = record.marker
    if marker is None or marker.source != end.connection or not link.trusts(marker):
        return None
    prefix = f"{end.container}#"
    return marker.id.removeprefix(prefix) if marker.id.startswith(prefix) else None


def _copied(batch: _Batch, records: Mapping[tuple[Side, str], Record]) -> set[tuple[Side, str]]:
    """Records whose marker names an item that has another partner already: somebody copied the text."""
    found: set[tuple[Side, str]] = set()
    for side in SIDES:
        origins = {
            origin: at
            for at, record in records.items()
            if at[0] == side and (origin := _origin(batch.link, side, record)) is not None
        }
        taken = pairs.by_items(batch.session, batch.link.id, batch.kind, other(side), set(origins))
        found |= {origins[item_id] for item_id in taken}
    return found


def _adopt(batch: _Batch, item: Item, record: Record, partner: Item, by: By) -> None:
    mine = Member(record, None, item)
    theirs = Member(_record(batch, partner), None, partner)
    left, right = (mine, theirs) if item.side == "left" else (theirs, mine)
    batch.done |= {(item.side, item.item_id), (partner.side, partner.item_id)}
    batch.views.append(View(batch.kind, _shared_entity(batch, left.record, right.record), None, left, right, by))


def _shared_entity(batch: _Batch, left: Record, right: Record) -> str:
    """One identity for two records: what another link calls either of them, else what they were made from."""
    for side, record in (("left", left), ("right", right)):
        known = _known_entity(batch, "left" if side == "left" else "right", record)
        if known is not None:
            return known
    named = next((record for record in (left, right) if batch.link.trusts(record.marker)), left)
    return entity_of(named, trusted=batch.link.trusts(named.marker))


def _known_entity(batch: _Batch, side: Side, record: Record) -> str | None:
    """What another link that shares the container calls it (S8a)."""
    if not batch.shared[side]:
        return None
    ref = record.ref
    return pairs.entities(batch.session, ref.connection, ref.container, ref.kind, [ref.id]).get(ref.id)


def _by_match(batch: _Batch, items: Sequence[Item]) -> dict[str, dict[Side, list[Item]]]:
    """All unpaired rows of both sides by match key, for the keys of this batch."""
    found: dict[str, dict[Side, list[Item]]] = {}
    if batch.link.initial == "create":
        return found
    keys = {item.match_key for item in items if item.match_key is not None}
    for row in inbox.by_match(batch.session, batch.link.id, batch.kind, keys):
        found.setdefault(row.match_key or "", {"left": [], "right": []})[row.side].append(row)
    return found


def _match_or_create(
    batch: _Batch,
    item: Item,
    record: Record,
    candidates: Mapping[str, Mapping[Side, Sequence[Item]]],
    *,
    copied: bool,
) -> None:
    same = candidates.get(item.match_key or "", {"left": [], "right": []})
    mine, theirs = same[item.side], [row for row in same[other(item.side)] if row.record is not None]
    if len(mine) == 1 and len(theirs) == 1:
        if (theirs[0].side, theirs[0].item_id) not in batch.done:
            _adopt(batch, item, record, theirs[0], "match")
        return
    if theirs:
        batch.views.append(_held(batch, item, record, "ambiguous", _candidates(mine, theirs)))
    elif item.initial and batch.link.initial == "match":
        message = 'nothing on the other side matches it, and initial = "match" creates nothing'
        batch.views.append(_held(batch, item, record, "initial", message))
    else:
        _create(batch, item, record, copied=copied)


def _candidates(mine: Sequence[Item], theirs: Sequence[Item]) -> str:
    here, there = (", ".join(row.item_id for row in rows[:5]) for rows in (mine, theirs))
    return (
        f"{len(mine)} records here ({here}) match {len(theirs)} there ({there}): which belong together is yours to say"
    )


def _held(batch: _Batch, item: Item, record: Record, reason: str, message: str) -> View:
    member = Member(record, None, item)
    hold = Hold(batch.kind, item.side, record.ref, title_of(record), None, reason, message)
    batch.done.add((item.side, item.item_id))
    return View(
        batch.kind,
        "",
        left=member if item.side == "left" else None,
        right=member if item.side == "right" else None,
        hold=hold,
    )


def _create(batch: _Batch, item: Item, record: Record, *, copied: bool) -> None:
    """Ask for a partner, unless the other container has one of the same origin."""
    trusted = batch.link.trusts(record.marker) and not copied
    entity = _known_entity(batch, item.side, record) or entity_of(record, trusted=trusted)
    there = batch.link.end(other(item.side))
    if (trusted or batch.shared[item.side]) and pairs.members(
        batch.session, there.connection, there.container, batch.kind, {entity}
    ):
        message = f"{there.container} has a record of the same origin already, which belongs to another pair"
        batch.views.append(_held(batch, item, record, "entity-clash", message))
        return
    member = Member(record, None, item)
    batch.done.add((item.side, item.item_id))
    batch.creations.append(
        View(
            batch.kind,
            entity,
            left=member if item.side == "left" else None,
            right=member if item.side == "right" else None,
            marker=record.marker if trusted else Marker.of(record.ref),
        )
    )


def _creations(batch: _Batch) -> None:
    """Of the creates asked for, those that nobody is about already (S19)."""
    keys = {key_of_create(batch.link, view): view for view in batch.creations}
    taken = intents.taken(batch.session, set(keys))
    message = "a create of it is under way or not yet found out about; it goes on by itself"
    for key, view in keys.items():
        item = view.items()[0]
        if key in taken:
            batch.views.append(_held(batch, item, _record(batch, item), "create-unknown", message))
        else:
            batch.views.append(view)


def key_of_create(link: Link, view: View) -> str:
    """At most one create of an entity in a container, over all links and processes (S19)."""
    there = link.right if view.left is not None else link.left
    return f"{view.entity}|{there.connection}|{there.container}|{view.kind}"
