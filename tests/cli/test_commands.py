"""What each command says and how it ends, over a state that a few runs left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib

import pytest

from bridge.cli import codes
from bridge.cli.app import main
from bridge.errors import LockedError
from bridge.version import __version__
from state import conflicts, inbox
from state.store import Store


def test_version_is_one_line_and_needs_nothing_heavy(bridge):
    assert bridge("--version").out == f"bridge {__version__}\n"

    script = "import sys; from bridge.cli.app import main; main(['--version']); print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert not {"typer", "rich", "pydantic", "sqlmodel", "httpx", "structlog"} & set(ran.stderr.split())


def test_every_command_explains_itself(bridge):
    said = bridge("--help")
    for code in ("0 settled", "1 error", "2 usage", "10 open", "11 parked", "12 stopped", "20 stopped", "75 locked"):
        assert code in " ".join(said.out.replace("│", " ").split())
    for command in (
        "init", "config check", "config schema", "plan", "apply", "sync", "run", "status", "conflicts list",
        "conflicts show", "conflicts resolve", "parked list", "parked retry", "history", "why", "sandbox", "demo",
        "completion",
    ):  # fmt: skip
        assert bridge(*command.split(), "--help").code == 0, command


@pytest.mark.parametrize(
    ("found", "expected"),
    [((), 0), ((0, 0), 0), ((10, 0), 10), ((11, 12, 10), 10), ((12, 11), 11), ((75, 10), 75), ((20, 75), 20), ((1, 20), 1),
     ((2, 1), 2), ((0, 3), 1)],
)  # fmt: skip
def test_the_worst_link_decides_the_exit_code(found, expected):
    assert codes.worst(found) == expected


# --- what is wrong ----------------------------------------------------------------------------------------------------


def test_no_configuration_is_one_message_and_2(bridge, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in (["status"], ["sync"], ["plan"], ["run"], ["config", "check"], ["history"], ["why", "1"]):
        ended = bridge(*command)

        assert ended.code == 2
        assert ended.out == ""
        assert ended.err.startswith("bridge: error: ")
        assert "bridge init" in ended.err


def test_every_mistake_of_a_configuration_is_said_at_once(bridge, place):
    text = (place / "bridge.toml").read_text()
    (place / "bridge.toml").write_text(text.replace("left =", "lefd =").replace('"github"', '"gitub"') + "colour = 1\n")
    ended = bridge("config", "check")

    assert ended.code == 2
    assert ended.err.count("bridge.toml:") >= 3


def test_toml_that_cannot_be_read_names_the_line(bridge, place):
    (place / "bridge.toml").write_text("[state]\nurl =\n")
    ended = bridge("sync")

    assert ended.code == 2
    assert "bridge.toml:2" in ended.err


@pytest.mark.parametrize(
    "command", [["sync", "ap"], ["plan", "ap"], ["history", "--link", "ap"], ["why", "12", "--link", "ap"]]
)
def test_an_unknown_link_is_2_and_names_the_nearest(bridge, seeded, command):
    ended = bridge(*command)

    assert ended.code == 2
    assert 'Did you mean "app"?' in ended.err


@pytest.mark.parametrize("command", [["status"], ["history"], ["conflicts", "list"], ["parked", "list"], ["why", "12"]])
def test_a_command_that_looks_makes_no_database(bridge, place, command):
    ended = bridge(*command)

    assert ended.code == 1
    assert "there is no database" in ended.err
    assert not (place / "bridge.db").exists()


def test_a_plan_file_that_is_none_is_2(bridge, place):
    (place / "x.json").write_text("{}")

    assert bridge("apply", "x.json").code == 2
    assert bridge("apply", "absent.json").code == 2
    assert "not a saved plan" in bridge("apply", "x.json").err


def test_a_command_that_does_not_exist_is_2_with_the_nearest(bridge):
    ended = bridge("snyc")

    assert ended.code == 2
    assert "sync" in ended.err


def test_a_bug_is_a_sentence_and_a_file_never_a_traceback(bridge, seeded, monkeypatch, tmp_path):
    def broken(*_args):
        raise ZeroDivisionError("with very-secret-token-of-hub")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("bridge.engine.overview.read", broken)
    ended = bridge("status")

    assert ended.code == 1
    assert "internal error: ZeroDivisionError" in ended.err
    [file] = tmp_path.glob("bridge-error-*.txt")
    assert str(file) in ended.err
    assert "Traceback" in file.read_text()
    assert "very-secret" not in ended.err + file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_a_locked_database_is_75(bridge, seeded, monkeypatch):
    def locked(*_args):
        raise LockedError("The database is held by another process.", hint="Try again.")

    monkeypatch.setattr("bridge.engine.overview.read", locked)

    assert bridge("status").code == 75


def test_ctrl_c_is_130(bridge, seeded, monkeypatch):
    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("bridge.engine.overview.read", interrupted)

    assert bridge("status").code == 130


def test_a_reader_that_goes_away_is_no_error(seeded):
    words = "import sys; from bridge.cli.app import main; sys.exit(main(['history', '--json', '-n', '10000']))"
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run([sys.executable, "-c", words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)

    assert ran.returncode == 141
    assert ran.stderr == ""


# --- what the state says ----------------------------------------------------------------------------------------------


def test_status_counts_what_waits(bridge, seeded):
    [link] = json.loads(bridge("status", "--json").out)

    assert {name: link[name] for name in ("name", "pairs", "waiting", "conflicts_open", "parked")} == {
        "name": "app", "pairs": 1, "waiting": 1, "conflicts_open": 1, "parked": 1,
    }  # fmt: skip
    assert link["last_run"]["state"] == "done"

    ended = bridge("status")

    assert ended.code == 0
    assert "hub acme/app ↔ board Roadmap" in ended.out
    assert "1 open conflict" in ended.out
    assert "\x1b[" not in ended.out


def test_history_tells_what_stood_there_before(bridge, seeded):
    [entry] = json.loads(bridge("history", "--json").out)

    assert (entry["field"], entry["before"], entry["after"]) == ("labels", ["bug"], ["bug", "ui"])
    assert "bug → " not in bridge("history").out
    assert "S10" in bridge("history", "--link", "app").out
    assert json.loads(bridge("history", "--run", "99", "--json").out) == []


@pytest.mark.parametrize(
    "item",
    ["12", "#12", "acme/app#12", "ACME/app#12", "hub:12", "https://hub.example/acme/app/issues/12", "0b7c51aa",
     "https://hub.example/acme/app/issues/12/#issuecomment-1", "board:0b7c51aa-7a37-4d3c-9a10-000000000001"],
)  # fmt: skip
def test_why_finds_an_item_however_it_is_named(bridge, seeded, item):
    [story] = json.loads(bridge("why", item, "--json").out)

    assert (story["left"]["id"], story["title"]) == ("12", "Fix the login")


def test_why_tells_values_base_conflict_parked_and_history(bridge, seeded):
    [story] = json.loads(bridge("why", "12", "--json").out)
    fields = {field["left_field"]: field for field in story["fields"]}

    assert fields["title"]["state"] == "conflict"
    assert (fields["title"]["base_left"], fields["title"]["left"], fields["title"]["right"]) == (
        "Fix", "Fix the login", "Fix login form",
    )  # fmt: skip
    assert fields["assignees"]["state"] == "parked"
    assert fields["status"]["state"] == "settled"
    assert [entry["field"] for entry in story["history"]] == ["labels"]

    shown = bridge("why", "12").out

    assert "bridge conflicts resolve 1" in shown
    assert "Nobody is known as dana on hub. Add a row to people." in shown


def test_why_of_one_field_is_about_that_field(bridge, seeded):
    [story] = json.loads(bridge("why", "12", "status", "--json").out)

    assert [field["left_field"] for field in story["fields"]] == ["status"]
    assert story["history"] == []
    assert bridge("why", "12", "colour").code == 2


def test_why_knows_an_item_without_a_partner_and_admits_what_it_does_not_know(bridge, seeded):
    [story] = json.loads(bridge("why", "acme/app#13", "--json").out)

    assert (story["pair"], story["title"]) == (None, "New")
    assert "no partner" in bridge("why", "13").out

    for item in ("77", "other/app#12", "board:12", "https://hub.example/acme/app/issues/77"):
        assert bridge("why", item).code == 2


# --- what a person decides --------------------------------------------------------------------------------------------


def test_a_conflict_stays_visible_until_resolved(bridge, seeded):
    [conflict] = json.loads(bridge("conflicts", "list", "--json").out)

    assert (conflict["state"], conflict["left"]["value"]) == ("open", "Fix the login")
    assert "Fix login form" in bridge("conflicts", "list").out
    assert "both held" in bridge("conflicts", "show", "1").out

    ended = bridge("conflicts", "resolve", "1", "--take", "right")

    assert ended.code == 0
    assert "bridge sync app" in ended.out

    [conflict] = json.loads(bridge("conflicts", "list", "--json").out)

    assert (conflict["state"], conflict["decision"]) == ("decided", {"take": "right"})
    with Store.open(f"sqlite:///{seeded}/bridge.db") as store:
        assert store.read_sync(conflicts.get, 1).decision == conflicts.Take("right")


def test_a_conflict_can_be_resolved_by_a_value(bridge, seeded):
    assert bridge("conflicts", "resolve", "1", "--value", "Fix the login form").code == 0

    [conflict] = json.loads(bridge("conflicts", "show", "1", "--json").out)

    assert conflict["decision"] == {"value": "Fix the login form", "side": "left"}


@pytest.mark.parametrize(
    "words", [["1"], ["1", "--take", "left", "--value", "x"], ["1", "--take", "up"], ["9", "--take", "left"], ["x"]]
)
def test_a_decision_that_is_none_is_2_and_changes_nothing(bridge, seeded, words):
    assert bridge("conflicts", "resolve", *words).code == 2

    [conflict] = json.loads(bridge("conflicts", "list", "--json").out)

    assert conflict["state"] == "open"


def test_retrying_lets_go_and_wakes_the_item(bridge, seeded):
    [row] = json.loads(bridge("parked", "list", "--json").out)

    assert (row["reason"], row["field"], row["link"]) == ("unknown-person", "assignee", "app")
    assert "dana" in bridge("parked", "list").out
    assert bridge("parked", "retry").code == 2
    assert bridge("parked", "retry", "7").code == 2
    assert bridge("parked", "retry", "1").code == 0
    assert bridge("parked", "list").out == "Nothing is parked.\n"
    with Store.open(f"sqlite:///{seeded}/bridge.db") as store:
        assert store.read_sync(inbox.counts, 1)["waiting"] == 2


# --- to start with ----------------------------------------------------------------------------------------------------


def test_init_writes_a_configuration_once(bridge, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert bridge("init").code == 0
    assert tomllib.loads((tmp_path / "bridge.toml").read_text())["links"]

    (tmp_path / "bridge.toml").write_text("mine")

    assert bridge("init").code == 2
    assert (tmp_path / "bridge.toml").read_text() == "mine"
    assert bridge("init", "--force").code == 0
    assert bridge("init", "absent/bridge.toml").code == 1
    assert bridge("init", "--all", "all.toml").code == 0
    assert len((tmp_path / "all.toml").read_text()) > len((tmp_path / "bridge.toml").read_text())


def test_what_init_writes_is_a_good_configuration(bridge, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_CONNECTIONS__ARTALA__TOKEN", "tb_of_a_test")
    monkeypatch.setenv("BRIDGE_CONNECTIONS__GITHUB__TOKEN", "ghp_of_a_test")
    short = ["--board", "Road map", "--repository", "me/mine", "--link", "mine"]
    for words, said in ((short, "2 connections, 1 link"), (["--all"], "8 connections, 1 link")):
        assert bridge("init", "--force", *words).code == 0
        assert said in bridge("config", "check").out


def test_the_schema_describes_a_link(bridge):
    assert "links" in json.loads(bridge("config", "schema").out)["properties"]


def test_a_good_configuration_is_said_to_be_one(bridge, place):
    assert "2 connections, 1 link" in bridge("config", "check").out
    assert json.loads(bridge("config", "check", "--json").out)["valid"] is True


def test_a_warning_is_a_line_on_stderr_and_no_failure(bridge, place, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONECTIONS__HUB__TOKEN", "x")
    ended = bridge("config", "check", "--json")

    assert ended.code == 0
    assert json.loads(ended.out)["valid"] is True
    assert ended.err.startswith("bridge: warning: ")
    assert "BRIDGE_CONECTIONS__HUB__TOKEN" in ended.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(bridge, shell):
    assert "_BRIDGE_COMPLETE" in bridge("completion", shell).out


def test_completion_knows_the_commands(monkeypatch, capsys):
    monkeypatch.setenv("_BRIDGE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "bridge config che")
    monkeypatch.setenv("COMP_CWORD", "2")
    main([])

    assert capsys.readouterr().out.split() == ["check"]


def test_completion_of_an_unknown_shell_is_2(bridge):
    assert bridge("completion", "tcsh").code == 2


def test_a_kind_that_a_tracker_lacks_is_told_with_its_reason_before_anything_runs(bridge, place):
    config = place / "bridge.toml"
    config.write_text(config.read_text() + 'kinds = ["task", "time_entry"]\n')

    ended = bridge("config", "check")

    assert ended.code == 2
    assert "left hub has no time_entry: GitHub has no time tracking" in " ".join(ended.out.split())
    assert "Take time_entry out of kinds." in ended.out
    assert "no preset" not in ended.out
    assert "right board cannot update a time_entry" in " ".join(ended.out.split())
    assert not (place / "bridge.db").exists()
