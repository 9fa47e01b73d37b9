"""Ending, renewing and making pairs by a person's or the evidence's word: unlink, relink, pin (S8a, S26, S28).

Refuses: asking a tracker; the next run reads what it names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bridge.engine.again import wake_waiting
from bridge.engine.link import ExternalId
from bridge.engine.partners import entity_of
from bridge.errors import ConfigError
from bridge.model import SIDES, Kind, Record, Ref, Side
from state import conflicts, deletions, history, inbox, pairs, parked
from state.codec import dump_record
from state.history import Entry
from state.pairs import Pair
from state.store import Session
from state.tables import LinkRow

BY_HAND: Final = 0
"""The run number of what a person did with a command, outside of any run."""


def unlink(session: Session, link_id: int, run_id: int, pair: Pair, side: Side, why: str, now: datetime) -> None:
    """S26: the pair stays as a tombstone, so that its survivor is never taken for a new item (S28)."""
    pairs.set_status(session, pair.id, "unlinked", why)
    conflicts.close_settled(session, [pair.id], (), now=now, by=f"unlinked: {why}")
    for at in SIDES:
        parked.clear(session, link_id, pair.kind, at, [pair.item_id(at)])
        rows = inbox.get_many(session, link_id, pair.kind, at, [pair.item_id(at)])
        inbox.remove(session, link_id, pair.kind, list(rows.values()))
    _note(session, link_id, run_id, pair, side, "unlink", why, now)


def relink(session: Session, link_id: int, pair: Pair, why: str, now: datetime) -> None:
    """Sync an unlinked pair again, from the bases it had: what either side changed meanwhile is carried over."""
    pairs.set_status(session, pair.id, "live", why)
    deletions.forget(session, [pair.id])  # if it is gone all the same, its grace begins anew
    if pair.kind == Kind.TASK:
        wake_waiting(session, link_id, now)
    for side in SIDES:
        inbox.announce(session, link_id, pair.kind, side, [pair.item_id(side)], now)
    _note(session, link_id, BY_HAND, pair, "left", "relink", why, now)


def pin(session: Session, link: LinkRow, kind: str, left: str, right: str, why: str, now: datetime) -> str:
    """Say that two items are one thing, whatever markers and match rules think (S8a): ``pinned``, ``relinked`` or
    ``known``. Nothing is taken as agreed yet, so that where they differ is a question (S8).

    Raises ConfigError when one of them belongs to another pair that is in step.
    """
    assert link.id is not None
    ids: dict[Side, str] = {"left": left, "right": right}
    there = {side: pairs.by_items(session, link.id, kind, side, [ids[side]]).get(ids[side]) for side in SIDES}
    for side, pair in there.items():
        if pair is not None and (pair.left_id, pair.right_id) != (left, right) and pair.status == "live":
            raise ConfigError(
                f"{ids[side]} on the {side} is paired with {pair.right_id if side == 'left' else pair.left_id} already.",
                hint=f"If that is wrong: bridge pairs unlink {ids[side]} --link {link.name}",
            )
    same = there["left"]
    if same is not None and same == there["right"]:
        if same.status == "live":
            return "known"
        relink(session, link.id, same, why, now)
        return "relinked"
    pairs.remove(session, [pair.id for pair in there.values() if pair is not None])
    made = pairs.by_ids(session, [_add(session, link, kind, ids)]).popitem()[1]
    if kind == Kind.TASK:
        wake_waiting(session, link.id, now)
    for side in SIDES:
        parked.clear(session, link.id, kind, side, [ids[side]])
        inbox.announce(session, link.id, kind, side, [ids[side]], now)
    _note(session, link.id, BY_HAND, made, "left", "pin", why, now)
    return "pinned"


def item_id(link: LinkRow, side: Side, text: str) -> str:
    """The id of an item of one side, given as id, ``#id``, ``container#id`` or address. Raises ConfigError."""
    connection, container = (
        (link.left_connection, link.left_container) if side == "left" else (link.right_connection, link.right_container)
    )
    named = ExternalId("item", connection, container).marker({"item": text})
    if named is None:
        raise ConfigError(
            f"{text!r} is no item of {connection}:{container}, the {side} side of {link.name}.",
            hint=f"Give its id, {container}#id or its address.",
        )
    return named.id.rpartition("#")[2]


def _add(session: Session, link: LinkRow, kind: str, ids: dict[Side, str]) -> int:
    ends: dict[Side, tuple[str, str]] = {
        "left": (link.left_connection, link.left_container),
        "right": (link.right_connection, link.right_container),
    }
    records = {side: Record(Ref(*ends[side], kind, ids[side]), {}, "") for side in SIDES}
    known = {side: pairs.entities(session, *ends[side], kind, [ids[side]]).get(ids[side]) for side in SIDES}
    return pairs.add_one(
        session,
        {
            "link_id": link.id,
            "kind": kind,
            "entity": known["left"] or known["right"] or entity_of(records["left"], trusted=False),
            "left_id": ids["left"],
            "right_id": ids["right"],
            "left": dump_record(records["left"]),
            "right": dump_record(records["right"]),
            "base_left": "{}",
            "base_right": "{}",
            "status": "live",
            "reason": "pinned",
        },
    )


def _note(
    session: Session, link_id: int, run_id: int, pair: Pair, side: Side, action: str, why: str, now: datetime
) -> None:
    entry = Entry(link_id, run_id, pair.kind, side, pair.item_id(side), action, now, pair.id, rule=why)
    history.add_many(session, [entry])
