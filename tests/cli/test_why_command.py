"""``bridge why`` says of every item and field exactly why it is not in step."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as text_of

from bridge.model import UNSET, Record, Ref
from mappings.text.shorten import shortened_line
from state import conflicts, history, inbox, intents, links, pairs, parked, runs
from state.codec import dump_base, dump_record
from state.conflicts import Asked, Clash, Sighting, Take
from state.history import Entry
from state.store import Store

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LEFT, RIGHT = "12", "0b7c51aa-7a37-4d3c-9a10-000000000001"
LEFT_FIELDS = {"title": "Fix", "description": None, "status": "open", "labels": ("bug",), "assignees": ()}
RIGHT_FIELDS = {"title": "Fix", "description": None, "status": "To Do", "labels": ("bug",), "assignee": None}
PEOPLE = '\n[[people]]\nhub = "alice"\nboard = "alice@example.com"\n'
LEAVING = """
[[links.fields]]
left = "status"
right = "status"
unknown = "leave"
map = [{ left = "open", right = "To Do" }]
"""


class Scene:
    """One pair and whatever is made to stand in its way."""

    def __init__(self, place: Path, bridge: Any) -> None:
        self.place = place
        self.bridge = bridge
        self.store = Store.open(f"sqlite:///{place}/bridge.db")
        self.link = self.store.run_sync(links.ensure, [links.Ends("app", "hub", "acme/app", "board", "Roadmap")])["app"]
        self.run = self.store.run_sync(runs.start_run, self.link, "timer", NOW)
        self.end_run("done")
        self.pair = 0

    def configure(self, more: str, in_link: str = "") -> None:
        text = (self.place / "bridge.toml").read_text()
        (self.place / "bridge.toml").write_text(text + in_link + more)

    def end_run(self, state: str, error: str = "") -> None:
        self.store.run_sync(
            lambda session: runs.finish_run(session, self.run, state=state, counts={}, now=NOW, error=error)
        )

    def add(self, left=None, right=None, base_left=None, base_right=None, status="live", reason="match") -> None:
        row = {
            "link_id": self.link,
            "kind": "task",
            "entity": "e",
            "left_id": LEFT,
            "right_id": RIGHT,
            "left": dump_record(
                Record(Ref("hub", "acme/app", "task", LEFT), LEFT_FIELDS | (left or {}), "v", NOW, "", None, "alice")
            ),
            "right": dump_record(
                Record(Ref("board", "Roadmap", "task", RIGHT), RIGHT_FIELDS | (right or {}), "w", NOW)
            ),
            "base_left": dump_base(base_left or {}),
            "base_right": dump_base(base_right or {}),
            "status": status,
            "reason": reason,
            "created_run": self.run,
            "settled_run": self.run,
        }
        self.pair = self.store.run_sync(pairs.add_one, row)

    def do(self, function, *args, **more) -> Any:
        return self.store.run_sync(lambda session: function(session, *args, **more))

    def park(self, side: str, field: str, reason: str, message: str = "It cannot.", hint: str = "Do this.") -> None:
        stuck = parked.Stuck("task", side, LEFT if side == "left" else RIGHT, reason, message, field, "Fix", "", hint)
        self.do(parked.park, self.link, [stuck], config_hash="c", now=NOW)

    def conflict(self, **more: Any) -> Any:
        clash = Clash(
            self.pair,
            "task",
            "title",
            "Fix",
            "Fix",
            "Fix",
            Sighting("Fix it", "v", NOW, "alice"),
            Sighting("Mend", "w"),
        )
        return self.do(conflicts.upsert_open, self.link, clash, run_id=self.run, now=NOW)

    def why(self, *words: str) -> dict[str, Any]:
        ended = self.bridge("why", LEFT, *words, "--json")
        assert ended.code == 0, ended.err
        [story] = json.loads(ended.out)
        return story

    def reason(self, field: str = "") -> dict[str, str] | None:
        """The only reason of a field, or of the item."""
        story = self.why(*([field] if field else []))
        found = story["fields"][0]["reasons"] if field else story["reasons"]
        assert len(found) <= 1, found
        if found:
            assert found[0]["message"] in self.bridge("why", LEFT, *([field] if field else [])).out.replace("\n", " ")
        return found[0] if found else None


@pytest.fixture
def scene(place, bridge):
    made = Scene(place, bridge)
    yield made
    made.store.close()


def codes(story: dict[str, Any]) -> dict[str, list[str]]:
    return {each["left_field"]: [one["code"] for one in each["reasons"]] for each in story["fields"] if each["reasons"]}


def test_what_is_in_step_has_no_reason(scene):
    scene.add()

    story = scene.why()

    assert (codes(story), story["reasons"]) == ({}, [])
    assert {each["state"] for each in story["fields"]} == {"settled"}


def test_who_and_when_and_which_run_and_rule_are_told(scene):
    scene.add()
    entry = Entry(
        scene.link,
        7,
        "task",
        "right",
        RIGHT,
        "update",
        NOW,
        scene.pair,
        "title",
        "Old",
        "Fix",
        "title: left changed (S9)",
    )
    scene.do(history.add_many, [entry])

    story = scene.why("title")

    last = story["fields"][0]["last_write"]
    assert (last["run_id"], last["rule"], last["before"]) == (7, "title: left changed (S9)", "Old")
    assert (story["left"]["changed_by"], story["left"]["changed_at"]) == ("alice", "2026-11-21T09:30:00Z")
    assert "by alice" in scene.bridge("why", LEFT).out


def test_a_conflict_is_named_with_how_to_resolve_it(scene):
    scene.add({"title": "Fix it"}, {"title": "Mend"}, {"title": "Fix"}, {"title": "Fix"})
    scene.conflict()

    reason = scene.reason("title")

    assert (reason["code"], reason["hint"]) == ("conflict", "bridge conflicts resolve 1 --take left")


def test_a_conflict_that_was_asked_about_says_so_and_a_decided_one_waits(scene):
    scene.add({"title": "Fix it"}, {"title": "Mend"}, {"title": "Fix"}, {"title": "Fix"})
    number, _ = scene.conflict()
    scene.do(lambda session: conflicts.ask(session, conflicts.get(session, number), "left", Asked("c9")))
    assert "answer the comment on the item (left)" in scene.reason("title")["hint"]

    scene.do(conflicts.decide, number, Take("left"), by="bob")

    assert scene.reason("title")["code"] == "waiting"
    assert "decided by bob" in scene.reason("title")["message"]


def test_a_parked_field_is_named_with_its_number(scene):
    scene.add({"title": "Fix it"}, base_left={"title": "Fix"})
    scene.park("left", "title", "too-long")

    reason = scene.reason("title")

    assert (reason["code"], reason["hint"]) == ("parked", "Do this. bridge parked retry 1")
    assert "parked (1, too-long)" in reason["message"]


def test_a_frozen_field_names_the_breaker(scene):
    scene.add({"title": "Fix it"}, base_left={"title": "Fix"})
    scene.park("left", "title", "frozen", hint='Find the bot, then: "bridge parked retry ID".')

    reason = scene.reason("title")

    assert (reason["code"], reason["hint"]) == ("frozen", 'Find the bot, then: "bridge parked retry 1".')


def test_a_parked_item_is_named_as_a_whole(scene):
    scene.add()
    scene.park("left", "", "rejected", "The tracker said no.")

    assert scene.reason()["code"] == "parked"


def test_a_value_without_a_word_on_the_other_side_is_unmapped(scene):
    scene.add({"status": "on fire"})

    reason = scene.reason("status")

    assert reason["code"] == "unmapped"
    assert "on fire" in reason["message"]


def test_a_value_that_its_row_leaves_where_it_is_says_so(scene):
    scene.configure("", LEAVING)
    scene.add({"status": "on fire"})

    reason = scene.reason("status")

    assert reason["code"] == "unmapped"
    assert "the row leaves such names where they are" in reason["message"]


def test_a_person_nobody_knows_is_said(scene):
    scene.configure(PEOPLE)
    scene.add({"assignees": ("dana",)})

    reason = scene.reason("assignees")

    assert reason["code"] == "unknown-person"
    assert "dana" in reason["message"]


def test_a_person_everybody_knows_is_in_step(scene):
    scene.configure(PEOPLE)
    scene.add({"assignees": ("alice",)}, {"assignee": "alice@example.com"})

    assert scene.reason("assignees") is None


@pytest.mark.parametrize(
    ("direction", "moved"),
    [("left-to-right", "right"), ("right-to-left", "left"), ("off", "left"), ("create-only", "left")],
)
def test_a_row_that_does_not_carry_this_change_is_the_reason(scene, direction, moved):
    scene.configure(f'\n[[links.fields]]\nleft = "title"\nright = "title"\ndirection = "{direction}"\n')
    sides = {"left": {"title": "Fix it"}} if moved == "left" else {"right": {"title": "Fix it"}}
    scene.add(**sides, **{f"base_{moved}": {"title": "Fix"}})

    reason = scene.reason("title")

    assert reason["code"] == "direction"
    assert direction in reason["message"]


def test_a_one_way_change_in_the_right_direction_waits(scene):
    scene.configure('\n[[links.fields]]\nleft = "title"\nright = "title"\ndirection = "left-to-right"\n')
    scene.add({"title": "Fix it"}, base_left={"title": "Fix"})

    assert scene.reason("title")["code"] == "waiting"


def test_both_sides_settled_and_different_is_drift(scene):
    scene.add({"title": "Fix it"})

    assert scene.reason("title")["code"] == "drift"


def test_texts_that_say_the_same_are_in_step_however_the_sides_write_them(scene):
    title = ("Mend the pump in the cellar. " * 8).strip()
    cut = shortened_line(title, 200)
    scene.add(
        {"description": "@\u200balice knows #\u200b7", "title": title}, {"description": "@alice knows #7", "title": cut}
    )

    assert (scene.reason("description"), scene.reason("title")) == (None, None)


def test_a_description_that_differs_at_rest_is_said_to_differ(scene):
    scene.add({"description": "It leaks.", "title": "Mend…"}, {"description": "It drips.", "title": "Mend it"})

    assert codes(scene.why()) == {"description": ["drift"], "title": ["drift"]}


def test_a_change_that_waits_is_said_with_its_side(scene):
    scene.add(right={"title": "Fix it"}, base_right={"title": "Fix"})

    assert scene.reason("title") == {
        "code": "waiting",
        "message": "right changed; the next run carries it over",
        "hint": "",
    }


def test_words_that_mean_the_same_and_white_space_are_in_step(scene):
    scene.add({"status": "closed", "description": "a\r\nb\n"}, {"status": "Done", "description": "a\nb"})

    assert codes(scene.why()) == {}


def test_an_announced_item_with_failed_attempts_says_when_it_is_tried_again(scene):
    scene.add()
    scene.do(inbox.announce, scene.link, "task", "left", [LEFT], NOW)
    item = scene.do(inbox.get_many, scene.link, "task", "left", [LEFT])[LEFT]
    scene.do(inbox.postpone, scene.link, "task", [item], NOW + timedelta(hours=1))

    reason = scene.reason()

    assert reason["code"] == "waiting"
    assert reason["message"] == "left: announced, not read yet, tried 1 times, not before 2026-11-21 10:30:00Z"


def test_a_write_without_an_answer_is_said(scene):
    scene.add()
    row = {
        "link_id": scene.link, "run_id": scene.run, "pair_id": scene.pair, "kind": "task", "side": "right",
        "verb": "update", "step": "update", "item_id": RIGHT, "source_id": None, "entity": "e", "marker": "",
        "create_key": None, "changes": "{}", "cursor": None, "state": "sent", "attempts": 1, "fence": 1,
        "created_at": NOW,
    }  # fmt: skip
    scene.do(intents.add_many, [row])

    assert scene.reason()["message"] == "a write to the right got no answer; the next run finds out first"


def test_an_item_without_a_partner_that_the_link_does_not_create_is_held(scene):
    record = dump_record(Record(Ref("hub", "acme/app", "task", LEFT), LEFT_FIELDS, "v"))
    scene.do(inbox.put, scene.link, "task", "left", [inbox.Arrival(LEFT, record)], initial=True, now=NOW)
    item = scene.do(inbox.get_many, scene.link, "task", "left", [LEFT])[LEFT]
    scene.do(inbox.hold, scene.link, "task", [item], "initial")

    reason = scene.reason()

    assert reason["code"] == "held"
    assert "match-then-create" in reason["hint"]


@pytest.mark.parametrize(
    ("state", "error", "code", "said"),
    [
        ("stopped", "", "budget", "at a ceiling"),
        ("guarded", "", "budget", "by the guard"),
        ("failed", "hub refused the token.", "failing", "hub refused the token."),
    ],
)
def test_a_last_run_that_did_not_get_through_is_a_reason_while_something_waits(scene, state, error, code, said):
    scene.end_run(state, error)
    scene.add(right={"title": "Fix it"}, base_right={"title": "Fix"})

    story = scene.why()

    (reason,) = story["reasons"]
    assert reason["code"] == code
    assert said in reason["message"]


def test_a_failed_run_is_no_reason_for_an_item_in_step(scene):
    scene.end_run("failed", "hub refused the token.")
    scene.add()

    assert scene.reason() is None


def test_a_link_that_is_switched_off_is_paused(scene):
    text = (scene.place / "bridge.toml").read_text()
    (scene.place / "bridge.toml").write_text(text + "enabled = false\n")
    scene.add()

    assert scene.reason()["code"] == "paused"


def test_a_link_that_was_taken_out_of_the_configuration_is_paused(scene):
    text = (scene.place / "bridge.toml").read_text()
    (scene.place / "bridge.toml").write_text(text.replace('name = "app"', 'name = "other"'))
    scene.add()

    assert "not in the configuration" in scene.reason()["message"]


def test_an_unlinked_pair_says_since_when_why_and_how_it_comes_back(scene):
    scene.add(status="unlinked", reason="hub answered 410")
    entry = Entry(scene.link, 5, "task", "left", LEFT, "unlink", NOW, scene.pair, rule="hub answered 410")
    scene.do(history.add_many, [entry])

    reason = scene.reason()

    assert reason["code"] == "unlinked"
    assert "since 2026-11-21 09:30:00Z (run 5): hub answered 410" in reason["message"]
    assert "bridge pairs relink acme/app#12" in reason["hint"]


def test_a_pair_that_a_filter_leaves_out_says_which_and_since_when(scene):
    text = (scene.place / "bridge.toml").read_text()
    filtered = text.replace('container = "acme/app"', 'container = "acme/app", filter = \'"sync" in item.labels\'')
    (scene.place / "bridge.toml").write_text(filtered)
    name = '="sync" in item.labels'
    scene.add({"title": "Fix it", name: False}, {}, base_left={"title": "Fix"})
    scene.do(lambda session: session.execute(text_of("UPDATE pair SET paused_at = :at"), {"at": NOW}))

    reason = scene.reason()

    assert reason["code"] == "out-of-scope"
    assert "out of scope since 2026-11-21 09:30:00Z: bridge.toml:" in reason["message"]
    assert 'left.filter is not true of the left: "sync" in item.labels' in reason["message"]


def test_a_pair_of_which_one_side_vanished_says_so(scene):
    scene.add(status="vanished", reason="hub answered 410")

    assert scene.reason()["code"] == "vanished"


def test_without_a_base_both_sides_count_as_moved(scene):
    scene.add({"title": "Fix it"}, base_left={"title": UNSET}, base_right={"title": UNSET})

    assert scene.reason("title")["code"] == "waiting"
