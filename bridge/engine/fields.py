"""One row of one pair: what has to be written where (S4–S16), and where the bases stand afterwards (S7). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from bridge.merge import Delta, apply_delta, delta, has_changed, key, merge_text
from bridge.model import SIDES, UNSET, FieldSpec, FieldType, Side, Unset, Value, other
from mappings.lenses import Same, UnmappedError
from mappings.rows import Row

KEEP: Final = UNSET
"""An Outcome's ``left``/``right`` when that side is not written."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A person's answer to a conflict (S17): take one side, the base, or a new value in the words of ``side``.

    It holds for the two values it was given on; once a side has moved it is void.
    """

    left: Value
    right: Value
    take: Literal["left", "right", "base", "value"]
    value: Value = None
    side: Side = "left"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of one row of one pair: both values and both bases, normalised; when each side last moved."""

    left: Value
    right: Value
    base_left: Value | Unset
    base_right: Value | Unset
    left_at: datetime | None = None
    right_at: datetime | None = None
    decided: Decided | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a value cannot be delivered. ``side`` is the side that holds it."""

    side: Side
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row wants. ``left``/``right`` are new values or KEEP. ``rule`` explains it in one phrase.

    ``verdict``: same (nothing moved), agree (bases move, no write), write, conflict, hold (a problem), drift (both
    equal their bases and still disagree), ignored (a change on the wrong side of a one-way row).
    """

    verdict: Literal["same", "agree", "write", "conflict", "hold", "drift", "ignored"]
    left: Value | Unset = KEEP
    right: Value | Unset = KEEP
    rule: str = ""
    problems: tuple[Problem, ...] = ()

    def new(self, side: Side) -> Value | Unset:
        return self.left if side == "left" else self.right


def decide(row: Row, sight: Sight, *, first_contact: str = "manual", skew: timedelta = timedelta(seconds=2)) -> Outcome:
    """Judge one row. Total: every input has an outcome, none raises."""
    if row.direction in ("off", "create-only"):
        return Outcome("same")
    return _decide_set(row, sight) if row.is_set else _decide_scalar(row, sight, first_contact=first_contact, skew=skew)


# --- scalars -----------------------------------------------------------------------------------------------------------


def _decide_scalar(row: Row, sight: Sight, *, first_contact: str, skew: timedelta) -> Outcome:
    if row.lens.agree(sight.left, sight.right):
        moved = has_changed(sight.base_left, sight.left) or has_changed(sight.base_right, sight.right)
        return Outcome("agree", rule="both sides agree (S5)") if moved else Outcome("same")
    if sight.decided is not None and (sight.decided.left, sight.decided.right) == (sight.left, sight.right):
        return _as_decided(row, sight, sight.decided)
    return _differing(row, sight, first_contact=first_contact, skew=skew)


def _differing(row: Row, sight: Sight, *, first_contact: str, skew: timedelta) -> Outcome:
    left_moved = has_changed(sight.base_left, sight.left)
    right_moved = has_changed(sight.base_right, sight.right)
    if row.direction != "both":
        return _one_way(row, sight, left_moved=left_moved, right_moved=right_moved)
    if left_moved and right_moved:
        return _both_moved(row, sight, first_contact=first_contact, skew=skew)
    if left_moved:
        return _deliver(row, "left", sight.left, "left changed (S9)")
    if right_moved:
        return _deliver(row, "right", sight.right, "right changed (S9)")
    return Outcome("drift", rule="both sides equal their bases and still differ")


def _one_way(row: Row, sight: Sight, *, left_moved: bool, right_moved: bool) -> Outcome:
    source: Side = "left" if row.direction == "left-to-right" else "right"
    value, moved = (sight.left, left_moved) if source == "left" else (sight.right, right_moved)
    if moved:
        return _deliver(row, source, value, f"{source} changed, row is {row.direction} (S15)")
    return Outcome("ignored", rule=f"row is {row.direction} (S15)")


