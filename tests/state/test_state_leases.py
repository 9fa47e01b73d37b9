"""Leases: one holder at a time, also over processes, and a number that betrays who lost it."""

from __future__ import annotations

import json

from databases import link, together
from sqlalchemy import text

from state import leases

POLL = ("hub", "acme/app", "task")


def pass_time(session, table="link"):
    """As if the lease had run out: the database's clock cannot be moved."""
    session.execute(text(f"UPDATE {table} SET lease_until = lease_until - 1000"))


def test_a_lease_has_one_holder(store, link_id):
    assert store.run_sync(leases.acquire, link_id, "one", 30) == 1

    assert store.run_sync(leases.acquire, link_id, "two", 30) is None
    assert store.run_sync(leases.acquire, link_id, "one", 30) is None
    holder = store.read_sync(leases.holder_of, link_id)
    assert holder.name == "one"
    assert 28 <= holder.seconds_left <= 30


def test_a_lease_that_was_given_back_can_be_taken(store, link_id):
    store.run_sync(leases.acquire, link_id, "one", 30)

    assert store.run_sync(leases.release, link_id, 1)
    assert store.read_sync(leases.holder_of, link_id) is None
    assert store.run_sync(leases.acquire, link_id, "two", 30) == 2


def test_who_was_paused_until_another_took_the_lease_is_refused(store, link_id):
    mine = store.run_sync(leases.acquire, link_id, "paused", 30)
    assert store.read_sync(leases.check_fence, link_id, mine)

    store.run_sync(pass_time)
    theirs = store.run_sync(leases.acquire, link_id, "other", 30)

    assert not store.read_sync(leases.check_fence, link_id, mine)
    assert not store.run_sync(leases.renew, link_id, mine, 30)
    assert not store.run_sync(leases.release, link_id, mine)
    assert store.read_sync(leases.check_fence, link_id, theirs)
    assert store.read_sync(leases.holder_of, link_id).name == "other"


def test_a_lease_that_ran_out_untaken_is_refused_until_it_is_renewed(store, link_id):
    fence = store.run_sync(leases.acquire, link_id, "one", 30)
    store.run_sync(pass_time)

    assert not store.read_sync(leases.check_fence, link_id, fence)
    assert store.run_sync(leases.renew, link_id, fence, 30)
    assert store.read_sync(leases.check_fence, link_id, fence)


def test_an_unknown_link_has_no_lease(store):
    assert store.run_sync(leases.acquire, 99, "one", 30) is None
    assert store.read_sync(leases.holder_of, 99) is None


CONTEND = """
import json, os, sys
from state import leases
from state.store import Store
with Store.open(sys.argv[1], busy_timeout_s=30) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps([n for n in range(1, 31) if store.run_sync(leases.acquire, n, str(os.getpid()), 60)]))
"""


def test_of_contending_processes_exactly_one_gets_each_lease(url, store):
    store.run_sync(lambda session: [link(session, f"link {number}") for number in range(30)])

    got = [json.loads(out) for out in together(CONTEND, url, count=3)]

    assert sorted(number for each in got for number in each) == list(range(1, 31))


def test_a_container_is_polled_by_one(store):
    assert store.run_sync(leases.acquire_poll, *POLL, "one#1", 30)

    assert not store.run_sync(leases.acquire_poll, *POLL, "two#1", 30)
    assert store.run_sync(leases.renew_poll, *POLL, "one#1", 30)
    assert not store.run_sync(leases.renew_poll, *POLL, "two#1", 30)
    assert not store.run_sync(leases.release_poll, *POLL, "two#1")
    assert store.run_sync(leases.release_poll, *POLL, "one#1")
    assert store.run_sync(leases.acquire_poll, *POLL, "two#1", 30)


def test_a_poller_that_was_paused_too_long_is_refused(store):
    store.run_sync(leases.acquire_poll, *POLL, "one#1", 30)
    store.run_sync(pass_time, "cursor")

    assert store.run_sync(leases.acquire_poll, *POLL, "one#2", 30)
    assert not store.run_sync(leases.renew_poll, *POLL, "one#1", 30)
    assert store.run_sync(leases.renew_poll, *POLL, "one#2", 30)


def test_taking_a_poll_keeps_the_cursor(store):
    store.run_sync(leases.acquire_poll, *POLL, "one#1", 30)
    store.run_sync(lambda session: session.execute(text("UPDATE cursor SET cursor = 'here', polls = 7")))
    store.run_sync(leases.release_poll, *POLL, "one#1")
    store.run_sync(leases.acquire_poll, *POLL, "two#1", 30)

    row = store.read_sync(lambda session: session.execute(text("SELECT cursor, polls FROM cursor")).one())
    assert tuple(row) == ("here", 7)
