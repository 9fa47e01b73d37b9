"""Conflicts from the first sight to the decision; parked items; both as a run and a person meet them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from databases import DAY, NOW, link, pair
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bridge.errors import ConfigError
from bridge.model import UNSET
from state import conflicts, parked
from state.conflicts import Clash, Put, Sighting, Take
from state.parked import Stuck


@pytest.fixture
def clash(store, link_id):
    pair_id = store.run_sync(pair, link_id, 1)
    return Clash(
        pair_id,
        "task",
        "title",
        "Broken door",
        "Door",
        "Door",
        Sighting("Broken door", "v1", NOW, "ada"),
        Sighting("Door broken", "w1", None, None),
    )


def see(store, link_id, clash, run_id=1, now=NOW):
    return store.run_sync(conflicts.upsert_open, link_id, clash, run_id=run_id, now=now)


def test_a_conflict_is_kept_with_all_that_is_known_of_it(store, link_id, clash):
    number, news = see(store, link_id, clash)

    assert news == "opened"
    [found] = store.read_sync(conflicts.find, link_id=link_id)
    assert (found.id, found.clash, found.state, found.decision) == (number, clash, "open", None)
    assert (found.opened_run, found.opened_at, found.moved_at) == (1, NOW, NOW)
    assert store.read_sync(conflicts.counts, link_id) == {"open": 1}


@pytest.mark.parametrize("value", ["text", "", None, 0, 90, 2.5, True, ("a", "b"), ()])
def test_every_kind_of_value_comes_back_as_it_was(store, link_id, clash, value):
    odd = replace(clash, base_left=UNSET, base_right=value, left=Sighting(value), right=Sighting("other"))
    number, _ = see(store, link_id, odd)

    assert store.read_sync(conflicts.get, number).clash == odd


def test_a_conflict_seen_again_is_the_same_one(store, link_id, clash):
    number, _ = see(store, link_id, clash)
    touched = replace(clash, left=replace(clash.left, version="v2"))

    assert see(store, link_id, touched, run_id=2, now=NOW + DAY) == (number, "same")
    found = store.read_sync(conflicts.get, number)
    assert (found.clash.left.version, found.opened_run, found.moved_at) == ("v2", 1, NOW)


def test_a_decision_stands_while_no_side_moves(store, link_id, clash):
    number, _ = see(store, link_id, clash)
    store.run_sync(conflicts.decide, number, Take("right"), by="grace")

    assert see(store, link_id, clash)[1] == "same"
    found = store.read_sync(conflicts.get, number)
    assert (found.state, found.decision, found.resolved_by) == ("decided", Take("right"), "grace")


def test_a_decision_is_taken_back_when_a_side_moves(store, link_id, clash):
    number, _ = see(store, link_id, clash)
    store.run_sync(conflicts.decide, number, Take("right"), by="grace")
    moved = replace(clash, right=Sighting("Door, broken", "w2"))

    assert see(store, link_id, moved, now=NOW + DAY) == (number, "moved")
    found = store.read_sync(conflicts.get, number)
    assert (found.state, found.decision, found.resolved_by, found.moved_at) == ("open", None, None, NOW + DAY)


def test_a_choice_may_be_replaced_until_it_is_written(store, link_id, clash):
    number, _ = see(store, link_id, clash)
    store.run_sync(conflicts.decide, number, Take("left"), by="grace")

    decided = store.run_sync(conflicts.decide, number, Put("Door is broken", "left"), by="ada")

    assert (decided.decision, decided.resolved_by) == (Put("Door is broken", "left"), "ada")


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (Put(7, "left"), "takes text on the left, not a whole number"),
        (Put(("a",), "right"), "takes text on the right, not a list of names"),
        (Put(True, "left"), "not true or false"),
    ],
)
def test_a_value_of_another_type_is_refused(store, link_id, clash, decision, said):
    number, _ = see(store, link_id, clash)

    with pytest.raises(ConfigError, match=said):
        store.run_sync(conflicts.decide, number, decision, by="grace")

    assert store.read_sync(conflicts.get, number).state == "open"


def test_a_base_that_nobody_knows_cannot_be_taken(store, link_id, clash):
    number, _ = see(store, link_id, replace(clash, base_right=UNSET))

    with pytest.raises(ConfigError, match="has no base"):
        store.run_sync(conflicts.decide, number, Take("base"), by="grace")


def test_an_unknown_or_resolved_conflict_cannot_be_decided(store, link_id, clash):
    number, _ = see(store, link_id, clash)
    store.run_sync(conflicts.resolve, [number], now=NOW, by="ada")

    with pytest.raises(ConfigError, match="was resolved already, by ada"):
        store.run_sync(conflicts.decide, number, Take("left"), by="grace")
    with pytest.raises(ConfigError, match="no conflict 99"):
        store.run_sync(conflicts.decide, 99, Take("left"), by="grace")


def test_a_field_may_come_into_conflict_again_after_it_was_resolved(store, link_id, clash):
    first, _ = see(store, link_id, clash)
    store.run_sync(conflicts.decide, first, Take("left"), by="grace")
    store.run_sync(conflicts.resolve, [first], now=NOW)

    second, news = see(store, link_id, clash, run_id=2)

    assert (second != first, news) == (True, "opened")
    assert store.read_sync(conflicts.get, first).resolved_by == "grace"
    assert store.read_sync(conflicts.counts) == {"open": 1, "resolved": 1}


def test_the_database_itself_holds_one_unresolved_conflict_per_field(store, link_id, clash):
    see(store, link_id, clash)

    with pytest.raises(IntegrityError):
        store.run_sync(
            lambda session: session.execute(
                text(
                    'INSERT INTO conflict (link_id, pair_id, kind, field, title, "left", "right", left_version,'
                    " right_version, state, opened_run, opened_at, moved_at)"
                    ' SELECT link_id, pair_id, kind, field, title, "left", "right", left_version, right_version,'
                    " 'decided', opened_run, opened_at, moved_at FROM conflict"
                )
            )
        )


def test_conflicts_that_are_none_any_more_close_and_the_others_stay(store, link_id, clash):
    gone, _ = see(store, link_id, clash)
    stays, _ = see(store, link_id, replace(clash, field="status"))
    other = store.run_sync(pair, link_id, 2)
    unplanned, _ = see(store, link_id, replace(clash, pair_id=other))

    closed = store.run_sync(conflicts.close_settled, [clash.pair_id], {(clash.pair_id, "status")}, now=NOW)

    assert [each.id for each in closed] == [gone]
    assert store.read_sync(conflicts.get, gone).resolved_by == conflicts.AGREED
    assert [each.id for each in store.read_sync(conflicts.find)] == [stays, unplanned]
    assert set(store.read_sync(conflicts.by_pairs, [clash.pair_id, other])) == {
        (clash.pair_id, "status"),
        (other, "title"),
    }


def test_conflicts_are_found_by_link_state_and_field(store, link_id, clash):
    number, _ = see(store, link_id, clash)
    second = store.run_sync(link, "second")

    assert store.read_sync(conflicts.find, link_id=second) == []
    assert store.read_sync(conflicts.find, states=("resolved",)) == []
    assert store.read_sync(conflicts.find, field="status") == []
    assert [each.id for each in store.read_sync(conflicts.find, field="title", limit=1)] == [number]


# --- parked ---

ITEM = Stuck("task", "left", "12", "rejected", "the tracker says no", title="Door", url="https://x/12", hint="Ask it.")


def park(store, link_id, *stuck, config="c1", now=NOW):
    store.run_sync(parked.park, link_id, stuck, config_hash=config, now=now)


def test_what_is_parked_says_why_and_since_when(store, link_id):
    park(store, link_id, ITEM)

    [row] = store.read_sync(parked.find, link_id=link_id)
    assert (row.item_id, row.field, row.title, row.url) == ("12", "", "Door", "https://x/12")
    assert (row.reason, row.message, row.hint) == ("rejected", "the tracker says no", "Ask it.")
    assert (row.attempts, row.config_hash, row.first_at, row.last_at) == (1, "c1", NOW, NOW)


def test_parking_again_counts_and_says_the_newer_reason(store, link_id):
    park(store, link_id, ITEM)
    park(store, link_id, replace(ITEM, reason="not-allowed", message="no right"), now=NOW + DAY)

    [row] = store.read_sync(parked.find)
    assert (row.attempts, row.reason, row.first_at, row.last_at) == (2, "not-allowed", NOW, NOW + DAY)


def test_an_item_and_its_fields_are_parked_apart(store, link_id):
    park(store, link_id, replace(ITEM, field="status"), ITEM, replace(ITEM, item_id="13"))

    found = store.read_sync(parked.by_items, link_id, "task", "left", {"12", "99"})

    assert {item: [row.field for row in rows] for item, rows in found.items()} == {"12": ["", "status"]}
    assert store.read_sync(parked.count, link_id) == 3


def test_what_went_through_is_cleared_but_for_what_is_still_stuck(store, link_id):
    park(store, link_id, replace(ITEM, field="status"), replace(ITEM, field="assignees"), replace(ITEM, item_id="13"))

    gone = store.run_sync(parked.clear, link_id, "task", "left", ["12"], keep={("12", "status")})

    assert gone == 1
    assert [(row.item_id, row.field) for row in store.read_sync(parked.find)] == [("12", "status"), ("13", "")]


def test_release_lets_go_by_id_or_by_link_and_never_of_everything(store, link_id):
    park(store, link_id, ITEM, replace(ITEM, item_id="13"))
    second = store.run_sync(link, "second")
    park(store, second, ITEM)
    first = store.read_sync(parked.find, item_id="13")[0]

    assert store.run_sync(parked.release) == []
    assert store.run_sync(parked.release, ids=[first.id], link_id=second) == []
    assert store.run_sync(parked.release, ids=[first.id]) == [first]
    assert [row.link_id for row in store.run_sync(parked.release, link_id=second)] == [second]
    assert [row.item_id for row in store.read_sync(parked.find)] == ["12"]


def test_a_new_configuration_lets_go_what_the_old_one_held_back(store, link_id):
    park(store, link_id, ITEM, config="old")
    park(store, link_id, replace(ITEM, item_id="13"), config="new")

    gone = store.run_sync(parked.drop_other_config, link_id, "new")

    assert [row.item_id for row in gone] == ["12"]
    assert [row.item_id for row in store.read_sync(parked.find)] == ["13"]