def _both_moved(row: Row, sight: Sight, *, first_contact: str, skew: timedelta) -> Outcome:
    first = sight.base_left is UNSET and sight.base_right is UNSET
    policy = first_contact if first else row.policy
    if policy == "merge":
        return _merge(row, sight) or Outcome("conflict", rule="both sides changed the same words (S11)")
    if policy == "newest":
        policy = _newest(sight, skew)
    if policy == "left":
        return _deliver(row, "left", sight.left, "both changed, policy left (S16)")
    if policy == "right":
        return _deliver(row, "right", sight.right, "both changed, policy right (S16)")
    return Outcome("conflict", rule="different at first contact (S8)" if first else "both sides changed (S16)")


def _newest(sight: Sight, skew: timedelta) -> str:
    """Only where both servers give a time, and further apart than their clocks may be (S16)."""
    if sight.left_at is None or sight.right_at is None or abs(sight.left_at - sight.right_at) <= skew:
        return "manual"
    return "left" if sight.left_at > sight.right_at else "right"


def _merge(row: Row, sight: Sight) -> Outcome | None:
    try:
        theirs = row.convert("left", sight.right)
        merged = merge_text(_text(sight.base_left), _text(sight.left), _text(theirs))
        if merged is None:
            return None
        new_left, new_right = row.normal("left", merged), row.normal("right", row.convert("right", merged))
    except UnmappedError:
        return None
    rule = "both changed, merged by lines (S11)"
    return _checked(
        row,
        KEEP if new_left == sight.left else new_left,
        KEEP if new_right == sight.right else new_right,
        rule,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _as_decided(row: Row, sight: Sight, decided: Decided) -> Outcome:
    rule = f"decided by a person: {decided.take} (S17)"
    if decided.take == "left":
        return _deliver(row, "left", sight.left, rule)
    if decided.take == "right":
        return _deliver(row, "right", sight.right, rule)
    source: Side = "left" if decided.take == "base" else decided.side
    value: Value | Unset = sight.base_left if decided.take == "base" else decided.value
    if isinstance(value, Unset):
        return Outcome("conflict", rule="there is no base to take: the two were never in step")
    try:
        converted = row.normal(other(source), row.convert(other(source), value))
    except UnmappedError as unmapped:
        return Outcome("hold", rule=rule, problems=(Problem(source, unmapped.reason, unmapped.message),))
    own = row.normal(source, value)
    left, right = (own, converted) if source == "left" else (converted, own)
    return _checked(row, KEEP if left == sight.left else left, KEEP if right == sight.right else right, rule)


def _deliver(row: Row, source: Side, value: Value, rule: str) -> Outcome:
    """Carry ``source``'s value to the other side."""
    target = other(source)
    try:
        wanted = row.normal(target, row.convert(target, value))
    except UnmappedError as unmapped:
        return Outcome("hold", rule=rule, problems=(Problem(source, unmapped.reason, unmapped.message),))
    return _checked(row, wanted if target == "left" else KEEP, wanted if target == "right" else KEEP, rule)


def _checked(row: Row, left: Value | Unset, right: Value | Unset, rule: str) -> Outcome:
    """Hold what a side can never take, before it is tried: read-only, too long, not one of its choices."""
    wanted = Outcome("write", left, right, rule)
    problems = []
    for side in SIDES:
        value = wanted.new(side)
        found = None if isinstance(value, Unset) else unwritable(row.spec(side), value)
        if found is not None:
            problems.append(Problem(other(side), *found))
    return Outcome("hold", rule=rule, problems=tuple(problems)) if problems else wanted


def unwritable(spec: FieldSpec, value: Value) -> tuple[str, str] | None:
    """Why this field cannot hold this value: (reason, message), or None when it can."""
    if spec.writable in ("never", "create"):
        return "read-only", f'"{spec.name}" cannot be written there'
    if spec.max_length is not None and isinstance(value, str) and len(value) > spec.max_length:
        return "too-long", f'"{spec.name}" has {len(value)} characters, {spec.max_length} fit there'
    if spec.max_items is not None and isinstance(value, tuple) and len(value) > spec.max_items:
        return "too-long", f'"{spec.name}" has {len(value)} members, {spec.max_items} fit there'
    if spec.choices is not None and isinstance(value, str) and value not in spec.choices:
        return "unreachable", f'"{spec.name}" cannot be "{value}" there (it can be: {", ".join(spec.choices)})'
    return None


# --- sets ----------------------------------------------------------------------------------------------------------------


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


def _translate(
    row: Row, target: Side, names: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...], list[UnmappedError]]:
    own: list[str] = []
    there: list[str] = []
    unmapped: list[UnmappedError] = []
    for name in names:
        try:
            word = row.convert(target, name)
        except UnmappedError as error:
            unmapped.append(error)
            continue
        own.append(name)
        there.append(str(word))
    return tuple(own), tuple(there), unmapped


