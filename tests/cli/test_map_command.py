"""``bridge map show`` and ``bridge map test``: what a mapping is and does, without a write anywhere."""

from __future__ import annotations

import hashlib
import json
import sqlite3

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

[[people]]
hub = "alicia"
board = "sam@example.com"

[[links]]
name = "app"
left = {{ connection = "hub", container = "acme/app" }}
right = {{ connection = "board", container = "Engineering" }}
initial = "match-then-create"
"""
ROWS = """
[[links.fields]]
left = "type"
right = "priority"
map = [{ left = "Bug", right = "High" }, { left = "Feature", right = "Medium" }]

[[links.fields]]
left = "milestone"
right = "estimate_points"
direction = "off"
"""


@pytest.fixture
def trackers():
    with Sandbox("github") as hub, Sandbox("artala") as board:
        hub.seed(
            issues=[
                {"title": "Login", "body": "old", "labels": ["bug"], "assignees": ["alice"]},
                {"title": "x" * 250},
                {"title": "Token tb_sandbox_bridge", "state": "closed"},
            ]
        )
        board.seed(tasks=[{"title": "Doing it", "status": "In Progress"}])
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


def digest(place) -> str:
    """Everything the database holds, whatever its file looks like."""
    with sqlite3.connect(place / "bridge.db") as database:
        return hashlib.sha256("\n".join(database.iterdump()).encode()).hexdigest()


COMPUTED = """
[[links.fields]]
expression = '"<" + item.title + ">"'
right = "description"
"""


# --- show -------------------------------------------------------------------------------------------------------------


def test_the_table_shows_each_row_with_where_it_comes_from_and_asks_nobody(bridge, place):
    add(place, ROWS)
    text = (place / "bridge.toml").read_text()
    (place / "bridge.toml").write_text(text.replace("http://127.0.0.1:", "http://127.0.0.1:9/"))  # nobody is there

    ended = bridge("map", "show", "app")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]

    assert (ended.code, ended.err) == (0, "")
    assert "tasks, preset github-artala" in lines
    assert "status ⇄ status map manual preset" in lines
    assert "type ⇄ priority map manual bridge.toml:22" in lines
    assert "milestone off estimate_points not at all manual bridge.toml:27" in lines
    assert any("Bug = High" in line for line in lines)
    assert any(line.startswith("not carried of hub (off, bridge.toml:27): milestone") for line in lines)
    assert any(line.startswith("not carried of board (no row): cover_color, due_on") for line in lines)
    assert any(line.startswith("time entries: hub has none: GitHub has no time tracking") for line in lines)
    assert "requests" not in ended.out
    assert not (place / "bridge.db").exists()


def test_the_table_as_json_has_types_limits_groups_and_reasons(bridge, place):
    add(place, ROWS.replace("[[links.fields]]", "[[links.fields]]\nconflict = 'left'", 1))

    told = json.loads(bridge("map", "show", "app", "--json").out)
    rows = {row["left"]["field"]: row for row in told["kinds"][0]["rows"]}

    assert (told["link"], told["left"], told["requests"]) == ("app", {"connection": "hub", "container": "acme/app"}, 0)
    assert rows["title"]["left"] == {"field": "title", "type": "line", "dialect": "plain", "limits": ["≤256"]}
    assert rows["title"]["origin"] == "preset github-artala"
    assert rows["title"]["compared"] == "blanks around it do not count"
    assert rows["type"]["groups"] == [
        {"left": ["Bug"], "right": ["High"]},
        {"left": ["Feature"], "right": ["Medium"]},
    ]
    assert (rows["type"]["conflict"], rows["status"]["conflict"]) == ("left", "manual")
    assert rows["status"]["carried_by"] == "map"
    assert {"field": "number", "why": "no row, read only"} in told["kinds"][0]["not_carried"]["left"]
    assert set(told["not_in_step"]) == {"label", "comment", "time_entry"}


def test_a_custom_field_is_shown_as_it_is_written_and_looked_up_with_live(bridge, place):
    add(place, '[[links.fields]]\nleft = "milestone"\nright = "custom.Release"\n')

    ended = bridge("map", "show", "app")
    live = bridge("map", "show", "app", "--live")

    assert ended.code == 0
    assert "custom.Release" in ended.out
    assert "--live asks the trackers for their custom fields" in " ".join(ended.out.split())
    assert live.code == 2
    assert 'bridge.toml:23:1: link "app", row "milestone = custom.Release": ' in live.err


def test_rows_with_an_expression_or_a_constant_are_rows_as_others(bridge, place):
    add(place, COMPUTED)

    ended = bridge("map", "show", "app")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    told = json.loads(bridge("map", "show", "app", "--json").out)

    assert (ended.code, ended.err) == (0, "")
    assert any(line.startswith('= "<" + item.title + ">" → description') for line in lines), ended.out
    assert "//" not in ended.out
    assert told["requests"] == 0

    text = (place / "bridge.toml").read_text()
    (place / "bridge.toml").write_text(text.replace("item.title", "item.custom.Goal"))
    ended = bridge("map", "show", "app")

    assert ended.code == 0
    assert "--live asks the trackers for their custom fields" in " ".join(ended.out.split())


def test_what_a_filter_leaves_out_is_not_tried(bridge, place, trackers):
    text = (place / "bridge.toml").read_text()
    here = 'connection = "hub", container = "acme/app"'
    filtered = text.replace(here, here + """, filter = 'item.title == "Login"'""")
    assert filtered != text
    (place / "bridge.toml").write_text(filtered + COMPUTED)

    table = " ".join(bridge("map", "show", "app").out.split())
    end = json.loads(bridge("map", "show", "app", "--json").out)["left"]
    listed = json.loads(bridge("map", "test", "app", "--json").out)["kinds"][0]
    bridge("sync")
    known = json.loads(bridge("map", "test", "app", "--json").out)

    assert 'left.filter): item.title == "Login"' in table
    assert end["filter"] == 'item.title == "Login"'
    assert (listed["items"]["left"], listed["out_of_scope"]) == (1, {"left": 2, "right": 0})
    assert known["kinds"][0]["source"] == "state"
    assert (known["kinds"][0]["items"]["left"], known["kinds"][0]["out_of_scope"]["left"]) == (
        1,
        3,
    )  # and the copy of the board's task
    assert known["requests"] == {"left": 0, "right": 0}


def test_a_link_that_is_not_there_is_a_mistake(bridge, place):
    assert bridge("map", "show", "ap").code == 2
    assert bridge("map", "test", "ap").code == 2
    assert bridge("map", "test", "app", "--kind", "label").code == 2


# --- test -------------------------------------------------------------------------------------------------------------


def test_real_items_are_tried_and_nothing_is_written_anywhere(bridge, place, trackers):
    ended = bridge("map", "test", "app")
    said = " ".join(ended.out.split())

    assert (ended.code, ended.err) == (11, "")
    assert "tasks: 3 of hub, 1 of board, as listed now" in said
    assert 'board status: "In Progress" → "open" → "To Do" Doing it board:' in said
    assert 'hub assignees "alice": nobody on board. Did you mean "alicia"? 1 item' in said
    assert "Login https://github.example/acme/app/issues/1" in said
    assert (
        "Cut on the other side hub title by up to 50; only its beginning is written there, and never comes back. 1 item"
        in said
    )
    assert "hub → board: 9 values, 8 carried, 1 held back." in said
    assert "board → hub: 2 values, 2 carried, 1 of them come back otherwise." in said
    assert "tb_sandbox_bridge" not in ended.out
    assert [box.log for box in trackers] == [[], []]
    assert not (place / "bridge.db").exists()


def test_what_the_database_remembers_is_tried_without_a_request_and_it_stays_as_it_is(bridge, place, trackers):
    bridge("sync")
    writes, before = [list(box.log) for box in trackers], digest(place)

    told = json.loads(bridge("map", "test", "app", "--json").out)
    (kind,) = told["kinds"]

    assert told["requests"] == {"left": 0, "right": 0}
    assert kind["source"] == "state"
    assert kind["items"] == {"left": 4, "right": 4}
    assert [(lack["field"], lack["reason"], lack["over"]) for lack in kind["lacks"]] == [
        ("assignees", "unknown-person", 0),
        ("title", "truncated", 50),
    ]
    assert [box.log for box in trackers] == writes
    assert digest(place) == before

    live = json.loads(bridge("map", "test", "app", "--live", "--json").out)

    assert live["kinds"][0]["source"] == "trackers"
    assert live["requests"]["left"] > 0
    assert [box.log for box in trackers] == writes
    assert digest(place) == before


def test_values_that_were_never_read_are_told_of_and_no_trouble(bridge, place, trackers):
    hub, _ = trackers
    hub.call("PATCH", "/repos/acme/app/issues/2", {"title": "short"}, who="alice")
    bridge("sync")
    with sqlite3.connect(place / "bridge.db") as database:  # as before a row for labels was there
        database.execute("""UPDATE pair SET "left" = replace("left", '"labels"', '"older"')""")

    (kind,) = json.loads(bridge("map", "test", "app", "--json").out)["kinds"]
    ways = {row["left"]: row["ways"] for row in kind["rows"]}

    assert {way["from"]: way["counts"]["unread"] for way in ways["labels"]} == {"left": 4, "right": 0}
    assert "4 values of labels wait to be read first, because their row is new: --live reads them now" in " ".join(
        bridge("map", "test", "app").out.split()
    )


def test_a_sample_is_no_larger_than_asked_for(bridge, place, trackers):
    hub, _ = trackers
    hub.seed(issues=[{"title": f"More {number}"} for number in range(30)])

    few = json.loads(bridge("map", "test", "app", "--sample", "2", "--json").out)
    bridge("sync")
    known = json.loads(bridge("map", "test", "app", "--sample", "5", "--json").out)

    assert few["kinds"][0]["items"] == {"left": 2, "right": 1}
    assert known["kinds"][0]["items"] == {"left": 5, "right": 5}


def test_a_mapping_that_carries_everything_ends_with_0(bridge, place, trackers):
    hub, _ = trackers
    hub.call("PATCH", "/repos/acme/app/issues/1", {"assignees": []}, who="alice")
    hub.call("PATCH", "/repos/acme/app/issues/2", {"title": "short"}, who="alice")

    ended = bridge("map", "test", "app")

    assert ended.code == 0
    assert "held back" not in ended.out
    assert json.loads(bridge("map", "test", "app", "--json").out)["carried"] is True


def test_comments_are_tried_with_the_line_of_their_author_and_their_tasks_partners(bridge, place, trackers):
    hub, _ = trackers
    hub.call("POST", "/repos/acme/app/issues/1/comments", {"body": "I saw **it** too"}, who="alice")
    add(place, 'kinds = ["task", "comment"]\n')

    first = json.loads(bridge("map", "test", "app", "--kind", "comment", "--json").out)
    bridge("sync")
    then = json.loads(bridge("map", "test", "app", "--kind", "comment", "--json").out)
    counts = [
        {row["left"]: way["counts"] for row in told["kinds"][0]["rows"] for way in row["ways"] if way["from"] == "left"}
        for told in (first, then)
    ]

    assert (counts[0]["task"]["waits"], counts[0]["body"]["same"]) == (1, 1)
    assert (counts[1]["task"]["same"], counts[1]["body"]["same"]) == (1, 1)
    assert then["kinds"][0]["items"] == {"left": 1, "right": 1}
    assert then["carried"] is True
