"""Set rows (labels, people): changes are carried to the other side member by member (S10, S14). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bridge.engine.outcome import KEEP, After, Outcome, Problem, Sight, checked, not_stored, problems_of
from bridge.merge import Delta, apply_delta, delta, key
from bridge.model import FieldSpec, FieldType, Side, Unset, Value, other
from mappings.choice import Choice
from mappings.lenses import Same, UnmappedError, find
from mappings.people import people_in
from mappings.rows import Row


def members(value: Value | Unset) -> tuple[str, ...]:
    """A set, or a single person taken as a set of one or none. UNSET and None are empty."""
    if isinstance(value, tuple):
        return value
    return () if value is None or isinstance(value, Unset) else (str(value),)


def _shape(spec: FieldSpec, names: tuple[str, ...], held: tuple[str, ...], last: str) -> Value:
    """A set as the field stores it; of more people than fit, those that are there already stay, but for ``last``."""
    room = _room(spec)
    if room is not None and len(names) > room:
        there = {key(name) for name in held}
        names = tuple(sorted(names, key=lambda name: (key(name) == last, key(name) not in there, name))[:room])
    return reshaped(spec, names)


def reshaped(spec: FieldSpec, names: tuple[str, ...]) -> Value:
    """Names as the field holds them; of several in a field of one the first."""
    if spec.type.is_set:
        return tuple(sorted(names))
    return names[0] if names else None


def _room(spec: FieldSpec) -> int | None:
    """How many people fit; None for no limit that makes some of them give way (too many labels are an error instead)."""
    if not spec.type.is_set:
        return 1
    return spec.max_items if spec.type is FieldType.PERSONS else None


@dataclass(frozen=True, slots=True)
class Carried:
    """A side's changes, each member in the side's own words with the other side's word for it; None where nothing is to be
    written for it there.
    """

    added: tuple[tuple[str, str | None], ...] = ()
    removed: tuple[tuple[str, str | None], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def own(self) -> Delta:
        return Delta(tuple([own for own, _ in self.added]), tuple([own for own, _ in self.removed]))

    @property
    def there(self) -> Delta:
        return Delta(
            tuple([word for _, word in self.added if word is not None]),
            tuple([word for _, word in self.removed if word is not None]),
        )


def carried(row: Row, source: Side, sight: Sight) -> Carried:
    """What ``source`` changed since its base and the map can say on the other side; the rest is a problem, not lost.

    Where one word stands for several members it goes when the last of them goes, and what the other side has for a member
    already is that member's word. A second name for what both bases had says nothing new. One who stands in there and whom
    we never named stays.
    """
    now, there, base, base_there = sight.left, sight.right, sight.base_left, sight.base_right
    if source == "right":
        now, there, base, base_there = there, now, base_there, base
    moved = delta(members(base), members(now))
    target = other(source)
    has = _said_by(row, source, there) if moved.added else {}
    lens = find(row.lens, Choice) if moved.added else None
    added: list[tuple[str, str | None]] = []
    problems: list[Problem] = []
    for name in moved.added:
        try:
            word = has.get(key(name)) or word_of(row, target, name)
        except UnmappedError as error:
            problems.extend(problems_of(source, error))
            continue
        if lens is not None:
            word = _news(lens, source, name, word, (members(base), members(base_there), members(there)))
        added.append((name, word))
    removed = _words(row, target, moved.removed)
    if any(word is not None for _, word in removed):
        still = {key(word) for _, word in _words(row, target, members(now)) if word is not None}
        still |= {_standing_in(row, target, ())} - {key(name) for name in members(base_there)}
        removed = [(name, None if word is None or key(word) in still else word) for name, word in removed]
        removed += _synonyms(row, target, removed, there)
    return Carried(tuple(added), tuple(removed), tuple(problems))


def _news(lens: Choice, source: Side, name: str, word: str | None, seen: tuple[tuple[str, ...], ...]) -> str | None:
    """The word for a name that was added and has a meaning in a map: one that stands there for the same already, else
    ``word``; None where both sides had the meaning in their bases. ``seen``: base, base there, what is there.
    """
    target = other(source)
    base, base_there, there = seen
    means = lens.meaning(target, name)
    if word is None or not means:
        return word
    same = lens.meaning(source, word)
    if any(key(each) in means for each in base_there) and any(key(each) in same for each in base):
        return None
    return next((each for each in there if key(each) in means), word)


def _synonyms(
    row: Row, target: Side, gone: Iterable[tuple[str, str | None]], there: Value | Unset
) -> list[tuple[str, str | None]]:
    """What is removed with these words: the other names there that a map puts beside them, for they mean the same."""
    lens = find(row.lens, Choice)
    if lens is None:
        return []
    return [
        (own, name)
        for own, word in gone
        if word is not None
        for name in members(there)
        if key(name) in lens.meaning(target, own) - {key(word)}
    ]


def _said_by(row: Row, side: Side, there: Value | Unset) -> dict[str, str]:
    """The members of the other side by what ``side`` calls them."""
    if not row.writes_to(side):
        return {}
    return {key(word): name for name, word in _words(row, side, members(there)) if word is not None}


def word_of(row: Row, target: Side, name: str) -> str | None:
    """One member in the words of ``target``; None where it is to be left out there. Raises UnmappedError, also for a name
    that has no room there.
    """
    said = row.convert(target, name)
    if said is None:
        return None
    word = str(said)
    room = row.spec(target).max_length
    if room is not None and len(word) > room:
        raise UnmappedError(name, "too-long", f'"{word}" has {len(word)} characters, {room} fit there')
    return word


def _words(row: Row, target: Side, names: Iterable[str]) -> list[tuple[str, str | None]]:
    """Those that can be said on ``target``, with their words there."""
    found = []
    for name in names:
        with suppress(UnmappedError):
            found.append((name, word_of(row, target, name)))
    return found


_NOTHING: Final = Carried()


def _carry_both(row: Row, sight: Sight) -> tuple[Carried, Carried]:
    left = carried(row, "left", sight) if row.writes_to("right") else _NOTHING
    right = carried(row, "right", sight) if row.writes_to("left") else _NOTHING
    return left, right


def _standing_in(row: Row, side: Side, there: Value) -> str:
    """Who on ``side`` is only named for persons who are nobody there, as a key; empty for nobody. Who is meant by a member
    of ``there``, the other side, is no stand-in.
    """
    people = people_in(row.lens)
    name = None if people is None else people.stand_in(side)
    if people is None or name is None:
        return ""
    meant = (people.known(side, each) for each in members(there))
    return "" if key(name) in {key(each) for each in meant if each is not None} else key(name)


def decide_set(row: Row, sight: Sight) -> Outcome:
    if sight.base_left == sight.left and sight.base_right == sight.right:
        return Outcome("same")
    if is_equal(row, sight.left, sight.right):
        return Outcome("agree", rule="both sides have it already (S5)")
    from_left, from_right = _carry_both(row, sight)
    new_left = _written(row, "left", sight, _with_waiting(row, "right", sight, from_right.there))
    new_right = _written(row, "right", sight, _with_waiting(row, "left", sight, from_left.there))
    problems = from_left.problems + from_right.problems
    if new_left is KEEP and new_right is KEEP:
        if problems:
            return Outcome("hold", rule="members the map does not know stay where they are (S10)", problems=problems)
        if from_left.own or from_right.own:
            return Outcome("agree", rule="both sides have it already (S5)")
        return Outcome("same")
    judged = checked(row, new_left, new_right, _set_rule(from_left, from_right))
    return Outcome(judged.verdict, judged.left, judged.right, judged.rule, judged.problems + problems)


def _with_waiting(row: Row, source: Side, sight: Sight, change: Delta) -> Delta:
    """The change to the other side, with those of ``source`` who found no room there until now: ``_shape`` lets in as many
    as there are places.
    """
    target = other(source)
    if (
        _room(row.spec(target)) is None
        or not row.writes_to(target)
        or (not change.removed and not _has_room(row, target, sight))
    ):
        return change
    here, base = (sight.left, sight.base_left) if source == "left" else (sight.right, sight.base_right)
    there, base_there = (sight.left, sight.base_left) if target == "left" else (sight.right, sight.base_right)
    known = {key(name) for name in (*members(there), *members(base_there))}
    settled = {key(name) for name in members(base)}
    has = {**_said_by(row, source, there), **_said_by(row, source, base_there)}
    absent = [name for name in members(here) if key(name) in settled and key(name) not in has]
    words = [word for _, word in _words(row, target, absent)]
    if _has_room(row, target, sight):  # a person of that side made it, and not for somebody who would only stand in
        known.add(_standing_in(row, target, here))
    waiting = tuple(word for word in words if word and key(word) not in known and word not in change.added)
    return Delta((*change.added, *waiting), change.removed)


def _has_room(row: Row, side: Side, sight: Sight) -> bool:
    held = members(sight.left if side == "left" else sight.right)
    return len(held) < (_room(row.spec(side)) or 0)


def new_set(row: Row, side: Side, value: Value) -> tuple[Value, list[Problem]]:
    """What a new partner gets of a set of ``side``, and what of it cannot be said there."""
    target = other(side)
    said, problems = set[str](), []
    for name in members(value):
        try:
            word = word_of(row, target, name)
        except UnmappedError as unmapped:
            problems.extend(problems_of(side, unmapped))
        else:
            said |= set() if word is None else {word}
    if row.spec(target).type.is_set:
        return tuple(sorted(said)), problems
    last = _standing_in(row, target, value)
    return min(said, key=lambda word: (key(word) == last, word), default=None), problems


def is_equal(row: Row, left: Value, right: Value) -> bool:
    """The quick case: every member of each side has its word on the other, whatever each side did to get there."""
    if row.direction != "both":
        return False
    if not (members(left) or members(right)) or (isinstance(row.lens, Same) and left == right):
        return True
    if people_in(row.lens) is not None:
        return False
    return _says(row, "right", left, right) and _says(row, "left", right, left)


def _says(row: Row, target: Side, names: Value, there: Value) -> bool:
    """Whether each of these has a word on ``target`` that agrees with it, and is there."""
    held = {key(name) for name in members(there)}
    words = dict(_words(row, target, members(names)))
    return all(name in words and key(words[name] or "") in held for name in members(names))


def _written(row: Row, side: Side, sight: Sight, change: Delta) -> Value | Unset:
    if not change:
        return KEEP
    held = members(sight.left if side == "left" else sight.right)
    last = _standing_in(row, side, sight.right if side == "left" else sight.left)
    new = _shape(row.spec(side), apply_delta(held, change), held, last)
    return KEEP if members(new) == tuple(sorted(held)) else new


def _set_rule(from_left: Carried, from_right: Carried) -> str:
    said = [f"+{name}" for name in (*from_left.own.added, *from_right.own.added)]
    said += [f"-{name}" for name in (*from_left.own.removed, *from_right.own.removed)]
    return f"{' '.join(said)} (S10)"


def advance_set(
    row: Row, sight: Sight, outcome: Outcome, left: Value, right: Value, written: Callable[[Side], bool]
) -> After:
    """What is really there counts: a member is delivered when the other side has it (or no longer has it) now."""
    if outcome.verdict == "same" and not isinstance(sight.base_left, Unset) and not isinstance(sight.base_right, Unset):
        return After(left, right, sight.base_left, sight.base_right)
    if is_equal(row, left, right):
        return After(left, right, left, right)
    from_left, from_right = _carry_both(row, sight)
    bases = {"left": members(sight.base_left), "right": members(sight.base_right)}
    refused: Problem | None = None
    for source, change, held, now in (("left", from_left, left, right), ("right", from_right, right, left)):
        source_side: Side = "left" if source == "left" else "right"
        target = other(source_side)
        settled = isinstance(outcome.new(target), Unset) or written(target)
        done, lost = _delivered(row.spec(target), change, members(held), members(now), settled=settled)
        bases[source_side] = apply_delta(bases[source_side], done.own)
        bases[target] = apply_delta(bases[target], done.there)
        bases[target] = _without_gone(bases[target], _standing_in(row, target, held), members(now), written(target))
        if lost and written(target):
            refused = refused or Problem(source_side, "refused", not_stored(f"{row.field(target)}: {', '.join(lost)}"))
    return After(
        left,
        right,
        _base_of(row.left_spec, bases["left"], left),
        _base_of(row.right_spec, bases["right"], right),
        refused,
    )


def _without_gone(base: tuple[str, ...], stand_in: str, now: tuple[str, ...], is_written: bool) -> tuple[str, ...]:
    """A base without the one who stood in until our write gave the place to somebody who is known there."""
    if not is_written or stand_in in {key(name) for name in now}:
        return base
    return tuple(name for name in base if key(name) != stand_in)


def shifted(spec: FieldSpec, base: Value | Unset, before: Value, wanted: Value, now: Value) -> Value | Unset:
    """A set's base after a write of ours that is to be carried nowhere: it moves by what was written and is there now."""
    if isinstance(base, Unset):
        return base
    moved, there = delta(members(before), members(wanted)), {key(name) for name in members(now)}
    done = Delta(
        tuple(name for name in moved.added if key(name) in there),
        tuple(name for name in moved.removed if key(name) not in there),
    )
    return _base_of(spec, apply_delta(members(base), done), now)


