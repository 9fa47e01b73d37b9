"""``bridge people``: who is who by which rule, who is nobody on the other side, and what could be written for them."""

from __future__ import annotations

import json
import re

import pytest
from cli.conftest import CONFIG, NOW

from bridge.engine.who import Looks
from bridge.model import Person, Record, Ref
from bridge.sandbox.server import Sandbox
from state import directories, links, pairs
from state.codec import dump_record
from state.store import Store

PEOPLE = """
[[people]]
hub = "sam"
board = "sam@example.com"
"""


@pytest.fixture
def named(place):
    """Three issues that name sam, who has a row, kim, who has one address on both sides, and drew, who has neither."""
    text = CONFIG.replace(
        'type = "artala"', 'type = "artala"\nunknown_person = "default"\ndefault_person = "lead@example.com"'
    )
    (place / "bridge.toml").write_text(text + PEOPLE)
    with Store.open(f"sqlite:///{place}/bridge.db") as store:
        store.run_sync(_sow)
    return place


def _sow(session) -> None:
    link = links.ensure(session, [links.Ends("app", "hub", "acme/app", "board", "Roadmap")])["app"]
    hub = [
        Person("kim", "kim@example.com"),
        Person("sam"),
        Person("drew", "drew@home.example", "Drew Field"),
        Person("two", "twin@example.com"),
        Person("too", "Twin@example.com"),
    ]
    board = [Person(f"{one}@example.com", f"{one}@example.com") for one in ("sam", "kim", "drew.field", "twin", "lead")]
    directories.keep(session, "hub", "acme/app", hub, NOW)
    directories.keep(session, "board", "Roadmap", board, NOW)
    for number, people in enumerate((("sam",), ("kim", "drew"), ("drew",)), 1):
        left = Record(Ref("hub", "acme/app", "task", str(number)), {"assignees": people}, "1")
        right = Record(Ref("board", "Roadmap", "task", f"b{number}"), {"assignee": None}, "1")
        row = {
            "link_id": link, "kind": "task", "entity": f"e{number}", "left_id": str(number), "right_id": f"b{number}",
            "left": dump_record(left), "right": dump_record(right), "base_left": "{}", "base_right": "{}",
            "created_run": 1, "settled_run": 1, "status": "live", "reason": "",
        }  # fmt: skip
        pairs.add_many(session, [row])


def test_it_tells_who_is_known_how_and_who_is_nobody(named, bridge):
    ended = bridge("people", "app", "--json")

    (found,) = json.loads(ended.out)
    assert ended.code == 0
    assert [(one["left"], one["right"], one["by"], one["items"]["left"]) for one in found["known"]] == [
        ("sam", "sam@example.com", "row", 1),
        ("kim", "kim@example.com", "e-mail", 1),
    ]
    assert found["known"][0]["where"].startswith("bridge.toml:")
    assert found["unknown"] == [
        {
            "side": "left",
            "name": "drew",
            "items": 2,
            "shown": "Drew Field",
            "email": "drew@home.example",
            "instead": "lead@example.com",
            "suggested": ["drew.field@example.com"],
        }
    ]
    assert [one["email"] for one in found["ambiguous"]] == ["twin@example.com"]
    assert found["right"]["default_person"] == "lead@example.com"
    assert not found["right"]["default_person_is_missing"]


def test_the_table_ends_with_rows_to_paste(named, bridge):
    said = bridge("people").out

    assert '[[people]]\nhub = "drew"\nboard = "drew.field@example.com"' in said
    assert "lead@example.com" in said
    assert "twin@example.com is too, two on hub" in said

    with (named / "bridge.toml").open("a") as file:
        file.write(said[said.index("[[people]]") :])
    (found,) = json.loads(bridge("people", "--json").out)
    assert found["unknown"] == []
    assert bridge("config", "check").code == 0


