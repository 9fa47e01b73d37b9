"""Persons: the table first, then equal e-mail addresses, else nobody is guessed (S14)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.merge import key
from bridge.model import FieldSpec, FieldType, Person, Schema
from mappings.compile import compile_rows
from mappings.lenses import UnmappedError
from mappings.people import Fallback, People, by_email, dump, known_also, load
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


# --- by e-mail address ------------------------------------------------------------------------------------------------

ADDRESS = st.sampled_from(["ann@acme.example", "Ann@Acme.example", "bob@acme.example", "BOB@acme.example", "x", None])
LISTS = st.lists(
    st.builds(Person, st.sampled_from(["ann", "bob", "kim", "sam", "Ann@Acme.example"]), ADDRESS, active=st.booleans()),
    max_size=5,
    unique_by=lambda person: person.name,
)
ROWS = st.sampled_from([[], [("ann", "kim")], [("sam", "ann"), ("bob", "sam")]])


def holders(people: list[Person], address: str) -> list[str]:
    return [one.name for one in people if one.active and (one.email or "").lower() == address.lower()]


TWINS = [Person("two", "twin@acme.example"), Person("too", "Twin@acme.example")]


def test_an_address_that_two_people_of_a_side_share_is_nobodys_and_nobody_stands_in():
    people = known_also(People.of([], "here", "there"), by_email([], TWINS, [Person("sam", "twin@acme.example")]))
    people = replace(people, on_right=Fallback("default", "lead"))

    assert people.known("left", "sam") is None
    assert not people.agree("two", "lead")
    assert people.agree("kim", "lead")


@given(ROWS, LISTS, LISTS)
def test_only_two_who_alone_have_an_address_are_one_person_and_a_row_is_never_overruled(rows, left, right):
    matched = by_email(rows, left, right)
    people = known_also(People.of(rows, "here", "there"), matched)

    for mine, theirs in matched.pairs:
        (address,) = {one.email for one in left if one.name == mine}
        assert holders(left, address) == [mine]
        assert holders(right, address) == [theirs]
        assert (people.known("right", mine), people.known("left", theirs)) == (theirs, mine)
    assert all((people.known("right", mine), people.known("left", theirs)) == (theirs, mine) for mine, theirs in rows)
    assert (
        len({mine for mine, _ in matched.pairs}) == len({theirs for _, theirs in matched.pairs}) == len(matched.pairs)
    )


@given(ROWS, LISTS, LISTS)
def test_who_is_who_is_the_same_from_either_side(rows, left, right):
    there = by_email(rows, left, right)
    back = by_email([(theirs, mine) for mine, theirs in rows], right, left)

    assert sorted((mine, theirs) for theirs, mine in back.pairs) == sorted(there.pairs)


@given(ROWS, LISTS, LISTS)
def test_nobody_stands_in_for_whoever_may_be_one_of_several(rows, left, right):
    lead = Fallback("default", "lead")
    people = replace(
        known_also(People.of(rows, "here", "there"), by_email(rows, left, right)), on_left=lead, on_right=lead
    )

    for one in left:
        if people.known("right", one.name) is None:
            several = one.active and "@" in (one.email or "") and holders(right, one.email or "")
            if several and not {key(name) for name in several} <= people.left_of.keys():
                with pytest.raises(UnmappedError):
                    people.to_right(one.name)
            else:
                assert people.to_right(one.name) == "lead"


@given(ROWS, LISTS, LISTS, st.booleans(), st.booleans())
def test_what_is_kept_of_people_answers_as_they_did(rows, left, right, equal, read):
    people = known_also(People.of(rows, "here", "there", match_equal=equal), by_email(rows, left, right))
    people = replace(people, on_right=Fallback("unassign"), right_there=frozenset({"kim"}) if read else None)
    kept = load(dump(people), people)

    assert dump(kept) == dump(people)
    for one in (*left, *right):
        assert said(kept, one.name) == said(people, one.name)


def said(people: People, name: str) -> list[object]:
    found: list[object] = []
    for way in (people.to_right, people.to_left):
        try:
            answer = way(name)
            found.append(None if answer is None else key(str(answer)))
        except UnmappedError as error:
            found.append(error.message)
    return found
