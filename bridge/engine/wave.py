"""One transaction's rows: collected while a wave of items is judged, written once a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import Struct

from bridge.engine import breaker
from bridge.engine.context import Run
from bridge.engine.plan import View, Work
from bridge.engine.report import Tally
from bridge.errors import TrackerError
from bridge.model import Create, Hold, Record, Side, Update, Value
from connectors.base import Step
from state import history, inbox, intents, pairs, parked
from state.codec import dump_record
from state.history import Entry
from state.parked import FROZEN, Stuck
from state.store import Session


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of a wave and its outcome: ``record`` is what the side holds now, or ``error`` says what happened."""

    operation: Create | Update
    step: Step
    changes: Mapping[str, Value]
    intent: int
    record: Record | None = None
    error: TrackerError | None = None
    bug: bool = False


class Finished(Struct, frozen=True, gc=False):
    """A work with the outcomes of this wave's requests, by side written to, and all requests tried so far."""

    work: Work
    sent: Mapping[Side, Sent] = {}
    tried: frozenset[str] = frozenset()

    def confirmed(self, side: Side) -> Sent | None:
        sent = self.sent.get(side)
        return sent if sent is not None and sent.record is not None else None

    @property
    def errors(self) -> tuple[Sent, ...]:
        return tuple(sent for sent in self.sent.values() if sent.record is None)


@dataclass(slots=True)
class Wave:
    """What is to be stored together. ``judged``: pairs whose conflicts were looked at; ``still``: (pair id, field) that
    go on being in conflict. ``written``: both records of the pairs that were updated. ``tally`` counts what is stored;
    it is added to the run's once that is committed.
    """

    session: Session
    run: Run
    now: datetime
    added: list[dict[str, Any]] = field(default_factory=list)
    updated: list[dict[str, Any]] = field(default_factory=list)
    history: list[Entry] = field(default_factory=list)
    stuck: list[Stuck] = field(default_factory=list)
    judged: set[int] = field(default_factory=set)
    still: set[tuple[int, str]] = field(default_factory=set)
    removed: dict[str, list[inbox.Item]] = field(default_factory=dict)
    renewed: dict[str, list[tuple[inbox.Item, str]]] = field(default_factory=dict)
    intents: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    written: dict[int, tuple[Record, Record]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    def settled(self, view: View) -> None:
        """The inbox rows that brought this item are done with."""
        self.removed.setdefault(view.kind, []).extend(view.items())

    def goes_on(self, view: View, left: Record, right: Record) -> None:
        """The item is not done with: its inbox rows hold what we wrote from now on. As they were they would come back
        as a person's change, against bases that have moved (S7).
        """
        for member, record in ((view.left, left), (view.right, right)):
            if member is not None and member.item is not None:
                self.renewed.setdefault(view.kind, []).append((member.item, dump_record(record)))

    def park(self, hold: Hold, hint: str = "") -> None:
        """Keep something that cannot go on, with its reason."""
        url = self.run.link.end(hold.side).connector.item_url(hold.item)
        field_name = hold.field or ""
        hint = hint or (breaker.HINT if hold.reason == FROZEN else "")
        self.stuck.append(
            Stuck(hold.kind, hold.side, hold.item.id, hold.reason, hold.message, field_name, hold.title, url, hint)
        )

    def write(self) -> None:
        """Store all of it."""
        link = self.run.link
        pairs.add_many(self.session, self.added)
        pairs.update_many(self.session, self.updated)
        parked.park(self.session, link.id, self.stuck, config_hash=link.config_hash, now=self.now)
        history.add_many(self.session, self.history)
        for kind, rows in self.renewed.items():
            inbox.renew(self.session, link.id, kind, rows)
        for kind, items in self.removed.items():
            inbox.remove(self.session, link.id, kind, items)
        intents.remove(self.session, self.intents)
        intents.doubt(self.session, self.doubtful)
