"""Finding partners for records without a pair, in the order of S8a: entity, marker, match rule, create."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from bridge.engine.asleep import TASK
from bridge.engine.batch import Batch, is_complete, record_of
from bridge.engine.link import Link, marker_key
from bridge.engine.plan import PARTS, By, Member, View, title_of
from bridge.engine.references import of_values
from bridge.engine.scope import is_out, rests_by, trouble
from bridge.model import SIDES, Hold, Marker, Record, Side, Value, other
from mappings.computed import FAILED
from mappings.lenses import Rounded, find, rounded
from state import inbox, intents, pairs
from state.inbox import Item

SECONDS: Final = "seconds"
"""The field of a time entry that says how long it took."""


def entity_of(record: Record, *, trusted: bool) -> str:
    """The identity of a record that no pair knows: of what it was made from if it says so, else its own.

    The same for every link and process, so that two of them agree without talking (S8a, rings).
    """
    name = marker_key(record.marker) if trusted and record.marker else marker_key(Marker.of(record.ref))
    return blake2b(f"{record.ref.kind} {name}".encode(), digest_size=12).hexdigest()


def find_partners(batch: Batch, items: Sequence[Item]) -> None:
    """In the order of S8a: entity, marker, match rule, create."""
    records = {(item.side, item.item_id): record_of(batch, item) for item in items}
    origins = {
        at: origin for at, record in records.items() if (origin := _origin(batch.link, at[0], record)) is not None
    }
    copied = _copied(batch, origins)
    partners = _by_entity(batch, records)
    partners |= {at: found for at, found in _by_marker(batch, records, origins).items() if at not in copied}
    candidates = _parts_by_match(batch, items) if batch.kind in PARTS else _by_match(batch, items)
    taken = _taken(batch, records, [row for row, _ in partners.values()], candidates)
    for item in items:
        at = (item.side, item.item_id)
        if at in batch.done:
            continue
        partner = partners.get(at)
        if partner is not None and (partner[0].side, partner[0].item_id) not in taken | batch.done:
            _adopt(batch, item, records[at], partner[0], partner[1])
        elif not is_complete(batch, item.side, records[at]):
            batch.fetch.append(at)
        elif rests_by(batch.link, item.side, records[at]):
            _unclear(batch, item, records[at])
        else:
            _match_or_create(batch, item, records[at], candidates, taken, copied=at in copied)
    _creations(batch)


_At = tuple[Side, str]


@dataclass(slots=True)
class _Candidates:
    """What shares a match key: ids on the item's own side, itself among them, and whole rows on the other."""

    mine: list[str] = field(default_factory=list)
    theirs: list[Item] = field(default_factory=list)


_NONE = _Candidates()
_Matches = Mapping[tuple[Side, str], _Candidates]
"""By side and match key; of parts by side and id."""
_Partners = dict[_At, tuple[Item, By]]


def _taken(batch: Batch, alone: Collection[_At], rows: Iterable[Item], matches: _Matches) -> set[_At]:
    """Of all possible partners, those that belong to a pair already: their inbox rows only wait to be settled."""
    possible = {(row.side, row.item_id) for row in rows}
    for (side, _), found in matches.items():
        for item_id in found.mine:
            possible.add((side, item_id))
        for row in found.theirs:
            possible.add((row.side, row.item_id))
    possible.difference_update(alone)
    taken: set[_At] = set()
    for side in SIDES:
        ids = {item_id for at, item_id in possible if at == side}
        taken.update((side, item_id) for item_id in pairs.by_items(batch.session, batch.link.id, batch.kind, side, ids))
    return taken


def _by_entity(batch: Batch, records: Mapping[tuple[Side, str], Record]) -> _Partners:
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


def _by_marker(batch: Batch, records: Mapping[_At, Record], origins: Mapping[_At, str]) -> _Partners:
    """Partners by marker: one was made from the other, or both from a third (S8a)."""
    found: _Partners = {}
    if any(inbox.has_markers(batch.session, batch.link.id, batch.kind, side) for side in SIDES):
        wanted: dict[str, set[_At]] = defaultdict(set)
        for at, record in records.items():
            wanted[marker_key(Marker.of(record.ref))].add(at)
            named = _named(batch.link, at[0], record)
            if named is not None:
                wanted[marker_key(named)].add(at)
        rows = inbox.by_marker(batch.session, batch.link.id, batch.kind, set(wanted))
        for row in _originals(batch, rows):
            for side, item_id in wanted[row.marker_key or ""]:
                if side == other(row.side) and row.record is not None:
                    by = _how(records[side, item_id], record_of(batch, row))
                    found.setdefault((side, item_id), (row, by))
    for at, origin in origins.items():
        if at not in found:
            there = inbox.get_many(batch.session, batch.link.id, batch.kind, other(at[0]), {origin})
            if origin in there and there[origin].record is not None:
                found[at] = (there[origin], _how(records[at], None))
    return found


