"""Evidence that a record is gone (S25): a listing only suggests it, the record itself has to be asked for.

A pair with evidence against one member is ``vanished``: nothing is written to it, and what its survivor says waits in the
inbox, until ``deletes.py`` deals with it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from bridge.engine.plan import PARTS
from bridge.engine.relink import unlink
from bridge.model import Side
from state import cursors, deletions, history, inbox, links, pairs, runs
from state.deletions import Deletion
from state.history import Entry
from state.pairs import Pair
from state.store import Session

MOST_ABSENT: Final = 100
"""Records looked at one by one because a complete listing lacked them; the guard stops long before that."""

_FEW_ABSENT: Final = 20
"""The same for a listing that held nothing at all."""

_RUNS_BACK: Final = 5
"""How many runs in a row may break off before it is left to the audit to find what was deleted meanwhile."""


def note_absent(
    session: Session, where: cursors.Where, seen: Collection[str], now: datetime, *, narrowed: bool = False
) -> int:
    """A complete listing did not hold these members of live pairs: have them read one by one, which alone is evidence
    (S25). How many. What waits in the inbox is looked at as well: nothing is made from what is gone by now.

    A listing without any record is no evidence. But the last comment or entry of all may well go, so a few are asked for.
    One that a query has ``narrowed`` may have left out what is out of scope, which is left alone.
    """
    most, found = (MOST_ABSENT if seen else _FEW_ABSENT), 0
    for sharer in links.sharers(session, where.connection, where.container, where.kind):
        waiting = inbox.ids(session, sharer.link_id, where.kind, sharer.side) - set(seen)
        if narrowed:
            waiting -= inbox.outside(session, sharer.link_id, where.kind, sharer.side).keys()
        inbox.announce(session, sharer.link_id, where.kind, sharer.side, sorted(waiting)[:most], now)
        after = 0
        while page := pairs.walk(session, sharer.link_id, where.kind, after=after, limit=500):
            alive = [pair for pair in page if pair.paused_at is None] if narrowed else page
            absent = [item_id for pair in alive if (item_id := pair.item_id(sharer.side)) not in seen]
            asked = absent[: most - found]
            inbox.announce(session, sharer.link_id, where.kind, sharer.side, asked, now)
            found, after = found + len(asked), page[-1].id
            if found == most:
                return found
    return found


def made_before(
    session: Session, link_id: int, run_id: int, kind: str, side: Side, polled: Collection[tuple[Side, str]]
) -> set[str]:
    """The parts that Bridge made on a side since it was listed last: by the runs before this one, if this is the first
    listing of this one. The next listing must hold them.
    """
    if kind not in PARTS or (side, kind) in polled:
        return set()
    found: set[str] = set()
    for run in runs.find(session, link_id=link_id, limit=_RUNS_BACK):
        if run.id < run_id and run.counts.get(f"created_{side}", 0) | (run.state != "done"):
            found |= history.made(session, link_id, run.id, kind, side)
        if run.id < run_id and run.state == "done":
            break
    return found


def note_unlisted(session: Session, link_id: int, kind: str, side: Side, ids: Collection[str], now: datetime) -> None:
    """What Bridge made and the next listing lacks may have been deleted before any listing saw it. Then no feed will tell,
    for none ever knew it: have it read by itself.
    """
    known = pairs.by_items(session, link_id, kind, side, ids)
    alive = sorted(item_id for item_id, pair in known.items() if pair.status == "live")
    inbox.announce(session, link_id, kind, side, alive[:MOST_ABSENT], now)


def note_gone(
    session: Session, link_id: int, run_id: int, pair: Pair, side: Side, evidence: str, now: datetime, *, moved: bool
) -> None:
    """Keep the evidence that one member is gone. Gone on both sides, the pair has nothing left to sync."""
    if pair.status == "live":
        deletions.note(session, link_id, Deletion(pair.id, pair.kind, side, pair.item_id(side), evidence, moved, now))
        entry = Entry(link_id, run_id, pair.kind, side, pair.item_id(side), "vanish", now, pair.id, rule=evidence)
        history.add_many(session, [entry])
    elif pair.status == "vanished":
        first = {each.pair_id: each for each in deletions.find(session, link_id)}.get(pair.id)
        if first is not None and first.side != side:
            end(session, link_id, run_id, pair, side, "deleted on both sides", now)


def end(
    session: Session,
    link_id: int,
    run_id: int,
    pair: Pair,
    side: Side,
    why: str,
    now: datetime,
    *,
    may_return: bool = False,
) -> None:
    """It is dealt with: the pair becomes a tombstone. A member that may come back is remembered (S28)."""
    if not may_return:
        deletions.forget(session, [pair.id])
    unlink(session, link_id, run_id, pair, side, why, now)