def test_a_refresh_reads_both_lists_and_tells_of_one_that_fails(named, bridge, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "ghp_sandbox_bridge")
    monkeypatch.setenv("BRIDGE_CONNECTIONS__BOARD__TOKEN", "tb_sandbox_bridge")
    with Sandbox("github") as hub, Sandbox("artala") as board:
        hub.fault("permission_lost", status=403, path="/assignees$", times=9)
        file = named / "bridge.toml"
        for box in (hub, board):
            file.write_text(file.read_text().replace("http://127.0.0.1:9", box.url, 1))
        ended = bridge("people", "--refresh", "--json")

    (found,) = json.loads(ended.out)
    assert (ended.code, found["left"]["people"], found["right"]["people"]) == (0, 5, 7)
    assert "403" in found["left"]["error"]
    assert found["right"]["error"] == ""


def test_a_refresh_asks_nobody_where_no_list_may_be_read_and_says_so(named, bridge, monkeypatch):
    monkeypatch.setenv("BRIDGE_CONNECTIONS__HUB__TOKEN", "ghp_sandbox_bridge")
    monkeypatch.setenv("BRIDGE_CONNECTIONS__BOARD__TOKEN", "tb_sandbox_bridge")
    file = named / "bridge.toml"
    file.write_text(file.read_text().replace('type = "artala"', 'type = "artala"\npeople_every_s = 0'))
    with Sandbox("github") as hub, Sandbox("artala") as board:
        for box in (hub, board):
            file.write_text(file.read_text().replace("http://127.0.0.1:9", box.url, 1))
        ended = bridge("people", "--refresh")

        assert (ended.code, *(box.tracker.journal.counts.requests for box in (hub, board))) == (0, 0, 0)

    assert 'link "app": nobody is asked, for people_every_s = 0 on board.' in ended.err


def test_a_default_who_is_not_there_is_told(named, bridge):
    file = named / "bridge.toml"
    file.write_text(file.read_text().replace("lead@example.com", "laed@example.com"))

    assert "default_person of board, laed@example.com, is not on its list of people" in " ".join(
        bridge("people").out.split()
    )


def test_why_knows_who_is_known_by_e_mail(named, bridge):
    (story,) = json.loads(bridge("why", "acme/app#2", "--json").out)

    said = [reason["message"] for each in story["fields"] for reason in each.get("reasons", [])]
    assert not any('"kim"' in message for message in said)


def test_a_preview_knows_them_too_and_asks_nobody(named, bridge):
    file = named / "bridge.toml"
    file.write_text(re.sub("(unknown|default)_person = .*", "", file.read_text()))
    told = json.loads(bridge("map", "test", "app", "--json").out)

    assert [(lack["reason"], lack["value"]) for lack in told["kinds"][0]["lacks"]] == [("unknown-person", "drew")]
    assert told["requests"] == {"left": 0, "right": 0}


def test_lists_of_places_that_no_link_has_are_forgotten(named):
    with Store.open(f"sqlite:///{named}/bridge.db") as store:
        store.run_sync(directories.prune, {("hub", "acme/app")})
        kept = [store.read_sync(directories.get, *place) for place in (("hub", "acme/app"), ("board", "Roadmap"))]

    assert [len(each.people) for each in kept] == [5, 0]
    assert kept[1].read_at is None


def test_among_five_thousand_people_the_one_who_looks_alike_is_found():
    crowd = [Person(f"u{number:04}", None, f"Person {number * 7919:x} {number:04}") for number in range(5000)]
    looks = Looks([*crowd, Person("dfield", None, "Drew Field")])

    found = [looks.like(Person(f"x{number}", "drew.field@home.example", f"Nobody {number}")) for number in range(5)]

    assert {each[0] for each in found} == {"dfield"}


def test_a_default_needs_a_name(named, bridge):
    file = named / "bridge.toml"
    file.write_text(file.read_text().replace('default_person = "lead@example.com"\n', ""))

    ended = bridge("people")

    assert ended.code == 2
    assert "default needs a default_person" in ended.err
