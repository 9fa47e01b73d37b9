"""Whether a new copy gets a line that says who wrote it: only where the copy itself does not name the person."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bridge.engine.binding import bound
from bridge.model import FieldSpec, FieldType, Record, Ref, Schema
from mappings.compile import compile_rows
from mappings.people import People
from mappings.references import References
from mappings.rows import RowSpec

FIELDS = {
    "body": FieldSpec("body", FieldType.TEXT, dialect="markdown"),
    "author": FieldSpec("author", FieldType.PERSON, writable="create"),
}


@pytest.mark.parametrize(
    ("direction", "said"),
    [
        ("both", "hello"),
        ("create-only", "hello"),
        ("left-to-right", "hello"),
        ("right-to-left", "ann (here):\n\nhello"),
        ("off", "ann (here):\n\nhello"),
    ],
)
def test_an_author_whose_row_does_not_go_over_stands_above_the_text(direction, said):
    schema = Schema("comment", FIELDS)
    specs = [
        RowSpec("body", "body", transform="byline"),
        RowSpec("author", "author", direction, transform="people", origin="a row of the owner"),
    ]
    mapping = compile_rows(
        "comment", specs, schema, schema, people=People.of([("ann", "ann")], "here", "there"), policy="manual",
        match=(), link="app",
    )  # fmt: skip
    link = SimpleNamespace(
        mappings={"comment": mapping},
        trusts=lambda marker: marker is not None,
        end=lambda side: SimpleNamespace(connection="here" if side == "left" else "there"),
    )
    source = Record(Ref("here", "x", "comment", "1"), {"body": "hello", "author": "ann"}, "1")

    rows = bound(link, "comment", source, None, References())

    assert rows[0].convert("right", "hello") == said
