"""The store: transactions, other processes, and what it says when the database cannot be used."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import traceback
from contextlib import closing

import pytest
from databases import NOW, link, names, opened, process, together
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from bridge.errors import ConfigError, LockedError, StateError
from state.bulk import upsert
from state.tables import DeliveryRow, LinkRow

SECRET = "hunter2secret"


def test_what_a_function_returns_stays_readable_after_its_transaction(store):
    def add(session):
        link(session)
        return session.get(LinkRow, 1)

    assert store.run_sync(add).name == "demo"


def test_an_exception_undoes_the_whole_transaction(store):
    def fail(session):
        link(session)
        raise KeyError

    with pytest.raises(KeyError):
        store.run_sync(fail)

    assert store.read_sync(names) == set()


def test_a_broken_constraint_reaches_the_caller_as_it_is(store, link_id):
    with pytest.raises(IntegrityError):
        store.run_sync(link)


def test_a_write_in_a_read_is_refused(store):
    with pytest.raises(StateError):
        store.read_sync(link)

    assert store.read_sync(names) == set()


async def test_tasks_share_the_store_without_losing_an_update(store, link_id):
    def count(session):
        row = session.get(LinkRow, link_id)
        row.fence += 1

    await asyncio.gather(*(store.run(count) for _ in range(40)))

    assert (await store.read(lambda session: session.get(LinkRow, link_id).fence)) == 40


async def test_a_reader_never_waits_for_a_writer(store, link_id):
    writing, go_on = threading.Event(), threading.Event()

    def hold(session):
        link(session, "second")
        writing.set()
        assert go_on.wait(30)

    held = asyncio.create_task(store.run(hold))
    await asyncio.to_thread(writing.wait, 30)

    assert await asyncio.wait_for(store.read(names), 30) == {"demo"}

    go_on.set()
    await held
    assert await store.read(names) == {"demo", "second"}


def test_a_new_file_can_be_read_by_its_owner_alone(path):
    with opened(f"sqlite:///{path}") as store:
        store.run_sync(link)
        modes = {each.name: oct(each.stat().st_mode & 0o777) for each in path.parent.iterdir()}

    assert modes == {"bridge.db": "0o600", "bridge.db-wal": "0o600", "bridge.db-shm": "0o600"}


def test_a_database_in_memory_works_too():
    with opened("sqlite://") as store:
        store.run_sync(link)

        assert store.read_sync(names) == {"demo"}


# --- other processes ---

COUNT = """
import sys
from state.store import Store
from state.tables import LinkRow
def count(session):
    row = session.get(LinkRow, 1)
    row.fence += 1
with Store.open(sys.argv[1], busy_timeout_s=30) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(100):
        store.run_sync(count)
"""


def test_two_processes_lose_no_update(url, store, link_id):
    together(COUNT, url)

    assert store.read_sync(lambda session: session.get(LinkRow, 1).fence) == 200


DIE = """
import sys
from state.store import Store
from state.tables import LinkRow
def add(session, name):
    session.add(LinkRow(name=name, left_connection="a", left_container="x", right_connection="b", right_container="y"))
    session.flush()
def add_and_wait(session):
    add(session, "half")
    print("ready", flush=True)
    sys.stdin.readline()
with Store.open(sys.argv[1]) as store:
    store.run_sync(add, "whole")
    store.run_sync(add_and_wait)
"""


def test_a_writer_killed_in_a_transaction_leaves_what_was_committed_and_no_lock(url, store):
    with process(DIE, url) as writer:
        assert writer.stdout.readline() == "ready\n"
        writer.kill()
        writer.wait()

    store.run_sync(link, "after")
    assert store.read_sync(names) == {"whole", "after"}


def test_a_lock_held_elsewhere_is_told_after_the_timeout(url, store, link_id):
    writing, go_on = threading.Event(), threading.Event()

    def touch(session):
        session.execute(text("UPDATE link SET lease_holder = 'x'"))

    def hold(session):
        touch(session)
        writing.set()
        assert go_on.wait(30)

    holder = threading.Thread(target=store.run_sync, args=(hold,))
    holder.start()
    assert writing.wait(30)
    try:
        with opened(url, busy_timeout_s=0.1) as other, pytest.raises(LockedError) as told:
            other.run_sync(touch)
    finally:
        go_on.set()
        holder.join()

    assert told.value.exit_code == 75
    assert "is held by" in told.value.message
    assert "wait and run again" in told.value.hint


# --- what is wrong, in words ---


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(StateError, match=r"folder .*nowhere.* does not exist"):
        opened(f"sqlite:///{tmp_path}/nowhere/bridge.db")


def test_a_folder_in_place_of_the_file_is_told(tmp_path):
    with pytest.raises(StateError, match="cannot be opened"):
        opened(f"sqlite:///{tmp_path}")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user, and only root can become one")
def test_a_file_that_may_not_be_written_is_told(path):
    opened(f"sqlite:///{path}").close()
    script = f"""
