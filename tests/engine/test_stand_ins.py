"""What is written for a person who is nobody on the other side (S14): every edit of a small world, on either side or both.

The left knows sam, and x and y whom no row names; the right alice, who is sam, lead, and w whom no row names.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from engine.test_convergence import PEOPLE as ONE_AND_MANY
from engine.test_convergence import State, run

from bridge.engine.outcome import Outcome
from bridge.model import UNSET, FieldSpec, FieldType, Value
from mappings.people import LEAVE, Fallback, People
from mappings.rows import Row

ONE, MANY = FieldSpec("who", FieldType.PERSON), FieldSpec("who", FieldType.PERSONS, max_items=10)
LEAD, ALICE, NOBODY = Fallback("default", "lead"), Fallback("default", "alice"), Fallback("unassign")
SAM = Fallback("default", "sam")
LEFT, RIGHT = ("sam", "x", "y"), ("alice", "lead", "w")
WAYS = [(LEAVE, LEAVE), (LEAVE, NOBODY), (LEAVE, LEAD), (LEAVE, ALICE), (SAM, LEAD), (SAM, ALICE), (NOBODY, NOBODY)]


def row(left: FieldSpec, right: FieldSpec, ways: tuple[Fallback, Fallback]) -> Row:
    people = replace(People.of([("sam", "alice")], "a", "b"), on_left=ways[0], on_right=ways[1])
    is_set = left.type.is_set or right.type.is_set
    return replace(ONE_AND_MANY, lens=people, left_spec=left, right_spec=right, is_set=is_set)


def values(spec: FieldSpec, names: tuple[str, ...]) -> list[Value]:
    if spec is ONE:
        return [None, *names]
    return [(), *((name,) for name in names), names[:2], names[1:]]


def names(value: Value) -> set[str]:
    return set(value) if isinstance(value, tuple) else {str(value)} - {"None"}


def settled(it: Row, state: State) -> tuple[State, Outcome]:
    """After two runs; a third one writes nothing and moves nothing (I1, I3)."""
    state, outcome = run(it, state)
    state, _ = run(it, state)
    again, last = run(it, state)

    assert again == state
    assert last.verdict in ("same", "drift", "conflict", "hold", "agree"), last
    assert last.left is last.right is UNSET
    return state, outcome


def starts(it: Row) -> list[State]:
    """What is settled after two values met for the first time; a conflict of a single person aside."""
    met = [
        settled(it, State(left, right, UNSET, UNSET))
        for left, right in product(values(it.left_spec, LEFT), values(it.right_spec, RIGHT))
    ]
    return [state for state, outcome in met if outcome.verdict not in ("conflict", "hold")]


@pytest.mark.parametrize("ways", WAYS, ids=lambda way: f"{way[0].how}-{way[1].how}-{way[1].person}")
@pytest.mark.parametrize("specs", [(MANY, MANY), (ONE, MANY), (MANY, ONE)], ids=["sets", "one-many", "many-one"])
def test_in_sets_nobody_unknown_is_ever_dropped_and_every_edit_comes_to_rest(specs, ways):
    it = row(*specs, ways)
    for start in starts(it):
        for left, right in product(values(specs[0], LEFT), values(specs[1], RIGHT)):
            after, _ = settled(it, replace(start, left=left, right=right))

            unknown = names(right) - {"alice", "lead"} if ways[1] == LEAD else names(right) - {"alice"}
            if specs[0] is MANY:
                assert names(left) - {"sam"} <= names(after.left), (start, left, right)
            if specs[1] is MANY:
                assert unknown <= names(after.right), (start, left, right)
            assert names(after.left) <= names(left) | {"sam"}
            assert names(after.right) <= names(right) | {"alice", "lead"}


@pytest.mark.parametrize("ways", WAYS, ids=lambda way: f"{way[0].how}-{way[1].how}-{way[1].person}")
def test_where_both_hold_one_person_an_edit_of_one_side_wins_and_the_others_answer_is_never_its_own(ways):
    it = row(ONE, ONE, ways)
    for start in starts(it):
        for left in values(ONE, LEFT):
            after, _ = settled(it, replace(start, left=left))
            assert after.left == left, (start, left)
        for right in values(ONE, RIGHT):
            after, _ = settled(it, replace(start, right=right))
            assert after.right == right, (start, right)


def test_a_default_stands_in_for_all_unknown_people_of_a_set_until_the_last_has_gone():
    it = row(MANY, MANY, (LEAVE, LEAD))
    state, _ = settled(it, State(("sam", "x", "y"), (), UNSET, UNSET))
    assert (state.left, state.right) == (("sam", "x", "y"), ("alice", "lead"))

    state, _ = settled(it, replace(state, left=("sam", "y")))
    assert (state.left, state.right) == (("sam", "y"), ("alice", "lead"))

    state, _ = settled(it, replace(state, left=("sam",)))
    assert (state.left, state.right) == (("sam",), ("alice",))


def test_a_known_person_takes_the_place_of_the_default_and_gives_it_back():
    it = row(MANY, ONE, (LEAVE, LEAD))
    state, _ = settled(it, State(("x",), None, UNSET, UNSET))
    assert state.right == "lead"

    state, _ = settled(it, replace(state, left=("sam", "x")))
    assert (state.left, state.right) == (("sam", "x"), "alice")

    state, _ = settled(it, replace(state, left=("x",)))
    assert (state.left, state.right) == (("x",), "lead")


def test_a_default_that_a_person_took_away_does_not_come_back_by_itself():
    it = row(MANY, MANY, (LEAVE, LEAD))
    state, _ = settled(it, State(("x",), (), UNSET, UNSET))

    state, _ = settled(it, replace(state, right=("alice",)))

    assert (state.left, state.right) == (("sam", "x"), ("alice",))


def test_a_default_whom_a_row_names_is_not_given_to_the_side_of_the_unknown_person():
    it = row(MANY, MANY, (LEAVE, ALICE))

    state, _ = settled(it, State(("x",), (), UNSET, UNSET))
    assert (state.left, state.right) == (("x",), ("alice",))

    state, _ = settled(it, replace(state, base_left=UNSET, base_right=UNSET))
    assert (state.left, state.right) == (("x",), ("alice",))

    state, _ = settled(it, replace(state, left=("sam", "x")))
    state, _ = settled(it, replace(state, left=("sam",)))
    assert (state.left, state.right) == (("sam",), ("alice",))


def test_a_single_person_who_is_nobody_there_is_replaced_by_the_default_and_answered_as_usual():
    it = row(ONE, ONE, (LEAVE, LEAD))
    state, _ = settled(it, State("x", "alice", "sam", "alice"))
    assert (state.left, state.right) == ("x", "lead")

    state, _ = settled(it, replace(state, right="alice"))
    assert (state.left, state.right) == ("sam", "alice")


def test_unassign_leaves_nobody_who_has_not_got_the_work():
    it = row(ONE, ONE, (LEAVE, NOBODY))
    state, _ = settled(it, State("x", "alice", "sam", "alice"))
    assert (state.left, state.right) == ("x", None)

    kept, outcome = settled(row(ONE, ONE, (LEAVE, LEAVE)), State("x", "alice", "sam", "alice"))
    assert (kept.right, outcome.verdict) == ("alice", "hold")


def test_both_sides_changed_to_people_who_disagree_is_a_conflict_and_the_default_beside_its_person_is_none():
    it = row(ONE, ONE, (LEAVE, LEAD))

    _, outcome = settled(it, State("x", "w", "sam", "alice"))
    assert outcome.verdict == "conflict"

    _, outcome = settled(it, State("x", "lead", "sam", "alice"))
    assert outcome.verdict == "agree"
