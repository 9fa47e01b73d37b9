"""The laws of lenses (I11), for every lens there is: one that no law names makes this file fail.

A lens of the list below is drawn with values of both sides; lenses of texts have their laws where their corpus is.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import hypothesis.strategies as st
import pytest
from hypothesis import given

import mappings
from bridge.merge import key
from bridge.model import FieldSpec, FieldType, Schema, Value
from mappings.choice import Choice
from mappings.compare import _FORMS, Compared, formed
from mappings.compile import compile_rows
from mappings.computed import Computed, failed
from mappings.fallback import Default, Unknown
from mappings.lenses import LEFT_ALONE, OUTSIDE, Rounded, Same, UnmappedError, ways_of
from mappings.people import Fallback, People
from mappings.prefix import Prefix
from mappings.references import References
from mappings.rows import RowSpec
from mappings.text.line import Line
from mappings.typed import Days, Named, Spelled, Wholes, read, spell

Drawn: TypeAlias = tuple[Any, list[Value], list[Value]]
"""A lens with values of its left and of its right side."""

NAMES = st.sampled_from(["bug", "Bug", "BUG ", "story", "Üb", "gh:bug", "GH:story", "x y", "gh:", "ß", "other", "misc"])
WORDS = NAMES | st.text("abÜßgh: ", min_size=1, max_size=4)
SECONDS = st.integers(0, 500_000)
DATES = st.dates().map(str)
INSTANTS = st.datetimes().map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20))
NUMBERS = st.integers(-(10**9), 10**9) | st.decimals(-1000, 1000, places=2).map(float)


def values(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | strategy, max_size=4)


@st.composite
def groups(draw: st.DrawFn) -> list[tuple[list[str], list[str]]]:
    """Maps as the configuration allows them: no name stands in two rows; "*" once a side, not alone where it is written."""
    sides = []
    size = draw(st.integers(1, 3))
    for _ in range(2):
        names = draw(st.lists(WORDS.map(str.strip).filter(bool), min_size=size, max_size=6, unique_by=key))
        parts: list[list[str]] = [[name] for name in names[:size]]
        for name in names[size:]:
            parts[draw(st.integers(0, size - 1))].append(name)
        if draw(st.booleans()):
            parts[draw(st.integers(0, size - 1))].append("*")
        sides.append(parts)
    return list(zip(*sides, strict=True))


CHOICES = groups().map(Choice.of)


def drawn(
    lens: st.SearchStrategy[Any], left: st.SearchStrategy[Any], right: st.SearchStrategy[Any] | None = None
) -> st.SearchStrategy[Drawn]:
    return st.tuples(lens, values(left), values(left if right is None else right))


@st.composite
def of_a_map(draw: st.DrawFn, wrap: Callable[[Choice, st.DrawFn], Any]) -> Drawn:
    """A lens around a map, with names that it knows and others."""
    choice = draw(CHOICES)
    known = [st.sampled_from(sorted(side - {"*"}) or ["bug"]) for side in (choice.left.keys(), choice.right.keys())]
    return wrap(choice, draw), draw(values(known[0] | WORDS)), draw(values(known[1] | WORDS))


def _unknown(choice: Choice, draw: st.DrawFn) -> Unknown:
    policy = draw(st.sampled_from(["leave", "default", "park", "create"]))
    return Unknown(choice, policy, draw(WORDS), draw(WORDS))


def _prefix(choice: Choice, draw: st.DrawFn) -> Prefix:
    inner = draw(st.none() | st.just(choice))
    return Prefix(draw(st.sampled_from(["", "gh:", "x"])), draw(st.sampled_from(["", "gh:", "app/"])), inner)


def _default(choice: Choice, draw: st.DrawFn) -> Default:
    inner = draw(st.sampled_from([choice, Same(), _unknown(choice, draw)]))
    return Default(inner, draw(st.none() | WORDS), draw(st.none() | WORDS))


_SPELLED = {
    FieldType.BOOL: st.booleans(),
    FieldType.INTEGER: st.integers(-(10**9), 10**9),
    FieldType.NUMBER: NUMBERS,
    FieldType.DATE: DATES,
    FieldType.INSTANT: INSTANTS,
    FieldType.DURATION: SECONDS,
}


@st.composite
def spelled(draw: st.DrawFn) -> Drawn:
    type_ = draw(st.sampled_from(list(_SPELLED)))
    lefts = draw(values(_SPELLED[type_]))
    words = [str(spell(type_, value)) for value in lefts if value is not None]
    rights = draw(values(WORDS | st.sampled_from([*words, "03", " 3 ", "soon", "1h", "2.50", "TRUE"])))
    return Spelled(Same(), type_, FieldType.LINE), lefts, rights


@st.composite
def people(draw: st.DrawFn) -> Drawn:
    left = draw(st.lists(WORDS.map(str.strip).filter(bool), max_size=4, unique_by=key))
    right = draw(st.lists(WORDS.map(str.strip).filter(bool), min_size=len(left), max_size=len(left), unique_by=key))
    ways = st.sampled_from(
        [Fallback(), Fallback(), Fallback("unassign"), Fallback("default", right[0] if right else "sam")]
    )
    table = People.of(zip(left, right, strict=True), "here", "there", match_equal=draw(st.booleans()))
    lens = People(table.right_of, table.left_of, "here", "there", table.match_equal, on_right=draw(ways))
    emails = st.sampled_from(["kim@acme.example", "sam@acme.example"])
    return lens, draw(values(WORDS | emails | st.sampled_from(left or ["x"]))), draw(values(WORDS | emails))


def _compared() -> st.SearchStrategy[Drawn]:
    lines = st.text("ab \n\r\t", max_size=12)
    texts = drawn(st.sampled_from(["lines", "words", "case"]).map(lambda form: Compared(Same(), form)), lines | WORDS)
    times = drawn(st.sampled_from(["minute", "day"]).map(lambda form: Compared(Same(), form)), INSTANTS)
    numbers = drawn(st.just(Compared(Same(), "whole")), NUMBERS)
    return texts | times | numbers


def _partners(pairs: list[tuple[str, str]]) -> References:
    return References(dict(pairs), {right: left for left, right in pairs})


_IDS = st.sampled_from(["1", "2", "3", "4"])
LAWS: Mapping[type, st.SearchStrategy[Drawn]] = {
    Same: drawn(st.just(Same()), WORDS | NUMBERS | st.booleans()),
    Rounded: drawn(st.builds(Rounded, st.sampled_from([1, 60, 900]), st.sampled_from([1, 36, 60, 900, 3600])), SECONDS),
    Choice: of_a_map(lambda choice, _: choice),
    Unknown: of_a_map(_unknown),
    Prefix: of_a_map(_prefix),
    Default: of_a_map(_default),
    People: people(),
    References: drawn(
        st.lists(
            st.tuples(_IDS, _IDS.map("r{}".format)),
            unique_by=(lambda pair: pair[0], lambda pair: pair[1]),
        ).map(_partners),
        _IDS,
        _IDS.map("r{}".format),
    ),
    Days: drawn(st.just(Days(FieldType.DATE, FieldType.INSTANT)), DATES, INSTANTS),
    Wholes: drawn(st.just(Wholes(FieldType.INTEGER, FieldType.NUMBER)), st.integers(-(10**9), 10**9), NUMBERS),
    Spelled: spelled(),
    Named: drawn(st.just(Named(FieldType.PERSON, FieldType.LINE)), WORDS),
    Compared: _compared(),
    Computed: drawn(st.just(Computed(Same(), FieldType.DATE)), DATES | WORDS, DATES),
    Line: drawn(
        st.sampled_from([FieldType.LINE, FieldType.CHOICE]).map(
            lambda type_: Line(FieldSpec("note", type_), FieldSpec("note", FieldType.TEXT, dialect="markdown"))
        ),
        WORDS,
        WORDS | st.sampled_from(["- one\n- two", "**bold** words", "1\n\n2", "# head"]),
    ),
}

ELSEWHERE: Mapping[str, str] = {
    "mappings.byline.Byline": "test_bylines.py",
    "mappings.mirrored.Mirrored": "test_mirror_laws.py",
    "mappings.origin.Origin": "test_mirror_laws.py",
    "mappings.text.lens.Text": "test_text_laws.py",
}
"""Lenses of texts, and the file beside this one that holds their laws."""


def lenses() -> dict[str, type]:
    """Every class of ``mappings`` that is a lens."""
    found = {}
    for module in pkgutil.walk_packages(mappings.__path__, "mappings."):
        for name, each in vars(importlib.import_module(module.name)).items():
            if not isinstance(each, type) or each.__module__ != module.name or getattr(each, "_is_protocol", False):
                continue
            if all(callable(getattr(each, method, None)) for method in ("to_right", "to_left", "agree")):
                found[f"{module.name}.{name}"] = each
    return found


def test_every_lens_has_a_law():
    named = {f"{lens.__module__}.{lens.__name__}" for lens in LAWS} | ELSEWHERE.keys()

    assert lenses().keys() == named


def test_the_laws_of_texts_are_where_they_are_said_to_be():
    folder = Path(__file__).parent

    missing = [name for name, file in ELSEWHERE.items() if name.rpartition(".")[0] not in (folder / file).read_text()]

    assert missing == []


each_lens = pytest.mark.parametrize("lens", LAWS, ids=lambda lens: lens.__name__)


@each_lens
@given(data=st.data())
def test_what_is_carried_agrees_there_and_back_and_the_rest_is_named_as_it_is(lens: type, data: st.DataObject):
    one, lefts, rights = data.draw(LAWS[lens])

    for value in lefts:
        with suppress(UnmappedError):
            there = one.to_right(value)
            assert one.agree(value, there)
            assert one.agree(one.to_left(there), there)
    for value in rights:
        with suppress(UnmappedError):
            there = one.to_left(value)
            assert one.agree(there, value)
            assert one.agree(there, one.to_right(there))
    assert all(one.agree(left, right) in (True, False) for left in [*lefts, None] for right in [*rights, None])
    assert one.agree(None, None)
    for carry, values_there in ((one.to_right, [*lefts, None]), (one.to_left, [*rights, None])):
        for value in values_there:
            said = unmapped(carry, value)
            assert said is None or (said.message and said.value in (str(value), str(value).strip()))


def unmapped(carry: Callable[[Value], Value], value: Value) -> UnmappedError | None:
    try:
        carry(value)
    except UnmappedError as error:
        return error
    return None


@given(st.data())
def test_names_of_one_meaning_agree_all_with_all_so_that_none_is_rewritten(data: st.DataObject):
    rows = data.draw(groups())
    choice = Choice.of(rows)

    for left, right in rows:
        for mine in left:
            for theirs in right:
                assert choice.agree(mine, theirs)
    for left, right in rows:
        assert choice.to_right(left[0]) in right or left[0] == "*"
        assert choice.to_left(right[0]) in left or right[0] == "*"


_FORMED = {
    "lines": st.text("aB \n\r\tß", max_size=12),
    "words": st.text("aB \n\r\tß", max_size=12),
    "case": st.text("aBßİǰ", max_size=8),
    "minute": INSTANTS | st.integers(0, 500_000),
    "day": INSTANTS | DATES,
    "whole": NUMBERS,
}


@pytest.mark.parametrize("form", _FORMED)
@given(data=st.data())
def test_a_form_of_a_form_is_itself(form: Any, data: st.DataObject):
    value = data.draw(st.none() | _FORMED[form])

    assert formed(form, formed(form, value)) == formed(form, value)
    assert _FORMED.keys() == _FORMS.keys()


@pytest.mark.parametrize("type_", _SPELLED)
@given(data=st.data())
def test_what_is_spelled_is_read_as_it_was(type_: FieldType, data: st.DataObject):
    value = data.draw(_SPELLED[type_])

    assert read(type_, spell(type_, value)) == value


def test_a_prefix_keeps_what_is_nobody_elses_quiet():
    lens = Prefix("", "gh:", Choice.of([(["bug"], ["Defect"])]))

    assert (lens.to_right("ui"), lens.to_left("GH:ui"), lens.to_right("bug")) == ("gh:ui", "ui", "Defect")
    for name in ("ui", "gh:", "gh:bug"):
        with pytest.raises(UnmappedError) as caught:
            lens.to_left(name)
        assert caught.value.reason == OUTSIDE


def test_a_name_that_stands_for_something_else_over_there_is_not_created():
    lens = Unknown(Choice.of([(["bug"], ["Defect"]), (["story"], ["ui"])]), "create")

    assert lens.to_right("docs") == "docs"
    with pytest.raises(UnmappedError) as caught:
        lens.to_right("ui")
    assert caught.value.reason == LEFT_ALONE


def test_an_expression_that_failed_has_no_word_and_agrees_with_nothing():
    lens = Computed(Same(), FieldType.LINE)
    why = failed("no such field")

    said = unmapped(lens.to_right, why)

    assert said is not None
    assert "no such field" in said.message
    assert not any(lens.agree(*pair) for pair in ((why, why), (why, None), (None, why), ("x", why)))


def test_nothing_agrees_with_the_default_and_the_default_goes_back_as_a_word():
    lens = Default(Choice.of([(["Normal"], ["medium"]), (["High"], ["high"])]), right_default="medium")

    assert lens.to_right(None) == "medium"
    assert lens.agree(None, "medium")
    assert lens.agree("Normal", "medium")
    assert not lens.agree(None, "high")
    assert lens.to_left("medium") == "Normal"


@pytest.mark.parametrize(
    ("lens", "ways"),
    [
        (Choice.of([(["To Do", "*"], ["open"])]), "both"),
        (Choice.of([(["*"], ["open"])]), "left-to-right"),
        (Choice.of([(["To Do"], ["*"])]), "right-to-left"),
        (Default(Choice.of([(["*"], ["open"])]), right_default="open"), "left-to-right"),
        (Named(FieldType.PERSON, FieldType.LINE), "left-to-right"),
        (Named(FieldType.LINE, FieldType.PERSON), "right-to-left"),
        (Same(), "both"),
    ],
)
def test_a_lens_says_which_way_it_goes(lens: Any, ways: str):
    assert ways_of(lens) == ways


def test_what_a_name_without_a_row_becomes_is_written_as_its_field_holds_it():
    left = Schema("task", {"size": FieldSpec("size", FieldType.CHOICE)})
    right = Schema("task", {"estimate": FieldSpec("estimate", FieldType.DURATION)})
    spec = RowSpec(
        "size", "estimate", "left-to-right", "choice", ((("S",), ("1h",)),), unknown="default", right_default=7200
    )
    mapping = compile_rows(
        "task", [spec], left, right, people=People.of([], "a", "b"), policy="manual", match=["size"], link="app"
    )

    assert (mapping.rows[0].lens.to_right("S"), mapping.rows[0].lens.to_right("XXL")) == (3600, 7200)
