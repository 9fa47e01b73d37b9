"""The rows a pair of tracker types starts with: joined from what each type calls the standard things, ``presets/TYPE.toml``.

A plug-in brings its own vocabulary, which the caller hands in. A vocabulary names, by kind and standard name, the field of its tracker; choices also say which of their names mean what.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeAlias

from mappings.fallback import Policy
from mappings.rows import Direction, RowSpec

Vocabulary: TypeAlias = Mapping[str, Mapping[str, Any]]

_INSTEAD: Final[Mapping[str, tuple[str, ...]]] = {
    "review": ("in_progress", "todo"),
    "in_progress": ("todo",),
    "blocked": ("todo", "in_progress"),
    "cancelled": ("done",),
    "critical": ("high",),
    "none": ("low", "medium"),
    "feature": ("task",),
    "support": ("task", "feature"),
    "task": ("feature",),
    "low": ("medium",),
    "high": ("medium",),
}
"""What a tracker says for a meaning that it has no word for, the nearest first."""

_ORDER: Final = ("task", "name", "title", "description", "body", "status", "priority", "type", "labels", "people")
"""How rows are listed; the others follow in the order of the left vocabulary."""

_PEOPLE: Final = frozenset({"people", "person", "author"})
_AT_BIRTH: Final = frozenset({"type"})
"""Told when an item is made and never after: another type is another workflow with other fields, which moves items about."""

_BYLINED: Final = frozenset({("comment", "body"), ("time_entry", "note")})


@dataclass(frozen=True, slots=True)
class _Choice:
    """A field of names. ``words``: by meaning, the tracker's names for it; the first is the one that is written."""

    field: str
    words: Mapping[str, tuple[str, ...]]


def preset(
    left_type: str, right_type: str, brought: Mapping[str, Vocabulary | None] | None = None
) -> dict[str, tuple[RowSpec, ...]]:
    """Rows by kind for two connector types; empty where one of them comes without a vocabulary.

    ``brought``: by type, the vocabularies that plug-ins have with them; they count more than a file of ours.
    """
    left, right = (vocabulary(type_, (brought or {}).get(type_)) for type_ in (left_type, right_type))
    origin = f"preset {left_type}-{right_type}"
    alike = left_type == right_type
    return {
        kind: rows
        for kind in left
        if kind in right and kind != "alike"
        if (rows := _joined(kind, left, right, origin=origin, alike=alike))
    }


def vocabulary(type_: str, brought: Vocabulary | None = None) -> Vocabulary:
    """What a type calls the standard things: as its plug-in says, else as our file does; empty where neither is."""
    return _shipped(type_) if brought is None else brought


@cache
def _shipped(type_: str) -> dict[str, dict[str, Any]]:
    file = files("mappings") / "presets" / f"{type_}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _joined(
    kind: str, left: Mapping[str, Any], right: Mapping[str, Any], *, origin: str, alike: bool
) -> tuple[RowSpec, ...]:
    mine, theirs = left[kind], right[kind]
    names = [name for name in mine if name in theirs]
    if "started_at" in names and "spent_on" in names:
        names.remove("spent_on")  # the day goes with the time
    names.sort(key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    same_people = alike and bool(left.get("alike", {}).get("people"))
    return tuple(_row(kind, name, mine[name], theirs[name], origin, alike, same_people) for name in names)


def _row(kind: str, name: str, mine: Any, theirs: Any, origin: str, alike: bool, same_people: bool) -> RowSpec:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        left, right = _choice(mine), _choice(theirs)
        direction: Direction = "create-only" if name in _AT_BIRTH else "both"
        if alike:
            return RowSpec(left.field, right.field, direction, origin=origin)
        groups = _groups(left, right)
        unknown: Policy | None = "leave" if name in _AT_BIRTH else None
        return RowSpec(left.field, right.field, direction, "choice", groups, origin=origin, unknown=unknown)
    if (kind, name) in _BYLINED:
        return RowSpec(mine, theirs, transform="byline", origin=origin)
    if name in _PEOPLE and not same_people:
        return RowSpec(mine, theirs, transform="people", origin=origin)
    return RowSpec(mine, theirs, origin=origin)


def _choice(table: Mapping[str, Any]) -> _Choice:
    return _Choice(table["field"], {meaning: tuple(names) for meaning, names in table.items() if meaning != "field"})


def _groups(left: _Choice, right: _Choice) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Meanings that one of the two cannot tell apart become one group. Its first names are those of its first meaning."""
    groups: list[set[str]] = []
    for side in (left, right):
        for meaning in {**left.words, **right.words}:
            home = _said_as(side, meaning)
            touched = [group for group in groups if meaning in group or home in group]
            merged = {meaning, home}.union(*touched) if home is not None else {meaning}.union(*touched)
            groups = [group for group in groups if group not in touched] + [merged]
    order = list({**left.words, **right.words})
    found = []
    for group in sorted(groups, key=lambda one: min(order.index(meaning) for meaning in one)):
        names = tuple(_names(side, order, group) for side in (left, right))
        if all(names):
            found.append((names[0], names[1]))
    return tuple(found)


def _said_as(side: _Choice, meaning: str) -> str | None:
    """The meaning under which a tracker holds this one."""
    return next((each for each in (meaning, *_INSTEAD.get(meaning, ())) if each in side.words), None)


def _names(side: _Choice, order: Sequence[str], group: set[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for meaning in order if meaning in group for name in side.words.get(meaning, ())))
