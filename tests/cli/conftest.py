"""A configuration and a state database as a few runs would leave them, made through the state's own functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.cli.app import main
from bridge.model import Record, Ref
from state import conflicts, history, inbox, links, pairs, parked, runs
from state.codec import dump_record
from state.store import Store

CONFIG = """
[state]
url = "sqlite:///bridge.db"

[connections.hub]
type = "github"
base_url = "http://127.0.0.1:9"

[connections.board]
type = "artala"
base_url = "http://127.0.0.1:9"

[[links]]
name = "app"
left = { connection = "hub", container = "acme/app" }
right = { connection = "board", container = "Roadmap" }
"""

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LEFT = Ref("hub", "acme/app", "task", "12")
RIGHT = Ref("board", "Roadmap", "task", "0b7c51aa-7a37-4d3c-9a10-000000000001")
HELD = Ref("hub", "acme/app", "task", "13")


@dataclass
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "very-secret-token-of-hub")
    monkeypatch.setenv("BRIDGE_CONNECTIONS__BOARD__TOKEN", "very-secret-token-of-board")
    (tmp_path / "bridge.toml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def bridge(capsys):
    def run(*words: str) -> Ended:
        capsys.readouterr()  # what the preparations logged
        code = main(list(words))
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Ended(code, said.out, said.err)

    return run


@pytest.fixture
def seeded(place) -> Path:
    """One pair with a conflict on its title, one parked field, one item without a partner, one finished run."""
    with Store.open(f"sqlite:///{place}/bridge.db") as store:
        store.run_sync(_sow)
    return place


def _sow(session) -> None:
    link = links.ensure(session, [links.Ends("app", "hub", "acme/app", "board", "Roadmap")])["app"]
    run = runs.start_run(session, link, "timer", NOW)
    left = Record(
        LEFT,
        {"title": "Fix the login", "status": "open", "labels": ("bug", "ui")},
        "v2",
        NOW,
        "https://hub.example/acme/app/issues/12",
    )
    right = Record(RIGHT, {"title": "Fix login form", "status": "To Do", "labels": ("bug",)}, "w2", NOW, "")
    row = {
        "link_id": link,
        "kind": "task",
        "entity": "e1",
        "left_id": LEFT.id,
        "right_id": RIGHT.id,
        "left": dump_record(left),
        "right": dump_record(right),
        "base_left": '{"title":["Fix"]}',
        "base_right": '{"title":["Fix"]}',
        "created_run": run,
        "settled_run": run,
        "status": "live",
        "reason": "",
    }
    pairs.add_many(session, [row])
    pair = pairs.by_items(session, link, "task", "left", ["12"])["12"].id
    clash = conflicts.Clash(
        pair, "task", "title", "Fix", "Fix", "Fix",
        conflicts.Sighting("Fix the login", "v2", NOW, "alice"), conflicts.Sighting("Fix login form", "w2", NOW),
    )  # fmt: skip
    conflicts.upsert_open(session, link, clash, run_id=run, now=NOW)
    stuck = parked.Stuck(
        "task", "right", RIGHT.id, "unknown-person", "Nobody is known as dana on hub.", "assignee", "Fix",
        hint="Add a row to people.",
    )  # fmt: skip
    parked.park(session, link, [stuck], config_hash="c", now=NOW)
    arrival = inbox.Arrival("13", dump_record(Record(HELD, {"title": "New"}, "v1")))
    inbox.put(session, link, "task", "left", [arrival], initial=True, now=NOW)
    history.add_many(
        session,
        [
            history.Entry(
                link, run, "task", "right", RIGHT.id, "update", NOW, pair, "labels", ("bug",), ("bug", "ui"), "S10"
            )
        ],
    )
    runs.finish_run(session, run, state="done", counts={"pulled": 2}, now=NOW)