def _delivered(
    spec: FieldSpec, change: Carried, held: tuple[str, ...], now: tuple[str, ...], *, settled: bool
) -> tuple[Carried, tuple[str, ...]]:
    """Split a change into what is done and the names that are still to do. ``held``: what its own side has by now.

    A person who found no room on a side that holds fewer people counts as done once that side is settled.
    """
    there = {key(name) for name in now}
    full = settled and _room(spec) is not None and len(there) >= (_room(spec) or 0)
    added = [(own, word) for own, word in change.added if word is None or key(word) in there or full]
    removed = [(own, word) for own, word in change.removed if word is None or key(word) not in there]
    back = {key(name) for name in held}
    done = Carried(
        tuple((own, word if word and key(word) in there else None) for own, word in added),
        tuple((own, word) for own, word in removed if key(own) not in back),
    )
    finished = {key(word) for _, word in (*added, *removed) if word is not None}
    lost = tuple(word for word in (*change.there.added, *change.there.removed) if key(word) not in finished)
    return done, lost


def _base_of(spec: FieldSpec, names: tuple[str, ...], now: Value) -> Value:
    """A set base in the field's shape and, where only the spelling differs, in the spelling the side has now."""
    spelling = {key(name): name for name in members(now)}
    return reshaped(spec, tuple(sorted(spelling.get(key(name), name) for name in names)))
