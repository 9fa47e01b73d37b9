"""Set rows (labels, people): changes are carried to the other side member by member (S10, S14). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from bridge.engine.outcome import KEEP, After, Outcome, Problem, Sight, checked, not_stored
from bridge.merge import Delta, apply_delta, delta, key
from bridge.model import FieldSpec, FieldType, Side, Unset, Value, other
from mappings.lenses import Same, UnmappedError
from mappings.rows import Row


def members(value: Value | Unset) -> tuple[str, ...]:
    """A set, or a single person taken as a set of one or none. UNSET and None are empty."""
    if isinstance(value, tuple):
        return value
    return () if value is None or isinstance(value, Unset) else (str(value),)


def _shape(spec: FieldSpec, names: tuple[str, ...], held: tuple[str, ...]) -> Value:
    """A set as the field stores it; of more people than fit, those that are there already stay."""
    room = _room(spec)
    if room is not None and len(names) > room:
        there = {key(name) for name in held}
        names = tuple(sorted(names, key=lambda name: (key(name) not in there, name))[:room])
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
    """A side's changes in the other side's words. ``own`` are the same members in the side's own words."""

    own: Delta
    there: Delta
    problems: tuple[Problem, ...]


def carried(row: Row, source: Side, base: Value | Unset, now: Value) -> Carried:
    """What ``source`` changed since its base and the map can say on the other side; the rest is a problem, not lost."""
    moved = delta(members(base), members(now))
    target = other(source)
    added, added_there, problems = _translate(row, target, moved.added)
    removed, removed_there, _ = _translate(row, target, moved.removed)
    return Carried(
        Delta(added, removed),
        Delta(added_there, removed_there),
        tuple(Problem(source, error.reason, error.message) for error in problems),
    )


def word_of(row: Row, target: Side, name: str) -> str:
    """One member in the words of ``target``. Raises UnmappedError, also for a name that has no room there."""
    word = str(row.convert(target, name))
    room = row.spec(target).max_length
    if room is not None and len(word) > room:
        raise UnmappedError(name, "too-long", f'"{word}" has {len(word)} characters, {room} fit there')
    return word


def _translate(
    row: Row, target: Side, names: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...], list[UnmappedError]]:
    own: list[str] = []
    there: list[str] = []
    unmapped: list[UnmappedError] = []
    for name in names:
        try:
            word = word_of(row, target, name)
        except UnmappedError as error:
            unmapped.append(error)
            continue
        own.append(name)
        there.append(word)
    return tuple(own), tuple(there), unmapped


_NOTHING: Final = Carried(Delta((), ()), Delta((), ()), ())


def _carry_both(row: Row, sight: Sight) -> tuple[Carried, Carried]:
    left = carried(row, "left", sight.base_left, sight.left) if row.writes_to("right") else _NOTHING
    right = carried(row, "right", sight.base_right, sight.right) if row.writes_to("left") else _NOTHING
    return left, right


def decide_set(row: Row, sight: Sight) -> Outcome:
    if sight.base_left == sight.left and sight.base_right == sight.right:
        return Outcome("same")
    if is_equal(row, sight.left, sight.right):
        return Outcome("agree", rule="both sides have it already (S5)")
    from_left, from_right = _carry_both(row, sight)
    new_left = _written(row, "left", sight.left, _with_waiting(row, "right", sight, from_right.there))
    new_right = _written(row, "right", sight.right, _with_waiting(row, "left", sight, from_left.there))
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
    _, words, _ = _translate(row, target, (name for name in members(here) if key(name) in settled))
    waiting = tuple(word for word in words if key(word) not in known and word not in change.added)
    return Delta((*change.added, *waiting), change.removed)


def _has_room(row: Row, side: Side, sight: Sight) -> bool:
    held = members(sight.left if side == "left" else sight.right)
    return len(held) < (_room(row.spec(side)) or 0)


def is_equal(row: Row, left: Value, right: Value) -> bool:
    """The quick case: one vocabulary and the same members, whatever each side did to get there."""
    if row.direction != "both":
        return False
    return not (members(left) or members(right)) or (isinstance(row.lens, Same) and left == right)


def _written(row: Row, side: Side, now: Value, change: Delta) -> Value | Unset:
    if not change:
        return KEEP
    held = members(now)
    new = _shape(row.spec(side), apply_delta(held, change), held)
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
    for source, change, now in (("left", from_left, right), ("right", from_right, left)):
        source_side: Side = "left" if source == "left" else "right"
        target = other(source_side)
        settled = isinstance(outcome.new(target), Unset) or written(target)
        done, lost = _delivered(row.spec(target), change, members(now), settled=settled)
        bases[source_side] = apply_delta(bases[source_side], done.own)
        bases[target] = apply_delta(bases[target], done.there)
        if lost and written(target):
            refused = refused or Problem(source_side, "refused", not_stored(f"{row.field(target)}: {', '.join(lost)}"))
    return After(
        left,
        right,
        _base_of(row.left_spec, bases["left"], left),
        _base_of(row.right_spec, bases["right"], right),
        refused,
    )


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
    spec: FieldSpec, change: Carried, now: tuple[str, ...], *, settled: bool
) -> tuple[Carried, tuple[str, ...]]:
    """Split a change into what is done and the names that are still to do.

    A person who found no room on a side that holds fewer people counts as done once that side is settled.
    """
    there = {key(name) for name in now}
    full = settled and _room(spec) is not None and len(there) >= (_room(spec) or 0)
    added = [
        (own, word)
        for own, word in zip(change.own.added, change.there.added, strict=True)
        if key(word) in there or full
    ]
    removed = [
        (own, word)
        for own, word in zip(change.own.removed, change.there.removed, strict=True)
        if key(word) not in there
    ]
    done = Carried(
        Delta(tuple(own for own, _ in added), tuple(own for own, _ in removed)),
        Delta(tuple(word for _, word in added if key(word) in there), tuple(word for _, word in removed)),
        (),
    )
    finished = {key(word) for _, word in (*added, *removed)}
    lost = tuple(word for word in (*change.there.added, *change.there.removed) if key(word) not in finished)
    return done, lost


def _base_of(spec: FieldSpec, names: tuple[str, ...], now: Value) -> Value:
    """A set base in the field's shape and, where only the spelling differs, in the spelling the side has now."""
    spelling = {key(name): name for name in members(now)}
    names = tuple(sorted(spelling.get(key(name), name) for name in names))
    if spec.type.is_set:
        return names
    return names[0] if names else None
