"""``bridge pairs`` on a database as a few runs left it."""

from __future__ import annotations

import json

import pytest
from cli.conftest import NOW

from state import deletions, pairs
from state.deletions import Deletion
from state.store import Store


def test_pairs_are_listed_with_what_joined_them(bridge, seeded):
    ended = bridge("pairs", "list", "--json")

    assert ended.code == 0
    assert {(row["left"], row["status"]) for row in json.loads(ended.out)} >= {("12", "live")}


def test_unlinking_and_relinking_say_what_happens_next(bridge, seeded):
    ended = bridge("pairs", "unlink", "acme/app#12")
    assert (ended.code, "bridge pairs relink acme/app#12" in ended.out) == (0, True)
    assert "12" in bridge("pairs", "list", "--unlinked").out

    again = bridge("pairs", "unlink", "12")
    assert again.code == 2
    assert "unlinked already" in again.err

    ended = bridge("pairs", "relink", "12")
    assert (ended.code, "bridge sync app" in ended.out) == (0, True)


def test_an_item_that_belongs_to_nothing_is_a_mistake(bridge, seeded):
    ended = bridge("pairs", "unlink", "4711")

    assert ended.code == 2
    assert "no link knows '4711'" in ended.err


def test_a_pin_takes_addresses_and_refuses_what_lies_elsewhere(bridge, seeded):
    ended = bridge(
        "pairs", "pin", "app", "https://github.com/acme/app/issues/77", "0b7c51aa-7a37-4d3c-9a10-00000000ffff"
    )
    assert (ended.code, "one from the next run on" in ended.out) == (0, True)

    ended = bridge("pairs", "pin", "app", "acme/other#77", "0b7c51aa-7a37-4d3c-9a10-00000000ffff")
    assert ended.code == 2
    assert "is no item of hub:acme/app" in ended.err


@pytest.mark.parametrize("kind", ["label", "epic"])
def test_a_kind_that_the_link_does_not_sync_cannot_be_pinned(bridge, seeded, kind):
    assert bridge("pairs", "pin", "app", "1", "2", "--kind", kind).code == 2


def test_what_waits_for_its_deletion_can_be_kept_from_it(bridge, seeded):
    def vanish(session) -> None:
        pair = pairs.by_items(session, 1, "task", "left", ["12"])["12"]
        found = Deletion(pair.id, "task", "right", pair.right_id, "410", moved=False, seen_at=NOW)
        deletions.note(session, 1, found)

    with Store.open(f"sqlite:///{seeded}/bridge.db") as store:
        store.run_sync(vanish)
    assert bridge("pairs", "unlink", "12").code == 0

    with Store.open(f"sqlite:///{seeded}/bridge.db") as store:
        assert store.read_sync(deletions.count, 1) == 0
        assert store.read_sync(pairs.counts, 1)["unlinked"] == 1