def _originals(batch: Batch, rows: Sequence[Item]) -> list[Item]:
    """Of several records that carry one marker, those that something was made from themselves are left out: somebody
    copied a text, and Bridge had given the copy a partner of its own before the state was lost.
    """
    alike = Counter((row.side, row.marker_key) for row in rows)
    if all(count == 1 for count in alike.values()):
        return list(rows)
    own = {row: _own_key(batch, row) for row in rows if alike[row.side, row.marker_key] > 1}
    sources = {row.marker_key for row in inbox.by_marker(batch.session, batch.link.id, batch.kind, set(own.values()))}
    return [row for row in rows if own.get(row) not in sources]


def _own_key(batch: Batch, row: Item) -> str:
    """How a marker names a record of the inbox."""
    return marker_key(Marker.of(batch.link.end(row.side).ref(batch.kind, row.item_id)))


def _how(record: Record, partner: Record | None) -> By:
    """What joined the two: a marker of ours on either, else a field in which a person named the other."""
    marked = record.marker is not None or (partner is not None and partner.marker is not None)
    return "marker" if marked else "external-id"


def _named(link: Link, side: Side, record: Record) -> Marker | None:
    """What a record says it belongs to, as far as that is ours to believe."""
    named = record.marker
    if named is None:
        rule = link.matches.get((link.id, record.ref.kind))
        if rule is None or not rule.external:
            return None
        named = rule.named(side, record)
    return named if link.trusts(named) else None


def _origin(link: Link, side: Side, record: Record) -> str | None:
    """The id of the record on the other side that this one says it was made from."""
    marker = _named(link, side, record)
    if marker is None:
        return None
    end = link.end(other(side))
    if marker.source != end.connection:
        return None
    prefix = f"{end.container}#"
    return marker.id.removeprefix(prefix) if marker.id.startswith(prefix) else None


def _copied(batch: Batch, named: Mapping[_At, str]) -> set[_At]:
    """Records whose marker names an item that has another partner already: somebody copied the text."""
    found: set[tuple[Side, str]] = set()
    for side in SIDES:
        origins = {origin: at for at, origin in named.items() if at[0] == side}
        taken = pairs.by_items(batch.session, batch.link.id, batch.kind, other(side), set(origins))
        found |= {origins[item_id] for item_id in taken}
    return found


def _adopt(batch: Batch, item: Item, record: Record, partner: Item, by: By) -> None:
    """Take two records as one thing, once both are known in every mapped field."""
    theirs = record_of(batch, partner)
    batch.done |= {(item.side, item.item_id), (partner.side, partner.item_id)}
    partial = [
        (row.side, row.item_id)
        for row, held in ((item, record), (partner, theirs))
        if not is_complete(batch, row.side, held) and not is_out(batch.link, row.side, held)
    ]
    if partial:
        batch.fetch.extend(partial)
        return
    members = {item.side: _new(record, item), partner.side: _new(theirs, partner)}
    entity = _shared_entity(batch, members["left"].record, members["right"].record)
    batch.views.append(
        View(batch.kind, entity, None, members["left"], members["right"], by, parked=batch.anything_parked)
    )


def _new(record: Record, item: Item) -> Member:
    return Member(record, None, item, text=item.record or "")


def _shared_entity(batch: Batch, left: Record, right: Record) -> str:
    """One identity for two records: what another link calls either of them, else what they were made from."""
    if any(batch.shared.values()):
        for side, record in (("left", left), ("right", right)):
            known = _known_entity(batch, "left" if side == "left" else "right", record)
            if known is not None:
                return known
    if left.marker is None and right.marker is None:
        return entity_of(left, trusted=False)
    named = next((record for record in (left, right) if batch.link.trusts(record.marker)), left)
    return entity_of(named, trusted=batch.link.trusts(named.marker))


def _known_entity(batch: Batch, side: Side, record: Record) -> str | None:
    """What another link that shares the container calls it (S8a)."""
    if not batch.shared[side]:
        return None
    ref = record.ref
    return pairs.entities(batch.session, ref.connection, ref.container, ref.kind, [ref.id]).get(ref.id)


def _by_match(batch: Batch, items: Sequence[Item]) -> _Matches:
    """What may belong to each of these items by its match key, by side and key."""
    found: dict[tuple[Side, str], _Candidates] = defaultdict(_Candidates)
    if batch.link.initial == "create":
        return found
    here = (batch.session, batch.link.id, batch.kind)
    for side in SIDES:
        keys = {item.match_key: item.item_id for item in items if item.side == side and item.match_key is not None}
        for key, item_id in inbox.ids_sharing_match(*here, side, keys):
            found[side, key].mine.append(item_id)
        for key, item_id in keys.items():
            if not found[side, key].mine:
                found[side, key].mine.append(item_id)
        for row in inbox.by_match(*here, other(side), keys):
            if row.record is not None:
                found[side, row.match_key or ""].theirs.append(row)
    return found


