"""The demo is told on the README's first screen, so it is run whole: real commands, real sandboxes, a real folder."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.config.example import example
from bridge.demo import stage
from bridge.errors import BridgeError
from bridge.sandbox.server import call

PATIENCE_S = 240


def typed(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bridge", *words],
        cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    place = tmp_path_factory.mktemp("anywhere")
    return place, typed("demo", cwd=place)


def test_the_demo_goes_as_told(shown):
    _, ended = shown

    assert (ended.returncode, ended.stderr) == (0, "")
    for line in (
        "$ bridge plan", "Plan: 4 to create, 1 to join without writing.", "$ bridge sync", "0 writes",
        "$ bridge conflicts resolve 1 --take left", "Settled: both sides agree on everything.",
    ):  # fmt: skip
        assert line in ended.stdout, line
    assert "\x1b[" not in ended.stdout


def test_the_demo_leaves_something_to_play_with(shown):
    place, ended = shown
    folder = place / "demo"

    assert {"bridge.toml", "bridge.db", "sandbox.json"} <= {file.name for file in folder.iterdir()}
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.glob("*.token"))

    [link] = json.loads(typed("status", "--json", cwd=folder).stdout)

    assert {name: link[name] for name in ("name", "pairs", "conflicts_open", "parked", "waiting")} == {
        "name": "app", "pairs": 5, "conflicts_open": 0, "parked": 0, "waiting": 0,
    }  # fmt: skip

    commands = re.findall(r"^\$ (.*?) {2}# ", ended.stdout, re.MULTILINE)

    assert len(commands) == 3
    for command in commands[:2]:
        ran = subprocess.run(command, shell=True, cwd=place, capture_output=True, text=True, check=False)

        assert ran.returncode == 0, ran.stderr


def test_the_trackers_of_the_demo_come_back_and_a_sync_writes_nothing(shown):
    place, ended = shown
    command = re.findall(r"^\$ (.* sandbox .*?) {2}# ", ended.stdout, re.MULTILINE)[0].split(" sandbox ", 1)[1].split()
    again = subprocess.Popen(
        [sys.executable, "-m", "bridge", "sandbox", *command, "--json"],
        cwd=place, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        running = json.loads(again.stdout.readline())["trackers"]
        ran = typed("sync", "--json", cwd=place / "demo")

        assert ran.returncode == 0, ran.stdout + ran.stderr
        for tracker in running:
            assert call(tracker["url"] + "/_sandbox/counts")[1]["writes"] == 0
    finally:
        again.send_signal(signal.SIGTERM)
        code = again.wait(timeout=PATIENCE_S)
        again.stdout.close()

    assert code == 0


def test_the_demos_configuration_is_the_shipped_example_but_for_a_few_values(shown):
    place, _ = shown
    ours = (place / "demo" / "bridge.toml").read_text().splitlines()
    parts = example().split("\n\n")
    shipped = [
        line
        for part in parts
        if "\n[connections." not in part or "[connections.artala]" in part or "[connections.github]" in part
        for line in part.splitlines()
    ]
    changed = {line.split(" = ")[0] for line in ours if line not in shipped and not line.startswith("#")}

    assert changed - {""} == {
        "base_url", "token_file", "requests_per_minute", "sweep_every", "write_interval_s", "initial",
    }  # fmt: skip


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    ended = typed("demo", str(tmp_path), cwd=tmp_path)

    assert ended.returncode == 1
    assert "is not a demo" in ended.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_demo_is_replaced_by_the_next_one(tmp_path):
    folder = tmp_path / "demo"
    stage.prepare(folder)
    (folder / "bridge.db").write_text("old")
    (folder / "notes.txt").write_text("mine")
    stage.prepare(folder)

    assert sorted(file.name for file in folder.iterdir()) == [stage.MARK, "notes.txt"]


def test_a_file_in_the_way_is_one_message(tmp_path):
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(BridgeError, match="is not a demo"):
        stage.prepare(tmp_path / "demo")

    assert (tmp_path / "demo").read_text() == "mine"
