"""Copies of the database and the checks of it: what an operator relies on when something went wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from databases import link, names, opened, pair, process

from bridge.errors import LockedError, StateError
from state.backup import back_up

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
        assert writer.stdout.readline() == "ready\n"
        copies = [back_up(path).file for _ in range(5)]
        assert writer.poll() is None

    for copy in copies:
        with closing(sqlite3.connect(copy)) as database:
            ((left, right),) = database.execute(
                "SELECT sum(connection = 'a'), sum(connection = 'b') FROM delivery"
            ).fetchall()
        assert left == right


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
