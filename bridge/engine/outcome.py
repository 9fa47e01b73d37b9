"""The words in which one row of one pair is judged: what was seen, what is wanted, where the bases stand afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from bridge.model import SIDES, UNSET, FieldSpec, Side, Unset, Value, other
from mappings.lenses import OUTSIDE, UnmappedError
from mappings.measure import length
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
    equal their bases and still disagree), ignored (a change on the wrong side of a one-way row), forced (written
    because a person or a policy ordered it: the side stands at what it then holds, the other where it stood; they may
    drift), alone (the row says to leave this value on its side: bases move, no write), paused (out of scope: whatever
    moved waits).
    """

    verdict: Literal["same", "agree", "write", "conflict", "hold", "drift", "ignored", "forced", "alone", "paused"]
    left: Value | Unset = KEEP
    right: Value | Unset = KEEP
    rule: str = ""
    problems: tuple[Problem, ...] = ()

    def new(self, side: Side) -> Value | Unset:
        return self.left if side == "left" else self.right


@dataclass(frozen=True, slots=True)
class After:
    """A row once the writes are answered: both values as they now are, both bases, and what was not taken."""

    left: Value
    right: Value
    base_left: Value | Unset
    base_right: Value | Unset
    refused: Problem | None = None


def problems_of(side: Side, unmapped: UnmappedError) -> list[Problem]:
    """What is to be told of a value of ``side`` that has no word on the other one; nothing for one that is no concern."""
    return [] if unmapped.reason == OUTSIDE else [Problem(side, unmapped.reason, unmapped.message)]


def checked(row: Row, left: Value | Unset, right: Value | Unset, rule: str) -> Outcome:
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
    if spec.max_length is not None and isinstance(value, str) and (long := length(spec, value)) > spec.max_length:
        return "too-long", f'"{spec.name}" has {long} characters, {spec.max_length} fit there'
    if spec.max_items is not None and isinstance(value, tuple) and len(value) > spec.max_items:
        return "too-long", f'"{spec.name}" has {len(value)} members, {spec.max_items} fit there'
    if spec.choices is not None and isinstance(value, str) and value not in spec.choices:
        return "unreachable", f'"{spec.name}" cannot be "{value}" there (it can be: {", ".join(spec.choices)})'
    return None


def not_stored(what: str) -> str:
    return f'"{what}" was accepted and then not stored: the key may lack the right to set it'
