"""What is not settled yet, row by row (S31, S34)."""

from __future__ import annotations

import pytest
from databases import NOW

from state import inbox
from state.inbox import BEGIN, Arrival


def put(store, link_id, *arrivals):
    store.run_sync(inbox.put, link_id, "task", "left", [Arrival(*each) for each in arrivals], initial=False, now=NOW)


def taken(store, link_id):
    return store.read_sync(inbox.take, link_id, "task", after=BEGIN, limit=99, now=NOW)


@pytest.mark.parametrize("deed", ["remove", "hold", "postpone", "renew"])
def test_what_was_read_of_a_row_decides_nothing_about_a_newer_one(store, link_id, deed):
    put(store, link_id, ("1", "older"), ("2", "other"))
    older = taken(store, link_id)
    put(store, link_id, ("1", "newer"))

    if deed == "remove":
        store.run_sync(inbox.remove, link_id, "task", older)
    elif deed == "hold":
        store.run_sync(inbox.hold, link_id, "task", older, "initial")
    elif deed == "postpone":
        store.run_sync(inbox.postpone, link_id, "task", older, NOW.replace(year=2099))
    else:
        store.run_sync(inbox.renew, link_id, "task", [(item, "ours") for item in older])

    assert ("1", "newer") in [(item.item_id, item.record) for item in taken(store, link_id)]
