"""Who is who on a link, and who is nobody on the other side: from the rows, the lists that are kept and the stored records.

Asks no tracker. What it suggests is shown to people and never used (S14).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, Literal

from bridge.engine.sets import members
from bridge.merge import key
from bridge.model import SIDES, Person, Ref, Side, other
from mappings.people import Ambiguous, Fallback, Matched, by_email
from state import directories, pairs
from state.codec import load_record
from state.directories import Known

if TYPE_CHECKING:
    from state.store import Session

_ALIKE: Final = 0.72
_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What is told about: a link with its places, the rows of people that name both (left, right, where they stand), the
    fields that name people by kind and side, what is written on each side for those who are nobody there, and whether lists
    of people are to be read.
    """

    link: str
    link_id: int
    places: Mapping[Side, tuple[str, str]]
    rows: Sequence[tuple[str, str, str]]
    fields: Mapping[str, Mapping[Side, frozenset[str]]]
    fallbacks: Mapping[Side, Fallback]
    are_listed: bool = True


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two names of one person: by a row (``where`` it stands), by e-mail, or by names that are one address. ``items``: how
    many records of that side name it.
    """

    left: str
    right: str
    how: Literal["row", "e-mail", "equal"]
    where: str
    items: Mapping[Side, int]


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody whom items of ``side`` name and who is nobody on the other. ``suggested``: names there that look alike."""

    side: Side
    name: str
    items: int
    shown: str | None = None
    email: str | None = None
    suggested: tuple[str, ...] = ()
    is_unsure: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of a side's list of people. ``lacks``: the default person of that side, where the list has no such one."""

    people: int
    read_at: datetime | None
    error: str
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """The people of one link."""

    asked: Asked
    lists: Mapping[Side, Listed]
    pairings: tuple[Pairing, ...] = ()
    strangers: tuple[Stranger, ...] = ()
    ambiguous: tuple[Ambiguous, ...] = field(default=())

    @property
    def awaits(self) -> bool:
        """Whether a list was asked for and never came: until then nobody stands in for anybody."""
        return any(listed.error and listed.read_at is None for listed in self.lists.values())


def tell(session: Session, asked: Asked) -> Who:
    """The people of a link, as far as the state knows them."""
    held = {side: directories.get(session, *asked.places[side]) for side in SIDES}
    counts = _counted(session, asked)
    spelled = {side: _spelling(counts[side]) for side in SIDES}
    number = {side: Counter({key(name): much for name, much in counts[side].items()}) for side in SIDES}
    rows = [(left, right) for left, right, _ in asked.rows]
    matched = by_email(rows, held["left"].people, held["right"].people) if asked.are_listed else Matched()

    def pairing(left: str, right: str, how: Literal["row", "e-mail", "equal"], where: str = "") -> Pairing:
        return Pairing(
            left, right, how, where, {"left": number["left"][key(left)], "right": number["right"][key(right)]}
        )

    found = [pairing(left, right, "row", where) for left, right, where in asked.rows]
    found += [pairing(left, right, "e-mail") for left, right in matched.pairs]
    known: dict[Side, set[str]] = {"left": {key(one.left) for one in found}, "right": {key(one.right) for one in found}}
    for name in _equal(spelled, held, known):
        found.append(pairing(name, name, "equal"))
        known["left"].add(key(name))
        known["right"].add(key(name))
    strangers = []
    for side in SIDES:
        free = [one for one in held[other(side)].people if one.active and key(one.name) not in known[other(side)]]
        looks, mine = Looks(free), {key(one.name): one for one in held[side].people}
        unsure = {key(name) for clash in matched.ambiguous for name in (clash.left if side == "left" else clash.right)}
        for one in sorted(spelled[side].keys() - known[side]):
            who = mine.get(one) or Person(spelled[side][one])
            strangers.append(
                Stranger(
                    side, spelled[side][one], number[side][one], who.shown, who.email, looks.like(who), one in unsure
                )
            )
    lists = {side: _listed(held[side], asked.fallbacks[side]) for side in SIDES}
    return Who(asked, lists, tuple(found), tuple(strangers), matched.ambiguous)


def _listed(known: Known, fallback: Fallback) -> Listed:
    names = {key(one.name) for one in known.people if one.active}
    is_lacking = known.read_at is not None and fallback.how == "default" and key(fallback.person) not in names
    return Listed(len(known.people), known.read_at, known.error, fallback.person if is_lacking else "")


def _counted(session: Session, asked: Asked) -> dict[Side, Counter[str]]:
    """How many paired records of each side name whom."""
    found: dict[Side, Counter[str]] = {"left": Counter(), "right": Counter()}
    for kind, names in asked.fields.items():
        after = 0
        while page := pairs.walk(session, asked.link_id, kind, after=after, limit=500):
            for pair in page:
                for side in SIDES:
                    fields = load_record(pair.record(side), Ref("", "", kind, "")).fields
                    found[side].update({one for name in names[side] for one in members(fields.get(name))})
            after = page[-1].id
    return found


def _spelling(names: Iterable[str]) -> dict[str, str]:
    return {key(name): name for name in names}


def _equal(
    spelled: Mapping[Side, Mapping[str, str]], held: Mapping[Side, Known], known: Mapping[Side, Collection[str]]
) -> list[str]:
    """Addresses that stand for themselves, where all names of both sides are addresses."""
    for side in SIDES:
        names = {*spelled[side], *(key(one.name) for one in held[side].people)}
        if not names or any("@" not in name for name in names):
            return []
    there = {side: {*spelled[side], *(key(one.name) for one in held[side].people if one.active)} for side in SIDES}
    named = {**spelled["left"], **spelled["right"]}
    both = there["left"] & there["right"]
    return [named[one] for one in sorted(named) if one in both and one not in {*known["left"], *known["right"]}]


class Looks:
    """People by what they are called, to be compared with somebody; for people to judge."""

    def __init__(self, free: Collection[Person]) -> None:
        self._called = [(each.name, _words(each)) for each in free]

    def like(self, person: Person) -> tuple[str, ...]:
        """Names of those who look like ``person``, the likest first."""
        marks: dict[str, float] = {}
        for word in _words(person):
            matcher = SequenceMatcher(None, "", word, autojunk=False)
            for name, words in self._called:
                marks[name] = max(marks.get(name, 0), *(_likeness(matcher, word, each) for each in words))
        found = sorted((-mark, name) for name, mark in marks.items() if mark >= _ALIKE)
        return tuple(name for _, name in found)[:_MOST]


def _words(person: Person) -> set[str]:
    """What somebody is called, without the place of an address and the signs between words."""
    said = (person.name, person.email or "", person.shown or "")
    return {"".join(filter(str.isalnum, text.partition("@")[0].casefold())) for text in said} - {""} or {""}


def _likeness(matcher: SequenceMatcher[str], word: str, called: str) -> float:
    """From 0 to 1; 0 for what a look at the letters rules out, which keeps thousands of people quick."""
    short, long = sorted((word, called), key=len)
    if len(short) > 2 and long.startswith(short):
        return 1.0 if short == long else 0.9
    matcher.set_seq1(called)
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    return matcher.ratio()
