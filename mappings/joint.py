"""A row with the two fields it joins, and why it cannot be: said once, for people, when rows are compiled.

Refuses: lenses (``mappings.compile`` chooses them).
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, TypeAlias

from bridge.errors import ConfigError
from bridge.merge import key
from bridge.model import SIDES, FieldSpec, FieldType, Schema, Side, Value
from mappings import typed
from mappings.compare import fits, forms_of
from mappings.lenses import Lens, UnmappedError, ways_of
from mappings.people import People
from mappings.rows import Direction, RowSpec


class RowError(ConfigError):
    """A row that cannot be. ``said`` is the message without its place; ``key`` the path of what is wrong within the row, ()
    for the row itself, for whoever knows where that stands.
    """

    def __init__(self, spec: RowSpec, link: str, said: str, *, hint: str, key: tuple[str | int, ...] = ()) -> None:
        super().__init__(f'link "{link}", {spec.origin}: {said}', hint=hint)
        self.spec = spec
        self.said = said
        self.key = key


@dataclass(frozen=True, slots=True)
class Joint:
    """All that a lens may depend on: the row as it was written, the fields it joins, the people and name of the link."""

    spec: RowSpec
    left: FieldSpec
    right: FieldSpec
    people: People
    link: str

    def wrong(self, said: str, hint: str, *key: str | int) -> RowError:
        """What is wrong with the row, to be raised."""
        return RowError(self.spec, self.link, said, hint=hint, key=key)

    def field(self, side: Side) -> FieldSpec:
        return self.left if side == "left" else self.right

    def default(self, side: Side) -> Value:
        return self.spec.left_default if side == "left" else self.spec.right_default

    def writes(self, side: Side) -> bool:
        """Whether the row may ever write a side."""
        return self.spec.direction not in ("off", "right-to-left" if side == "right" else "left-to-right")

    @property
    def types(self) -> frozenset[FieldType]:
        return frozenset((self.left.type, self.right.type))

    @property
    def is_set(self) -> bool:
        return any(type_.is_set for type_ in self.types)

    @property
    def is_preset(self) -> bool:
        return self.spec.origin.startswith("preset")


def field_of(schema: Schema, spec: RowSpec, side: Side, link: str) -> FieldSpec:
    """A field by its name. Raises ConfigError with the nearest name, and all there are."""
    name = spec.left if side == "left" else spec.right
    found = schema.fields.get(name)
    if found is None:
        near = get_close_matches(name, schema.fields, n=1)
        meant = f'Did you mean "{near[0]}"? ' if near else ""
        hint = f"{meant}It has: {', '.join(sorted(schema.fields))}."
        raise RowError(spec, link, f'the {side} side has no field "{name}"', hint=hint, key=(side,))
    return found


def cannot_join(joint: Joint) -> ConfigError:
    """The words for two fields whose types mean different things."""
    left, right = joint.left, joint.right
    if FieldType.BOOL in joint.types and joint.types & {FieldType.LINE, FieldType.CHOICE}:
        hint = 'Give the row a map that says which names mean "true" and "false".'
    else:
        hint = f"A {left.type.value} can be joined to: {', '.join(typed.partners(left.type))}."
    said = f"{_shown(left)} cannot be joined to {_shown(right)}"
    return joint.wrong(said, hint, "right")


def _shown(field: FieldSpec) -> str:
    return f'"{field.name}" ({field.type.value})'


def check_ways(joint: Joint, lens: Lens, direction: Direction) -> None:
    """A lens that goes one way is for rows that go no other. Raises ConfigError."""
    ways = ways_of(lens)
    if ways in ("both", direction) or direction in ("create-only", "off") or joint.is_preset:
        return
    said = f'"{joint.left.name}" can be carried to "{joint.right.name}" {ways} only'
    raise joint.wrong(said, f'Set direction = "{ways}" in this row.', "direction")


_NAMES: Final = frozenset({FieldType.CHOICE, FieldType.SET, FieldType.LINE})


def check_keys(joint: Joint) -> None:
    """Keys of a row against the types of its fields. Raises ConfigError."""
    for check in (_check_unknown, _check_prefix, _check_defaults, _check_form):
        if said := check(joint):
            raise joint.wrong(*said)


Wrong: TypeAlias = tuple[str, str, str]
"""What is wrong, what to do, and the key that it is about."""


def _check_unknown(joint: Joint) -> Wrong | None:
    unknown = joint.spec.unknown
    if unknown is None:
        return None
    if joint.spec.transform != "choice":
        return (
            f'unknown = "{unknown}" is for names without a row in a map, and this row has no map',
            "Give it a map.",
            "unknown",
        )
    if unknown == "create":
        for side in SIDES:
            field = joint.field(side)
            if joint.writes(side) and (field.type is not FieldType.SET or not field.makes):
                why = "is no set of labels" if field.type is not FieldType.SET else "takes only labels that are there"
                return (
                    f'unknown = "create": {side} "{field.name}" {why}',
                    'Take "leave", "default" or "park".',
                    "unknown",
                )
    return None


def _check_prefix(joint: Joint) -> Wrong | None:
    spec = joint.spec
    if not (spec.left_prefix or spec.right_prefix):
        return None
    for side in SIDES:
        field = joint.field(side)
        if field.type not in _NAMES:
            key = "left_prefix" if spec.left_prefix else "right_prefix"
            return f"a prefix is for names, and {side} {_shown(field)} holds none", "Leave the prefix out.", key
    return None


def _check_defaults(joint: Joint) -> Wrong | None:
    for side in SIDES:
        value, field = joint.default(side), joint.field(side)
        if value is None:
            continue
        if joint.is_set and joint.spec.unknown != "default":
            hint = 'A set that is empty stays empty; for labels without a row add unknown = "default".'
            return f'"{field.name}" holds many names, and has no default', hint, f"{side}_default"
        if said := _misfit(field, value):
            return said, f"Give a value that {side} {_shown(field)} can hold.", f"{side}_default"
    return None


def _misfit(field: FieldSpec, value: Value) -> str:
    """Why a field cannot hold a default; empty where it can."""
    if field.type in (FieldType.REF, FieldType.REFS) or (
        field.type is FieldType.TEXT and field.dialect in ("adf", "html")
    ):
        return f"{_shown(field)} can have no default"
    if field.choices is not None and value not in field.choices:
        return f'"{field.name}" has no "{value}" (it has: {", ".join(field.choices)})'
    try:
        fits_type = (
            typed.read(field.type, typed.spell(field.type, value)) == value
            if field.type in typed.SPELLED
            else isinstance(value, str)
        )
    except UnmappedError:
        fits_type = False
    return "" if fits_type else f"{value!r} is no {field.type.value}"


def check_names(joint: Joint) -> None:
    """The words of a row's map against the names that its fields always have; those of custom fields change, and what is
    not there is told when it is met. Raises ConfigError with the nearest name.
    """
    for place, side in enumerate(SIDES):
        field = joint.field(side)
        if field.type is not FieldType.CHOICE or field.choices is None or field.name.startswith("custom."):
            continue
        known = {key(name): name for name in (*field.choices, "*")}
        for number, group in enumerate(joint.spec.groups):
            for at, name in enumerate(group[place]):
                if key(name) not in known:
                    near = get_close_matches(key(name), known, n=1)
                    meant = f' (did you mean "{known[near[0]]}"?)' if near else ""
                    said = f'{side} "{field.name}" has no "{name}"{meant}'
                    raise joint.wrong(said, f"It has: {', '.join(field.choices)}.", "map", number, side, at)


def _check_form(joint: Joint) -> Wrong | None:
    form = joint.spec.normal
    if form is None:
        return None
    if joint.is_set:
        return f'normal = "{form}" is for single values, and this row has sets', "Leave normal out.", "normal"
    for side in SIDES:
        field = joint.field(side)
        if not fits(form, field):
            able = ", ".join(forms_of(field)) or "none"
            return f'normal = "{form}" says nothing about {side} {_shown(field)}', f"It can have: {able}.", "normal"
    return None
