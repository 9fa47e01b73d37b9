"""Real records to try a mapping on: those that the state remembers, which asks nobody, or a few of a listing.

Refuses: writing anything: no lease, no cursor, no inbox.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

from bridge.engine import references, scope
from bridge.engine.binding import bound
from bridge.engine.link import End, Link
from bridge.engine.trial import Sample
from bridge.model import SIDES, Fields, Record, Side
from mappings.references import References
from state import inbox, pairs
from state.codec import load_record
from state.store import Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """Records of one kind: partners together, others alone; and the partners of the tasks that they name."""

    both: tuple[tuple[Record | None, Record | None], ...] = ()
    refs: References = field(default_factory=References)

    def records(self, side: Side) -> list[Record]:
        return [record for pair in self.both if (record := pair[SIDES.index(side)]) is not None]


def remembered(session: Session, link: Link, kind: str, most: int) -> Found:
    """Pairs and waiting records of a kind from the state, at most ``most`` of a side, spread over all there are."""
    numbers = pairs.numbers(session, link.id, kind)
    known = pairs.by_ids(session, spread(numbers, most))
    found: list[tuple[Record | None, Record | None]] = [
        (_of(link, "left", kind, pair.left_id, pair.left), _of(link, "right", kind, pair.right_id, pair.right))
        for pair in (known[number] for number in sorted(known))
    ]
    for side in SIDES:
        waiting = sorted(inbox.ids(session, link.id, kind, side) - {pair.item_id(side) for pair in known.values()})
        items = inbox.get_many(session, link.id, kind, side, spread(waiting, most - len(known)))
        for item_id, item in sorted(items.items()):
            if item.record is not None:
                record = _of(link, side, kind, item_id, item.record)
                found.append((record, None) if side == "left" else (None, record))
    return Found(tuple(found), _refs(session, link, kind, found))


async def listed(link: Link, kind: str, most: int) -> Found:
    """The first records that a listing of either side shows, at most ``most`` of a side, and not a page more."""
    found: list[tuple[Record | None, Record | None]] = []
    for side in SIDES:
        names = link.mappings[kind].fields(side) | scope.names_of(link, kind, side)
        records = await _listed(link.end(side), kind, names, most)
        found += [(record, None) if side == "left" else (None, record) for record in records]
    return Found(tuple(found))


def with_refs(session: Session, link: Link, kind: str, found: Found) -> Found:
    """The same, with the partners that the state knows of the tasks they name."""
    return Found(found.both, _refs(session, link, kind, found.both))


async def _listed(end: End, kind: str, names: frozenset[str], most: int) -> list[Record]:
    found: list[Record] = []
    pages = end.connector.pull(end.container, kind, None, fields=names, sweep=False)
    async with aclosing(pages) as walk:  # type: ignore[type-var]
        async for page in walk:
            found.extend(page.records)
            if len(found) >= most:
                break
    return found[:most]


def samples(link: Link, kind: str, found: Found, leaves_out: Collection[tuple[Side, str]] = ()) -> list[Sample]:
    """Each record with the rows of its kind bound to it and its partner. ``leaves_out``: by side and id, not to be tried."""
    made = []
    for left, right in found.both:
        rows = bound(link, kind, left, right, found.refs)
        sides: tuple[tuple[Side, Record | None], ...] = (("left", left), ("right", right))
        made += [
            Sample(side, record, rows)
            for side, record in sides
            if record is not None and (side, record.ref.id) not in leaves_out
        ]
    return made


def spread(members: Sequence[T], most: int) -> list[T]:
    """At most ``most`` of them, evenly from the first to the last."""
    if most <= 0:
        return []
    if len(members) <= most:
        return list(members)
    return [members[index * len(members) // most] for index in range(most)]


def _of(link: Link, side: Side, kind: str, item_id: str, text: str) -> Record:
    return load_record(text, link.end(side).ref(kind, item_id))


def _refs(session: Session, link: Link, kind: str, found: Iterable[tuple[Record | None, Record | None]]) -> References:
    values: dict[Side, list[Fields]] = {"left": [], "right": []}
    for pair in found:
        for side, record in zip(SIDES, pair, strict=True):
            if record is not None:
                values[side].append(record.fields)
    return references.of_values(session, link, kind, values)
