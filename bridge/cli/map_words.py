"""A row of a mapping in words: what a field holds, how it is carried, what its names come to. No I/O.

What it does not know by name (a row's new key, a lens of a plug-in) it shows by the name it has in the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Final

from bridge.cli.words import shorten
from bridge.model import SIDES, FieldType
from mappings.computed import shown

if TYPE_CHECKING:
    from bridge.model import FieldSpec
    from mappings.rows import Row, RowSpec

ARROWS: Final = {"both": "⇄", "left-to-right": "→", "right-to-left": "←", "create-only": "⇢", "off": "off"}

_ROW: Final = frozenset({"left", "right", "direction", "transform", "groups", "conflict", "origin", "has_own_map"})
_FIELD: Final = frozenset(
    {
        *("name", "type", "writable", "max_length", "max_items", "choices", "dialect", "in_feed", "emails", "step"),
        *("makes", "live", "counts"),
    }
)
_WRITABLE: Final = {"create": "only when made", "update": "not when made", "never": "read only"}
_UNITS: Final = {"utf16": " UTF-16 units"}
_HEEDED: Final = {
    "mention": "@name",
    "number": "#12",
    "gh": "GH-12",
    "address": "addresses of items",
    "profile": "[~name]",
}
"""What a text of a tracker sets off, as people write it (``mappings.text.defuse``)."""

_LENSES: Final = {
    "same": "as it is",
    "choice": "map",
    "people": "people",
    "references": "partners of tasks",
    "byline": "author's line",
    "line": "text as one line",
    "unknown": "map",
    "default": "as it is",
    "compared": "as it is",
    "spelled": "in words",
    "named": "a person's name",
    "days": "its day",
    "wholes": "rounded to whole numbers",
    "computed": "expression",
    "origin": "as it is",
}
"""Lenses by the names of their classes. What only adds to another is shown by the row's own key (``extras``)."""
_TRANSFORMS: Final = {"same": "as it is", "choice": "map", "people": "people", "byline": "author's line"}
_COMPARED: Final = {
    FieldType.TEXT: "line ends and blanks at the end do not count",
    FieldType.LINE: "blanks around it do not count",
    FieldType.CHOICE: "blanks around it do not count",
    FieldType.PERSON: "blanks around it do not count",
    FieldType.SET: "order does not count",
    FieldType.PERSONS: "order does not count",
}


def kind_of_field(spec: FieldSpec) -> str:
    """``text, adf``; ``choice``."""
    return f"{spec.type.value}, {spec.dialect}" if spec.type is FieldType.TEXT else spec.type.value


def side_by_side(left: str, right: str) -> str:
    """The two fields of a row in one cell."""
    return shown(left) if left == right else f"{shown(left)} = {shown(right)}".removeprefix("= ")


def limits(spec: FieldSpec, most: int = 4) -> list[str]:
    """What a field takes, where that is not everything: ``≤255``, ``one of To Do, Done``."""
    said = [_WRITABLE[spec.writable]] if spec.writable in _WRITABLE else []
    if spec.max_length is not None:
        said.append(f"≤{spec.max_length:,}{_UNITS.get(spec.counts, '')}")
    if spec.max_items is not None:
        said.append(f"≤{spec.max_items:,} members")
    if spec.choices is not None:
        more = f", … {len(spec.choices) - most} more" if len(spec.choices) > most else ""
        said.append(f"one of {', '.join(spec.choices[:most])}{more}" if spec.choices else "no names yet")
    if spec.step != 1:
        said.append(f"in steps of {spec.step} s")
    if spec.emails:
        said.append("e-mail addresses")
    if not spec.in_feed:
        said.append("seen by sweeps")
    if not spec.makes:
        said.append("no new names")
    if spec.live:
        said.append(f"heeds {', '.join(sorted(_HEEDED.get(each, each) for each in spec.live))}")
    return said + [f"{name} {value}" for name, value in more_of(spec, _FIELD).items()]


def carried_by(row: Row) -> str:
    """How values go: ``map``, ``text, markdown ↔ adf``, ``rounded; author's line``."""
    if row.direction == "off":
        return "not at all"
    said = [_lens(lens) for lens in reversed(list(_chain(row.lens)))]
    return "; ".join(dict.fromkeys(one for one in said if one != "as it is")) or "as it is"


def written_as(spec: RowSpec) -> str:
    """The same as far as it is known without the fields: by the row as it is written."""
    return _TRANSFORMS.get(spec.transform, spec.transform)


def compared(row: Row) -> str:
    """What is no change of a value, by the types of its fields."""
    said = [_COMPARED[spec.type] for spec in (row.left_spec, row.right_spec) if spec.type in _COMPARED]
    return "; ".join(dict.fromkeys(said)) or "as it is"


def groups(spec: RowSpec) -> list[str]:
    """``To Do, In Progress = open`` for each meaning of a map."""
    return [f"{', '.join(left)} = {', '.join(right)}" for left, right in spec.groups]


def extras(spec: RowSpec) -> dict[str, Any]:
    """What else a row says: every key that is not at its default and has no column of its own."""
    return more_of(spec, _ROW)


def more_of(thing: Any, known: frozenset[str]) -> dict[str, Any]:
    """The fields of a dataclass that are not ``known`` and not at their default, as JSON has them."""
    found = {}
    for each in fields(thing):
        value = getattr(thing, each.name)
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if each.name not in known and value != default:
            found[each.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(one) for one in value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def as_text(value: Any) -> str:
    """One such value for a cell."""
    return shorten(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def listed(names: Iterable[str], most: int = 12) -> str:
    """``a, b, c`` and how many more."""
    all_ = list(names)
    more = f", … {len(all_) - most} more" if len(all_) > most else ""
    return ", ".join(all_[:most]) + more


def _chain(lens: object) -> Iterator[object]:
    while lens is not None:
        yield lens
        lens = getattr(lens, "inner", None)


def _lens(lens: object) -> str:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(lens).__name__).lower()
    if name == "text":
        return f"text, {getattr(lens, 'left_dialect', '?')} ↔ {getattr(lens, 'right_dialect', '?')}"
    if name == "mirrored":
        heeds = any(getattr(lens, f"{side}_spec").live for side in SIDES)
        cuts = any(room is not None for room in getattr(lens, "rooms", ()))
        return " and ".join([*["defused"] * heeds, *["cut where too long"] * cuts]) or "as it is"
    if name == "rounded":
        return f"rounded to {getattr(lens, 'left_step', 1)} s ↔ {getattr(lens, 'right_step', 1)} s"
    return _LENSES.get(name, name)
