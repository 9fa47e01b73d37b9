"""Who on one side is who on the other (S14): the table first, then e-mail addresses that are unique, else nobody is guessed.

What is written for a person who is nobody on the other side is said a side (``Fallback``): it stands in for that person
there and is never taken for an answer of that side's people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

import msgspec

from bridge.merge import key
from bridge.model import Person, Side, Value
from mappings.lenses import Lens, UnmappedError, find

How: TypeAlias = Literal["leave", "unassign", "default"]


@dataclass(frozen=True, slots=True)
class Fallback:
    """What is written on a side for a person of the other who is nobody there: nothing (leave), nobody, or ``person``."""

    how: How = "leave"
    person: str = ""


LEAVE: Final = Fallback()


@dataclass(frozen=True, slots=True)
class People:
    """Persons of two sides by a table that is one-to-one; the configuration is checked for that.

    Law: a person agrees with the one that the table names, and one whom it does not know with what stands in for persons
    like that on the other side; both never need a write.

    With ``match_equal`` both sides name people by e-mail addresses: one that the table does not know stands for itself,
    unless the table already gives it to somebody else, or a fallback is to be used and ``left_there``/``right_there``, the
    addresses of that side as far as they were read, do not have it.

    ``left_unsure``/``right_unsure``: names of that side whose address is somebody's on the other, but not one person's on
    both. Nobody stands in for them, and nothing of them is written: they may well be there.
    """

    right_of: Mapping[str, str]
    left_of: Mapping[str, str]
    left_connection: str = "left"
    right_connection: str = "right"
    match_equal: bool = False
    on_left: Fallback = LEAVE
    on_right: Fallback = LEAVE
    left_there: frozenset[str] | None = None
    right_there: frozenset[str] | None = None
    left_unsure: frozenset[str] = frozenset()
    right_unsure: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, rows: Iterable[tuple[str, str]], left_connection: str, right_connection: str, *, match_equal: bool = False
    ) -> People:
        pairs = list(rows)
        return cls(
            {key(left): right for left, right in pairs},
            {key(right): left for left, right in pairs},
            left_connection,
            right_connection,
            match_equal,
        )

    def matching(self, equal: bool) -> People:
        """The same people, where addresses mean the same on both sides or not."""
        return replace(self, match_equal=equal)

    def to_right(self, value: Value) -> Value:
        return self._translate(value, "right")

    def to_left(self, value: Value) -> Value:
        return self._translate(value, "left")

    def agree(self, left: Value, right: Value) -> bool:
        if left is None and right is None:
            return True
        return self._says(left, "right", right) or self._says(right, "left", left)

    def known(self, to: Side, name: str) -> str | None:
        """What side ``to`` calls a person of the other side; None for one who is nobody there. Fallbacks do not count."""
        table, back = (self.right_of, self.left_of) if to == "right" else (self.left_of, self.right_of)
        found = table.get(key(name))
        if found is not None or not self.match_equal or "@" not in name or key(name) in back:
            return found
        there = self.right_there if to == "right" else self.left_there
        is_missing = self.fallback(to).how != "leave" and there is not None and key(name) not in there
        return None if is_missing else name

    def is_unsure(self, to: Side, name: str) -> bool:
        """Whether a person of the other side may be one of several of side ``to``, or one of several there may be them."""
        return key(name) in (self.left_unsure if to == "right" else self.right_unsure) and self.known(to, name) is None

    def fallback(self, side: Side) -> Fallback:
        return self.on_left if side == "left" else self.on_right

    def stand_in(self, side: Side) -> str | None:
        """Whom ``side`` names for a person who is nobody there."""
        said = self.fallback(side)
        return said.person if said.how == "default" else None

    def without_fallback(self) -> People:
        """The same persons, nobody standing in for another: for what must be true of the one it names."""
        return replace(self, on_left=LEAVE, on_right=LEAVE)

    def _says(self, value: Value, to: Side, there: Value) -> bool:
        if value is None:
            return False
        try:
            said = self._translate(value, to)
        except UnmappedError:
            return False
        return said == there if said is None or there is None else key(str(said)) == key(str(there))

    def _translate(self, value: Value, to: Side) -> Value:
        if value is None:
            return None
        found = self.known(to, str(value))
        if found is not None:
            return found
        here, there = self.left_connection, self.right_connection
        if to == "left":
            here, there = there, here
        if self.is_unsure(to, str(value)):
            message = f'"{value}" on {here} has an e-mail address that is not one person\'s: say in [[people]] who it is on {there}'
            raise UnmappedError(str(value), "unknown-person", message)
        said = self.fallback(to)
        if said.how != "leave":
            return said.person if said.how == "default" else None
        raise UnmappedError(
            str(value), "unknown-person", f'"{value}" on {here} is nobody on {there}: no [[people]] row names both'
        )


# --- inside other lenses ------------------------------------------------------------------------------------------------


def people_in(lens: Lens) -> People | None:
    """The persons a lens knows, whatever stands around them; None for a lens of something else."""
    return find(lens, People)


def exchanged(lens: Lens, people: People) -> Lens:
    """The same lens with other persons in it."""
    if isinstance(lens, People):
        return people.matching(lens.match_equal)
    if people_in(lens) is None:
        return lens
    around: Any = lens
    made: Lens = replace(around, inner=exchanged(around.inner, people))
    return made


# --- by e-mail address ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """An e-mail address that is not one person's on both sides: nobody is taken by it. Names of active accounts."""

    email: str
    left: tuple[str, ...]
    right: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """``pairs``: left and right name of those who have one e-mail address; in the order of the addresses."""

    pairs: tuple[tuple[str, str], ...] = ()
    ambiguous: tuple[Ambiguous, ...] = ()


