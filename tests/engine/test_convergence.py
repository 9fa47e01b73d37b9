"""Every start of a small world: three titles and four label sets, on each side and in the base (1,728 states).

The naive rule "base := merged after writing one side" lost an added label in 405 of them. Ours loses none, wherever a
write fails, and overwrites no open conflict.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import pytest

from bridge.engine.fields import advance, decide
from bridge.engine.outcome import Outcome, Sight
from bridge.model import FieldSpec, FieldType, Side, Unset, Value
from mappings.lenses import Same
from mappings.people import People
from mappings.rows import Row

TITLES = ("one", "two", "three")
LABELS = ((), ("bug",), ("docs",), ("bug", "docs"))

TITLE = Row(
    "title",
    "title",
    "both",
    "manual",
    Same(),
    FieldSpec("title", FieldType.LINE),
    FieldSpec("title", FieldType.LINE),
    is_set=False,
)
LABEL = replace(
    TITLE,
    left="labels",
    right="labels",
    left_spec=FieldSpec("labels", FieldType.SET),
    right_spec=FieldSpec("labels", FieldType.SET),
    is_set=True,
)


@dataclass(frozen=True)
class State:
    """One row of one pair, as the engine keeps it between runs."""

    left: Value
    right: Value
    base_left: Value | Unset
    base_right: Value | Unset


def run(row: Row, state: State, *, works: tuple[bool, bool] = (True, True)) -> tuple[State, Outcome]:
    """One run; ``works`` says whether a write to the left and to the right arrives."""
    sight = Sight(state.left, state.right, state.base_left, state.base_right)
    outcome = decide(row, sight)
    arrived: dict[Side, bool] = {
        "left": works[0] and not isinstance(outcome.left, Unset),
        "right": works[1] and not isinstance(outcome.right, Unset),
    }
    left = outcome.left if arrived["left"] else state.left
    right = outcome.right if arrived["right"] else state.right
    after = advance(row, sight, outcome, left, right, arrived.__getitem__)
    return State(left, right, after.base_left, after.base_right), outcome


WAYS = list(product((True, False), repeat=2))


@pytest.mark.parametrize("first", WAYS)
def test_labels_meet_and_none_is_lost_whatever_write_fails(first: tuple[bool, bool]):
    for base, left, right in product(LABELS, repeat=3):
        state, _ = run(LABEL, State(left, right, base, base), works=first)
        state, _ = run(LABEL, state)
        settled, outcome = run(LABEL, state)

        wanted = (set(base) | set(left) | set(right)) - (set(base) - set(left)) - (set(base) - set(right))
        assert (set(settled.left), set(settled.right)) == (wanted, wanted), (base, left, right)
        assert outcome.verdict == "same"
        assert settled.base_left == settled.left


@pytest.mark.parametrize("first", WAYS)
def test_titles_meet_or_stay_in_conflict_and_nothing_is_overwritten(first: tuple[bool, bool]):
    for base, left, right in product(TITLES, repeat=3):
        state, _ = run(TITLE, State(left, right, base, base), works=first)
        state, _ = run(TITLE, state)
        settled, outcome = run(TITLE, state)

        if base not in (left, right) and left != right:
            assert (settled, outcome.verdict) == (State(left, right, base, base), "conflict")
        else:
            wanted = right if left == base else left
            assert settled == State(wanted, wanted, wanted, wanted)
            assert outcome.verdict == "same"


def test_an_edit_between_two_runs_is_never_lost():
    for base, left, right, later in product(LABELS, LABELS, LABELS, LABELS):
        state, _ = run(LABEL, State(left, right, base, base), works=(True, False))
        before = set(state.left)
        state, _ = run(LABEL, replace(state, left=later))
        settled, _ = run(LABEL, state)

        assert set(later) - before <= set(settled.right), (base, left, right, later)
        assert not (before - set(later)) & set(settled.left), (base, left, right, later)


PEOPLE = replace(
    LABEL,
    left="assignee",
    right="assignees",
    lens=People.of([("sam", "alice"), ("kim", "bob")], "a", "b"),
    left_spec=FieldSpec("assignee", FieldType.PERSON),
    right_spec=FieldSpec("assignees", FieldType.PERSONS, max_items=10),
)


def test_an_unknown_person_is_neither_copied_nor_dropped():
    state, outcome = run(PEOPLE, State("sam", ("stranger",), None, ()))

    assert (state.left, state.right) == ("sam", ("alice", "stranger"))
    assert [problem.reason for problem in outcome.problems] == ["unknown-person"]


def test_of_two_people_the_side_with_one_place_keeps_the_one_it_has():
    state, _ = run(PEOPLE, State("sam", ("alice", "bob"), "sam", ("alice",)))
    settled, outcome = run(PEOPLE, state)

    assert (settled.left, settled.right, outcome.verdict) == ("sam", ("alice", "bob"), "same")


def test_a_reassignment_replaces_the_person_on_the_other_side():
    state, _ = run(PEOPLE, State("kim", ("alice",), "sam", ("alice",)))

    assert state.right == ("bob",)


def test_a_write_that_was_accepted_and_not_stored_moves_no_base():
    sight = Sight("two", "one", "one", "one")
    after = advance(TITLE, sight, decide(TITLE, sight), "two", "one", lambda side: side == "right")

    assert (after.base_left, after.base_right) == ("one", "one")
    assert after.refused is not None
