"""The database fills up, is held, is killed in the middle or is damaged: a message for people, and nothing lost or doubled."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from faults.hours import Weathered
from faults.scene import Scene

from bridge.errors import LockedError, StateError
from state.store import Store

KILLED_AT_COMMIT = """
import asyncio, os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from bridge.config.loader import load
from bridge.wiring import Bridge

left = int(sys.argv[2])

def die(connection):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "commit", die)

async def main():
    async with Bridge.open(load(Path(sys.argv[1]))) as bridge:
        await bridge.sync("app", trigger="test", sweep=True)

asyncio.run(main())
"""
QUOTA = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.argv = ["bridge", "sync", "--config", sys.argv[2]]
from bridge.cli.app import main
sys.exit(main())
"""


def ended_of(command: list[str]) -> subprocess.CompletedProcess[str]:
    """A process of its own, when it has ended."""
    wide = os.environ | {"COLUMNS": "400"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=wide)


def database(world: Weathered) -> Path:
    return world.folder / "bridge.db"


def later(world: Weathered) -> None:
    """As when the leases of a killed process have run out."""
    with closing(sqlite3.connect(database(world))) as held, held:
        held.execute("UPDATE link SET lease_until = 0")
        held.execute("UPDATE cursor SET lease_until = 0")


@pytest.mark.parametrize("pages", [0, 2, 8])
async def test_a_full_disk_in_the_middle_is_told_and_loses_nothing(scene: Scene, pages: int):
    scene.work()
    scene.world.edit_issue(2, body="x" * 40_000)
    async with scene.world.open() as bridge:

        def fill(session):
            now = session.connection().exec_driver_sql("PRAGMA page_count").scalar()
            session.connection().exec_driver_sql(f"PRAGMA max_page_count={now + pages}")

        bridge.store.run_sync(fill)
        try:
            told = (await bridge.sync("app", trigger="test", sweep=True)).error
        except StateError as full:
            told = str(full)
    scene.world.edit_issue(2, body="It drips.")

    assert "disk is full" in told
    await scene.kept()


async def test_a_database_held_by_another_process_is_told_and_loses_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(Store.open.__func__.__kwdefaults__, "busy_timeout_s", 0.05)
    scene.work()
    with closing(sqlite3.connect(database(scene.world), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockedError, match="is held by another process"):
            await scene.world.sync()
        other.execute("ROLLBACK")

    await scene.kept()


@pytest.mark.parametrize("call", ["create", "update"])
async def test_a_database_held_while_a_write_is_under_way_loses_and_doubles_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, call: str
):
    monkeypatch.setitem(Store.open.__func__.__kwdefaults__, "busy_timeout_s", 0.05)
    scene.work()
    with closing(sqlite3.connect(database(scene.world), isolation_level=None)) as other:
        async with scene.world.open() as bridge:
            connector = bridge.connector("github")
            write = getattr(connector, call)

            async def held(*args, **options):
                answer = await write(*args, **options)
                if not other.in_transaction:
                    other.execute("BEGIN IMMEDIATE")
                return answer

            setattr(connector, call, held)
            try:
                told = (await bridge.sync("app", trigger="test", sweep=True)).error
            except StateError as locked:
                told = str(locked)
        other.execute("ROLLBACK")

    assert "is held by another process" in told
    later(scene.world)
    await scene.kept()


@pytest.mark.parametrize("commit", [3, 5, 7, 8, 9, 10, 11, 12])
async def test_a_process_killed_in_the_middle_of_a_transaction_is_made_good(scene: Scene, commit: int):
    scene.work()
    command = [sys.executable, "-c", KILLED_AT_COMMIT, str(scene.world.config), str(commit)]
    ended = ended_of(command)

    assert ended.returncode in {-signal.SIGKILL, 0}, ended.stderr
    later(scene.world)
    await scene.kept()


@pytest.mark.parametrize("where", [0, 4096 * 3])
async def test_a_damaged_database_is_told_and_left_as_it_is(scene: Scene, where: int):
    path = database(scene.world)
    with closing(sqlite3.connect(path)) as held:
        held.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    content = bytearray(path.read_bytes())
    content[where:] = b"\xff" * (len(content) - where)
    path.write_bytes(content)
    writes = scene.world.writes()
    command = [sys.executable, "-m", "bridge", "sync", "--config", str(scene.world.config)]
    ended = ended_of(command)

    assert ended.returncode == 1, ended.stderr
    assert "is damaged" in ended.stderr or "is not a database" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (scene.world.writes(), path.read_bytes()[where:]) == (writes, bytes(content[where:]))


async def test_a_quota_on_the_file_is_told_and_loses_nothing(scene: Scene):
    scene.work()
    path = database(scene.world)
    with closing(sqlite3.connect(path)) as held:
        held.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    command = [sys.executable, "-c", QUOTA, str(20_000), str(scene.world.config)]
    ended = ended_of(command)

    assert ended.returncode == 1, (ended.stdout, ended.stderr)
    assert "the disk reports an error" in ended.stderr or "the disk is full" in ended.stderr
    assert "Traceback" not in ended.stderr
    later(scene.world)
    await scene.kept()
