"""Copies of the database and the checks of it: what an operator relies on when something went wrong."""

from __future__ import annotations

import asyncio
import sqlite3
import tracemalloc
from contextlib import closing

import psycopg
import pytest
from databases import NOW, link, names, opened, pair, process
from engine.world import World

from bridge.cli.app import main
from bridge.errors import LockedError, StateError
from bridge.model import UNSET, Marker, Record, Ref
from state import conflicts, deletions, history, inbox, intents, leases, links, pairs, parked, runs
from state.backup import back_up, require_alone, set_aside
from state.codec import dump_record
from state.findings import KEPT
from state.links import Ends
from state.verify import verify

WRITER = """
import sys
from sqlalchemy import text
from state.store import Store
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    number = 0
    while True:
        number += 1
        def both(session):
            for name in ("a", "b"):
                session.execute(text(
                    "INSERT INTO delivery (connection, delivery_id, event, received_at)"
                    f" VALUES ('{name}', '{number}', '', '2026-11-21 00:00:00')"
                ))
        store.run_sync(both)
        if number == 1:
            print("writing", flush=True)
"""


def made(path):
    with opened(f"sqlite:///{path}") as store:
        store.run_sync(lambda session: pair(session, link(session), 1))
    return path


# --- backup ------------------------------------------------------------------------------------------------------------


def test_a_copy_holds_what_was_committed_and_only_its_owner_can_read_it(path):
    made(path)

    copy = back_up(path)

    assert copy.file.name.startswith("bridge.db.backup-0001-2")
    assert copy.file.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in path.parent.iterdir()) == ["bridge.db", copy.file.name]
    with opened(f"sqlite:///{copy.file}") as store:
        assert store.read_sync(names) == {"demo"}


def test_a_copy_made_while_another_process_writes_is_of_one_moment(path):
    made(path)
    with process(WRITER, f"sqlite:///{path}") as writer:
        assert writer.stdout.readline() == "ready\n", writer.stderr.read()
        assert writer.stdout.readline() == "writing\n", writer.stderr.read()
        copies = [back_up(path).file for _ in range(5)]
        assert writer.poll() is None, writer.stderr.read()

    for copy in copies:
        with closing(sqlite3.connect(copy)) as database:
            ((left, right),) = database.execute(
                "SELECT sum(connection = 'a'), sum(connection = 'b') FROM delivery"
            ).fetchall()
        assert left == right > 0


def test_a_copy_never_takes_the_place_of_another_file(path, tmp_path):
    made(path)
    (tmp_path / "precious").write_text("mine")

    with pytest.raises(StateError, match="is there already"):
        back_up(path, tmp_path / "precious")

    assert (tmp_path / "precious").read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


def test_a_copy_goes_into_a_folder_that_is_named(path, tmp_path):
    made(path)
    (tmp_path / "safe").mkdir()
    (tmp_path / "other").mkdir()

    assert back_up(path, tmp_path / "safe").file.parent == tmp_path / "safe"
    assert back_up(path, folder=tmp_path / "other").file.parent == tmp_path / "other"


def test_a_copy_that_cannot_be_written_leaves_nothing_behind(path, tmp_path):
    made(path)

    with pytest.raises(StateError, match=r"could not be written: No such file or directory\. Nothing was kept"):
        back_up(path, tmp_path / "nowhere" / "copy.db")

    assert [each.name for each in tmp_path.iterdir()] == ["bridge.db"]


def test_a_damaged_database_gives_no_copy(path):
    damage(made(path))

    with pytest.raises(StateError, match=r"damaged"):
        back_up(path)

    assert [each.name for each in path.parent.iterdir()] == ["bridge.db"]


