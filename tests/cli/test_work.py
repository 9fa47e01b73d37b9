"""``plan``, ``apply`` and ``sync`` against the sandbox trackers, over sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from bridge.cli.root import tree
from bridge.sandbox.server import Sandbox, call
from state import inbox, leases
from state.store import Store

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
SECOND = """
[[links]]
name = "other"
left = {{ connection = "hub", container = "{repo}" }}
right = {{ connection = "board", container = "Second" }}
initial = "match-then-create"
"""


@pytest.fixture
def trackers():
    with Sandbox("github") as hub, Sandbox("artala") as board:
        hub.seed(issues=[{"title": "Login", "body": "old", "labels": ["bug"]}, {"title": "Export"}])
        yield hub, board


@pytest.fixture
def place(tmp_path, monkeypatch, trackers):
    hub, board = trackers
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "ghp_sandbox_bridge")
    monkeypatch.setenv("BRIDGE_CONNECTIONS__BOARD__TOKEN", "tb_sandbox_bridge")
    (tmp_path / "bridge.toml").write_text(CONFIG.format(hub=hub.url, board=board.url))
    return tmp_path


def add(place, text: str) -> None:
    with (place / "bridge.toml").open("a") as file:
        file.write(text)


def test_a_plan_writes_to_no_tracker_and_says_why(bridge, place, trackers):
    ended = bridge("plan")

    assert ended.code == 0
    assert "Login" in ended.out
    assert "2 to create" in ended.out
    assert [box.log for box in trackers] == [[], []]
    assert bridge("sync", "--dry-run").out == ended.out
    [plan] = json.loads(bridge("sync", "-n", "--json").out)
    assert [each["op"] for each in plan["operations"]] == ["create", "create"]


def test_a_saved_plan_is_the_same_every_time_and_is_done_as_saved(bridge, place, trackers):
    hub, board = trackers
    assert bridge("plan", "app", "-o", "one.json").code == 0
    assert bridge("plan", "app", "-o", "two.json").code == 0
    assert (place / "one.json").read_bytes() == (place / "two.json").read_bytes()

    ended = bridge("apply", "one.json", "--json")

    assert ended.code == 0
    assert sorted(task.title for task in board.store.tasks.values()) == ["Export", "Login"]

    assert bridge("sync").code == 0

    writes = len(board.log) + len(hub.log)

    assert bridge("apply", "two.json").code == 0
    assert len(board.log) + len(hub.log) == writes


def test_an_item_that_moved_since_the_plan_is_left_out(bridge, place, trackers):
    hub, board = trackers
    bridge("plan", "app", "-o", "plan.json")
    hub.call("PATCH", "/repos/acme/app/issues/1", {"title": "Login, changed"}, who="alice")

    done = bridge("apply", "plan.json")

    assert (done.code, "1 item left out" in done.out) == (0, True)
    assert [task.title for task in board.store.tasks.values()] == ["Export"]


def test_a_sync_tells_each_link_what_it_did(bridge, place):
    [link] = json.loads(bridge("sync", "--json").out)

    assert (link["link"], link["state"], link["exit_code"]) == ("app", "done", 0)
    assert link["counts"]["created_right"] == 2

    ended = bridge("sync", "app")

    assert ended.code == 0
    assert "done" in ended.out
    assert ended.err == ""
    assert bridge("sync", "--full", "--quick").code == 0


def test_one_links_failure_stops_no_other_and_the_worst_decides(bridge, place, trackers):
    add(place, SECOND.format(repo="acme/absent"))
    ended = bridge("sync", "--json")
    states = {each["link"]: each["state"] for each in json.loads(ended.out)}

    assert states == {"app": "done", "other": "failed"}
    assert ended.code == 1
    assert bridge("sync", "app").code == 0
    assert "acme/absent" in bridge("sync", "other").out


MISTAKES = {
    "preset": (
        SECOND.format(repo="acme/app").replace("initial", 'preset = "jira-github"\ninitial'),
        'preset "jira-github"',
    ),
    "row": (
        SECOND.format(repo="acme/app") + '[[links.fields]]\nleft = "custom.Size"\nright = "title"\n',
        "custom.Size",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_configuration_of_one_link_stops_no_other(bridge, place, trackers, mistake):
    wrong, said = MISTAKES[mistake]
    add(place, wrong)

    ended = bridge("sync", "--json")

    reports = {each["link"]: each for each in json.loads(ended.out)}
    assert {name: each["state"] for name, each in reports.items()} == {"app": "done", "other": "refused"}
    assert said in reports["other"]["error"]
    assert (ended.code, reports["app"]["exit_code"], reports["other"]["exit_code"]) == (2, 0, 2)
    assert sorted(task.title for task in trackers[1].store.tasks.values()) == ["Export", "Login"]
    assert "refused" in bridge("sync").out
    assert bridge("sync", "app").code == bridge("status").code == 0
    alone = bridge("sync", "other")
    assert alone.code == 2
    assert said in alone.err


def test_a_link_that_is_said_to_join_other_places_stops_no_other(bridge, place, trackers):
    add(place, SECOND.format(repo="acme/absent"))
    bridge("sync")
    text = (place / "bridge.toml").read_text()
    (place / "bridge.toml").write_text(text.replace("acme/absent", "acme/web"))

    ended = bridge("sync", "--json")

    assert {each["link"]: each["state"] for each in json.loads(ended.out)} == {"app": "done", "other": "refused"}
    assert ended.code == bridge("sync", "other").code == bridge("plan", "other").code == 2
    assert "until now and joins hub:acme/web and board:Second" in bridge("config", "check", "--live").out


def test_a_plan_file_holds_one_link(bridge, place):
    add(place, SECOND.format(repo="acme/app"))

    assert bridge("plan", "-o", "plan.json").code == 2
    assert not (place / "plan.json").exists()


def test_a_link_that_another_process_holds_is_75(bridge, place):
    bridge("sync")
    with Store.open(f"sqlite:///{place}/bridge.db") as store:
        assert store.run_sync(leases.acquire, 1, "elsewhere:1", 60)

    ended = bridge("sync")

    assert ended.code == 75
    assert "locked" in ended.out
    assert "elsewhere:1" in bridge("status").out


@pytest.mark.parametrize("command", [["sync"], ["plan"]])
def test_a_host_that_does_not_answer_is_one_message_and_1(bridge, place, trackers, command):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    text = (place / "bridge.toml").read_text()
    (place / "bridge.toml").write_text(text.replace(trackers[0].url, nowhere))
    ended = bridge(*command)

    assert ended.code == 1
    assert nowhere.removeprefix("http://") in ended.out + ended.err


def test_an_unknown_repository_is_one_message_and_loses_nothing(bridge, place, trackers):
    _, board = trackers
    board.seed(tasks=[{"title": "Waits"}])
    text = (place / "bridge.toml").read_text()
    (place / "bridge.toml").write_text(text.replace("acme/app", "acme/nowhere"))

    ended = bridge("sync")
    said = " ".join((ended.out + ended.err).split())

    assert ended.code == 1
    assert "app (hub acme/nowhere ↔ board Engineering): GET " in said
    assert said.count("answered 404") == 1
    assert "check the name" in said
    with Store.open(f"sqlite:///{place}/bridge.db") as store:
        assert store.read_sync(inbox.counts, 1)["waiting"] == 1
    assert [box.log for box in trackers] == [[], []]
    assert [task.title for task in board.store.tasks.values()] == ["Waits"]


def test_check_live_names_an_unknown_repository_once(bridge, place):
    text = (place / "bridge.toml").read_text()
    (place / "bridge.toml").write_text(text.replace("acme/app", "acme/nowhere"))

    ended = bridge("config", "check", "--live")
    wrong = [line for line in ended.out.splitlines() if line.startswith("error")]

    assert ended.code == 1
    assert len(wrong) == 1
    assert "link app, left" in wrong[0]
    assert "acme/nowhere" in wrong[0]
    assert "check the name" in ended.out


def test_check_live_asks_both_trackers(bridge, place, monkeypatch):
    ended = bridge("config", "check", "--live")

    assert ended.code == 0
    assert "error" not in ended.out

    monkeypatch.setenv("BRIDGE_CONNECTIONS__BOARD__TOKEN", "tb_nobodys_key")
    ended = bridge("config", "check", "--live")

    assert ended.code == 1
    assert "error" in ended.out
    assert "tb_nobodys_key" not in ended.out + ended.err
    assert any(
        each["level"] == "error" for each in json.loads(bridge("config", "check", "--live", "--json").out)["findings"]
    )


def test_a_person_at_a_terminal_sees_progress_and_a_pipe_does_not(bridge, place):
    watched, shown = os.openpty()
    command = [sys.executable, "-m", "bridge", "sync"]
    environ = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=shown, env=environ, text=True) as process:
        os.close(shown)
        seen = b""
        while True:
            try:
                seen += os.read(watched, 4096)
            except OSError:  # the other end is closed
                break
        assert process.stdout is not None
        printed = process.stdout.read()
    os.close(watched)

    assert process.returncode == 0
    assert b"app: " in seen
    assert "\x1b[" not in printed
    assert bridge("sync").err == ""


def test_the_sandbox_says_how_to_reach_it_and_keeps_its_content(place, tmp_path):
    command = [sys.executable, "-m", "bridge", "sandbox", "--tracker", "github", "--state", str(tmp_path / "kept.json")]
    for generated in ("3", "0"):
        with subprocess.Popen(
            [*command, "--generate", generated, "--json"], stdout=subprocess.PIPE, text=True
        ) as process:
            [tracker] = json.loads(process.stdout.readline())["trackers"]
            _, issues = call(f"{tracker['url']}/repos/{tracker['container']}/issues", token=tracker["token"])
            process.send_signal(signal.SIGTERM)

        assert process.returncode == 0
        assert len(issues) == 3

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGINT)

    assert process.returncode == 0
    assert "[connections.github]" in said
    assert "export BRIDGE_CONNECTIONS__GITHUB__TOKEN=" in said


def test_a_sandbox_that_cannot_run_is_one_message(bridge, place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = bridge("sandbox", "--tracker", "github", "--port", str(taken.getsockname()[1]))

    assert ended.code == 1
    assert "--port" in ended.err
    assert bridge("sandbox", "--tracker", "jyra").code == 2

    (place / "kept.json").write_text("no state")

    assert bridge("sandbox", "--tracker", "github", "--state", "kept.json").code == 1


def test_the_page_about_the_command_line_has_every_command_and_option():
    from pathlib import Path

    from typer.main import get_command

    page = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    commands = get_command(tree).commands
    groups = {name for name, command in commands.items() if hasattr(command, "commands")}
    documented = {
        f"{first} {second}" if first in groups else first
        for first, second in re.findall(r"^\| `bridge ([a-z]+)(?: ([a-z]+))?", page, re.MULTILINE)
    }
    known = {name for name in commands if name not in groups}
    known |= {f"{name} {inner}" for name in groups for inner in commands[name].commands}

    assert documented == known