_NOTHING: Final = Carried(Delta((), ()), Delta((), ()), ())


def _carry_both(row: Row, sight: Sight) -> tuple[Carried, Carried]:
    left = carried(row, "left", sight.base_left, sight.left) if row.writes_to("right") else _NOTHING
    right = carried(row, "right", sight.base_right, sight.right) if row.writes_to("left") else _NOTHING
    return left, right


def _decide_set(row: Row, sight: Sight) -> Outcome:
    if sight.base_left == sight.left and sight.base_right == sight.right:
        return Outcome("same")
    if _is_equal(row, sight.left, sight.right):
        return Outcome("agree", rule="both sides have it already (S5)")
    from_left, from_right = _carry_both(row, sight)
    new_left = _written(row, "left", sight.left, from_right.there)
    new_right = _written(row, "right", sight.right, from_left.there)
    problems = from_left.problems + from_right.problems
    if new_left is KEEP and new_right is KEEP:
        if problems:
            return Outcome("hold", rule="members the map does not know stay where they are (S10)", problems=problems)
        if from_left.own or from_right.own:
            return Outcome("agree", rule="both sides have it already (S5)")
        return Outcome("same")
    checked = _checked(row, new_left, new_right, _set_rule(from_left, from_right))
    return Outcome(checked.verdict, checked.left, checked.right, checked.rule, checked.problems + problems)


def _is_equal(row: Row, left: Value, right: Value) -> bool:
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


# --- bases afterwards ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class After:
    """A row once the writes are answered: both values as they now are, both bases, and what was not taken."""

    left: Value
    right: Value
    base_left: Value | Unset
    base_right: Value | Unset
    refused: Problem | None = None


def advance(
    row: Row, sight: Sight, outcome: Outcome, left: Value, right: Value, written: Callable[[Side], bool]
) -> After:
    """Move the bases of one row (S7): field by field, only over a confirmed write or an observed agreement.

    ``left``/``right`` are the values after the writes, normalised; ``written(side)`` says whether this row's write to
    that side was confirmed.
    """
    if row.is_set and row.direction not in ("off", "create-only"):
        return _advance_set(row, sight, outcome, left, right, written)
    if outcome.verdict == "agree":
        return After(left, right, left, right)
    if outcome.verdict != "write":
        return After(left, right, sight.base_left, sight.base_right)
    wanted = [side for side in SIDES if not isinstance(outcome.new(side), Unset)]
    if not all(written(side) for side in wanted):
        return After(left, right, sight.base_left, sight.base_right)
    for side in wanted:
        before, after = (sight.left, left) if side == "left" else (sight.right, right)
        if after == before:
            refused = Problem(other(side), "refused", _not_stored(row.field(side)))
            return After(left, right, sight.base_left, sight.base_right, refused)
    return After(left, right, left, right)


def _not_stored(what: str) -> str:
    return f'"{what}" was accepted and then not stored: the key may lack the right to set it'


def _advance_set(
    row: Row, sight: Sight, outcome: Outcome, left: Value, right: Value, written: Callable[[Side], bool]
) -> After:
    """What is really there counts: a member is delivered when the other side has it (or no longer has it) now."""
    if outcome.verdict == "same" and not isinstance(sight.base_left, Unset) and not isinstance(sight.base_right, Unset):
        return After(left, right, sight.base_left, sight.base_right)
    if _is_equal(row, left, right):
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
            refused = refused or Problem(source_side, "refused", _not_stored(f"{row.field(target)}: {', '.join(lost)}"))
    return After(
        left,
        right,
        _base_of(row.left_spec, bases["left"], left),
        _base_of(row.right_spec, bases["right"], right),
        refused,
    )


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
