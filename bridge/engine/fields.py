"""One row of one pair: what has to be written where (S4–S16), and where the bases stand afterwards (S7). Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from bridge.engine.outcome import KEEP, After, Decided, Outcome, Problem, Sight, checked, not_stored, problems_of
from bridge.engine.sets import advance_set, decide_set, shifted
from bridge.merge import has_changed, keep_both, merge_text
from bridge.model import SIDES, UNSET, Side, Unset, Value, other
from mappings.lenses import LEFT_ALONE, OUTSIDE, UnmappedError
from mappings.mirrored import TRUNCATED
from mappings.rows import Row


def decide(row: Row, sight: Sight, *, first_contact: str = "manual", skew: timedelta = timedelta(seconds=2)) -> Outcome:
    """Judge one row. Total: every input has an outcome, none raises."""
    if row.direction in ("off", "create-only"):
        return Outcome("same")
    return decide_set(row, sight) if row.is_set else _decide_scalar(row, sight, first_contact=first_contact, skew=skew)


# --- scalars -----------------------------------------------------------------------------------------------------------


def _decide_scalar(row: Row, sight: Sight, *, first_contact: str, skew: timedelta) -> Outcome:
    if row.lens.agree(sight.left, sight.right):
        moved = has_changed(sight.base_left, sight.left) or has_changed(sight.base_right, sight.right)
        return Outcome("agree", rule="both sides agree (S5)") if moved else Outcome("same")
    decided = None if sight.decided is None else _as_decided(row, sight, sight.decided)
    if decided is not None:
        return decided
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
    return _left_alone(row, sight) or Outcome("drift", rule="both sides equal their bases and still differ")


def _one_way(row: Row, sight: Sight, *, left_moved: bool, right_moved: bool) -> Outcome:
    source: Side = "left" if row.direction == "left-to-right" else "right"
    value, moved = (sight.left, left_moved) if source == "left" else (sight.right, right_moved)
    if moved:
        return _deliver(row, source, value, f"{source} changed, row is {row.direction} (S15)")
    return Outcome("ignored", rule=f"row is {row.direction} (S15)")


def _both_moved(row: Row, sight: Sight, *, first_contact: str, skew: timedelta) -> Outcome:
    first = sight.base_left is UNSET and sight.base_right is UNSET
    if first and (alone := _left_alone(row, sight)) is not None:
        return alone
    policy = first_contact if first else row.policy
    if policy in ("merge", "keep-both"):
        return _merge(row, sight, policy) or Outcome("conflict", rule="both sides changed the same words (S11)")
    if policy == "newest":
        policy = _newest(sight, skew)
    if policy == "left":
        return _deliver(row.by_order(), "left", sight.left, "both changed, policy left (S16)")
    if policy == "right":
        return _deliver(row.by_order(), "right", sight.right, "both changed, policy right (S16)")
    return Outcome("conflict", rule="different at first contact (S8)" if first else "both sides changed (S16)")


def _left_alone(row: Row, sight: Sight) -> Outcome | None:
    """At first contact, a value that the row leaves where it is makes no conflict."""
    for source, value in (("left", sight.left), ("right", sight.right)):
        side: Side = "left" if source == "left" else "right"
        try:
            row.convert(other(side), value)
        except UnmappedError as unmapped:
            if unmapped.reason in (LEFT_ALONE, OUTSIDE):
                return Outcome("alone", rule="left where it is", problems=tuple(problems_of(side, unmapped)))
    return None


def _newest(sight: Sight, skew: timedelta) -> str:
    """Only where both servers give a time, and further apart than their clocks may be (S16)."""
    if sight.left_at is None or sight.right_at is None or abs(sight.left_at - sight.right_at) <= skew:
        return "manual"
    return "left" if sight.left_at > sight.right_at else "right"


def _merge(row: Row, sight: Sight, policy: str) -> Outcome | None:
    join = keep_both if policy == "keep-both" else merge_text
    try:
        theirs = row.convert("left", sight.right)
        merged = join(_text(sight.base_left), _text(sight.left), _text(theirs))
        if merged is None:
            return None
        new_left, new_right = row.normal("left", merged), row.normal("right", row.convert("right", merged))
    except UnmappedError:
        return None
    rule = f"both changed, policy {policy} (S11)"
    return checked(
        row,
        KEEP if new_left == sight.left else new_left,
        KEEP if new_right == sight.right else new_right,
        rule,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _as_decided(row: Row, sight: Sight, decided: Decided) -> Outcome | None:
    """Write what was decided; None when it is void, for a side holds neither what it held then nor what was decided."""
    rule = f"decided by a person: {decided.take} (S17)"
    source: Side = "right" if decided.take == "right" else decided.side if decided.take == "value" else "left"
    by_take = {"left": decided.left, "right": decided.right, "base": sight.base_left, "value": decided.value}
    value = by_take[decided.take]
    if isinstance(value, Unset):
        return Outcome("conflict", rule="there is no base to take: the two were never in step")
    try:
        converted = row.normal(other(source), row.by_order().convert(other(source), value))
    except UnmappedError as unmapped:
        if unmapped.reason == TRUNCATED:
            return Outcome("conflict", rule=f"{rule}, and not written: {unmapped.message}")
        return Outcome("hold", rule=rule, problems=(Problem(source, unmapped.reason, unmapped.message),))
    own = row.normal(source, value)
    left, right = (own, converted) if source == "left" else (converted, own)
    if sight.left not in (decided.left, left) or sight.right not in (decided.right, right):
        return None
    return checked(row, KEEP if left == sight.left else left, KEEP if right == sight.right else right, rule)


def _deliver(row: Row, source: Side, value: Value, rule: str) -> Outcome:
    """Carry ``source``'s value to the other side."""
    target = other(source)
    try:
        wanted = row.normal(target, row.convert(target, value))
    except UnmappedError as unmapped:
        verdict: Literal["alone", "hold"] = "alone" if unmapped.reason in (LEFT_ALONE, OUTSIDE) else "hold"
        return Outcome(verdict, rule=rule, problems=tuple(problems_of(source, unmapped)))
    return checked(row, wanted if target == "left" else KEEP, wanted if target == "right" else KEEP, rule)


