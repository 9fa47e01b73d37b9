"""A text that is too long for the other side is cut at a good place, says so, agrees with the whole and never comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model import Dialect, FieldSpec, FieldType
from mappings.byline import Byline
from mappings.lenses import Lens, Same, UnmappedError
from mappings.measure import length
from mappings.mirrored import Mirrored, mirrored
from mappings.text.convert import parse
from mappings.text.lens import Text
from mappings.text.shorten import shortened_line

URL = "https://tracker.example/items/7"
DIALECTS: tuple[Dialect, ...] = ("markdown", "adf", "html", "wiki", "textile", "plain")


def between(left: Dialect, right: Dialect, room: int, **more: Any) -> Mirrored:
    """The lens between a text without limit on the left and one with room for so many characters on the right."""
    here = FieldSpec("description", FieldType.TEXT, dialect=left)
    there = FieldSpec("description", FieldType.TEXT, dialect=right, max_length=room)
    inner: Lens = Same() if left == right or {left, right} == {"plain", "markdown"} else Text(left, right)
    lens = mirrored(inner, here, replace(there, **more), None)
    assert isinstance(lens, Mirrored)
    return replace(lens, urls=(URL, "https://copy.example/1"))


LONG = "# Title\n\n" + "\n\n".join(
    f"Paragraph {n} says *something* with `code` and a [link](https://x.y/{n}).\n\n- one\n- two\n\n```python\nx = {n}\n```"
    for n in range(40)
)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_long_text_is_cut_ends_with_the_address_of_the_whole_and_agrees_with_it(dialect: Dialect) -> None:
    lens = between("markdown", dialect, 1500)

    cut = lens.to_right(LONG)

    assert isinstance(cut, str)
    assert 700 < length(lens.right_spec, cut) <= 1500
    assert "shortened. The whole text" in cut
    assert URL in cut
    assert lens.agree(LONG, cut)
    assert not lens.agree("Other " + LONG, cut)
    assert replace(lens, urls=("https://moved.example/7", "")).agree(LONG, cut)


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(40)), room=st.integers(150, 900))
def test_whatever_is_cut_fits_and_agrees(dialect: Dialect, order: list[int], room: int) -> None:
    parts = LONG.split("\n\n")
    text = "\n\n".join(parts[at] for at in order)
    lens = between("markdown", dialect, room)

    cut = lens.to_right(text)

    assert length(lens.right_spec, str(cut)) <= room
    assert lens.agree(text, cut)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_beginning_never_comes_back(dialect: Dialect) -> None:
    lens = between("markdown", dialect, 1500)
    cut = str(lens.to_right(LONG))
    bound = replace(lens, bases=(LONG, cut))

    for edited in (cut, cut.replace("says", "does not say"), cut[:100] if dialect not in ("adf", "html") else cut):
        with pytest.raises(UnmappedError) as refused:
            bound.to_left(edited)
        assert refused.value.reason == "truncated"
        assert URL in str(refused.value)
    assert not bound.agree(LONG, cut.replace("says", "does not say"))


def test_a_text_that_fits_again_is_whole_again_and_both_ways_are_open() -> None:
    lens = replace(between("markdown", "adf", 1500), texts=("Short.", None))

    whole = lens.to_right("Short.")

    assert "shortened" not in str(whole)
    assert lens.to_left(whole) == "Short."


def test_the_beginning_of_a_text_of_a_third_tracker_is_carried_on() -> None:
    text = f"Beginning\n\n… shortened. The whole text: {URL}/of/a/third"
    lens = replace(between("markdown", "markdown", 1500), urls=("https://copy.example/1", URL))

    assert lens.to_right(text) == text


def test_a_text_that_quotes_the_notice_of_its_own_partner_is_held() -> None:
    text = f"Beginning\n\n… shortened. The whole text: {URL}"

    with pytest.raises(UnmappedError):
        between("markdown", "markdown", 1500).to_left(text)


def test_a_fence_is_closed_and_ends_with_a_whole_line() -> None:
    text = "Look:\n\n```python\n" + "\n".join(f"value_{n} = {n}" for n in range(300)) + "\n```\n\nEnd."

    cut = str(between("markdown", "markdown", 1000).to_right(text))

    assert cut.count("```") == 2
    code = cut.split("```")[1]
    assert all(line in text.split("\n") for line in code.split("\n")[1:-1])


def test_a_document_of_jira_stays_a_document() -> None:
    cut = str(between("markdown", "adf", 900).to_right(LONG))

    body = json.loads(cut)
    assert body["type"] == "doc"
    assert URL in json.dumps(body["content"][-1])


@pytest.fixture(scope="module")
def judge(contract_dir):
    """Says what of an ADF document is not valid before the schema that its vendor publishes."""
    return jsonschema_rs.Draft4Validator(json.loads((contract_dir / "specs" / "adf.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("room", [150, 300, 700, 1500])
def test_a_shortened_document_of_jira_is_valid_before_its_vendors_schema(judge, room):
    nested = (
        "> - [ ] task\n>   - deeper\n\n| a | b |\n|---|---|\n"
        + "| x | `y` |\n" * 20
        + "\n1. one\n\n   ```\n   code\n   ```\n"
    )
    lens = between("markdown", "adf", room)

    for text in (LONG, nested * 10, "- one\n  - two\n    - three\n" * 60, "word **bold *both* bold** " * 200):
        assert [error.message for error in judge.iter_errors(json.loads(str(lens.to_right(text))))] == []


def test_the_line_with_the_author_stands_above_the_beginning() -> None:
    here = FieldSpec("body", FieldType.TEXT, dialect="markdown")
    there = FieldSpec("body", FieldType.TEXT, dialect="markdown", max_length=500)
    byline = Byline(Same(), here, there, "artala", "github", on="right", line="Ada (artala):")
    lens = Mirrored(byline, here, there, (None, 500), (URL, ""))

    cut = str(lens.to_right(LONG))

    assert cut.startswith("Ada (artala):\n\n# Title")
    assert len(cut) <= 500
    assert lens.agree(LONG, cut)


@pytest.mark.parametrize(
    ("line", "most", "expected"),
    [
        ("Mend the pump in the cellar", 20, "Mend the pump in…"),
        ("Mendthepumpinthecellar", 10, "Mendthepu…"),
        ("cafe\u0301s au lait", 5, "caf…"),
        ("ab\U0001f469\u200d\U0001f469\u200d\U0001f467cd", 5, "ab…"),
        ("x\U0001f1e6\U0001f1fa\U0001f1e7", 3, "x…"),
        ("ok\U0001f44d\U0001f3fdyes", 4, "ok…"),
    ],
)
def test_a_line_is_cut_after_a_word_or_between_two_characters_as_people_see_them(
    line: str, most: int, expected: str
) -> None:
    assert shortened_line(line, most) == expected


def test_a_title_is_cut_agrees_and_is_not_written_back() -> None:
    title = "Mend the pump in the cellar " * 10
    here, there = (FieldSpec("title", FieldType.LINE, max_length=most) for most in (300, 200))
    lens = mirrored(Same(), here, there, None)
    assert isinstance(lens, Mirrored)

    cut = str(lens.to_right(title.strip()))

    assert len(cut) <= 200
    assert cut.endswith("…")
    assert lens.agree(title.strip(), cut)
    assert not lens.agree("Another title", cut)
    with pytest.raises(UnmappedError) as refused:
        replace(lens, bases=(title.strip(), cut)).to_left("Mend the tap…")
    assert refused.value.reason == "truncated"


def test_an_order_takes_what_stands_there_unless_it_says_that_it_is_a_beginning() -> None:
    lens = between("markdown", "markdown", 1500)
    cut = str(lens.to_right(LONG))
    ordered = replace(lens, bases=(LONG, cut), by_order=True)

    assert ordered.to_left("All of it is written anew.") == "All of it is written anew."
    with pytest.raises(UnmappedError, match="it says so itself"):
        ordered.to_left(cut.replace("says", "does not say"))


def test_only_a_side_that_the_row_writes_has_a_room() -> None:
    here, there = FieldSpec("title", FieldType.LINE, max_length=200), FieldSpec("title", FieldType.LINE, max_length=256)

    assert isinstance(mirrored(Same(), here, there, None, ("right",)), Same)
    assert getattr(mirrored(Same(), here, there, None, ("left", "right")), "rooms", None) == (200, None)


def test_names_and_codes_of_one_line_are_not_cut_and_park_means_park() -> None:
    here, there = FieldSpec("custom.ref", FieldType.LINE), FieldSpec("custom.ref", FieldType.LINE, max_length=10)
    title = FieldSpec("title", FieldType.LINE, max_length=10)

    assert isinstance(mirrored(Same(), here, there, None), Same)
    assert isinstance(mirrored(Same(), here, there, "truncate"), Mirrored)
    assert isinstance(mirrored(Same(), here, title, "park"), Same)


@pytest.mark.parametrize(("counts", "expected"), [("characters", 3), ("utf16", 4)])
def test_a_text_is_as_long_as_its_tracker_counts(counts: Any, expected: int) -> None:
    spec = FieldSpec("title", FieldType.LINE, counts=counts)

    assert length(spec, "aé\U0001f600") == expected


def test_what_is_cut_is_cut_by_what_it_holds_once_it_is_defused() -> None:
    lens = between("markdown", "markdown", 1000, live=frozenset({"mention"}))
    text = "\n\n".join("@ada @bob @eve" for _ in range(80))

    cut = str(lens.to_right(text))

    assert len(cut) <= 1000
    assert "\u200b" in cut
    assert lens.agree(text, cut)
    assert parse(cut, "markdown").blocks
