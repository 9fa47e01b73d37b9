"""Whether the promises held: what a run came to that was killed or lied to, beside the run that was left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.drill.rows import Tried, members
from bridge.drill.scenario import Edit
from bridge.model import SIDES, FieldType, Side, Value

PROMISES: Final[Mapping[str, str]] = {
    "I1": "after at most two runs both sides agree, as they do without a crash",
    "I2": "no edit is lost: it is on the other side, or in a conflict",
    "I3": "a run after a settled run writes nothing",
    "I4": "each record is created at most once on the other side",
    "I5": "our own writes, told to us by webhook, cause no further write",
    "I6": "nothing is deleted",
    "I7": "the cursor is never past what is stored",
    "I8": "a base is only what both sides held",
}


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that did not hold, and what was seen instead."""

    promise: str
    what: str


def names(view: Mapping[str, Any]) -> dict[str, dict[tuple[Side, str], str]]:
    """What each item is called in comparisons, by kind: its id, or whose copy it is when Bridge made it."""
    found: dict[str, dict[tuple[Side, str], str]] = {}
    for kind, sides in view["items"].items():
        found[kind] = {}
        for side in SIDES:
            for item in sides[side]:
                marker = item["marker"]
                found[kind][side, item["id"]] = (
                    item["id"] if marker is None else f"copy of {marker[1].rpartition('#')[2]}"
                )
    return found


def contents(view: Mapping[str, Any]) -> dict[str, list[str]]:
    """Everything that must be the same in the end, as sorted lines by what they are about."""
    called = names(view)
    found: dict[str, list[str]] = {}
    for kind, sides in view["items"].items():
        for side in SIDES:
            for item in sides[side]:
                for name, value in item["fields"].items():
                    said = f"{side} {kind} {called[kind][side, item['id']]} {name}"
                    found.setdefault(said, []).append(_text(value))
    for pair in view["pairs"]:
        kind = pair["kind"]
        left = called[kind].get(("left", pair["left"]), "gone")
        right = called[kind].get(("right", pair["right"]), "gone")
        said = f"pair {left} = {right}"
        found.setdefault(said, []).append(pair["status"])
        for side in SIDES if pair["status"] == "live" else ():
            for name, value in pair["bases"][side].items():
                found.setdefault(f"{said}, {side} base of {name}", []).append(_text(value))
    for clash in view["conflicts"]:
        said = f"conflict {clash['title']} {clash['field']}"
        found.setdefault(said, []).append(f"{_text(clash['left'])} against {_text(clash['right'])}")
    for row in view["parked"]:
        called_so = called[row["kind"]].get((row["side"], row["item"]), row["item"])
        found.setdefault(f"parked {row['side']} {called_so} {row['field']}", []).append(row["reason"])
    found["inbox"] = [_text(view["inbox"])]
    found["intents"] = [_text(view["intents"])]
    return {said: sorted(values) for said, values in found.items()}


def differences(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[str]:
    """Where two views differ, one line each."""
    ours, theirs = contents(expected), contents(actual)
    for said in sorted({*ours, *theirs}):
        if ours.get(said) != theirs.get(said):
            yield f"{said}: {_listed(theirs.get(said))}; left alone it is {_listed(ours.get(said))}"


def lost(edits: Sequence[tuple[Edit, str]], rows: Sequence[Tried], view: Mapping[str, Any]) -> Iterator[str]:
    """Edits of people that are nowhere any more (I2): neither where they were made, nor in a conflict.

    ``edits`` come with the ids of their items. That the other side agrees is judged by comparing and by the plan.
    """
    for edit, item_id in edits:
        items = [item for item in view["items"]["task"][edit.side] if item["id"] == item_id]
        for name, value in edit.fields.items():
            if not items or not _is_there(edit, name, value, items[0]["fields"].get(name), rows, view):
                there = items[0]["fields"].get(name) if items else "no item"
                yield f"{edit.side} {edit.title!r} {name}: {value!r} was written, {there!r} is there"


def _is_there(edit: Edit, name: str, value: Value, now: Any, rows: Sequence[Tried], view: Mapping[str, Any]) -> bool:
    one = next(one for one in rows if one.row.field(edit.side) == name)
    spec = one.row.spec(edit.side)
    if spec.type.is_set or one.row.is_set:
        return members(value) == members(now) if edit.alone else members(value) & members(now) != frozenset()
    held = one.row.normal(edit.side, now)
    if held == one.row.normal(edit.side, value):
        return True
    if edit.alone:
        return False
    if spec.type is FieldType.TEXT and one.row.policy == "merge":
        return set(str(value).splitlines()) - set(str(one.value(edit.side, 0)).splitlines()) <= set(
            str(now).splitlines()
        )
    in_conflict = any(
        clash["field"] == one.row.left and value in (clash["left"], clash["right"]) for clash in view["conflicts"]
    )
    return in_conflict or one.row.policy in ("left", "right", "newest")


def unheld(views: Sequence[Mapping[str, Any]], now: Mapping[str, Any]) -> Iterator[str]:
    """Values in a base that its side never held (I8). ``views`` are earlier and later sights of the same trackers; items
    that were not there at first are left out, for nobody saw what they held in between.
    """
    known = {(side, item["id"]) for kind in views[1]["items"].values() for side in SIDES for item in kind[side]}
    held: dict[tuple[Side, str, str], list[Any]] = {}
    for view in (*views, now):
        for side in SIDES:
            for item in (item for kind in view["items"].values() for item in kind[side]):
                for name, value in item["fields"].items():
                    held.setdefault((side, item["id"], name), []).append(value)
    for pair in now["pairs"]:
        for side in SIDES if pair["status"] == "live" else ():
            for name, value in pair["bases"][side].items():
                seen = held.get((side, pair[side], name))
                if seen is None or (side, pair[side]) not in known or value == ["unknown"]:
                    continue
                if not (members(value) <= frozenset().union(*(members(one) for one in seen)) or value in seen):
                    yield f"{side} {pair[side]} {name}: the base is {value!r}, the tracker held {seen!r}"


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _listed(values: Sequence[str] | None) -> str:
    return "not there" if values is None else " and ".join(values)