def advance(
    row: Row, sight: Sight, outcome: Outcome, left: Value, right: Value, written: Callable[[Side], bool]
) -> After:
    """Move the bases of one row (S7): field by field, only over a confirmed write or an observed agreement.

    ``left``/``right`` are the values after the writes, normalised; ``written(side)`` says whether this row's write to
    that side was confirmed.
    """
    if outcome.verdict == "paused":
        return After(left, right, sight.base_left, sight.base_right)
    if outcome.verdict == "forced":
        return _advance_forced(row, sight, outcome, left, right, written)
    if row.is_set and row.direction not in ("off", "create-only"):
        return advance_set(row, sight, outcome, left, right, written)
    return _advance_scalar(row, sight, outcome, left, right, written)


def _advance_scalar(
    row: Row, sight: Sight, outcome: Outcome, left: Value, right: Value, written: Callable[[Side], bool]
) -> After:
    if outcome.verdict in ("agree", "alone"):
        return After(left, right, left, right)
    if outcome.verdict != "write":
        return After(left, right, sight.base_left, sight.base_right)
    wanted = [side for side in SIDES if not isinstance(outcome.new(side), Unset)]
    if not all(written(side) for side in wanted):
        return After(left, right, sight.base_left, sight.base_right)
    for side in wanted:
        before, after = (sight.left, left) if side == "left" else (sight.right, right)
        if after == before:
            refused = Problem(other(side), "refused", not_stored(row.field(side)))
            return After(left, right, sight.base_left, sight.base_right, refused)
    return After(left, right, left, right)


def _advance_forced(
    row: Row, sight: Sight, outcome: Outcome, left: Value, right: Value, written: Callable[[Side], bool]
) -> After:
    """A side that was written by order stands where it now is, the other where it stood: the order is news for neither
    (drift), and what a person changed beside it still is.
    """
    now = {"left": left, "right": right}
    bases = {"left": sight.base_left, "right": sight.base_right}
    for side in SIDES:
        wanted = outcome.new(side)
        if not isinstance(wanted, Unset) and written(side):
            before = sight.left if side == "left" else sight.right
            bases[side] = shifted(row.spec(side), bases[side], before, wanted, now[side]) if row.is_set else now[side]
    return After(left, right, bases["left"], bases["right"])
