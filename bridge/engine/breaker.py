"""The breaker (S36): a field that our writes keep bringing back to an earlier value is frozen. Pure.

Two automations that disagree would have us write for ever. What gives them away is that *we* write a value which we had
written before, over something else that had come in between. A value that only people brought back and forth on their
own side counts as well, since each time it is carried over; the limit leaves room for a person who changes her mind.

Sets are judged member by member: a label that comes and goes is caught although other labels change meanwhile. What is
frozen is the whole field all the same, for a write of a set is one write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from bridge.engine.outcome import Outcome, Problem
from bridge.engine.sets import members
from bridge.merge import delta, key
from bridge.model import SIDES, Unset, Value
from mappings.rows import Row
from state.history import Entry
from state.parked import FROZEN

WINDOW: Final = timedelta(days=1)
RELEASE: Final = "release"
"""The history event from which on writes are counted anew; its field is the row's left name."""

HINT: Final = 'Find what sets it back (a bot, a rule of the tracker), then let it go: "bridge parked retry ID".'


def returns(row: Row, entries: Sequence[Entry]) -> int:
    """How often a row came back to an earlier value, on the side where it did so most. ``entries``: the history of its
    pair within the window, oldest first.
    """
    released = [at for at, each in enumerate(entries) if each.action == RELEASE and each.field == row.left]
    counted = entries[released[-1] + 1 :] if released else entries
    return max(_on_side(row, [e for e in counted if (e.side, e.field) == (side, row.field(side))]) for side in SIDES)


def _on_side(row: Row, entries: Iterable[Entry]) -> int:
    writes = [(_value(each.before), _value(each.after)) for each in entries if each.action == "update"]
    if not row.is_set:
        return _repeats((("", after) for before, after in writes if after != before))
    moves = []
    for before, after in writes:
        moved = delta(members(before), members(after))
        moves += [(key(name), True) for name in moved.added] + [(key(name), False) for name in moved.removed]
    return _repeats(moves)


def _repeats(writes: Iterable[tuple[str, Value]]) -> int:
    """Of (what, its new value), how often the one that did so most was given a value it had been given before."""
    seen: set[tuple[str, Value]] = set()
    found: Counter[str] = Counter()
    for write in writes:
        found[write[0]] += write in seen
        seen.add(write)
    return max(found.values(), default=0)


def _value(value: Value | Unset) -> Value:
    return None if isinstance(value, Unset) else value


def held(row: Row, left: Value, right: Value) -> Outcome:
    """What planning makes of a frozen row: nothing is written, the bases stay (S7)."""
    return Outcome("hold", rule="frozen (S36)", problems=(Problem("left", FROZEN, said(row, left, right)),))


def said(row: Row, left: Value, right: Value) -> str:
    """Why the field is frozen, with both values."""
    return (
        f'"{row.left}" kept going back to earlier values within a day, so it is written no more: '
        f"left holds {_shown(left)}, right holds {_shown(right)}"
    )


def _shown(value: Value) -> str:
    text = "nothing" if value in (None, ()) else ", ".join(members(value)) if isinstance(value, tuple) else f'"{value}"'
    return text if len(text) <= 80 else text[:79] + "…"
