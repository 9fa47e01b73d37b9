"""How every link is doing, from the state alone: for ``bridge status``, ``/healthz`` and the pages to come.

Refuses: asking a tracker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bridge.engine.accepted import unaccepted
from state import conflicts, inbox, intents, leases, links, pairs, parked, runs
from state.parked import FROZEN

if TYPE_CHECKING:
    from state.store import Session


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """One link. ``waiting``, ``held`` and ``outside`` (its filters) are inbox rows; ``unknown`` are writes whose outcome is not
    known yet. ``paused`` are pairs that a filter leaves out (S28).

    ``unsettled`` are pairs that differ from what was agreed last. ``frozen`` are fields that the breaker holds, parked ones all (S36).

    ``changes``: what of its configuration has to be accepted before it runs again; when and by whom it was accepted last.

    ``running`` names who holds the link now, "" for nobody. ``last_run`` and ``last_done`` are None before the first.
    """

    name: str
    pairs: int = 0
    paused: int = 0
    outside: int = 0
    unlinked: int = 0
    vanished: int = 0
    unsettled: int = 0
    frozen: int = 0
    waiting: int = 0
    held: int = 0
    unknown: int = 0
    conflicts_open: int = 0
    conflicts_decided: int = 0
    parked: int = 0
    running: str = ""
    changes: tuple[str, ...] = ()
    accepted_at: datetime | None = None
    accepted_by: str = ""
    last_run: runs.Run | None = None
    last_done: runs.Run | None = None
    audited_at: datetime | None = None

    @property
    def finished_at(self) -> datetime | None:
        """When the link last came to a good end."""
        return None if self.last_done is None else self.last_done.finished_at


def read(session: Session, names: Sequence[str], terms: Mapping[str, str] | None = None) -> list[LinkStatus]:
    """The links of these names, in this order; one the state has never seen has nothing but its name.

    ``terms``: by name, what has to be accepted of the links for which somebody is asked.
    """
    known = {row.name: row.id for row in links.all_links(session) if row.id is not None}
    last, done = runs.latest(session), runs.latest(session, states=("done",))
    return [
        _status(session, name, known[name], (terms or {}).get(name), (last.get(known[name]), done.get(known[name])))
        if name in known
        else LinkStatus(name)
        for name in names
    ]


def _status(
    session: Session, name: str, link_id: int, terms: str | None, latest: tuple[runs.Run | None, runs.Run | None]
) -> LinkStatus:
    row = links.get(session, link_id)
    of_pairs = pairs.counts(session, link_id)
    of_inbox = inbox.counts(session, link_id)
    of_conflicts = conflicts.counts(session, link_id)
    holder = leases.holder_of(session, link_id)
    return LinkStatus(
        name,
        pairs=of_pairs.get("live", 0),
        paused=of_pairs["paused"],
        outside=of_inbox["outside"],
        unlinked=of_pairs.get("unlinked", 0) + of_pairs.get("deleted", 0),
        vanished=of_pairs.get("vanished", 0),
        unsettled=of_pairs["unsettled"],
        frozen=len(parked.find(session, link_id=link_id, reason=FROZEN)),
        waiting=of_inbox["waiting"],
        held=of_inbox["held"],
        unknown=len(intents.unfinished(session, link_id)),
        conflicts_open=of_conflicts.get("open", 0),
        conflicts_decided=of_conflicts.get("decided", 0),
        parked=parked.count(session, link_id),
        running="" if holder is None else holder.name,
        changes=() if terms is None else tuple(str(each) for each in unaccepted(session, link_id, terms)),
        accepted_at=row.accepted_at,
        accepted_by=row.accepted_by,
        last_run=latest[0],
        last_done=latest[1],
        audited_at=row.audited_at,
    )
