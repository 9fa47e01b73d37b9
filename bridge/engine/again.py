"""Gives items another try when a person has decided or corrected something.

Refuses: asking a tracker; the next run does.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bridge.engine.breaker import RELEASE
from bridge.model import SIDES, UNSET, Ref
from state import history, inbox, links, pairs, parked
from state.codec import dump_base, load_base, load_record
from state.history import Entry
from state.inbox import Arrival
from state.parked import FROZEN, WAITING

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from bridge.engine.link import Link
    from bridge.model import Side
    from state.parked import Parked
    from state.store import Session


def judge_anew(session: Session, link: Link, now: datetime) -> bool:
    """Under another configuration than the last one: wake the pairs that are not in step, for a row may have changed its
    direction, map or policy. True when a field is mapped that was never read: everything is to be listed again, and until
    that is done (``pull.poll``) the configuration counts as new.
    """
    row = links.get(session, link.id)
    if row.config_hash == link.config_hash:
        return False
    if row.config_hash:
        _ask_anew(session, link, frozenset(row.mapped.split("\n")), now)
        _wake_unsettled(session, link, now)
    lacks_fields = bool(row.config_hash) and _lacks_fields(session, link)
    if not lacks_fields:
        note_config(session, link)
    return lacks_fields


def note_config(session: Session, link: Link) -> None:
    """The link runs under its present configuration, and everything that maps was read."""
    links.note_config(session, link.id, link.config_hash, "\n".join(sorted(_mapped(link))))


def _mapped(link: Link) -> dict[str, tuple[str, str, str]]:
    """The rows that are on, by a name of their own."""
    return {
        f"{kind} {row.left} = {row.right}": (kind, row.left, row.right)
        for kind, mapping in link.mappings.items()
        for row in mapping.rows
        if row.direction != "off"
    }


def _ask_anew(session: Session, link: Link, before: frozenset[str], now: datetime) -> None:
    """Rows that were not there until now: no base of theirs was ever agreed on, so equal adopts and different asks (S8)."""
    new = [row for name, row in _mapped(link).items() if name not in before]
    for kind in {kind for kind, _, _ in new}:
        left = {name: UNSET for at, name, _ in new if at == kind}
        right = {name: UNSET for at, _, name in new if at == kind}
        after = 0
        while page := pairs.walk(session, link.id, kind, after=after, limit=500):
            pairs.set_bases(
                session,
                [
                    (
                        pair.id,
                        dump_base({**load_base(pair.base_left), **left}),
                        dump_base({**load_base(pair.base_right), **right}),
                    )
                    for pair in page
                ],
            )
            wake(session, link.id, kind, "left", [pair.left_id for pair in page], now)
            after = page[-1].id


def _lacks_fields(session: Session, link: Link) -> bool:
    return any(
        not link.mappings[kind].fields(side) <= load_record(pair.record(side), Ref("", "", kind, "")).fields.keys()
        for kind in link.mappings
        for pair in pairs.walk(session, link.id, kind, after=0, limit=1)
        for side in SIDES
    )


def _wake_unsettled(session: Session, link: Link, now: datetime) -> None:
    for pair in pairs.unsettled(session, link.id):
        if pair.kind in link.mappings:
            wake(session, link.id, pair.kind, "left", [pair.left_id], now)


def let_go(session: Session, released: Collection[Parked], run_id: int, now: datetime) -> None:
    """Wake what was parked and is released. What the breaker had frozen is counted anew from here (S36)."""
    for each in released:
        side: Side = "left" if each.side == "left" else "right"
        wake(session, each.link_id, each.kind, side, [each.item_id], now)
        pair = pairs.by_items(session, each.link_id, each.kind, side, [each.item_id]).get(each.item_id)
        if each.reason == FROZEN and pair is not None:
            event = Entry(
                each.link_id, run_id, each.kind, each.side, each.item_id, RELEASE, now, pair.id, each.field,
                rule="released (S36)",
            )  # fmt: skip
            history.add_many(session, [event])


def wake_waiting(session: Session, link_id: int, now: datetime) -> int:
    """Try again what waited for the partner of a task; how many. It costs no request."""
    waiting = parked.find(session, link_id=link_id, reason=WAITING)
    parked.release(session, ids=[each.id for each in waiting])
    places: dict[tuple[str, Side], set[str]] = defaultdict(set)
    for each in waiting:
        side: Side = "left" if each.side == "left" else "right"
        places[each.kind, side].add(each.item_id)
    for (kind, at), ids in places.items():
        wake(session, link_id, kind, at, ids, now)
    return len(waiting)


def wake(session: Session, link_id: int, kind: str, side: Side, ids: Collection[str], now: datetime) -> None:
    """See to it that the next run plans these items.

    What the inbox holds stays as it is. A paired item goes in as last observed, which costs no request (a write looks
    again when that is too old, S22); any other item is announced and fetched.
    """
    missing = set(ids) - inbox.get_many(session, link_id, kind, side, ids).keys()
    paired = pairs.by_items(session, link_id, kind, side, missing)
    known = [Arrival(item_id, pair.record(side)) for item_id, pair in sorted(paired.items())]
    inbox.put(session, link_id, kind, side, known, initial=False, now=now)
    inbox.announce(session, link_id, kind, side, missing - paired.keys(), now)