def by_email(rows: Sequence[tuple[str, str]], left: Collection[Person], right: Collection[Person]) -> Matched:
    """Exactly one active account of each side with the address, whatever its letters' case; whoever stands in ``rows``
    is left to them.
    """
    taken = {key(name) for name, _ in rows}, {key(name) for _, name in rows}
    mine, theirs = _by_address(left), _by_address(right)
    pairs, ambiguous = [], []
    for email in sorted(mine.keys() & theirs.keys()):
        one, two = mine[email], theirs[email]
        if len(one) == len(two) == 1:
            if key(one[0]) not in taken[0] and key(two[0]) not in taken[1]:
                pairs.append((one[0], two[0]))
                taken[0].add(key(one[0]))
                taken[1].add(key(two[0]))
        elif {key(name) for name in one} - taken[0] and {key(name) for name in two} - taken[1]:
            ambiguous.append(Ambiguous(email, tuple(one), tuple(two)))
    return Matched(tuple(pairs), tuple(ambiguous))


def _by_address(people: Collection[Person]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for person in people:
        if person.active and person.email and "@" in person.email:
            found[key(person.email)].add(person.name)
    return {email: sorted(names) for email, names in found.items()}


def known_also(people: People, matched: Matched) -> People:
    """The table with the persons who were matched; a row of the table is never replaced."""
    clashes = matched.ambiguous
    return replace(
        people,
        left_unsure=frozenset(key(name) for clash in clashes for name in clash.left),
        right_unsure=frozenset(key(name) for clash in clashes for name in clash.right),
        right_of={**{key(left): right for left, right in matched.pairs}, **people.right_of},
        left_of={**{key(right): left for left, right in matched.pairs}, **people.left_of},
    )


# --- kept -------------------------------------------------------------------------------------------------------------


def dump(people: People) -> str:
    """What decides who is taken for whom, as text: equal texts, equal answers."""
    kept: dict[str, Any] = {"pairs": dict(sorted(people.right_of.items()))}
    for side, said in (("left", people.on_left), ("right", people.on_right)):
        if said != LEAVE:
            kept[side] = [said.how, said.person]
    for name, there in (("left_there", people.left_there), ("right_there", people.right_there)):
        if there is not None:
            kept[name] = sorted(there)
    for name, unsure in (("left_unsure", people.left_unsure), ("right_unsure", people.right_unsure)):
        if unsure:
            kept[name] = sorted(unsure)
    return msgspec.json.encode(kept, order="sorted").decode()


def load(text: str, like: People) -> People:
    """The inverse of ``dump``, between the connections of ``like``; nobody is known where nothing was kept."""
    kept = msgspec.json.decode(text) if text else {}
    pairs = kept.get("pairs", {})
    there = [None if (names := kept.get(name)) is None else frozenset(names) for name in ("left_there", "right_there")]
    said = [Fallback(*kept[side]) if side in kept else LEAVE for side in ("left", "right")]
    table = People.of(pairs.items(), like.left_connection, like.right_connection, match_equal=like.match_equal)
    return replace(
        table,
        on_left=said[0],
        on_right=said[1],
        left_there=there[0],
        right_there=there[1],
        left_unsure=frozenset(kept.get("left_unsure", ())),
        right_unsure=frozenset(kept.get("right_unsure", ())),
    )