def test_a_database_that_is_not_ours_is_not_copied(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")

    with pytest.raises(StateError, match="is not Bridge's"):
        back_up(path)


def test_a_database_that_somebody_holds_for_himself_is_not_waited_for_for_ever(path):
    made(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=exclusive")
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(LockedError, match="held by another process"):
            back_up(path, busy_timeout_s=0.1)


def damage(path):
    """Overwrite the pages behind the first two, as a failing disk would."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=delete")
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\x55" * (len(whole) - 8192))


# --- verify ------------------------------------------------------------------------------------------------------------


def record(description="", **more):
    fields = {"title": "Pump", "description": description, "labels": ("bug",)}
    return Record(Ref("", "", "task", ""), fields, "v1", NOW, **more)


def paired(session, link_id, number, **columns):
    row = {
        "link_id": link_id,
        "kind": "task",
        "entity": f"e{number}",
        "left_id": f"l{number}",
        "right_id": f"r{number}",
        "left": dump_record(record(marker=Marker("b", f"y#r{number}"))),
        "right": dump_record(record()),
        "base_left": '{"title":["Old"],"status":[]}',
        "base_right": "{}",
        "status": "live",
        "reason": "created",
    } | columns
    return pairs.add_one(session, row)


def sow(session):
    """A little of everything, as a run that broke off may leave it."""
    link_id = links.ensure(session, [Ends("one", "a", "x", "b", "y"), Ends("two", "b", "y", "c", "z")])["one"]
    run = runs.start_run(session, link_id, "timer", NOW)
    first = paired(session, link_id, 1)
    paired(session, link_id, 2, status="unlinked", reason="deleted")
    gone = paired(session, link_id, 9)
    deletions.note(session, link_id, deletions.Deletion(gone, "task", "right", "r9", "404", False, NOW))
    seen = conflicts.Sighting("Pump", "v1", NOW)
    clash = conflicts.Clash(first, "task", "title", "Pump", "Old", UNSET, seen, conflicts.Sighting("Pumpe"))
    conflicts.upsert_open(session, link_id, clash, run_id=run, now=NOW)
    arrival = inbox.Arrival("l3", dump_record(record()))
    inbox.put(session, link_id, "task", "left", [arrival], initial=True, now=NOW)
    inbox.announce(session, link_id, "task", "right", ["r1"], NOW)
    stuck = parked.Stuck("task", "left", "l3", "invalid", "it has no title")
    parked.park(session, link_id, [stuck], config_hash="", now=NOW)
    entry = history.Entry(link_id, run, "task", "left", "l1", "update", NOW, first, "labels", (), ("bug",))
    history.add_many(session, [entry])
    intent = {
        "link_id": link_id, "run_id": run, "kind": "task", "fence": 0, "created_at": NOW, "state": "sent", "step": "fields",
        "changes": '{"title":["Old","Pump","left changed (S9)"]}',
    }  # fmt: skip
    intents.add_many(session, [intent | {"side": "right", "verb": "update", "item_id": "r1", "pair_id": first}])
    create = {"side": "right", "verb": "create", "source_id": "l3", "marker": "a x#l3", "create_key": "e3|b|y|task"}
    intents.add_many(session, [intent | create])
    leases.acquire(session, link_id, "somebody", 60)
    leases.acquire_poll(session, "a", "x", "task", "somebody", 60)


def brief(verdict):
    return [(one.check, one.odd) for one in verdict.findings]


def broken(url, *statements):
    with opened(url) as store:
        store.run_sync(sow)
        for statement in statements:
            store.run_sync(lambda session, said=statement: session.connection().exec_driver_sql(said))
    return verify(url)


def test_a_database_in_the_middle_of_its_work_is_sound(url):
    verdict = broken(url)

    assert verdict.findings == ()
    assert verdict.is_sound
    assert {name: verdict.counts[name] for name in ("link", "pair", "pair_live", "intent", "inbox")} == {
        "link": 2, "pair": 3, "pair_live": 1, "intent": 2, "inbox": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "check", "told"),
    [
        ("UPDATE pair SET \"left\" = '{}' WHERE id = 1", "pairs", "its left record cannot be read"),
        ("UPDATE pair SET base_right = '[1]'", "pairs", "the base of its right side cannot be read"),
        ("UPDATE pair SET status = 'lively' WHERE id = 1", "pairs", "its status is 'lively'"),
        ("UPDATE pair SET right_id = '' WHERE id = 1", "pairs", "it does not say what it joins"),
        ("UPDATE inbox SET record = '[]' WHERE item_id = 'l3'", "inbox", "its record cannot be read"),
        ("UPDATE inbox SET position = 0", "inbox", "no run takes it"),
        ("UPDATE inbox SET position = 7 WHERE record IS NULL", "inbox", "no run takes it"),
        ("UPDATE inbox SET item_id = 'r2', held = 'initial' WHERE side = 'right'", "inbox", "its pair is unlinked"),
        ("UPDATE conflict SET base_left = 'Old'", "conflicts", "its value base_left cannot be read"),
        ("UPDATE conflict SET link_id = 2", "conflicts", "its pair is not one of this link"),
        ("UPDATE conflict SET state = 'decided'", "conflicts", "does not go with its decision"),
        ("UPDATE conflict SET decision = '{\"take\":\"both\"}', state = 'decided'", "conflicts", "its decision cannot"),
        ("UPDATE pair SET status = 'unlinked' WHERE id = 1", "conflicts", "nothing will close it"),
        ("UPDATE intent SET changes = '{'", "intents", "its changes cannot be read"),
        ("UPDATE intent SET changes = '{\"title\":1}'", "intents", "do not say before, after and why"),
        ("UPDATE intent SET pair_id = NULL", "intents", "which item it is about"),
        ("UPDATE intent SET create_key = NULL", "intents", "which item it is about"),
        ("UPDATE intent SET fence = 5", "intents", "its fence 5 is newer than the link's"),
        (
            "UPDATE link SET lease_until = lease_until + 999999 WHERE id = 1",
            "leases",
            "held by somebody for hours more",
        ),
        ("UPDATE cursor SET lease_until = lease_until + 999999", "leases", "held by somebody for hours more"),
        ("UPDATE run SET counts = 'pulled'", "history", "what it counted cannot be read"),
        ("UPDATE history SET after = 'bug'", "history", "a value cannot be read"),
        ("UPDATE pair SET status = 'vanished' WHERE id = 1", "deletions", "nothing says which"),
        ("UPDATE deletion SET item_id = 'r8'", "deletions", "does not hold that item"),
        ("DROP INDEX ix_pair_entity", "tables", "add index ix_pair_entity"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_what_helps(url, statement, check, told):
    verdict = broken(url, statement)

    found = [one for one in verdict.findings if not one.odd]
    assert {one.check for one in found} == {check}
    assert told in found[0].what
    assert found[0].where
    assert found[0].do
    assert not verdict.is_sound


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("CREATE TABLE songs (title TEXT)", "remove table songs"),
        ("UPDATE parked SET item_id = 'l99'", "neither waits nor is in a pair"),
        ("UPDATE inbox SET not_before = '2099-01-01 00:00:00' WHERE side = 'left'", "put off until 2099-01-01"),
        ("UPDATE cursor SET cursor = ''", "its cursor is empty"),
        ("UPDATE cursor SET resume = 'x'", "for whom it was"),
    ],
)
def test_what_is_only_odd_does_not_make_a_database_unsound(url, statement, told):
    verdict = broken(url, statement)

    [one] = verdict.findings
    assert (told in one.what, verdict.is_sound) == (True, True)


def test_an_item_in_two_pairs_is_told_also_when_what_forbids_it_is_gone(path):
    with opened(f"sqlite:///{path}") as store:
        store.run_sync(sow)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other AS SELECT * FROM pair")
        database.execute("DROP TABLE pair")
        database.execute("ALTER TABLE other RENAME TO pair")
        database.execute("UPDATE pair SET left_id = 'l1'")
        database.commit()

    told = [one.what for one in verify(f"sqlite:///{path}").findings]

    assert "the task is in 3 pairs of the link" in told
    assert any("add constraint uq_pair" in what for what in told)


def test_two_items_of_one_container_are_never_one_thing(url):
    def twice(session):
        sow(session)
        paired(session, 1, 4, entity="e1")

    with opened(url) as store:
        store.run_sync(twice)

    found = verify(url).findings
    assert [(one.where, one.what) for one in found] == [
        ("a:x, entity e1", "2 tasks are taken for one thing: l1, l4"),
        ("b:y, entity e1", "2 tasks are taken for one thing: r1, r4"),
    ]


def test_an_item_that_two_links_call_by_different_names_is_odd(url):
    def other(session):
        sow(session)
        paired(session, 2, 5, left_id="r1", left=dump_record(record()))

    with opened(url) as store:
        store.run_sync(other)

    [one] = verify(url).findings
    assert (one.where, one.odd, one.what) == (
        "b:y#r1",
        True,
        "the task is 2 different things to the links that share it",
    )


def test_pairs_whose_items_were_exchanged_are_told_and_a_copied_text_is_not(url):
    def exchanged(session):
        sow(session)
        paired(session, 1, 6, left=dump_record(record(marker=Marker("b", "y#r7"))))
        paired(session, 1, 7, left=dump_record(record(marker=Marker("b", "y#r6"))))
        paired(session, 1, 8, left=dump_record(record(marker=Marker("b", "y#r1"))))

    with opened(url) as store:
        store.run_sync(exchanged)

    found = verify(url).findings
    assert ["pair 4" in found[0].where, "pair 5" in found[1].where, len(found)] == [True, True, 2]
    assert found[0].what.startswith("its left record says it was made from r7, which pair 5 joins")


def test_a_row_that_refers_to_nothing_is_told(path):
    with opened(f"sqlite:///{path}") as store:
        store.run_sync(sow)
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM run")
        database.execute("DELETE FROM link WHERE id = 1")
        database.commit()

    found = verify(f"sqlite:///{path}").findings

    assert {one.check for one in found} == {"references"}
    assert "it refers to a link that is not there" in found[0].what


def test_a_damaged_file_is_one_finding_and_no_error(path):
    damage(made(path))

    found = verify(f"sqlite:///{path}").findings

    assert {one.check for one in found} == {"database"}
    assert "bridge state rebuild" in found[0].do


def test_many_findings_of_one_kind_are_counted(url):
    def many(session):
        sow(session)
        for number in range(10, 90):
            paired(session, 1, number, left="{}")

    with opened(url) as store:
        store.run_sync(many)

    verdict = verify(url)
    assert (len(verdict.findings), verdict.more) == (KEPT, {"pairs": 30})


def test_a_big_database_is_looked_at_a_few_rows_at_a_time(path):
    long = dump_record(record("x" * 4000))

    def many(session):
        sow(session)
        for number in range(10, 4010):
            paired(session, 1, number, left=long, right=long)

    with opened(f"sqlite:///{path}") as store:
        store.run_sync(many)
    verify(f"sqlite:///{path}")  # imports
    tracemalloc.start()
    try:
        verdict = verify(f"sqlite:///{path}")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert verdict.is_sound
    assert path.stat().st_size > 30_000_000
    assert most < 12_000_000


# --- rebuild -----------------------------------------------------------------------------------------------------------


def test_on_postgresql_a_rebuild_begins_with_an_empty_database(postgres_url, tmp_path, capsys):
    with World(tmp_path, state=postgres_url) as world:
        world.new_task("Repair the pump")
        asyncio.run(world.settle())
        writes = world.writes()
        more = ["--config", str(world.config)]

        assert main(["state", "rebuild", "--yes", *more]) == 2
        assert "pg_dump" in capsys.readouterr().err
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        assert main(["state", "rebuild", *more]) == 0
        assert "Everything was joined" in capsys.readouterr().out
        assert main(["state", "verify", *more]) == 0
        assert world.writes() == writes


def test_a_database_that_is_in_use_cannot_be_set_aside(path):
    made(path)
    with opened(f"sqlite:///{path}") as store:
        store.read_sync(names)

        with pytest.raises(LockedError, match="open"):
            set_aside(path, busy_timeout_s=0.1)
        with pytest.raises(LockedError, match="open"):
            require_alone(path, busy_timeout_s=0.1)

    require_alone(path)
    kept = set_aside(path)
    assert [each.name for each in path.parent.iterdir()] == [kept.name]


def test_what_is_no_database_at_all_is_set_aside_with_what_lies_beside_it(path):
    path.write_text("a torn page " * 1000)
    path.with_name("bridge.db-wal").write_text("and what was to follow")

    kept = set_aside(path)

    assert kept.name.startswith("bridge.db.backup-damaged-")
    assert {kept.name, f"{kept.name}-wal"} <= {each.name for each in path.parent.iterdir()}
    assert not list(path.parent.glob("bridge.db-*")) + list(path.parent.glob("bridge.db"))
