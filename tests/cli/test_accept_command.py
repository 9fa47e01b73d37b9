"""``bridge accept`` on the command line: a changed link is held, its change shown with what it comes to, and let go."""

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
CHANGE = 'first_contact = "left"\n[[links.fields]]\nleft = "title"\nright = "title"\ndirection = "right-to-left"\n'
SAID = ["first_contact: manual → left", 'row task "title = title" direction: both → right-to-left']


@pytest.fixture
def trackers():
    with Sandbox("github") as hub, Sandbox("artala") as board:
        hub.seed(issues=[{"title": "Login", "body": "old"}])
        yield hub, board


@pytest.fixture
def held(tmp_path, monkeypatch, trackers, bridge) -> None:
    """A link that ran, whose configuration was changed since; and a description that was edited."""
    hub, board = trackers
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "ghp_sandbox_bridge")
    monkeypatch.setenv("BRIDGE_CONNECTIONS__BOARD__TOKEN", "tb_sandbox_bridge")
    (tmp_path / "bridge.toml").write_text(CONFIG.format(hub=hub.url, board=board.url))
    assert bridge("sync").code == 0
    (tmp_path / "bridge.toml").write_text(CONFIG.format(hub=hub.url, board=board.url) + CHANGE)
    hub.call("PATCH", "/repos/acme/app/issues/1", {"body": "new"}, who="alice")


def descriptions(trackers) -> list[str]:
    return [task.description for task in trackers[1].store.tasks.values()]


def test_a_held_link_says_what_changed_and_what_to_do(bridge, held, trackers):
    ended, status, reported = bridge("sync"), bridge("status"), json.loads(bridge("status", "--json").out)

    assert (ended.code, descriptions(trackers)) == (21, ["old"])
    for said in (ended.out + ended.err, status.out):
        assert all(each in " ".join(said.split()) for each in [*SAID, "bridge plan app", "bridge accept app"])
    assert [each["changes"][0].split(" [")[0] for each in reported] == SAID[:1]
    assert [each["state"] for each in json.loads(bridge("sync", "--json").out)] == ["unaccepted"]
    assert bridge("sync").code == 21


def test_a_plan_shows_what_the_change_comes_to_as_text_and_as_json(bridge, held, trackers):
    ended = bridge("plan")
    [found] = json.loads(bridge("plan", "--json").out)

    assert ended.code == 0
    assert all(
        each in " ".join(ended.out.split()) for each in [*SAID, "are rewritten", '"old" → "new"', "bridge accept app"]
    )
    assert [each["said"].split(" [")[0] for each in found["impact"]["changes"]] == SAID
    assert all(each["origin"].startswith("bridge.toml:") for each in found["impact"]["changes"])
    [part] = found["impact"]["parts"]
    assert (part["what"], part["side"], part["field"], part["count"]) == ("rewritten", "right", "description", 1)
    assert [(each["title"], each["before"], each["after"]) for each in part["samples"]] == [("Login", "old", "new")]
    assert (found["impact"]["writes"], found["impact"]["runs"], descriptions(trackers)) == (1, 1, ["old"])


def test_nothing_is_accepted_where_nobody_can_say_yes(bridge, held, trackers):
    ended, told = bridge("accept", "app"), json.loads(bridge("accept", "app", "--json").out)

    assert ended.code == 2
    assert SAID[0] in ended.out
    assert "--yes" in ended.err
    assert told["accepted"] is False
    assert [each.split(" [")[0] for each in told["changes"]] == SAID
    assert bridge("sync").code == 21


def test_a_link_goes_on_once_it_is_accepted(bridge, held, trackers):
    ended = bridge("accept", "app", "--yes")

    assert ended.code == 0
    assert "bridge sync app" in ended.out
    assert descriptions(trackers) == ["old"]
    assert bridge("sync").code == 0
    assert descriptions(trackers) == ["new"]
    [status] = json.loads(bridge("status", "--json").out)
    assert (status["changes"], bool(status["accepted_at"]), bool(status["accepted_by"])) == ([], True, True)
    again = bridge("accept", "app")
    assert (again.code, "nothing to accept" in again.out) == (0, True)


def test_a_plan_saved_before_it_was_accepted_is_done_as_it_was_shown(bridge, held, trackers, tmp_path):
    config = tmp_path / "bridge.toml"
    config.write_text(config.read_text().replace(CHANGE, 'conflict = "left"\n'))
    trackers[0].call("POST", "/repos/acme/app/issues", {"title": "Export"}, who="alice")
    saved = bridge("plan", "-o", "plan.json")
    trackers[0].call("POST", "/repos/acme/app/issues", {"title": "Import"}, who="alice")

    assert "once it is accepted: bridge apply plan.json" in " ".join(saved.out.split())
    assert bridge("apply", "plan.json").code == 21
    assert bridge("accept", "app", "--yes").code == 0
    assert bridge("apply", "plan.json").code == 0
    assert sorted(task.title for task in trackers[1].store.tasks.values()) == ["Export", "Login"]
    assert sorted(filter(None, descriptions(trackers))) == ["new"]


def test_a_tracker_that_does_not_answer_is_no_reason_to_accept_unless_somebody_says_so(bridge, held, trackers):
    trackers[0].fault("permission_lost", times=-1)

    assert bridge("accept", "app").code == 1
    assert bridge("sync").code == 21
    told = bridge("accept", "app", "--yes")
    assert (told.code, "comes to is not known" in " ".join(told.out.split())) == (0, True)


def test_a_link_that_is_not_there_is_one_message(bridge, held):
    ended = bridge("accept", "ap")

    assert ended.code == 2
    assert 'Did you mean "app"?' in ended.err
