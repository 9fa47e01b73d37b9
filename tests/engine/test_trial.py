"""What becomes of values that go through rows and back: nothing is lost from the count, and nothing is guessed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.engine.trial import Sample, passage, try_out
from bridge.model import SIDES, FieldSpec, FieldType, Record, Ref
from mappings.choice import Choice
from mappings.fallback import Unknown
from mappings.lenses import Rounded, Same
from mappings.people import People
from mappings.prefix import Prefix
from mappings.references import References
from mappings.rows import Row

SAME = Same()
NAMES = ("To Do", "In Progress", "Done", "Blocked", "Dnoe")
STATUS = Choice.of([(["To Do", "In Progress"], ["open"]), (["Done"], ["closed"])], what="status")
PEOPLE = People.of([("alice", "alice@example.com")], "hub", "board")


def row(name: str, type_: FieldType, lens: Any = SAME, direction: Any = "both", **more: Any) -> Row:
    specs = [FieldSpec(name, type_, **more.get(side, {})) for side in SIDES]
    return Row(name, name, direction, "manual", lens, specs[0], specs[1], type_.is_set, "bridge.toml:7")


ROWS = (
    row("title", FieldType.LINE, right={"max_length": 10}),
    row("status", FieldType.CHOICE, STATUS, right={"choices": ("open", "closed")}),
    row("labels", FieldType.SET, right={"max_length": 6, "max_items": 3}),
    row("assignees", FieldType.PERSONS, PEOPLE),
    row("estimate", FieldType.DURATION, Rounded(60, 900)),
    row("parent", FieldType.REF, References()),
    row("points", FieldType.INTEGER, direction="right-to-left"),
)
VALUES = {
    "title": st.one_of(st.none(), st.text(max_size=14)),
    "status": st.one_of(st.none(), st.sampled_from(NAMES)),
    "labels": st.sets(st.text(min_size=1, max_size=8), max_size=5).map(lambda names: tuple(sorted(names))),
    "assignees": st.sets(st.sampled_from(["alice", "bob", "carol"])).map(lambda names: tuple(sorted(names))),
    "estimate": st.one_of(st.none(), st.integers(0, 9000).map(lambda minutes: minutes * 60)),
    "parent": st.one_of(st.none(), st.just("7")),
    "points": st.integers(0, 9),
}


def item(number: int, fields: dict[str, Any]) -> Record:
    return Record(Ref("hub", "acme/app", "task", str(number)), fields, "v", url=f"https://hub.example/{number}")


RECORDS = st.lists(st.fixed_dictionaries({}, optional=VALUES), max_size=6)


@given(RECORDS)
def test_every_value_of_every_item_is_counted_once(many):
    samples = [Sample("left", item(number, fields), ROWS) for number, fields in enumerate(many)]

    tried = try_out("task", ROWS, samples)

    assert tried.items == {"left": len(many), "right": 0}
    for each in tried.rows:
        assert {side: sum(way.counts.values()) for side, way in each.ways.items()} == (
            {"left": len(many)} if many and each.row.left != "points" else {}
        )


@given(RECORDS)
def test_what_is_carried_is_what_the_field_takes_and_agrees_and_what_is_held_says_why(many):
    for fields in many:
        for each in ROWS:
            found = passage(each, "left", item(1, fields))
            if found is None or found.verdict in ("empty", "unread"):
                assert found is None or not fields.get(each.left) or not str(fields[each.left]).strip()
            elif found.verdict in ("held", "waits"):
                assert found.troubles
            elif not each.is_set:
                assert each.lens.agree(found.before, found.there)
                assert (found.back == found.before) == (found.verdict == "same")


@given(RECORDS)
def test_the_order_of_items_changes_no_count(many):
    samples = [Sample("left", item(number, fields), ROWS) for number, fields in enumerate(many)]

    there, back = (try_out("task", ROWS, order) for order in (samples, samples[::-1]))

    assert [each.ways.get("left") and each.ways["left"].counts for each in there.rows] == [
        each.ways.get("left") and each.ways["left"].counts for each in back.rows
    ]
    assert {(lack.field, lack.value, lack.count, lack.over) for lack in there.lacks if lack.reason != "lossy"} == {
        (lack.field, lack.value, lack.count, lack.over) for lack in back.lacks if lack.reason != "lossy"
    }


@pytest.mark.parametrize(
    ("field", "value", "verdict", "there", "back"),
    [
        ("title", "Login", "same", "Login", "Login"),
        ("title", "", "empty", None, None),
        ("status", "To Do", "same", "open", "To Do"),
        ("status", "In Progress", "differs", "open", "To Do"),
        ("estimate", 1000, "differs", 900, 900),
        ("estimate", 60, "differs", 900, 900),
        ("labels", ("bug", "ui"), "same", ("bug", "ui"), ("bug", "ui")),
        ("assignees", ("alice",), "same", ("alice@example.com",), ("alice",)),
        ("parent", "7", "waits", None, None),
    ],
)
def test_a_value_goes_there_and_back(field, value, verdict, there, back):
    each = next(row for row in ROWS if row.left == field)

    found = passage(each, "left", item(1, {field: value}))

    assert found is not None
    assert (found.verdict, found.there, found.back) == (verdict, there, back)


def test_a_row_is_not_tried_against_its_direction_and_a_one_way_row_never_comes_back():
    points = ROWS[-1]

    there = passage(points, "left", item(1, {"points": 3}))
    back = passage(points, "right", item(1, {"points": 3}))

    assert there is None
    assert back is not None
    assert (back.verdict, back.there, back.back) == ("one-way", 3, None)
    assert passage(replace(points, direction="off"), "right", item(1, {"points": 3})) is None


def test_a_constant_is_told_to_new_items_and_nothing_is_ever_told_to_it():
    name = '="high" // points'
    constant = replace(ROWS[-1], left=name, direction="create-only", left_spec=replace(ROWS[-1].left_spec, name=name))

    assert passage(constant, "left", item(1, {name: 3})) is not None
    assert passage(constant, "right", item(1, {"points": 3})) is None


def test_what_cannot_be_said_is_told_by_name_with_the_nearest_that_could_be_the_items_and_the_row():
    samples = [Sample("left", item(number, {"status": "Dnoe"}), ROWS) for number in range(5)]
    samples.append(Sample("left", item(9, {"status": "Blocked", "assignees": ("alcie", "bob")}), ROWS))

    lacks = try_out("task", ROWS, samples).lacks

    assert [(lack.field, lack.value, lack.reason, lack.nearest, lack.count) for lack in lacks] == [
        ("status", "Dnoe", "unmapped", "done", 5),
        ("assignees", "alcie", "unknown-person", "alice", 1),
        ("assignees", "bob", "unknown-person", "", 1),
        ("status", "Blocked", "unmapped", "", 1),
    ]
    assert [one.item for one in lacks[0].examples] == ["acme/app#0", "acme/app#1", "acme/app#2"]
    assert {lack.origin for lack in lacks} == {"bridge.toml:7"}


def test_a_word_that_the_other_side_does_not_have_is_told_with_the_nearest_it_has():
    gone = replace(ROWS[1], right_spec=replace(ROWS[1].right_spec, choices=("opened", "closed")))

    (lack,) = try_out("task", [gone], [Sample("left", item(1, {"status": "To Do"}), [gone])]).lacks

    assert (lack.reason, lack.value, lack.nearest) == ("unreachable", "open", "opened")


def test_what_is_too_long_is_told_once_a_field_with_the_most_that_is_too_much():
    fields = (
        {"title": "x" * 12},
        {"title": "y" * 30},
        {"labels": ("short", "much too long")},
        {"labels": tuple("abcde")},
    )
    samples = [Sample("left", item(number, each), ROWS) for number, each in enumerate(fields)]

    lacks = try_out("task", ROWS, samples).lacks

    assert [(lack.field, lack.reason, lack.over, lack.count) for lack in lacks] == [
        ("labels", "too-long", 7, 2),
        ("title", "too-long", 20, 2),
    ]


class Broken:
    """A lens without its law."""

    def to_right(self, value: Any) -> Any:
        return f"{value}!"

    def to_left(self, value: Any) -> Any:
        return value

    def agree(self, left: Any, right: Any) -> bool:
        return bool(left == right)


def test_a_lens_whose_word_does_not_count_as_the_same_is_held_for_it_would_be_written_for_ever():
    broken = row("title", FieldType.LINE, Broken())

    tried = try_out("task", [broken], [Sample("left", item(1, {"title": "a"}), [broken])])

    assert tried.held == 1
    assert [lack.reason for lack in tried.lacks] == ["unstable"]


def test_what_a_row_leaves_where_it_is_is_told_and_held_by_nothing():
    known = Choice.of([(["bug"], ["type: bug"])], what="labels")
    leaving = row("labels", FieldType.SET, Unknown(known, "leave"))
    prefixed = row("areas", FieldType.SET, Prefix("jira:", "gh:"))
    every = [leaving, prefixed]
    fields = ({"labels": ("bug", "ui")}, {"labels": ("ui",)}, {"areas": ("jira:api", "ours")}, {"areas": ("ours",)})

    tried = try_out("task", every, [Sample("left", item(number, each), every) for number, each in enumerate(fields)])

    counts = [
        {verdict: n for verdict, n in each.ways["left"].counts.items() if verdict != "unread"} for each in tried.rows
    ]
    assert counts == [{"same": 1, "alone": 1}, {"same": 1, "alone": 1}]
    assert tried.held == 0
    assert [(lack.field, lack.value, lack.reason, lack.count) for lack in tried.lacks] == [
        ("labels", "ui", "left-alone", 2)
    ]


def test_of_addresses_the_part_that_is_a_persons_own_tells_whom_one_resembles():
    staff = replace(ROWS[3], lens=People.of([("sam@example.com", "sam"), ("alice@example.com", "al")], "hub", "board"))
    people = ("bob@example.com", "alise@example.com")

    lacks = try_out("task", [staff], [Sample("left", item(1, {"assignees": people}), [staff])]).lacks

    assert {lack.value: lack.nearest for lack in lacks} == {
        "bob@example.com": "",
        "alise@example.com": "alice@example.com",
    }
