"""``bridge state``: copying the database, checking it, making it anew from what stands on the trackers."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from engine.test_conflicts import clashing
from engine.world import World

from bridge.cli.app import main
from bridge.errors import SignatureError
from bridge.model import UNSET
from state import conflicts, history
from state.store import Store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(tmp_path):
    with World(tmp_path) as made:
        yield made


# --- backup ------------------------------------------------------------------------------------------------------------


def test_a_backup_says_where_it_is_and_can_be_worked_with(bridge, seeded):
    ended = bridge("state", "backup")

    [copy] = seeded.glob("bridge.db.backup-0001-*")
    assert (ended.code, copy.name in ended.out) == (0, True)
    copy.rename(seeded / "bridge.db")
    assert "Fix" in bridge("conflicts", "list").out


def test_a_backup_tells_programs_what_it_made(bridge, seeded):
    ended = bridge("state", "backup", "copy.db", "--json")

    assert json.loads(ended.out) == {
        "database": str(seeded / "bridge.db"),
        "file": "copy.db",
        "bytes": (seeded / "copy.db").stat().st_size,
        "revision": "0001",
    }
    again = bridge("state", "backup", "copy.db")
    assert (again.code, again.out) == (1, "")
    assert "is there already" in again.err


def test_the_folder_for_backups_is_used(bridge, seeded):
    (seeded / "kept").mkdir()
    config = seeded / "bridge.toml"
    config.write_text(config.read_text().replace("[state]", '[state]\nbackup_dir = "kept"'))

    assert bridge("state", "backup").code == 0
    assert len(list((seeded / "kept").iterdir())) == 1


def test_a_backup_of_what_is_not_there_makes_nothing(bridge, place):
    ended = bridge("state", "backup")

    assert (ended.code, "there is no database" in ended.err) == (1, True)
    assert [each.name for each in place.iterdir()] == ["bridge.toml"]


@pytest.mark.parametrize(
    ("url", "told"),
    [("postgresql://someone:hidden-word@127.0.0.1:9/bridge", "pg_dump"), ("sqlite://", "in memory only")],
)
def test_where_there_is_no_file_a_backup_says_what_to_do_instead(bridge, place, monkeypatch, url, told):
    monkeypatch.setenv("BRIDGE_STATE__URL", url)

    ended = bridge("state", "backup")

    assert (ended.code, ended.out, told in ended.err) == (2, "", True)
    assert "hidden-word" not in ended.err


async def test_no_secret_is_in_a_backup_whatever_went_wrong_before(world: World):
    await clashing(world)
    async with world.open() as bridge:
        headers = {"x-github-event": "issues", "x-github-delivery": "1", "x-hub-signature-256": "sha256=" + "0" * 64}
        with pytest.raises(SignatureError):
            await bridge.deliver("github", headers, b"{}")
    secrets = [world.artala.token(), world.github.token(), "a secret of the webhooks"]
    world.new_issue("Another")
    for box in (world.github, world.artala):
        box.fault("status", path="", status=401, times=-1)
        await world.sync()
        box.faults.clear()

    assert main(["state", "backup", str(world.folder / "copy.db"), "--config", str(world.config)]) == 0

    content = (world.folder / "copy.db").read_bytes()
    assert b"Mend the pump" in content
    assert not [secret for secret in secrets if secret.encode() in content]
    assert not re.search(rb"ghp_|tb_sandbox|[Bb]earer ", content)


# --- rebuild -----------------------------------------------------------------------------------------------------------


def run(world: World, *words: str) -> int:
    return main([*words, "--config", str(world.config)])


def lose(world: World) -> None:
    for file in world.folder.glob("bridge.db*"):
        file.unlink()


def test_a_lost_database_is_made_anew_and_what_is_left_is_listed(world: World, capsys):
    asyncio.run(clashing(world))
    world.new_task("New on the board")
    lose(world)
    writes = world.writes()
    capsys.readouterr()

    code = run(world, "state", "rebuild", "--yes")

    said = capsys.readouterr().out
    assert (code, world.writes()) == (10, writes)
    assert "1 pair joined, and both sides hold a value of their own" in said
    assert "bridge conflicts resolve ID" in said
    assert "1 item without a partner" in said
    assert "bridge pairs pin LINK LEFT RIGHT" in said


def test_the_old_database_is_kept_whole_under_another_name(world: World, capsys):
    asyncio.run(clashing(world))

    code = run(world, "state", "rebuild", "--yes", "--json")

    told = json.loads(capsys.readouterr().out)
    [kept] = world.folder.glob("bridge.db.backup-0001-*")
    assert (code, told["kept"]) == (10, str(kept))
    assert [(one["what"], one["fields"]) for one in told["left"]] == [("conflict", ["title"])]
    with Store.open(f"sqlite:///{kept}") as store:
        assert [each.clash.base_left for each in store.read_sync(conflicts.find)] == ["Repair the pump"]
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        assert [each.clash.base_left for each in store.read_sync(conflicts.find)] == [UNSET]


def test_one_link_is_made_anew_after_a_copy_and_keeps_its_history(world: World, capsys):
    asyncio.run(clashing(world))

    assert run(world, "state", "rebuild", "app", "--yes") == 10

    assert len(list(world.folder.glob("bridge.db.backup-0001-*"))) == 1
    with Store.open(f"sqlite:///{world.folder}/bridge.db") as store:
        actions = [entry.action for entry in store.read_sync(history.find, limit=100)]
    assert {"create", "conflict"} <= set(actions)


def test_a_damaged_database_is_set_aside_as_it_is(world: World, capsys):
    asyncio.run(clashing(world))
    damage(world.folder / "bridge.db")
    capsys.readouterr()

    assert run(world, "status") == 1
    assert "bridge state rebuild makes it anew" in capsys.readouterr().err
    assert run(world, "state", "rebuild", "app", "--yes") == 1
    assert run(world, "state", "rebuild", "--yes") == 10
    assert len(list(world.folder.glob("bridge.db.backup-*"))) == 1
    assert run(world, "status") == 0


@pytest.mark.parametrize("link", [[], ["app"]])
def test_a_rebuild_refuses_while_another_process_has_the_database_open(bridge, seeded, link):
    before = (seeded / "bridge.db").read_bytes()
    with holder(seeded / "bridge.db"):
        ended = bridge("state", "rebuild", *link, "--yes")

    assert (ended.code, "Stop the daemon" in ended.err) == (75, True)
    assert (seeded / "bridge.db").read_bytes() == before
    assert not list(seeded.glob("*backup*"))


def test_nothing_is_begun_unless_a_person_agrees(bridge, seeded, monkeypatch):
    ended = bridge("state", "rebuild")

    assert (ended.code, "--yes" in ended.err) == (2, True)
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    ended = bridge("state", "rebuild")
    assert (ended.code, "What is known of every link is forgotten" in ended.err) == (1, True)
    assert not list(seeded.glob("*backup*"))


def test_a_database_of_another_program_is_not_moved(bridge, place):
    with closing(sqlite3.connect(place / "bridge.db")) as other:
        other.execute("CREATE TABLE songs (title TEXT)")

    ended = bridge("state", "rebuild", "--yes")

    assert (ended.code, "is not Bridge's" in ended.err) == (1, True)
    assert not list(place.glob("*backup*"))


# --- verify ------------------------------------------------------------------------------------------------------------


def test_what_real_runs_leave_behind_is_sound(world: World, capsys):
    asyncio.run(clashing(world))
    world.new_issue("Made, and nobody heard of it")
    world.artala.fault("lost_reply", method="POST", path="/api/tasks$")
    world.artala.fault("status", method="GET", path="/odata/Tasks", status=500, times=-1, after=1)
    asyncio.run(world.sync())
    capsys.readouterr()

    assert run(world, "state", "verify") == 0

    said = capsys.readouterr().out
    assert said.splitlines()[-1].endswith("bridge.db: It is sound.")
    assert "1 conflict, 0 parked, 1 intent" in said


def test_each_finding_is_one_line_with_what_helps(bridge, seeded):
    spoil(seeded, "UPDATE pair SET base_left = '[]'", "UPDATE parked SET item_id = 'gone'")

    ended = bridge("state", "verify")

    wrong, odd, _, end = ended.out.splitlines()
    assert ended.code == 1
    assert wrong.startswith("wrong: link app, pair 1 (12 and 0b7c51aa")
    assert wrong.endswith("bridge state rebuild app")
    assert odd.startswith("odd: link app, parked 1: right gone neither waits nor is in a pair. bridge parked retry 1")
    assert end.endswith("1 thing wrong.")
    told = json.loads(bridge("state", "verify", "--json").out)
    assert (told["sound"], [one["odd"] for one in told["findings"]], told["counts"]["pair"]) == (
        False,
        [False, True],
        1,
    )


def test_what_is_only_odd_ends_with_0(bridge, seeded):
    spoil(seeded, "CREATE TABLE songs (title TEXT)")

    ended = bridge("state", "verify")

    assert (ended.code, ended.out.splitlines()[-1].endswith("It is sound.")) == (0, True)


def test_a_database_that_cannot_be_opened_is_judged_too(bridge, seeded):
    spoil(seeded, "UPDATE bridge_revision SET version_num = '9999'")
    ended = bridge("state", "verify")
    assert (ended.code, "made by a newer Bridge" in ended.out) == (1, True)

    (seeded / "bridge.db").write_text("These are not the rows you are looking for." * 100)
    ended = bridge("state", "verify")
    assert (ended.code, "is not a database" in ended.out) == (1, True)

    (seeded / "bridge.db").unlink()
    ended = bridge("state", "verify")
    assert (ended.code, "there is no database" in ended.err, (seeded / "bridge.db").exists()) == (1, True, False)


def test_looking_at_a_database_changes_nothing(bridge, seeded):
    spoil(seeded)
    before = (seeded / "bridge.db").read_bytes()

    bridge("state", "verify")

    assert (seeded / "bridge.db").read_bytes() == before


def spoil(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "bridge.db")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(truncate)")


def damage(path) -> None:
    """Overwrite all but the beginning, as a failing disk would."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=delete")
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\x55" * (len(whole) - 8192))


@contextmanager
def holder(path) -> Iterator[None]:
    """Another process that has the database open and does nothing."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, f"sqlite:///{path}"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        try:
            assert running.stdout.readline() == b"ready\n"
            yield
        finally:
            running.kill()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


HOLDER = """
import sys
from state import links
from state.store import Store
with Store.open(sys.argv[1]) as store:
    store.read_sync(links.all_links)
    print("ready", flush=True)
    sys.stdin.read()
"""
