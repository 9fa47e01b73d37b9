"""Expressions (CEL): what they can name, what is wrong with one before it is used, and what it comes to on a record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import FieldSpec, FieldType, Record, Ref
from mappings.computed import failure
from mappings.expression_checks import checked
from mappings.expressions import MOST, Computation, ExpressionError, compiled, literal

FIELDS = {
    spec.name: spec
    for spec in (
        FieldSpec("title", FieldType.LINE),
        FieldSpec("description", FieldType.TEXT, dialect="html"),
        FieldSpec("status", FieldType.CHOICE, choices=("Open", "Closed")),
        FieldSpec("labels", FieldType.SET),
        FieldSpec("due_on", FieldType.DATE),
        FieldSpec("created_at", FieldType.INSTANT),
        FieldSpec("estimate", FieldType.DURATION),
        FieldSpec("done", FieldType.BOOL),
        FieldSpec("custom.Story Points", FieldType.NUMBER),
    )
}
ITEM = {
    "title": "  Pump leaks ",
    "description": "<p>First <b>line</b></p><p>more</p>",
    "status": None,
    "labels": ("Bug", "sync"),
    "due_on": "2026-11-21",
    "created_at": "2026-11-01T09:30:00Z",
    "estimate": 7200,
    "done": False,
    "custom.Story Points": 3,
}


def value(text, **changes):
    """What an expression comes to on the item."""
    expression = compiled(text)
    record = Record(Ref("tracker", "acme/app", "task", "12"), {**ITEM, **changes}, "1", None, "https://example.com/12")
    return Computation((expression,), FIELDS).complete(record).fields[expression.name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"sync" in item.labels && item.status != "Closed"', True),
        ("item.title.trim().lower()", "pump leaks"),
        ('upper(item.status.default("none"))', "NONE"),
        ('item.title.trim().replace("leaks", "drips")', "Pump drips"),
        ("item.title.trim().truncate(6)", "Pump…"),
        ("item.description.firstLine()", "First **line**"),
        ('item.labels.hasAny(["bug"]) && !item.labels.hasAll(["bug", "x"])', True),
        ('item.labels.join(", ")', "Bug, sync"),
        ('item.labels + ["new"]', ("Bug", "new", "sync")),
        ("item.labels.exists(each, each.startsWith('s'))", True),
        ("item.labels.contains('Bug')", True),
        ('item.due_on < "2026-12-01"', True),
        ("item.created_at.days(item.due_on)", 20),
        ("item.created_at.date()", "2026-11-01"),
        ("item.due_on.addDays(10)", "2026-12-01"),
        ("before(item.created_at, item.due_on) && !after(item.created_at, item.due_on)", True),
        ("item.estimate / 3600", 2),
        ('item.custom["Story Points"] * 2.0', 6.0),
        ('item["title"].size() > 3', True),
        ("item.id + item.container + item.url", "12acme/apphttps://example.com/12"),
        ("timestamp(item.created_at)", "2026-11-01T09:30:00Z"),
        ('duration("1h")', 3600),
        ('item.status.lower() == null && size(item.status) == 0 && !item.status.startsWith("O")', True),
        ("days(item.status, item.due_on)", None),
        (literal(["ä", 'a "b"\n']) + " // labels", ('a "b"\n', "ä")),
    ],
)
def test_an_expression_comes_to(text, expected):
    checked(compiled(text), FIELDS)

    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            '"sync" in item.labls',
            (
                'there is no field item.labls (did you mean "item.labels"?)\n'
                '    "sync" in item.labls\n'
                "                   ^"
            ),
        ),
        (
            'item.custom["Points"] > 1.0',
            (
                'there is no field item.custom["Points"] (did you mean "item.custom["Story Points"]"?)\n'
                '    item.custom["Points"] > 1.0\n'
                "                ^"
            ),
        ),
        (
            "item.title.lwer()",
            'there is no function "lwer" (did you mean "lower"?)\n    item.title.lwer()\n               ^',
        ),
        (
            "item.due_on < now()",
            (
                "there is no clock: what an item comes to would change without an edit of it\n"
                "    item.due_on < now()\n"
                "                  ^"
            ),
        ),
        (
            'true &&\n  title == "x"',
            'there is no "title": a field is item.NAME (did you mean item.title?)\n      title == "x"\n      ^',
        ),
        ("item", 'a field is item.NAME, or item["NAME"]\n    item\n    ^'),
        (
            'item.title = "x"',
            (
                "it cannot be read: token recognition error at: '= ' (to compare, write ==)\n"
                '    item.title = "x"\n'
                "               ^"
            ),
        ),
        ("1 +", "it cannot be read: mismatched input the end\n    1 +\n       ^"),
        (" ", "it is empty"),
        ("1" * (MOST + 1), "it has 2001 characters, 2000 are the most"),
        (
            'item.estimate + "h"',
            (
                "it cannot work: two values do not go together: kinds are never converted by themselves, use int, double or "
                "string"
            ),
        ),
        ('item.title.matches("[")', "it cannot work: '[' is no pattern: unclosed character class"),
        ("days(item.due_on)", "it comes to nothing: days is called with too few or too many values"),
        ('item.done ? 1 : "a"', "it gives sometimes a whole number and sometimes text: it must be one of them"),
        ("null", "it comes to nothing: it is always null"),
        (
            '{"a": 1}',
            "it cannot work: it gives what no field can hold: text, a number, true or false, or a list of texts",
        ),
    ],
)
def test_what_is_wrong_with_an_expression_is_said_with_its_place(text, shown):
    with pytest.raises(ExpressionError) as wrong:
        checked(compiled(text), FIELDS)

    assert wrong.value.shown() == shown


def test_what_fails_on_one_record_is_said_of_that_record():
    assert failure(value("int(item.title)")) is not None
    assert value("int(item.title)", title="5") == 5
    assert failure(value("item.labels[0]", labels=())) is not None
    assert failure(value("item.labels[0]")) is None


def test_nothing_is_said_of_a_record_whose_fields_were_not_all_observed():
    expression = compiled('item.title == "x" && item.done')
    record = Record(Ref("tracker", "a", "task", "1"), {"title": "x"}, "1")

    assert Computation((expression,), FIELDS).complete(record).fields == {"title": "x"}


@pytest.mark.parametrize("text", ["(" * 990 + "1" + ")" * 990, "!" * 1990 + "true", "+".join(["1"] * 990), "[" * 900])
def test_no_expression_of_the_length_allowed_takes_the_process_down(text):
    try:
        said = checked(compiled(text), FIELDS).value
    except ExpressionError as wrong:
        said = wrong.shown()

    assert said


TEN = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"


@pytest.mark.parametrize(
    "text",
    [
        "1 == 1 && " + "".join(f"{TEN}.map({name}, " for name in "abcdefg") + "a" + ")" * 7 + ".size() > 1",
        "item.labels.exists(a, item.labels.map(b, b).size() > 1)",
        "item.labels.all(a, item.labels.all(b, item.labels.all(c, c == a)))",
        "[item.title]" + ".map(each, each + each + each)" * 9,
        "[[item.title]]" + ".map(each, [each, each, each].join(''))" * 9,
        "item.labels.map(a, a)" + ".filter(a, true)" * 10,
        "(" + "+".join(["item.labels"] * 30) + ").map(a, a)",
        'item.title.matches("(a{100}){100}b")',
        "item.title.matches(item.title)",
        'item.title.matches("a{9" + "99}")',
    ],
)
def test_what_could_take_too_long_or_fill_the_memory_is_refused_before_it_is_evaluated(text):
    with pytest.raises(ExpressionError) as wrong:
        compiled(text)

    assert ("it could take too" in wrong.value.message, wrong.value.at is not None) == (True, True)


@pytest.mark.parametrize(
    "text",
    [
        "item.labels.exists(a, ['b', 's'].exists(b, a.startsWith(b)))",
        "item.labels.filter(a, ['b', 's'].exists(b, a.startsWith(b))).map(a, a + '!').size() == 1",
        "item.title.matches('^[a-z]{1,30} \\\\w{3}')",
    ],
)
def test_what_people_need_of_macros_and_patterns_is_allowed(text):
    assert isinstance(value(text), bool)


def test_a_text_that_grows_too_long_or_too_many_labels_fail_that_record_alone():
    grown = "item.title" + f'.replace("a", "{"a" * 65}")' * 5 + ".size() > 3"
    many = tuple(f"label {number}" for number in range(251))

    assert "replace would give" in (failure(value(grown, title="a" * 30)) or "")
    assert "join would give" in (failure(value("item.labels.join(item.title)", title="a" * 200_000)) or "")
    assert "too many" in (failure(value("item.labels.exists(a, a == 'x')", labels=many)) or "")
    assert value(grown, title="b") is False


@given(
    st.sampled_from([
        "item.title.truncate(3)",
        "item.title.firstLine().replace('a', 'b').upper()",
        "item.labels.join(item.title.default('-'))",
        "item.labels.hasAny([item.title.default('-')])",
        "item.title.matches('a+b')",
        "item.title.size() > int(item.title)",
        "date(item.title)",
        "addDays(item.title, item.estimate)",
        "item.estimate * item.estimate",
        "timestamp(item.title)",
    ]),
    st.one_of(st.none(), st.text(max_size=30)),
    st.lists(st.text(max_size=5), max_size=3),
    st.integers(),
)  # fmt: skip
def test_whatever_a_record_holds_an_expression_never_raises(text, title, labels, estimate):
    found = value(text, title=title, labels=tuple(sorted(set(labels))), estimate=estimate)

    assert found is None or isinstance(found, str | bool | int | float | tuple)