import os
from bridge.errors import StateError
from state.store import Store
import state.schema, sqlalchemy.dialects.sqlite
os.setgid(65534); os.setuid(65534)
try:
    Store.open("sqlite:///{path}").run_sync(lambda session: None)
except StateError as error:
    print(error)
"""
    for folder in path.parents:
        folder.chmod(0o755)
        if folder.name.startswith("pytest-of-"):
            break
    path.chmod(0o444)

    with process(script) as reader:
        out, err = reader.communicate(timeout=60)

    assert "cannot be written" in out or "cannot be opened" in out, err
    assert "right to write" in out or "may write" in out


def test_a_file_that_is_no_database_is_left_alone(path):
    path.write_text("notes to keep\n" * 100)

    with pytest.raises(StateError, match="is not a database"):
        opened(f"sqlite:///{path}")

    assert path.read_text() == "notes to keep\n" * 100


def test_a_database_of_something_else_is_left_alone(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name)")

    with pytest.raises(StateError, match="holds recipes"):
        opened(f"sqlite:///{path}")

    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_a_damaged_file_is_told(path):
    with opened(f"sqlite:///{path}") as store:
        store.run_sync(lambda session: [link(session, f"link {number}" * 50) for number in range(200)])
    with path.open("r+b") as file:
        size = path.stat().st_size
        file.seek(4096 * 4)
        file.write(b"\xff" * (size - 4096 * 4))

    with pytest.raises(StateError, match="is damaged"), opened(f"sqlite:///{path}") as store:
        store.read_sync(names)


def test_a_full_disk_is_told_and_nothing_is_lost(path):
    with opened(f"sqlite:///{path}") as store:
        store.run_sync(link)

        def fill(session):
            pages = session.connection().exec_driver_sql("PRAGMA page_count").scalar()
            session.connection().exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
            for number in range(2000):
                link(session, f"link {number}")

        with pytest.raises(StateError, match="the disk is full"):
            store.run_sync(fill)

        assert store.read_sync(names) == {"demo"}


@pytest.mark.parametrize("url", ["bridge.db", f"mysql://root:{SECRET}@host/db", f"://{SECRET}", f"x{SECRET}:///y"])
def test_a_url_that_is_none_of_ours_is_a_mistake_in_the_configuration(url):
    with pytest.raises(ConfigError) as told:
        opened(url)

    assert "sqlite:///bridge.db" in told.value.hint
    assert SECRET + "@" not in str(told.value)


def test_a_server_that_does_not_answer_is_told_without_the_password():
    with pytest.raises(StateError, match=r"db on 127\.0\.0\.1:1 cannot be reached") as told:
        opened(f"postgresql://bridge:{SECRET}@127.0.0.1:1/db?password={SECRET}")

    assert SECRET not in "".join(traceback.format_exception(told.value))


def test_a_postgres_database_that_is_missing_is_told(postgres_server):
    with pytest.raises(StateError, match=r"missing_one .*(does not exist|cannot be reached)"):
        opened(postgres_server.replace("/postgres?", "/missing_one?", 1))


def test_a_failed_statement_shows_none_of_its_values(store, link_id):
    def twice(session):
        for _ in range(2):
            session.execute(
                text("INSERT INTO delivery VALUES ('hub', 'id', :event, '2026-11-21 00:00:00')"), {"event": SECRET}
            )

    with pytest.raises(IntegrityError) as told:
        store.run_sync(twice)

    assert SECRET not in "".join(traceback.format_exception(told.value))


# --- speed ---


def test_a_bulk_upsert_is_one_statement(store):
    seen = []

    def write(session):
        event.listen(session.connection(), "before_cursor_execute", lambda *args: seen.append((args[2], args[5])))
        rows = [(str(n), NOW) for n in range(1000)]
        names, same = ("delivery_id", "received_at"), {"connection": "hub", "event": "e"}
        upsert(session, DeliveryRow, names, rows, keys=["connection", "delivery_id"], same=same, replace=["event"])
        return len(seen)

    assert store.run_sync(write) == 1
    assert [many for _, many in seen] == [True]
    assert store.read_sync(lambda session: session.execute(text("SELECT count(*) FROM delivery")).scalar()) == 1000
