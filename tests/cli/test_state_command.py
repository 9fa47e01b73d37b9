"""``bridge state``: copying the database, checking it, making it anew from what stands on the trackers."""

from __future__ import annotations

import json
import re

import pytest
from engine.test_conflicts import clashing
from engine.world import World

from bridge.cli.app import main
from bridge.errors import SignatureError


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
