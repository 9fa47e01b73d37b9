"""``bridge undo`` on the command line: it shows, it asks, it saves, and it does what was said yes to."""

from __future__ import annotations

import json

import pytest

from bridge.sandbox.server import Sandbox

CONFIG = """
[connections.hub]
type = "github"
base_url = "{hub}"
write_interval_s = 0

[connections.board]
type = "artala"
base_url = "{board}"
requests_per_minute = 0

[[links]]
name = "app"
left = {{ connection = "hub", container = "acme/app" }}
right = {{ connection = "board", container = "Engineering" }}
initial = "match-then-create"
"""


@pytest.fixture
def trackers():
    with Sandbox("github") as hub, Sandbox("artala") as board:
        hub.seed(issues=[{"title": "Login", "body": "old"}])
        yield hub, board


@pytest.fixture
def carried(tmp_path, monkeypatch, trackers, bridge) -> str:
    """A title that a run carried to the board; the run's number."""
    hub, board = trackers
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "ghp_sandbox_bridge")
    monkeypatch.setenv("BRIDGE_CONNECTIONS__BOARD__TOKEN", "tb_sandbox_bridge")
    (tmp_path / "bridge.toml").write_text(CONFIG.format(hub=hub.url, board=board.url))
    bridge("sync")
    hub.call("PATCH", "/repos/acme/app/issues/1", {"title": "Sign in"}, who="alice")
    [done] = json.loads(bridge("sync", "--json").out)
    return str(done["run"])


def titles(trackers) -> tuple[list[str], list[str]]:
    hub, board = trackers
    issue = hub.call("GET", "/repos/acme/app/issues/1", who="alice")[1]
    return [issue["title"]], [task.title for task in board.store.tasks.values()]


def test_an_undo_is_shown_and_not_done_where_nobody_can_say_yes(bridge, carried, trackers):
    ended = bridge("undo", carried)

    assert ended.code == 2
    assert '"Sign in" → "Login"' in ended.out
    assert "--yes" in ended.err
    assert titles(trackers) == (["Sign in"], ["Sign in"])


def test_an_undo_with_a_yes_is_done_and_told(bridge, carried, trackers):
    ended = bridge("undo", carried, "--yes")

    assert (ended.code, titles(trackers)) == (0, (["Sign in"], ["Login"]))
    assert "Taken back: 1 item" in ended.out
    assert "undo" in bridge("history").out
    assert bridge("sync").code == 0
    assert titles(trackers) == (["Sign in"], ["Login"])


def test_a_saved_undo_is_done_by_apply(bridge, carried, trackers):
    assert bridge("undo", carried, "-o", "undo.json").code == 0
    assert titles(trackers) == (["Sign in"], ["Sign in"])

    [done] = json.loads(bridge("apply", "undo.json", "--json").out)

    assert (done["state"], [each["op"] for each in done["done"]], done["left_alone"]) == ("done", ["update"], [])
    assert titles(trackers) == (["Sign in"], ["Login"])


def test_what_an_undo_leaves_alone_is_in_its_json(bridge, carried, trackers):
    _, board = trackers
    [task] = board.store.tasks.values()
    board.call("PUT", f"/api/tasks/{task.id}", {"title": "Log in"}, who="sam")

    plan = json.loads(bridge("undo", carried, "--json").out)
    [done] = json.loads(bridge("undo", carried, "--yes", "--json").out)

    assert [each["reason"] for each in plan["operations"]] == ["changed-since"]
    assert [each["reason"] for each in done["left_alone"]] == ["changed-since"]
    assert plan["undoes"] == int(carried)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("999",), "there is no run 999"),
        (("2", "--yes", "-o", "x.json"), "choose one"),
        (("2", "--yes", "--item", "nothing"), "no link knows"),
        (("2", "--field", "colour"), "wrote no field"),
    ],
)
def test_what_cannot_be_undone_is_one_message(bridge, carried, words, said):
    ended = bridge("undo", *words)

    assert ended.code in (1, 2)
    assert said in ended.out + ended.err
