"""What a row asks for and a tracker does not have is said with its place in the configuration."""

from __future__ import annotations

import pytest

from bridge.sandbox.server import Sandbox

CONFIG = """
[connections.hub]
type = "github"
base_url = "{hub}"

[connections.board]
type = "artala"
base_url = "{board}"
requests_per_minute = 0

[[links]]
name = "app"
left = {{ connection = "hub", container = "acme/app" }}
right = {{ connection = "board", container = "Engineering" }}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "ghp_sandbox_bridge")
    monkeypatch.setenv("BRIDGE_CONNECTIONS__BOARD__TOKEN", "tb_sandbox_bridge")
    with Sandbox("github") as hub, Sandbox("artala") as board:
        (tmp_path / "bridge.toml").write_text(CONFIG.format(hub=hub.url, board=board.url))
        yield tmp_path


def add(place, text: str) -> None:
    with (place / "bridge.toml").open("a") as file:
        file.write(text)


def test_every_field_that_a_tracker_does_not_have_is_named_with_line_column_and_the_nearest_there_is(bridge, place):
    add(place, '[[links.fields]]\nleft = "titel"\nright = "title"\n[[links.fields]]\nleft = "body"\nright = "zzz"\n')

    live = bridge("config", "check", "--live")
    run = bridge("sync")

    said = " ".join(live.out.split())

    assert live.code == 1
    assert (
        'bridge.toml:16:1: link "app", row "titel = title": the left side (hub) has no field "titel" '
        '(did you mean "title"?)'
    ) in said
    assert 'bridge.toml:19:1: link "app", row "body = zzz": the left side (hub) has no field "body"' in said
    assert (
        'bridge.toml:20:1: link "app", row "body = zzz": the right side (board) has no field "zzz" A task there has: '
    ) in said
    assert run.code == 2
    assert 'error: bridge.toml:16:1: link "app", row "titel = title": the left side' in run.err


def test_a_name_in_a_map_that_a_tracker_does_not_have_is_named_with_its_place(bridge, place):
    add(
        place,
        '[[links.fields]]\nleft = "status"\nright = "status"\nmap = [\n'
        '  { left = "open", right = ["To Do", "Doen"] },\n  { left = "closed", right = "Done" },\n]\n',
    )

    live = bridge("config", "check", "--live")

    assert live.code == 1
    assert "bridge.toml:19:38: link app, right board:Engineering (task): " in live.out
    assert 'Did you mean "Done"?' in live.out


WRONG = """
[[links.fields]]
left = "status"
right = "status"
map = [
    { left = "open", right = "Doing" },
    { left = "clsed", right = "Done" },
]

[[links.fields]]
left = "title"
right = "labels"

[[links.fields]]
left = "body"
right = "custom.Notes"

[[links.fields]]
expression = "item.labels"
right = "title"
"""


def test_without_asking_a_tracker_each_row_that_cannot_be_is_named_with_its_place(bridge, place):
    add(place, WRONG.replace('left = "body"', 'left = "description"').replace("item.labels", "item.title"))

    ended = bridge("config", "check")
    said = " ".join(ended.out.split())

    assert ended.code == 2
    assert 'bridge.toml:21:7: link "app", row "status = status": left "status" has no "clsed"' in said
    assert '(did you mean "closed"?)' in said
    assert (
        'bridge.toml:26:1: link "app", row "title = labels": "title" (line) cannot be joined to "labels" (set)' in said
    )
    assert "custom.Notes" not in said
    assert "2 connections, 1 link" in said


def test_without_asking_a_tracker_fields_expressions_and_filters_are_compared_with_what_it_has(bridge, place):
    text = (place / "bridge.toml").read_text()
    text = text.replace('"Engineering" }', '"Engineering", filter = "item.titel == \'x\'" }')
    (place / "bridge.toml").write_text(text)
    add(place, WRONG)

    ended = bridge("config", "check")
    said = " ".join(ended.out.split())

    assert ended.code == 2
    assert (
        'bridge.toml:14:60: link "app", right.filter: there is no field item.titel (did you mean "item.title"?)' in said
    )
    assert 'bridge.toml:29:1: link "app", row "body = custom.Notes": the left side (hub) has no field "body"' in said
    assert 'has no field "custom.Notes"' not in said


@pytest.mark.parametrize(
    "more",
    [
        '[[links.fields]]\nleft = "description"\nright = "custom.Notes"\n',
        '[[links.fields]]\nexpression = \'item.custom["Points"] > 3.0 ? "big" : "small"\'\nleft = "milestone"\n',
        '[[links.fields]]\nleft = "milestone"\nright = "custom.Release"\ndirection = "off"\n',
    ],
)
def test_what_only_the_tracker_can_tell_is_no_mistake_before_it_is_asked(bridge, place, more):
    add(place, more)

    ended = bridge("config", "check")

    assert (ended.code, ended.err) == (0, "")
