"""``bridge people``: who is who by which rule, who is nobody on the other side, and what could be written for them."""

from __future__ import annotations

import json

import pytest
from cli.conftest import CONFIG, NOW

from bridge.model import Person, Record, Ref
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
    board = [Person(f"{one}@example.com", f"{one}@example.com") for one in ("sam", "kim", "drew.field", "twin")]
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


def test_a_refresh_that_fails_is_told_and_ends_nothing(named, bridge):
    ended = bridge("people", "--refresh", "--json")

    (found,) = json.loads(ended.out)
    assert (ended.code, found["left"]["people"]) == (0, 5)
    assert found["left"]["error"]


def test_why_knows_who_is_known_by_e_mail(named, bridge):
    (story,) = json.loads(bridge("why", "acme/app#2", "--json").out)

    said = [reason["message"] for each in story["fields"] for reason in each.get("reasons", [])]
    assert not any('"kim"' in message for message in said)


def test_a_default_needs_a_name(named, bridge):
    file = named / "bridge.toml"
    file.write_text(file.read_text().replace('default_person = "lead@example.com"\n', ""))

    ended = bridge("people")

    assert ended.code == 2
    assert "default needs a default_person" in ended.err
