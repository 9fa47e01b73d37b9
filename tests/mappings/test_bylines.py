"""The line that says who wrote: known again whatever the name and the connection are made of, in every dialect."""

from __future__ import annotations

import pytest

from bridge.model import FieldSpec, FieldType
from mappings.byline import Byline, line_of
from mappings.lenses import Same

NAMES = [
    "Ann <3",
    "<b>Bo</b>",
    "A & B",
    "x (y):",
    "é" * 200,
    "a" * 79 + " b",
    "*_star_*",
    "@bot",
    None,
    "ann@example.com",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("connection", ["github", "a.b-c_d"])
@pytest.mark.parametrize(
    ("type_", "dialect", "text"),
    [
        (FieldType.TEXT, "markdown", "one\n\ntwo"),
        (FieldType.TEXT, "html", "<p>one</p><p>two</p>"),
        (FieldType.TEXT, "adf", '{"content":[{"content":[{"text":"one","type":"text"}],"type":"paragraph"}],"type":"doc","version":1}'),
        (FieldType.LINE, "plain", "one"),
    ],
)  # fmt: skip
def test_the_line_of_any_name_is_known_again_and_taken_off(name, connection, type_, dialect, text):
    spec = FieldSpec("body", type_, dialect=dialect)
    lens = Byline(Same(), spec, spec, connection, "other", on="right", line=line_of(name, connection))

    copy = lens.to_right(text)

    assert copy != text
    assert lens.has_line("right", copy)
    assert lens.to_left(copy) == text
    assert lens.agree(text, copy)


def test_the_line_keeps_the_domain_of_an_address_to_itself():
    assert line_of("ann@example.com", "github") == "ann (github):"
