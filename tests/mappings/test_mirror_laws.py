"""The laws of what stands around texts on their way: defused or not, cut or not, with the line of their origin or without
it, a text and its copy agree, and nothing of it comes back.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.model import Dialect, FieldSpec, FieldType, Side
from mappings.byline import Byline
from mappings.lenses import Lens, Same, UnmappedError
from mappings.mirrored import Mirrored
from mappings.origin import Origin, origin_of, who_of
from mappings.text.convert import render
from mappings.text.document import Document
from mappings.text.lens import Text
from tests.mappings.test_defusing import GITHUB, LIVE, REDMINE, TEXTS
from tests.mappings.text_trees import documents

PAIRS: tuple[tuple[Dialect, Dialect], ...] = (
    ("markdown", "markdown"),
    ("html", "html"),
    ("wiki", "wiki"),
    ("textile", "textile"),
    ("markdown", "adf"),
    ("html", "markdown"),
)
each_pair = pytest.mark.parametrize(("left", "right"), PAIRS)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def spec_of(dialect: Dialect) -> FieldSpec:
    live = LIVE.get(dialect, frozenset({"mention"}))
    return FieldSpec("description", FieldType.TEXT, dialect=dialect, live=live)


def between(left: Dialect, right: Dialect) -> Lens:
    return Same() if left == right else Text(left, right)


@each_pair
@quick
@given(document=documents)
def test_a_text_agrees_with_its_copy_defused_or_not_and_comes_back(left: Dialect, right: Dialect, document: Document):
    text, inner = render(document, left) or None, between(left, right)
    lens = Mirrored(inner, spec_of(left), spec_of(right))

    with suppress(UnmappedError):
        copy = lens.to_right(text)
        assert lens.agree(text, copy)
        assert lens.agree(text, inner.to_right(lens.meant("left", text)))
        assert Text(left, left).agree(lens.meant("left", lens.to_left(copy)), lens.meant("left", text))


@given(text=TEXTS)
@settings(max_examples=100)
def test_between_equal_dialects_with_other_signs_every_text_comes_back_letter_by_letter(text: str):
    mine, theirs = (FieldSpec("body", FieldType.TEXT, dialect="markdown", live=live) for live in (GITHUB, REDMINE))
    lens = Mirrored(Same(), mine, theirs)

    copy = lens.to_right(text)

    assert lens.agree(text, copy)
    assert lens.meant("left", lens.to_left(copy)) == lens.meant("left", text)
    assert lens.to_right(lens.to_left(copy)) == copy


ADDRESSES = st.sampled_from(["https://t.example/items/7", "https://t.example/a_b?c=(d)&e=f#g", "TASK-7"])
AUTHORS = st.sampled_from([None, "Ada", "ada@example.org", "O'Neill <x>", "Ü, by somebody: else"])


@each_pair
@quick
@given(document=documents, address=ADDRESSES, author=AUTHORS)
def test_a_copy_agrees_with_its_line_and_without_it_and_has_it_once(
    left: Dialect, right: Dialect, document: Document, address: str, author: str | None
):
    text, line = render(document, left) or None, origin_of("jira", address, author)
    lens = Origin(between(left, right), spec_of(left), spec_of(right), ("", line), ("", who_of("jira", address)))

    copy = lens.to_right(text)

    assert (lens.line_in("right", copy), lens.bare("left", text)) == (line, text)
    assert lens.agree(text, copy)
    assert lens.agree(text, lens.bare("right", copy))
    assert lens.agree(lens.to_left(copy), copy)
    assert lens.to_right(lens.to_left(copy)) == copy


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("dialect", ["markdown", "html", "adf", "wiki", "textile", "plain"])
def test_each_side_of_two_copies_keeps_its_own_line(side: Side, dialect: Dialect):
    lines = (origin_of("jira", "https://j.example/1", "Ada"), origin_of("gipo", "https://g.example/2", None))
    spec = spec_of(dialect)
    lens = Origin(Same(), spec, spec, lines, (who_of("jira", None), who_of("gipo", None)))
    text = render(Document(), dialect) or None
    copy = lens.to_right(text) if side == "right" else lens.to_left(text)

    there = lens.to_left(copy) if side == "right" else lens.to_right(copy)

    assert lens.line_in(side, copy) == lines[side == "right"]
    assert lens.line_in("left" if side == "right" else "right", there) == lines[side == "left"]
    assert lens.agree(there, copy) if side == "right" else lens.agree(copy, there)


def test_the_line_of_the_origin_stands_above_the_line_of_an_author_and_neither_comes_back():
    spec = spec_of("markdown")
    byline = Byline(Same(), spec, spec, "jira", "github", on="right", line="Ada (jira):")
    line = origin_of("jira", "https://j.example/1", None)
    lens = Mirrored(Origin(byline, spec, spec, ("", line), ("", who_of("jira", None))), spec, spec)

    copy = lens.to_right("ping @ada")

    assert copy == f"{line}\n\nAda (jira):\n\nping @\u200bada"
    assert (lens.to_left(copy), lens.agree("ping @ada", copy)) == ("ping @\u200bada", True)


def test_code_at_the_head_of_a_text_stays_indented_below_a_line():
    spec = spec_of("markdown")
    byline = Byline(Same(), spec, spec, "jira", "github", on="right", line="Ada (jira):")

    assert byline.to_left(byline.to_right("    indent = 4")) == "    indent = 4"
