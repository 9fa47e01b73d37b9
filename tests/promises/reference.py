"""What both sides should hold: a plain reconciler of one field of one pair. It knows no crash, no HTTP and no cursor.

It was written from the rules (S5–S17), not from the engine, and shares no code with it. A run that got to its end takes
``settled``; one that broke off anywhere, or saw only part of the news, may have done any part of the same work: ``partly``.
What a tracker's answer never told stays open, so a field has a *set* of states that fit what was seen so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

NO_BASE = "(no base)"


@dataclass(frozen=True)
class Rule:
    """How a field is kept in step. ``right_of``/``left_of`` translate one word, None for one that has no translation.

    ``room``: how many members fit (left, right), None for any number.
    """

    name: str
    right_of: Callable[[Any], Any] = lambda word: word
    left_of: Callable[[Any], Any] = lambda word: word
    agree: Callable[[Any, Any], bool] = lambda left, right: left == right
    is_set: bool = False
    room: tuple[int | None, int | None] = (None, None)
    direction: str = "both"
    policy: str = "manual"
    same_words: bool = True


@dataclass(frozen=True)
class State:
    """What the two sides hold and what each last held in step."""

    left: Any
    right: Any
    base_left: Any
    base_right: Any


@dataclass(frozen=True)
class Decision:
    """A person's answer to a conflict between these two values."""

    left: Any
    right: Any
    wanted: tuple[Any, Any]


def outcomes(rule: Rule, s: State, decision: Decision | None = None) -> list[State]:
    """Where a complete run may take a field; more than one only where the rules leave it to the clocks."""
    if rule.direction == "off":
        return [s]
    if rule.is_set:
        return [_merged_sets(rule, s)]
    if rule.agree(s.left, s.right):
        return [State(s.left, s.right, s.left, s.right)]
    return _decided(rule, s, decision) or _compared(rule, s)


def _decided(rule: Rule, s: State, decision: Decision | None) -> list[State]:
    """What a person chose, as long as both sides hold what they held then, or what was chosen."""
    if decision is None:
        return []
    left = s.left if rule.agree(s.left, decision.wanted[1]) else decision.wanted[0]
    right = s.right if rule.agree(decision.wanted[0], s.right) else decision.wanted[1]
    holds = s.left in (decision.left, left) and s.right in (decision.right, right)
    return [State(left, right, left, right)] if holds else []


def _compared(rule: Rule, s: State) -> list[State]:
    moved = [side for side in ("left", "right") if getattr(s, side) != getattr(s, f"base_{side}")]
    if rule.direction != "both":
        source = "left" if flows(rule, "left") else "right"
        return [_delivered(rule, s, source) if source in moved else s]
    if len(moved) == 2:
        return _both_moved(rule, s)
    return [_delivered(rule, s, side) for side in moved] or [s]


def is_conflict(rule: Rule, s: State) -> bool:
    """Whether a settled field waits for a person."""
    apart = not rule.is_set and rule.direction == "both" and not rule.agree(s.left, s.right)
    return apart and s.left != s.base_left and s.right != s.base_right and s in outcomes(rule, s)


def settled(rule: Rule, states: Iterable[State], decision: Decision | None = None) -> frozenset[State]:
    """After a complete run: the work is done to its end."""
    found = frozenset(states)
    for _ in range(4):
        found = frozenset(after for s in found for after in outcomes(rule, s, decision))
    return found


def partly(rule: Rule, states: Iterable[State], decision: Decision | None = None) -> frozenset[State]:
    """After a run that may have stopped anywhere: each write made or not, each base moved as far as was seen, or not."""
    found: frozenset[State] = frozenset(states)
    while True:
        more = {
            each
            for s in found
            for wanted in outcomes(rule, s, decision)
            for left in (s.left, wanted.left)
            for right in (s.right, wanted.right)
            for now in (replace(s, left=left, right=right),)
            for each in (now, wanted if (left, right) == (wanted.left, wanted.right) else _moved_on(rule, s, now))
        }
        if more <= found:
            return found
        found |= more


def _moved_on(rule: Rule, before: State, now: State) -> State:
    """Bases after the part of the work that got through: members move one by one, a text only as a whole."""
    return _advanced(rule, before, now) if rule.is_set else now


def flows(rule: Rule, source: str) -> bool:
    """Whether a value may ever go from this side to the other (S15)."""
    return rule.direction in ("both", "left-to-right" if source == "left" else "right-to-left")


