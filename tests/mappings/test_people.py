"""Persons: the table first, then equal e-mail addresses, else nobody is guessed (S14)."""

from __future__ import annotations

import pytest

from bridge.model import FieldSpec, FieldType, Schema
from mappings.compile import compile_rows
from mappings.lenses import UnmappedError
from mappings.people import People
from mappings.rows import RowSpec

TABLE = People.of([("sam@here.example", "samantha@there.example")], "here", "there", match_equal=True)


def test_the_table_comes_before_equal_addresses():
    assert TABLE.to_right("Sam@here.example") == "samantha@there.example"
    assert TABLE.to_left("samantha@there.example") == "sam@here.example"


def test_an_address_that_the_table_does_not_know_stands_for_itself():
    assert TABLE.to_right("kim@acme.example") == "kim@acme.example"
    assert TABLE.agree("kim@acme.example", "Kim@Acme.example")


def test_an_address_that_the_table_gives_to_somebody_else_is_not_unique():
    with pytest.raises(UnmappedError):
        TABLE.to_right("samantha@there.example")


def test_a_login_is_never_taken_for_an_address():
    with pytest.raises(UnmappedError):
        TABLE.to_right("kim")


@pytest.mark.parametrize("emails", [(True, True), (True, False)])
def test_addresses_count_only_where_both_sides_name_people_by_them(emails: tuple[bool, bool]):
    left, right = (Schema("task", {"who": FieldSpec("who", FieldType.PERSON, emails=named)}) for named in emails)
    specs = [RowSpec("who", "who", transform="people")]
    mapping = compile_rows(
        "task", specs, left, right, people=People.of([], "a", "b"), policy="manual", match=["who"], link="app"
    )
    lens = mapping.rows[0].lens

    if all(emails):
        assert lens.to_right("kim@acme.example") == "kim@acme.example"
    else:
        with pytest.raises(UnmappedError):
            lens.to_right("kim@acme.example")
