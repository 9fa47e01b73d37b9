"""One batch of inbox rows on its way to views: what was looked up and what was found so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.engine.link import Link
from bridge.engine.plan import View
from bridge.engine.scope import names_of
from bridge.model import SIDES, Record, Side
from mappings.computed import is_computed, query_of
from state.codec import load_record
from state.inbox import Item
from state.pairs import Pair
from state.store import Session


@dataclass(slots=True)
class Batch:
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
    anything_parked: bool = False
    creations: list[View] = field(default_factory=list)
    needed: dict[Side, frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.needed = {
            side: self.link.mappings[self.kind].fields(side) | names_of(self.link, self.kind, side) for side in SIDES
        }


def record_of(batch: Batch, item: Item) -> Record:
    """What an inbox row holds. The row must not be one that was only announced."""
    assert item.record is not None
    return load_record(item.record, batch.link.end(item.side).ref(batch.kind, item.item_id))


def is_complete(batch: Batch, side: Side, record: Record) -> bool:
    """Whether every mapped field was observed; a feed may not show them all."""
    return batch.needed[side] <= record.fields.keys()


def merged(link: Link, seen: Record, record: Record) -> Record:
    """``record`` with the fields it did not observe taken from ``seen``; what is computed of them is computed anew. What a
    query said stays: nobody but the tracker knows it.
    """
    if seen.fields.keys() <= record.fields.keys():
        return record
    known = {name: value for name, value in seen.fields.items() if not is_computed(name) or query_of(name) is not None}
    now = Record(
        record.ref,
        {**known, **record.fields},
        record.version,
        record.updated_at,
        record.url or seen.url,
        record.marker or seen.marker,
        record.updated_by,
    )
    computation = link.computation_of(record.ref)
    return now if computation is None else computation.complete(now)
