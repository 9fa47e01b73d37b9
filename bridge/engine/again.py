"""Gives items another try when a person has decided or corrected something.

Refuses: asking a tracker; the next run does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from state import inbox, pairs
from state.inbox import Arrival

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from bridge.model import Side
    from state.store import Session


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