def _parts_by_match(batch: Batch, items: Sequence[Item]) -> _Matches:
    """What was there on both sides before the link was: parts of one task that say the same, the first with the first.

    A part that appears later was written on one side only, and gets a partner made.
    """
    found: dict[tuple[Side, str], _Candidates] = {}
    keys = {item.match_key for item in items if item.initial and item.match_key is not None}
    if batch.link.initial == "create" or not keys:
        return found
    here = (batch.session, batch.link.id, batch.kind)
    rows = {
        side: [(row, record_of(batch, row)) for row in inbox.by_match(*here, side, keys) if row.record is not None]
        for side in SIDES
    }
    refs = of_values(
        batch.session, batch.link, batch.kind, {side: [held.fields for _, held in rows[side]] for side in SIDES}
    )
    groups: dict[tuple[str | None, Value, Value], dict[Side, list[Item]]] = defaultdict(
        lambda: {"left": [], "right": []}
    )
    for side in SIDES:
        for row, record in sorted(rows[side], key=lambda one: (len(one[0].item_id), one[0].item_id)):
            task = record.fields.get(TASK)
            there = refs.left_of.get(str(task)) if side == "right" else task if task in refs.right_of else None
            if there is not None and record.marker is None:
                groups[row.match_key, there, _rough(batch, record)][side].append(row)
    for group in groups.values():
        for left, right in zip(group["left"], group["right"], strict=False):
            found["left", left.item_id] = _Candidates([left.item_id], [right])
            found["right", right.item_id] = _Candidates([right.item_id], [left])
    return found


def _rough(batch: Batch, record: Record) -> Value:
    """A duration as the coarser of the two trackers knows it (S12)."""
    for row in batch.link.mappings[batch.kind].rows:
        if (steps := find(row.lens, Rounded)) is not None:
            return rounded(record.fields.get(SECONDS), max(steps.left_step, steps.right_step))
    return record.fields.get(SECONDS)


def _match_or_create(
    batch: Batch, item: Item, record: Record, matches: _Matches, taken: set[_At], *, copied: bool
) -> None:
    same = matches.get((item.side, item.item_id if batch.kind in PARTS else item.match_key or ""), _NONE)
    mine = [item_id for item_id in same.mine if (item.side, item_id) not in taken]
    theirs = [row for row in same.theirs if (row.side, row.item_id) not in taken]
    if len(mine) == 1 and len(theirs) == 1:
        if (theirs[0].side, theirs[0].item_id) not in batch.done:
            _adopt(batch, item, record, theirs[0], "match")
        return
    origin = None if copied else _origin(batch.link, item.side, record)
    if copied and record.marker is None:
        message = "its external id names an item that has another partner already: correct one of the two"
        batch.views.append(_held(batch, item, record, "ambiguous", message))
    elif theirs:
        batch.views.append(_held(batch, item, record, "ambiguous", _ambiguous(mine, theirs)))
    elif origin is not None:
        says = "was made from" if record.marker is not None else "names"
        message = f"it {says} {origin} on the other side, which is not there: deleted, archived or hidden"
        batch.views.append(_held(batch, item, record, "orphaned", message))
    elif item.initial and batch.link.initial == "match":
        message = 'nothing on the other side matches it, and initial = "match" creates nothing'
        batch.views.append(_held(batch, item, record, "initial", message))
    elif not batch.link.end(other(item.side)).connector.kinds()[batch.kind].create:
        message = f"{batch.link.end(other(item.side)).connection} cannot make a {batch.kind} over its API"
        batch.views.append(_held(batch, item, record, "one-way", message))
    else:
        _create(batch, item, record, copied=copied)


def _unclear(batch: Batch, item: Item, record: Record) -> None:
    """Nothing is made of what may be out of scope. Where that is known, the next listing puts its row aside."""
    why = trouble(batch.link, item.side, record)
    if why is not None:
        batch.views.append(_held(batch, item, record, FAILED, why))


def _ambiguous(mine: Sequence[str], theirs: Sequence[Item]) -> str:
    here, there = ", ".join(mine[:5]), ", ".join(row.item_id for row in theirs[:5])
    return (
        f"{len(mine)} records here ({here}) match {len(theirs)} there ({there}): which belong together is yours to say"
    )


def _held(batch: Batch, item: Item, record: Record, reason: str, message: str) -> View:
    member = _new(record, item)
    hold = Hold(batch.kind, item.side, record.ref, title_of(record), None, reason, message)
    batch.done.add((item.side, item.item_id))
    return View(
        batch.kind,
        "",
        left=member if item.side == "left" else None,
        right=member if item.side == "right" else None,
        hold=hold,
    )


def _create(batch: Batch, item: Item, record: Record, *, copied: bool) -> None:
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
    member = _new(record, item)
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


def _creations(batch: Batch) -> None:
    """Of the creates asked for, those that nobody is about already (S19)."""
    keys = {key_of_create(batch.link, view): view for view in batch.creations}
    taken = intents.taken(batch.session, set(keys))
    message = "a create of it is under way or not yet found out about; it goes on by itself"
    for key, view in keys.items():
        item = view.items()[0]
        if key in taken:
            batch.views.append(_held(batch, item, record_of(batch, item), "create-unknown", message))
        else:
            batch.views.append(view)


def key_of_create(link: Link, view: View) -> str:
    """At most one create of an entity in a container, over all links and processes (S19)."""
    there = link.right if view.left is not None else link.left
    return f"{view.entity}|{there.connection}|{there.container}|{view.kind}"