def created(rule: Rule, source: str, here: Any, there: Any, *, sure: bool) -> frozenset[State]:
    """A partner that was just made: the value went with it, or is still to go, or (not ``sure``) the pair is not known."""
    left, right = (here, there) if source == "left" else (there, here)
    if not flows(rule, source):
        return frozenset({State(left, right, left, right)})
    if rule.is_set:
        shared = frozenset(name for name in left if rule.right_of(name) in right)
        delivered = State(left, right, shared, frozenset(rule.right_of(name) for name in shared))
        return frozenset({delivered} if sure else {delivered, State(left, right, frozenset(), frozenset())})
    to_do = State(left, right, *((NO_BASE, right) if source == "left" else (left, NO_BASE)))
    unknown = set() if sure else {State(left, right, NO_BASE, NO_BASE)}
    done = {State(left, right, left, right)} if rule.agree(left, right) or here is None else set()
    return frozenset(done if done and sure else {to_do, *unknown, *done})


def _delivered(rule: Rule, s: State, source: str) -> State:
    value = s.left if source == "left" else s.right
    word = None if value is None else (rule.right_of if source == "left" else rule.left_of)(value)
    if word is None and value is not None:
        return s  # it has no translation: it stays where it is, and so does the other side's
    left, right = (value, word) if source == "left" else (word, value)
    return State(left, right, left, right)


def _both_moved(rule: Rule, s: State) -> list[State]:
    first = s.base_left == NO_BASE and s.base_right == NO_BASE
    policy = "manual" if first else rule.policy
    if policy in ("left", "right"):
        return [_delivered(rule, s, policy)]
    if policy == "newest":
        return [s, _delivered(rule, s, "left"), _delivered(rule, s, "right")]
    if policy == "merge" and rule.name == "description":
        merged = _merged_lines(s.base_left, s.left, s.right)
        return [s if merged is None else State(merged, merged, merged, merged)]
    return [s]


def _merged_lines(base: Any, ours: Any, theirs: Any) -> str | None:
    """Line by line, for texts of as many lines; the texts of these histories are no other."""
    if NO_BASE in (base, ours, theirs) or None in (base, ours, theirs):
        return None
    lines = []
    for was, mine, other in zip(base.split("\n"), ours.split("\n"), theirs.split("\n"), strict=True):
        if mine not in (was, other) and other != was:
            return None
        lines.append(other if mine == was else mine)
    return "\n".join(lines)


def _news(rule: Rule, s: State, side: str) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """What a side added and removed since its base that the other side has a word for: {own word: word there}."""
    base, now = (s.base_left, s.left) if side == "left" else (s.base_right, s.right)
    base = frozenset() if base == NO_BASE else base
    if not flows(rule, side):
        return {}, {}
    translate = rule.right_of if side == "left" else rule.left_of
    added, removed = ({name: translate(name) for name in names} for names in (now - base, base - now))
    return ({a: b for a, b in names.items() if b is not None} for names in (added, removed))  # type: ignore[return-value]


def _fitted(names: frozenset[Any], held: frozenset[Any], room: int | None) -> frozenset[Any]:
    """Of more than fit, those that are there already stay."""
    if room is None:
        return names
    return frozenset(sorted(names, key=lambda name: (name not in held, name))[:room])


def _merged_sets(rule: Rule, s: State) -> State:
    added_left, removed_left = _news(rule, s, "left")
    added_right, removed_right = _news(rule, s, "right")
    right = (s.right - frozenset(removed_left.values())) | frozenset(added_left.values())
    left = (s.left - frozenset(removed_right.values())) | frozenset(added_right.values())
    now = replace(s, left=_fitted(left, s.left, rule.room[0]), right=_fitted(right, s.right, rule.room[1]))
    return _advanced(rule, s, now)


def _advanced(rule: Rule, before: State, now: State) -> State:
    """A member is in step once the other side has it, or has no room for it; what was not delivered stays news."""
    if rule.direction == "both" and now.left == now.right and (rule.same_words or not now.left):
        return State(now.left, now.right, now.left, now.right)
    bases = {side: _base(before, side) for side in ("left", "right")}
    sides = (("left", "right", now.right, rule.room[1]), ("right", "left", now.left, rule.room[0]))
    for side, there, held, room in sides:
        added, removed = _news(rule, before, side)
        full = room is not None and len(held) >= room
        for own, word in removed.items():
            if word not in held:
                bases[side], bases[there] = bases[side] - {own}, bases[there] - {word}
        for own, word in added.items():
            if word in held:
                bases[side], bases[there] = bases[side] | {own}, bases[there] | {word}
            elif full:
                bases[side] |= {own}
    return State(now.left, now.right, bases["left"], bases["right"])


def _base(s: State, side: str) -> frozenset[Any]:
    base = s.base_left if side == "left" else s.base_right
    return frozenset() if base == NO_BASE else base
