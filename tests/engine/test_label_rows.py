"""Labels and people through maps and prefixes, over every state of a small world: what either side may do in one go, and what is left.

The oracle is S10 by meaning, not by name: a meaning stays where neither side took it, or comes where one side gave it; a side
whose editor left a name for it keeps that name, and names that the other side does not know are nobody's business but theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, product

import pytest

from bridge.engine.fields import advance, decide
from bridge.engine.outcome import Sight
from bridge.model import SIDES, UNSET, FieldSpec, FieldType, Side, Unset, Value
from mappings.choice import Choice
from mappings.fallback import Unknown
from mappings.lenses import Lens
from mappings.people import People
from mappings.prefix import Prefix
from mappings.rows import Row

BUG = (("bug", "defect"), ("type: bug", "kind: bug"))
ALICE = (("alicia",), ("alice@desk.example",))
MAP = Choice.of([BUG, (("story",), ("feature",))], what="labels")

GROUND: dict[str, tuple[Lens, list[tuple[tuple[str, ...], tuple[str, ...]]], tuple[str, ...], tuple[str, ...]]] = {
    "leave": (Unknown(MAP, "leave"), [BUG], ("waiting",), ("wontfix",)),
    "park": (MAP, [BUG], ("waiting",), ("wontfix",)),
    "create": (Unknown(MAP, "create"), [BUG, (("ui",), ("ui",))], (), ()),
    "prefix": (Prefix("", "gh:", MAP), [BUG, (("ui",), ("gh:ui",))], (), ("wontfix",)),
    "both prefixes": (Prefix("jira:", "gh:"), [(("jira:ui",), ("gh:ui",))], ("waiting",), ("wontfix", "gh:")),
    "people": (
        People.of([("alicia", "alice@desk.example")], "hub", "desk"),
        [ALICE],
        ("bob",),
        ("carol@desk.example",),
    ),
}
"""By policy: the lens, the meanings that are in play with their names, and the names of each side that are its own."""

Names = frozenset[str]


def subsets(names: Sequence[str]) -> list[Names]:
    return [frozenset(each) for each in chain.from_iterable(combinations(names, n) for n in range(len(names) + 1))]


def row(lens: Lens) -> Row:
    specs = [FieldSpec("labels", FieldType.SET) for _ in SIDES]
    return Row("labels", "labels", "both", "manual", lens, specs[0], specs[1], is_set=True)


def value(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def settle(row: Row, left: Value, right: Value, bases: tuple[Value | Unset, Value | Unset]) -> tuple[Names, Names]:
    """What both sides hold after runs until one writes nothing: at most two that write, as I1 has it."""
    for run in range(3):
        sight = Sight(left, right, *bases)
        outcome = decide(row, sight)
        writes: set[Side] = {side for side in SIDES if not isinstance(outcome.new(side), Unset)}
        assert run < 2 or not writes
        left = left if isinstance(outcome.left, Unset) else outcome.left
        right = right if isinstance(outcome.right, Unset) else outcome.right
        after = advance(row, sight, outcome, left, right, writes.__contains__)
        bases = after.base_left, after.base_right
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    return frozenset(left), frozenset(right)


def wanted(policy: str, now: tuple[Names, Names], base: tuple[Names, Names] | None) -> tuple[Names, Names]:
    _, meanings, *_ = GROUND[policy]
    sides = [set(now[0]), set(now[1])]
    for names in meanings:
        has = [bool(now[at] & set(names[at])) for at in (0, 1)]
        had = base is not None and bool(base[0] & set(names[0]))
        for at in (0, 1):
            if not (all(has) if had else any(has)):
                sides[at] -= set(names[at])
            elif not has[at]:
                sides[at].add(names[at][0])
    return frozenset(sides[0]), frozenset(sides[1])


def states(policy: str) -> Iterator[tuple[Names, Names]]:
    """Every pair of sets that the two sides can hold."""
    _, meanings, own_left, own_right = GROUND[policy]
    left = [name for names, _ in meanings for name in names] + list(own_left)
    right = [name for _, names in meanings for name in names] + list(own_right)
    yield from product(subsets(left), subsets(right))


@pytest.mark.parametrize("policy", GROUND)
def test_names_end_as_their_meanings_were_edited_and_unknown_ones_stay_whatever_both_sides_do_at_once(policy: str):
    joined = row(GROUND[policy][0])
    every = list(states(policy))
    bases = [state for state in every if wanted(policy, state, None) == state]

    for base, now in product(bases, every):
        met = settle(joined, value(now[0]), value(now[1]), (value(base[0]), value(base[1])))
        assert met == wanted(policy, now, base), (base, now)


@pytest.mark.parametrize("policy", GROUND)
def test_at_first_contact_both_sides_get_what_either_has_and_unknown_names_stay(policy: str):
    joined = row(GROUND[policy][0])

    for now in states(policy):
        assert settle(joined, value(now[0]), value(now[1]), (UNSET, UNSET)) == wanted(policy, now, None), now
