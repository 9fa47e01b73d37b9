"""What happens in a drill, made from a link's own rows: items on both sides, and what people do to them.

Every mapped field that both trackers can hold is filled, changed on the left, changed on the right, and changed on both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.drill.rows import Tried
from bridge.model import SIDES, FieldType, Side, Value

TITLE: Final = "title"
FIRST: Final = "first contact"
EDITS: Final = "edits on both sides"
PAGES: Final = "pages, webhooks, a deletion"
SCENARIOS: Final = (FIRST, EDITS, PAGES)


@dataclass(frozen=True, slots=True)
class Item:
    """An item that somebody made: each field has the row's value of that ``number``."""

    side: Side
    title: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody wrote into an item of one side, in that side's own words. ``alone``: nobody touched its partner."""

    side: Side
    title: str
    fields: Mapping[str, Value]
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Scenario:
    """``there`` is what stands in the trackers first. With ``in_step`` both sides are then brought in step, and ``late``,
    ``edits`` and ``gone`` come after. ``hooks``: the webhooks of all that arrive before the run.
    """

    name: str
    there: tuple[Item, ...]
    in_step: bool = True
    late: tuple[Item, ...] = ()
    edits: tuple[Edit, ...] = ()
    gone: tuple[tuple[Side, str], ...] = ()
    hooks: bool = False


def build(name: str, rows: Sequence[Tried]) -> Scenario:
    """One of ``SCENARIOS``, for these rows."""
    if name == FIRST:
        return _first_contact()
    return _edits(rows) if name == EDITS else _resumed(rows)


def filled(rows: Sequence[Tried], item: Item) -> dict[str, Value]:
    """The fields of an item beside its title."""
    found = {}
    for one in rows:
        name = one.row.field(item.side)
        if one.values and name != TITLE:
            found[name] = one.value(item.side, item.number)
    return found


def _first_contact() -> Scenario:
    """Two trackers that never met: some items on one side only, one on both, one on both that differs."""
    return Scenario(
        FIRST,
        (
            Item("left", "Only on the left"),
            Item("left", "Only on the left, done", 1),
            Item("right", "Only on the right"),
            Item("right", "Only on the right, done", 1),
            *_both("The same on both"),
            Item("left", "Not the same on both"),
            Item("right", "Not the same on both", 1),
        ),
        in_step=False,
    )


def _edits(rows: Sequence[Tried]) -> Scenario:
    """An ordinary day: each field changed on either side, on both, done and undone, and new items."""
    left, right, both, again = "Changed on the left", "Changed on the right", "Changed on both", "Taken up again"
    return Scenario(
        EDITS,
        (*_both(left), *_both(right), *_both(both), *_both(again, 1)),
        late=(Item("left", "New on the left"), Item("right", "New on the right", 1)),
        edits=(
            Edit("left", left, _changed(rows, "left", 1, f"{left}, renamed")),
            Edit("right", right, _changed(rows, "right", 1, f"{right}, renamed")),
            Edit("left", both, _clashing(rows, "left", 1, f"{both}, said the left"), alone=False),
            Edit("right", both, _clashing(rows, "right", 2, f"{both}, said the right"), alone=False),
            Edit("right", again, _changed(rows, "right", 0, "")),
        ),
    )


def _resumed(rows: Sequence[Tried]) -> Scenario:
    """Listings of several pages, webhooks, a deleted item, a partner that is there already."""
    titles = [f"Page after page {number}" for number in range(1, 5)]
    sets = [one for one in rows if one.row.is_set or one.row.left_spec.type is FieldType.TEXT]
    return Scenario(
        PAGES,
        tuple(item for title in titles for item in _both(title)),
        late=(*_both("Made on both sides by hand"), Item("left", "New and announced")),
        edits=tuple(
            Edit(SIDES[place % 2], title, _changed(sets, SIDES[place % 2], 1, ""))
            for place, title in enumerate(titles[:2])
        ),
        gone=(("left", titles[3]),),
        hooks=True,
    )


def _both(title: str, number: int = 0) -> tuple[Item, Item]:
    return Item("left", title, number), Item("right", title, number)


def _changed(rows: Sequence[Tried], side: Side, number: int, title: str) -> dict[str, Value]:
    """Every field that this side may tell the other."""
    found: dict[str, Value] = {TITLE: title} if title else {}
    for one in rows:
        name = one.row.field(side)
        if one.values and name != TITLE and one.row.writes_to("right" if side == "left" else "left"):
            found[name] = one.value(side, number)
    return found


def _clashing(rows: Sequence[Tried], side: Side, number: int, title: str) -> dict[str, Value]:
    """Texts, sets and whatever has a third value: the sides shall not meet by chance."""
    some = [one for one in rows if len(one.values) > 2 and one.row.direction == "both"]
    return _changed(some, side, number, title)
