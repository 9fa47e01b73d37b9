"""Runs, history and deliveries: what is remembered, in which order, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from databases import DAY, NOW, link, pair, together
from sqlalchemy import event

from bridge.model import UNSET
from state import conflicts, deliveries, history, runs
from state.conflicts import Clash, Sighting
from state.history import Entry

OLD = NOW - 100 * DAY


def run(store, link_id, now=NOW, state="done"):
    number = store.run_sync(runs.start_run, link_id, "timer", now)
    store.run_sync(runs.finish_run, number, state=state, counts={"updated": 2}, now=now + timedelta(seconds=5))
    return number


def test_a_run_is_told_from_its_start_to_its_end(store, link_id):
    number = store.run_sync(runs.start_run, link_id, "webhook", NOW)
    [begun] = store.read_sync(runs.find)
    store.run_sync(runs.finish_run, number, state="failed", counts={"updated": 2}, now=NOW + DAY, error="no answer")

    [ended] = store.read_sync(runs.find)
    assert (begun.trigger, begun.state, begun.finished_at, begun.counts) == ("webhook", "running", None, {})
    assert (ended.state, ended.started_at, ended.finished_at) == ("failed", NOW, NOW + DAY)
    assert (ended.counts, ended.error) == ({"updated": 2}, "no answer")


def test_a_run_that_broke_off_is_closed_by_the_next_one(store, link_id):
    other = store.run_sync(runs.start_run, store.run_sync(link, "other"), "timer", NOW)
    broken = store.run_sync(runs.start_run, link_id, "timer", NOW)
    store.run_sync(runs.start_run, link_id, "timer", NOW + DAY)

    told = {each.id: each for each in store.read_sync(runs.find)}
    found = told[broken]
    assert (found.state, found.finished_at, found.error) == ("failed", NOW + DAY, runs.BROKEN)
    assert told[other].state == "running"


def test_runs_are_listed_newest_first_and_the_newest_of_each_link_is_known(store, link_id):
    first, second = run(store, link_id), run(store, link_id, state="failed")
    other = store.run_sync(link, "other")
    third = run(store, other)

    assert [each.id for each in store.read_sync(runs.find)] == [third, second, first]
    assert [each.id for each in store.read_sync(runs.find, link_id=link_id, limit=1)] == [second]
    assert {key: each.id for key, each in store.read_sync(runs.latest).items()} == {link_id: second, other: third}
    assert store.read_sync(runs.latest, states=("done",))[link_id].id == first


def test_old_runs_are_forgotten_but_for_the_last_and_the_last_good_one(store, link_id):
    _, good, bad = run(store, link_id, OLD), run(store, link_id, OLD), run(store, link_id, OLD, "failed")

    assert store.run_sync(runs.prune, keep_days=90, now=NOW) == 1
    assert [each.id for each in store.read_sync(runs.find)] == [bad, good]


# --- history ---


@pytest.fixture
def entry(store, link_id):
    pair_id = store.run_sync(pair, link_id, 1)
    return lambda **given: Entry(
        **{
            "link_id": link_id,
            "run_id": 1,
            "kind": "task",
            "side": "right",
            "item_id": "12",
            "action": "update",
            "at": NOW,
            "pair_id": pair_id,
            "field": "title",
            "before": "Door",
            "after": None,
            "rule": "title: left changed (S9)",
        }
        | given
    )


def test_history_is_told_newest_first_with_its_before_images(store, entry):
    store.run_sync(history.add_many, [entry(), entry(action="unlink", field="", before=UNSET, after=UNSET)])

    last, first = store.read_sync(history.find)
    assert (last.action, last.before, last.after) == ("unlink", UNSET, UNSET)
    assert first == entry(id=first.id)


def test_history_of_many_writes_is_one_statement(store, entry):
    seen = []

    def write(session):
        event.listen(session.connection(), "before_cursor_execute", lambda *args: seen.append(args[5]))
        history.add_many(session, [entry(item_id=str(number)) for number in range(500)])

    store.run_sync(write)

    assert seen == [True]
    assert len(store.read_sync(history.find, limit=1000)) == 500


@pytest.mark.parametrize(
    ("asked", "items"),
    [
        ({"item_id": "13"}, ["13"]),
        ({"run_id": 2}, ["14"]),
        ({"field": "status"}, ["15"]),
        ({"field": "title", "limit": 2}, ["14", "13"]),
        ({"side": "left"}, []),
        ({"action": "update", "kind": "task", "run_id": 1}, ["15", "13", "12"]),
    ],
)
def test_history_is_found_by_what_is_asked(store, entry, asked, items):
    rows = [entry(), entry(item_id="13"), entry(item_id="14", run_id=2), entry(item_id="15", field="status")]
    store.run_sync(history.add_many, rows)

    assert [each.item_id for each in store.read_sync(history.find, **asked)] == items


def test_history_is_read_page_by_page(store, entry):
    store.run_sync(history.add_many, [entry(item_id=str(number)) for number in range(5)])

    first = store.read_sync(history.find, limit=3)
    rest = store.read_sync(history.find, limit=3, before_id=first[-1].id)

    assert [each.item_id for each in first + rest] == ["4", "3", "2", "1", "0"]


def test_old_history_goes_but_never_that_of_an_open_conflict(store, link_id, entry):
    other = store.run_sync(pair, link_id, 2)
    rows = [
        entry(at=OLD, item_id="contested"),
        entry(at=OLD, item_id="event", field=""),
        entry(at=OLD, item_id="other field", field="status"),
        entry(at=OLD, item_id="other pair", pair_id=other),
        entry(at=OLD, item_id="no pair", pair_id=None),
        entry(item_id="young", pair_id=other),
    ]
    store.run_sync(history.add_many, rows)
    clash = Clash(rows[0].pair_id, "task", "title", "t", "a", "a", Sighting("b"), Sighting("c"))
    number, _ = store.run_sync(conflicts.upsert_open, link_id, clash, run_id=1, now=NOW)

    assert store.run_sync(history.prune, keep_days=90, now=NOW, limit=2) == 2
    assert store.run_sync(history.prune, keep_days=90, now=NOW, limit=2) == 1
    assert [each.item_id for each in store.read_sync(history.find)] == ["young", "event", "contested"]

    store.run_sync(conflicts.resolve, [number], now=NOW, by="ada")
    assert store.run_sync(history.prune, keep_days=90, now=NOW) == 2


# --- deliveries ---


def test_a_delivery_is_accepted_once_per_connection(store):
    assert store.run_sync(deliveries.accept, "hub", "d1", "issues", NOW)

    assert not store.run_sync(deliveries.accept, "hub", "d1", "issues", NOW)
    assert store.run_sync(deliveries.accept, "other", "d1", "issues", NOW)


ACCEPT = """
import sys
from datetime import UTC, datetime
from state import deliveries
from state.store import Store
with Store.open(sys.argv[1], busy_timeout_s=30) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(store.run_sync(deliveries.accept, "hub", str(n), "e", datetime.now(UTC)) for n in range(50)))
"""


def test_of_two_processes_told_of_a_delivery_one_accepts_it(url, store):
    assert sum(int(out) for out in together(ACCEPT, url)) == 50


def test_old_deliveries_are_forgotten(store):
    store.run_sync(deliveries.accept, "hub", "old", "e", OLD)
    store.run_sync(deliveries.accept, "hub", "new", "e", NOW)

    assert store.run_sync(deliveries.prune, keep_days=30, now=NOW) == 1
    assert not store.run_sync(deliveries.accept, "hub", "new", "e", NOW)
    assert store.run_sync(deliveries.accept, "hub", "old", "e", NOW)
